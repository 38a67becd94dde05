from __future__ import annotations

import pytest

from waqtor.errors import InvalidInput
from waqtor.transports.simulator.contacts import PROFILES, Habits, parse_contact, parse_habits


def test_habits_by_name_and_on_top_of_others() -> None:
    assert parse_habits("human") is PROFILES["human"]
    mixed = parse_habits({"read": 0.5, "delivered_delay": 2}, PROFILES["instant"])
    assert (mixed.read, mixed.delivered, mixed.delivered_delay.a, mixed.is_plain) == (0.5, 1.0, 2.0, False)
    assert Habits().is_plain
    assert not PROFILES["silent"].is_plain


def test_a_line_of_the_script_is_used_up() -> None:
    contact = parse_contact({"script": [{"match": "ORDER", "reply": "123"}, {"reply": "ok", "times": 2}]})
    assert [s.reply for s in contact.answers("your order number?")] == ["123", "ok"]
    assert [s.reply for s in contact.answers("order")] == ["ok"]
    assert contact.answers("order") == []


@pytest.mark.parametrize(
    "raw",
    [{"colour": 1}, {"name": 1}, {"on_whatsapp": "yes"}, {"script": {}}, {"script": ["hi"]},
     {"script": [{"reply": ""}]},
     {"script": [{"reply": "x", "times": 1.5}]}, {"receipts": "fast"}, {"receipts": {"read": 2}}, {"receipts": 5}],
)  # fmt: skip
def test_nonsense_is_refused(raw: dict) -> None:
    with pytest.raises(InvalidInput):
        parse_contact(raw)
