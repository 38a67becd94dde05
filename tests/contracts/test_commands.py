from __future__ import annotations

import pytest
from pydantic import ValidationError

from waqtor.contracts import commands as c
from waqtor.kernel.access import SCOPES


@pytest.mark.parametrize("name", ["to", "chat_id", "chatId"])
def test_a_recipient_has_three_names(name):
    assert c.SendText.model_validate({name: "966501234567", "text": "x"}).to == "966501234567"


@pytest.mark.parametrize("name", ["text", "body", "message"])
def test_a_text_has_three_names(name):
    assert c.SendText.model_validate({"to": "966501234567", name: "مرحبا"}).text == "مرحبا"


@pytest.mark.parametrize(
    "given",
    [{}, {"to": "966501234567"}, {"to": "966501234567", "text": ""}, {"to": "966501234567", "text": "x" * 4097},
     {"to": "966501234567", "text": "x", "unknown": 1}, {"to": ["966501234567"], "text": "x"},
     {"to": "966501234567", "text": {"a": 1}}, {"to": "966501234567", "text": "x", "quoted_message_id": "q" * 257}],
)  # fmt: skip
def test_what_is_no_send_is_refused(given):
    with pytest.raises(ValidationError):
        c.SendText.model_validate(given)


def test_commands_are_values():
    command = c.SendText(to="966501234567", text="x")
    with pytest.raises(ValidationError):
        command.text = "y"
    assert command == c.SendText(to="966501234567", text="x")


def test_the_table_names_each_route_once_and_known_scopes():
    specs = list(c.COMMANDS.values())
    assert len({spec.route for spec in specs}) == len(specs)
    assert {spec.scope for spec in specs} <= set(SCOPES)
    for spec in specs:
        method, _, path = spec.route.partition(" ")
        assert method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        assert path.startswith("/")


@pytest.mark.parametrize("minutes", [0, -1, 525_601, float("inf"), float("nan")])
def test_a_pause_has_a_sensible_length(minutes):
    with pytest.raises(ValidationError):
        c.PauseChat(chat_id="966501234567", minutes=minutes)
