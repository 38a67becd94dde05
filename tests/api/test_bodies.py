from __future__ import annotations

import asyncio

import pytest

from tests.api.asserts import assert_error
from tests.api.fakes import FakeEngine
from waqtor.api import bodies
from waqtor.api.bodies import MAX_DEPTH, parse
from waqtor.errors import InvalidInput

TEXT = "/api/v1/messages/send-text"
QUERY = "/api/v1/analytics/query"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"{'to': 1}",
        b'{"to": NaN}',
        b'{"to": Infinity}',
        b'{"to": 1e999}',
        b'{"to": "\xff\xfe"}',
        b'{"to": "\\ud800"}',
        b'\xef\xbb\xbf{"to": "966501234567"}',
        b'{"to": "a"} trailing',
        b'{"to": "tab\there"}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"\x00",
    ],
    ids=range(13),
)
async def test_what_is_no_json_is_a_400(client, engine, content):
    response = await client.post(TEXT, content=content, headers=JSON)
    assert_error(response, 400, "invalid_input")
    assert len(response.content) < 1000
    assert not engine.commands


async def test_json_in_another_encoding_is_refused(client):
    content = '{"to": "966501234567", "text": "x"}'.encode("utf-16")
    assert_error(await client.post(TEXT, content=content, headers=JSON), 400, "invalid_input")
    charset = {"Content-Type": "application/json; charset=utf-16"}
    assert_error(await client.post(TEXT, content=content, headers=charset), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "json"},
        {"Content-Type": ""},
        {},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_other_media_types_are_a_415(client, engine, headers):
    response = await client.post(TEXT, content=b'{"to": "966501234567", "text": "x"}', headers=headers)
    assert_error(response, 415, "unsupported_media_type")
    assert not engine.commands


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=UTF-8", "application/vnd.api+json"])
async def test_json_by_its_other_names_is_taken(client, kind):
    response = await client.post(
        TEXT, content='{"to": "966501234567", "text": "مرحبا"}'.encode(), headers={"Content-Type": kind}
    )
    assert response.status_code == 200


async def test_a_missing_body_is_a_422(client):
    assert_error(await client.post(TEXT), 422, "invalid_input")
    assert_error(await client.post(TEXT, content=b"null", headers=JSON), 422, "invalid_input")


@pytest.mark.parametrize("number", ["9223372036854775808", "-9223372036854775809", "18446744073709551616", "1e30"])
async def test_numbers_beyond_63_bits_are_refused(client, engine, number):
    content = f'{{"sql": "SELECT ?", "params": [{number}]}}'.encode()
    assert_error(await client.post(QUERY, content=content, headers=JSON), 422, "invalid_input", field="params.0")
    assert not engine.log.asked


async def test_the_largest_number_is_taken_exactly(client, engine):
    content = b'{"sql": "SELECT ?", "params": [9223372036854775807]}'
    assert (await client.post(QUERY, content=content, headers=JSON)).status_code == 200
    assert engine.log.asked[-1][1] == [9223372036854775807]


async def test_deep_nesting_is_refused(client):
    deep = "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)
    content = f'{{"sql": "SELECT 1", "params": {deep}}}'.encode()
    assert_error(await client.post(QUERY, content=content, headers=JSON), 422, "invalid_input")
    parse(("[" * MAX_DEPTH + "]" * MAX_DEPTH).encode())


def test_nul_is_refused_wherever_it_hides():
    in_data = (b'{"variables": {"\\u0000": 1}}', b'[{"variables": {"a": "\\u0000"}}]')
    for body in (b'"\\u0000"', b'{"a\\u0000": 1}', *in_data):
        with pytest.raises(InvalidInput, match="NUL"):
            parse(body)


def test_data_keeps_its_spelling_and_names_do_not():
    found = parse(b'{"quotedMessageId": {"aB": 1}, "params": {"orderId": {"innerKey": 2}}, "URL": 3, "a_b": 4}')
    assert found == {"quoted_message_id": {"a_b": 1}, "params": {"orderId": {"innerKey": 2}}, "URL": 3, "a_b": 4}


async def test_a_large_body_is_refused_by_its_length_and_while_it_streams(connect):
    engine = FakeEngine(max_body_bytes=2048)
    client = connect(engine)
    response = await client.post(TEXT, content=b"x" * 4096, headers=JSON)
    error = assert_error(response, 413, "too_large")
    assert error["details"] == {"limit": 2048}
    assert response.headers["connection"] == "close"
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 1024
            yield b"x" * 1024

    assert_error(await client.post(TEXT, content=endless(), headers=JSON), 413, "too_large")
    assert sent <= 8192
    assert not engine.commands


@pytest.mark.parametrize("length", ["-1", "1e3", "many", "9" * 40])
async def test_a_content_length_that_is_no_sensible_number_is_refused(client, length):
    response = await client.post(TEXT, content=b"{}", headers={**JSON, "Content-Length": length})
    assert response.status_code in {400, 413}


async def test_a_body_that_never_arrives_is_given_up(client, monkeypatch):
    monkeypatch.setattr(bodies, "READ_TIMEOUT_S", 0.05)

    async def stalled():
        yield b"{"
        await asyncio.sleep(30)
        yield b"}"

    assert_error(await client.post(TEXT, content=stalled(), headers=JSON), 408, "timeout")


async def test_a_megabyte_of_arabic_passes_the_door_and_fails_on_its_length(connect):
    client = connect(FakeEngine(max_body_bytes=4_000_000))
    response = await client.post(TEXT, json={"to": "966501234567", "text": "م" * 1_000_000})
    assert_error(response, 422, "invalid_input", field="text")
    assert len(response.content) < 1000
