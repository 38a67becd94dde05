"""What WhatsApp would refuse is refused before it leaves, by field and limit."""

from __future__ import annotations

import pytest

from tests.api.asserts import assert_error

TO = "966501234567"


def row(number, **more):
    return {"id": f"r{number}", "title": f"Row {number}", **more}


def button(number, **more):
    return {"id": f"b{number}", "title": f"Yes {number}", **more}


def buttons(**more):
    return {"body": "?", "buttons": [button(1)], **more}


def listed(rows, **more):
    return {"body": "?", "button": "Go", "sections": [{"rows": rows}], **more}


SECTIONS = [{"title": f"s{s}", "rows": [row(10 * s + r) for r in range(6)]} for s in (1, 2)]
PLACE = {"latitude": 24.7, "longitude": 46.7}
CASES = [
    ("send-text", {"text": "x" * 4097}, "text", "4096"),
    ("send-text", {"text": "x", "mentions": [TO] * 257}, "mentions", "256"),
    ("send-buttons", buttons(buttons=[button(n) for n in range(4)]), "buttons", "3"),
    ("send-buttons", buttons(buttons=[]), "buttons", "at least 1"),
    ("send-buttons", buttons(buttons=[button(1, title="س" * 21)]), "buttons.0.title", "20"),
    ("send-buttons", buttons(buttons=[button(1, id="x" * 257)]), "buttons.0.id", "256"),
    ("send-buttons", buttons(buttons=[button(1), button(1)]), "buttons", "unique"),
    ("send-buttons", buttons(body="x" * 1025), "body", "1024"),
    ("send-buttons", buttons(header="x" * 61), "header", "60"),
    ("send-buttons", buttons(footer="x" * 61), "footer", "60"),
    ("send-list", listed([row(n) for n in range(11)]), "sections.0.rows", "10"),
    ("send-list", listed([], sections=SECTIONS), "sections", "at most 10 rows over all its sections, not 12"),
    ("send-list", listed([row(1)], button="x" * 21), "button", "20"),
    ("send-list", listed([row(1, title="x" * 25)]), "sections.0.rows.0.title", "24"),
    ("send-list", listed([row(1, description="x" * 73)]), "sections.0.rows.0.description", "72"),
    ("send-list", listed([row(1, id="x" * 201)]), "sections.0.rows.0.id", "200"),
    ("send-list", listed([row(1), row(1)]), "sections", "unique"),
    ("send-template", {"name": "Big Name"}, "name", "pattern"),
    ("send-template", {"name": "x", "variables": {"1": "a\nb"}}, "variables.1", "line breaks"),
    ("send-template", {"name": "x", "variables": {"1": "x" * 1025}}, "variables.1", "1024"),
    ("send-location", {**PLACE, "latitude": 90.1}, "latitude", "90"),
    ("send-location", {**PLACE, "name": "x" * 1001}, "name", "1000"),
    ("send-reaction", {"message_id": "m", "emoji": "great"}, "emoji", "one emoji"),
]


@pytest.mark.parametrize(("path", "body", "field", "words"), CASES)
async def test_the_error_names_the_field_and_the_limit(client, engine, path, body, field, words):
    answer = await client.post(f"/api/v1/messages/{path}", json={"to": TO, **body})
    error = assert_error(answer, 422, "invalid_input", field=field)
    assert len(error["details"]["issues"]) == 1, error  # and nothing that only follows from it
    assert words in error["details"]["issues"][0]["message"]
    assert "Value error" not in answer.text
    assert not engine.commands


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("send-text", {"text": "س" * 4096}),
        ("send-buttons", buttons(buttons=[button(n, title="🙂" * 20) for n in range(1)], header="x" * 60)),
        ("send-list", listed([row(n, title=f"{n:024}", description="و" * 72) for n in range(10)])),
        ("send-reaction", {"message_id": "m", "emoji": "👨\u200d👩\u200d👧"}),
        ("send-reaction", {"message_id": "m", "emoji": "1\ufe0f\u20e3"}),
        ("send-reaction", {"message_id": "m", "emoji": ""}),
    ],
)
async def test_what_is_just_within_goes(client, path, body):
    answer = await client.post(f"/api/v1/messages/{path}", json={"to": TO, **body})
    assert answer.status_code == 200, answer.text
