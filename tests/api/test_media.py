from __future__ import annotations

import base64

import pytest

from tests.api.asserts import assert_error
from tests.api.fakes import FakeEngine
from tests.messaging.media_samples import PDF, PNG, REFUSED

MEDIA = "/api/v1/media"
SEND = "/api/v1/messages/send-media"
TO = "966501234567"


async def test_a_file_is_uploaded_looked_at_fetched_and_forgotten(client):
    made = await client.post(MEDIA, params={"filename": "سعر.png"}, content=PNG, headers={"Content-Type": "image/png"})
    assert made.status_code == 201, made.text
    body = made.json()
    assert (body["mime_type"], body["kind"], body["size"]) == ("image/png", "image", len(PNG))
    place = f"{MEDIA}/{body['media_id']}"
    assert (await client.get(place)).json() == body
    file = await client.get(f"{place}/content")
    assert file.content == PNG
    assert file.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%D8")
    assert file.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in file.headers["content-security-policy"]
    assert (await client.delete(place)).json() == {"id": body["media_id"], "deleted": True}
    assert_error(await client.get(place), 404, "not_found")
    assert_error(await client.get(f"{place}/content"), 404, "not_found")


async def test_the_alias_takes_it_too(client):
    made = await client.post("/api/media", params={"mediaType": "image"}, content=PNG)
    assert made.status_code == 201
    assert made.json()["mediaId"].startswith("med_")


@pytest.mark.parametrize("name", sorted(REFUSED.keys() - {"zip"}))  # the fake does not look into archives
async def test_what_whatsapp_does_not_take_is_refused(client, engine, name):
    answer = await client.post(MEDIA, content=REFUSED[name], headers={"Content-Type": "image/png"})
    assert_error(answer, 422, "invalid_input")
    assert not engine.media.files


async def test_a_lying_type_and_a_wrong_kind_are_refused(client, engine):
    answer = await client.post(MEDIA, content=PDF, headers={"Content-Type": "image/png"})
    assert_error(answer, 422, "invalid_input", field="mime_type")
    answer = await client.post(MEDIA, params={"media_type": "image"}, content=PDF)
    assert_error(answer, 422, "invalid_input", field="media_type")
    assert_error(await client.post(MEDIA, content=b""), 422, "invalid_input")
    assert not engine.media.files


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "..", "a/b.png", "a\\b.png", "photo\u202egnp.exe", "a\u2066b", "a\nb.png", "", "x" * 241],
)
async def test_a_file_name_is_only_a_name(client, engine, name):
    answer = await client.post(MEDIA, params={"filename": name}, content=PNG)
    assert_error(answer, 422, "invalid_input", field="filename")
    body = {"to": TO, "media_type": "document", "url": "https://example.com/a.pdf", "filename": name}
    assert_error(await client.post(SEND, json=body), 422, "invalid_input", field="filename")
    assert not engine.media.files
    assert not engine.commands


async def test_arabic_names_with_their_marks_are_fine(client):
    answer = await client.post(MEDIA, params={"filename": "فاتورة\u200f (١).png"}, content=PNG)
    assert answer.status_code == 201


async def test_a_claim_of_more_than_the_limit_is_refused_before_a_byte_is_read(connect):
    engine = FakeEngine(max_media_bytes=2048)
    client = connect(engine)
    answer = await client.post(MEDIA, content=PNG, headers={"Content-Length": str(100 * 1024 * 1024 + 1)})
    assert_error(answer, 413, "too_large")

    async def endless():
        while True:
            yield b"\0" * 1024

    assert_error(await client.post(MEDIA, content=endless()), 413, "too_large")
    assert not engine.media.files


async def test_a_file_in_base64_may_be_larger_than_other_bodies(connect):
    engine = FakeEngine(max_body_bytes=4096, max_base64_bytes=60_000)
    client = connect(engine)
    body = {"to": TO, "media_type": "image", "base64": base64.b64encode(PNG + b"\0" * 30_000).decode()}
    for path in (SEND, "/api/messages/send-media"):
        assert (await client.post(path, json=body)).status_code == 200
    assert_error(await client.post(SEND, json={**body, "base64": "A" * 60_000}), 413, "too_large")
    assert_error(await client.post(SEND.replace("media", "text"), json={"text": "A" * 5000}), 413, "too_large")


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"url": "ftp://example.com/a"}, "url"),
        ({"url": "example.com/a.png"}, "url"),
        ({"url": "https://"}, "url"),
        ({"url": "https://example.com:99999/"}, "url"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"url": "https://example.com/a b"}, "url"),
        ({"url": "https://example.com/a", "mime_type": "application/pdf"}, "mime_type"),
        ({"url": "https://example.com/a", "caption": "x" * 1025}, "caption"),
        ({"url": "https://example.com/a", "media_type": "audio", "caption": "x"}, "caption"),
        ({"url": "https://example.com/a", "media_id": "m"}, ""),
        ({}, ""),
        ({"url": "https://example.com/a", "media_type": "gif"}, "media_type"),
    ],
)
async def test_media_that_cannot_go_is_refused_by_field(client, engine, more, field):
    answer = await client.post(SEND, json={"to": TO, "media_type": "image", **more})
    assert_error(answer, 422, "invalid_input", field=field)
    assert not engine.commands


async def test_reading_and_sending_need_their_scopes(engine, connect):
    engine.keys.add("reader-0123456789", "reader", "messages:read")
    engine.keys.add("sender-0123456789", "sender", "messages:send")
    reader, sender = connect(engine, "reader-0123456789"), connect(engine, "sender-0123456789")
    assert_error(await reader.post(MEDIA, content=PNG), 403, "forbidden")
    made = (await sender.post(MEDIA, content=PNG)).json()["media_id"]
    assert_error(await sender.get(f"{MEDIA}/{made}/content"), 403, "forbidden")
    assert (await reader.get(f"{MEDIA}/{made}/content")).content == PNG
