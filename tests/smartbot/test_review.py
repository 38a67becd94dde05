"""The learning loop over a file of messages: the same calls as ``client.suggestions``, and what they write."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest

from waqtor.client.suggestions import AsyncSuggestions
from waqtor.errors import InvalidInput
from waqtor.smartbot.review import Review, read_messages

RULES = """# mine
version: 1
rules:
  - id: hours
    examples:
      en: [when do you open, what are your opening hours, are you open on friday]
    replies:
      en:
        - text: From nine to five.
"""
ASKED = [
    "do you wrap gifts", "can you gift wrap this", "gift wrapping please", "is gift wrapping free", "wrap it as a gift",
    "gift wrap for my order", "do you gift wrap", "wrapped as a gift please",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "shop.yaml").write_text(RULES, encoding="utf-8")
    return folder


async def test_what_is_not_answered_becomes_a_rule(folder: Path, tmp_path: Path) -> None:
    messages = [(f"c{n}", text) for n, text in enumerate([*ASKED, "when do you open", "what are your opening hours"])]
    async with Review(folder, messages, tmp_path / "data", "hashing") as desk:
        counts = await desk.refresh(least=5)
        assert counts["messages"] == counts["answered"] + counts["unanswered"] == 10
        assert counts["answered"] >= 2
        (found,) = await desk.list("open")
        assert (found.kind, found.customers) == ("new_rule", counts["unanswered"])
        assert {each.text for each in (await desk.get(found.id)).evidence} <= set(ASKED)
        await desk.edit(found.id, rule_id="gift_wrap", replies={"en": "Yes, for free."})
        change = await desk.diff(found.id)
        report = await desk.accept(found.id, revision=change.revision)
        assert report.rule_id == "gift_wrap"
        assert "gift_wrap" in (folder / report.file).read_text(encoding="utf-8")
        assert (folder / "shop.yaml").read_text(encoding="utf-8") == RULES
        assert (await desk.refresh(least=5))["answered"] > counts["answered"]
        assert await desk.list("open") == []


async def test_what_is_rejected_stays_away_and_can_be_taken_back(folder: Path, tmp_path: Path) -> None:
    async with Review(folder, [(text, text) for text in ASKED], tmp_path / "data", "hashing") as desk:
        await desk.refresh(least=5)
        (found,) = await desk.list()
        await desk.reject(found.id, reason="spam")
        await desk.refresh(least=5)
        assert [each.status for each in await desk.list()] == ["rejected"]
        assert (await desk.reopen(found.id)).status == "open"
        assert (await desk.snooze(found.id, days=1)).snoozed_until


def test_its_calls_are_those_of_the_sdk() -> None:
    wanted = {name for name, _ in inspect.getmembers(AsyncSuggestions, inspect.isfunction) if not name.startswith("_")}
    wanted -= {"label", "unlabel", "labels"}  # nobody decides here, so there is nothing to judge
    assert {name for name, _ in inspect.getmembers(Review, inspect.isfunction) if not name.startswith("_")} == wanted


def test_messages_are_read_by_line(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text('{"text": "a", "from": "x"}\n\n{"text": "b"}\n', encoding="utf-8")
    assert read_messages(path) == [("x", "a"), ("line-3", "b")]
    for bad in ("nothing", json.dumps({"say": "a"}), "[1]"):
        path.write_text(bad, encoding="utf-8")
        with pytest.raises(InvalidInput, match="jsonl:1"):
            read_messages(path)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_messages(tmp_path / "none.jsonl")
