from __future__ import annotations

import json
import math
import random
import struct
import subprocess

import pytest

from waqtor.contracts.events import Event
from waqtor.webhooks.body import body_of, number, stringify

_RECEIVER = """
let text = ''
process.stdin.setEncoding('utf8')
process.stdin.on('data', part => text += part)
process.stdin.on('end', () => process.stdout.write(JSON.stringify(JSON.parse(text))))
"""


def restringified(node: str, text: bytes) -> bytes:
    return subprocess.run([node, "-e", _RECEIVER], input=text, capture_output=True, check=True).stdout


def test_a_receiver_that_serialises_again_finds_the_same_bytes(node: str):
    draw = random.Random(5)
    numbers = [
        1.0,
        -0.0,
        1e21,
        1e20,
        1e-7,
        1e-6,
        1.5e-5,
        0.1,
        5e-324,
        1.7976931348623157e308,
        1e15 + 0.5,
        2.0**53,
        0.001,
    ]
    for _ in range(3000):
        numbers += [struct.unpack("d", draw.randbytes(8))[0], draw.uniform(-1, 1) * 10 ** draw.randint(-10, 25)]
    value = {
        "numbers": [n for n in numbers if math.isfinite(n)], "10": 1, "2": {"b": 1, "1": 2}, "01": 3, "4294967295": 4,
        "4294967294": 5, "big": [2**53, 2**53 + 1, -(2**60)], "empty": {}, "": [],
        "text": "مرحبا \u2028 \x00\x1f\x7f\b\f\n\r\t\"\\/é😀 \ud83d half",
        "none": [None, float("nan"), float("inf"), True],
    }  # fmt: skip
    text = stringify(value)
    assert restringified(node, text) == text
    assert b"9007199254740993" in text  # as text, or JavaScript would round it


def test_bodies_have_their_order_and_old_names():
    event = Event(
        "message.received", "default",
        {"message_id": "m1", "provider_id": "p", "type": "text", "timestamp": "t", "is_group": False},
        created=1_700_000_000_123_456, subject="m1",
        personal={"from": "966501234567", "chat_id": "966501234567", "body": "hi", "content": None, "push_name": None},
    )  # fmt: skip
    body = body_of("message_received", event)
    assert list(json.loads(body)) == ["event", "timestamp", "data"]
    found = json.loads(body)
    assert found["timestamp"] == "2023-11-14T22:13:20.123Z"
    assert (found["data"]["messageId"], found["data"]["chatId"]) == ("m1", "966501234567@c.us")
    assert found["data"]["session"] == "default"
    assert b", " not in body.split(b'"hi"')[0]
    assert json.loads(body_of("message_delivered", event))["data"]["message_id"] == "m1"


def test_an_erased_message_is_delivered_without_its_person():
    event = Event("message.received", "default", {"message_id": "m1"}, subject="m1", personal=None)
    data = json.loads(body_of("message_received", event))["data"]
    assert data["from"] is None
    assert data["erased"] is True


@pytest.mark.parametrize(("given", "shown"), [(1.0, 1), (-0.0, 0), (1e3, 1000), (0.5, 0.5), (float("nan"), None)])
def test_plain_numbers(given, shown):
    assert number(given) == shown
