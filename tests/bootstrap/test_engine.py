"""The whole engine in one process, on the simulator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from waqtor.bootstrap import Engine
from waqtor.contracts import commands as c
from waqtor.errors import ConfigurationError, Conflict, IdempotencyConflict, InvalidInput, NotFound
from waqtor.settings import Settings
from waqtor.transports.simulator.process import SimulatorProcess

RULES = """\
version: 1
rules:
  - id: hours
    examples: {en: ["when do you open"], ar: ["متى تفتحون"]}
    replies: {en: [{text: "At nine."}], ar: [{text: "الساعة التاسعة."}]}
  - id: human
    action: handoff
    examples: {en: ["i want to talk to a person"]}
    replies: {en: [{text: "One moment."}]}
  - id: stop
    action: opt_out
    keywords: {en: ["stop"]}
    replies: {en: [{text: "You will hear no more."}]}
"""


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[SimulatorProcess]:
    async with SimulatorProcess(tmp_path / "s.sock") as process:
        yield process


def _settings(tmp_path: Path, **more: Any) -> Settings:
    rules = tmp_path / "rules"
    rules.mkdir(exist_ok=True)
    (rules / "shop.yaml").write_text(RULES, encoding="utf-8")
    values = {
        "data_dir": tmp_path / "data", "rules_dir": rules, "encoder": "hashing", "send_rate": 0.0, "settle_s": 0.2,
        "send_timeout_s": 1.0, "simulator_socket": str(tmp_path / "s.sock"), "log_flush_ms": 50,
    }  # fmt: skip
    return Settings(**{**values, **more})


@pytest.fixture
async def engine(tmp_path: Path, simulator: SimulatorProcess) -> AsyncIterator[Engine]:
    made = Engine(_settings(tmp_path))
    await made.start()
    await simulator.control.wait_connected()
    yield made
    await made.stop()


async def _status(engine: Engine, message_id: str, wanted: str) -> None:
    async with asyncio.timeout(10):
        while True:
            view = await engine.archive.message(message_id)
            if view is not None and view.status == wanted:
                return
            await asyncio.sleep(0.02)


async def _calls(simulator: SimulatorProcess, count: int) -> list[Any]:
    await simulator.control.wait_idle()
    async with asyncio.timeout(10):
        while len(await simulator.control.calls()) < count:
            await asyncio.sleep(0.02)
    return list((await simulator.control.calls()).values())


async def test_a_message_is_answered_once_and_everything_is_written_down(
    engine: Engine, simulator: SimulatorProcess
) -> None:
    await simulator.control.inject({"text": "متى تفتحون", "from": "966501234567", "id": "m1", "push_name": "سارة"})
    (call,) = await _calls(simulator, 1)
    assert call["count"] == 1
    chat = (await engine.archive.chats())[0]
    assert (chat.chat_id, chat.name) == ("966501234567", "سارة")
    thread = await engine.archive.messages(chat_id="966501234567")
    assert [m.direction for m in thread] == ["out", "in"]
    assert thread[0].body == "الساعة التاسعة."
    await _status(engine, thread[0].message_id, "read")
    (decision,) = await engine.archive.history()
    assert (decision.decision, decision.rule_id, decision.trigger) == ("answer", "hours", "متى تفتحون")
    trace = await engine.archive.trace(decision.trace_id)
    assert trace is not None
    assert len(trace["steps"]) == 8
    await engine.log.flush()
    rows = (await engine.log.query("SELECT type FROM events ORDER BY journal_offset")).rows
    assert [row[0] for row in rows][-5:] == [
        "message.received", "smartbot.reply", "message.sent", "message.delivered", "message.read",
    ]  # fmt: skip


async def test_a_redelivery_is_not_answered_again(engine: Engine, simulator: SimulatorProcess) -> None:
    for _ in range(3):
        await simulator.control.inject({"text": "when do you open", "from": "966501234567", "id": "same"})
    assert len(await _calls(simulator, 1)) == 1
    assert (await engine.archive.counts())["in:received"] == 1


async def test_the_same_idempotency_key_is_one_send(engine: Engine, simulator: SimulatorProcess) -> None:
    command = c.SendText(to="+966 50 123 4567", text="Hello")
    first = await engine.dispatch(command, key="api:k:1")
    again = await engine.dispatch(command, key="api:k:1")
    assert first.message_id == again.message_id  # type: ignore[union-attr]
    assert again.duplicate  # type: ignore[union-attr]
    with pytest.raises(IdempotencyConflict):
        await engine.dispatch(c.SendText(to="966501234567", text="Other"), key="api:k:1")
    assert len(await _calls(simulator, 1)) == 1


async def test_a_handover_pauses_the_bot_until_it_is_resumed(engine: Engine, simulator: SimulatorProcess) -> None:
    await simulator.control.inject({"text": "i want to talk to a person", "from": "966501234567"})
    await _calls(simulator, 1)
    await simulator.control.inject({"text": "when do you open", "from": "966501234567"})
    await simulator.control.wait_idle()
    assert len(await simulator.control.calls()) == 1
    assert (await engine.archive.chats())[0].bot_paused
    await engine.dispatch(c.ResumeChat(chat_id="966501234567"))
    await asyncio.sleep(0.2)
    await simulator.control.inject({"text": "when do you open", "from": "966501234567"})
    assert len(await _calls(simulator, 2)) == 2


async def test_a_reply_typed_on_the_phone_pauses_the_bot_until_the_chat_is_given_back(
    engine: Engine, simulator: SimulatorProcess
) -> None:
    await simulator.control.inject({"text": "when do you open", "from": "966501234567", "id": "m1"})
    await _calls(simulator, 1)
    await simulator.control.phone("966501234567", "I'll take this")
    await simulator.control.inject({"text": "when do you open", "from": "966501234567", "id": "m2"})
    async with asyncio.timeout(30):
        while len(history := await engine.archive.history()) < 2:
            await asyncio.sleep(0.02)
    assert (history[0].decision, history[0].reason) == ("silent", "paused: answered on the phone")
    thread = await engine.archive.messages(chat_id="966501234567")
    assert [(m.direction, m.cause) for m in thread] == [("in", None), ("out", "phone"), ("out", "reply"), ("in", None)]
    await engine.dispatch(c.ResumeChat(chat_id="966501234567"))
    await simulator.control.inject({"text": "when do you open", "from": "966501234567", "id": "m3"})
    await _calls(simulator, 2)


@pytest.mark.parametrize("kind", ["swallow", "hang"])
async def test_a_lost_answer_is_in_doubt_and_resolved_by_asking(
    engine: Engine, simulator: SimulatorProcess, kind: str
) -> None:
    await simulator.control.script([{"kind": kind, "times": 1}])
    receipt = await engine.dispatch(c.SendText(to="966501234567", text="Hello"))
    await _status(engine, receipt.message_id, "read")  # type: ignore[union-attr]
    (call,) = await _calls(simulator, 1)
    assert call["count"] == 1


async def test_a_person_can_resolve_only_what_is_in_doubt(engine: Engine, simulator: SimulatorProcess) -> None:
    receipt = await engine.dispatch(c.SendText(to="966501234567", text="Hello"))
    await _status(engine, receipt.message_id, "read")  # type: ignore[union-attr]
    # What is so already is no conflict: an answer that got lost may be asked for again.
    said = await engine.dispatch(c.ResolveMessage(message_id=receipt.message_id, outcome="sent"))  # type: ignore[union-attr]
    assert said == {"message_id": receipt.message_id, "status": "read"}  # type: ignore[union-attr]
    with pytest.raises(Conflict):
        await engine.dispatch(c.ResolveMessage(message_id=receipt.message_id, outcome="not_sent"))  # type: ignore[union-attr]
    with pytest.raises(NotFound):
        await engine.dispatch(c.ResolveMessage(message_id="nothing", outcome="sent"))


@pytest.mark.parametrize(
    "command",
    [
        c.SendText(to="not a number", text="x"),
        c.SendMedia(to="966501234567", media_type="image", base64="%%%"),
        c.SendText(to="966501234567", text="x", mentions=("nobody",)),
    ],
)
async def test_bad_input_is_refused_and_changes_nothing(engine: Engine, command: Any) -> None:
    before = await engine.archive.counts()
    with pytest.raises(InvalidInput):
        await engine.dispatch(command)
    assert await engine.archive.counts() == before


async def test_outside_the_window_only_templates_and_repeats_go(
    engine: Engine, simulator: SimulatorProcess, monkeypatch
) -> None:
    text = c.SendText(to="966501234567", text="Hello")
    before = await engine.dispatch(text, key="api:k:1")
    monkeypatch.setattr(engine.runtime("default").transport, "window_s", 86_400.0)
    unknown = await engine.dispatch(text, key="api:k:0")  # who wrote before the number was connected, nobody knows
    assert unknown.status == "pending"
    two_days_ago = engine.clock.now_us() - 2 * 86_400_000_000
    await simulator.control.inject({"text": "hi", "from": "966509999999", "timestamp": two_days_ago})
    await simulator.control.wait_idle()
    with pytest.raises(Conflict, match="template") as refused:
        await engine.dispatch(text, key="api:k:2")
    assert refused.value.details["reason"] == "131047"
    assert (await engine.dispatch(text, key="api:k:1")).message_id == before.message_id
    template = c.SendTemplate(to="966501234567", name="hello", language="en")
    await engine.dispatch(template)
    await simulator.control.inject({"text": "hi", "from": "966501234567"})
    await engine.dispatch(text, key="api:k:2")


async def test_an_unknown_session_is_not_found(engine: Engine) -> None:
    with pytest.raises(NotFound):
        await engine.dispatch(c.SendText(to="966501234567", text="x", session="other"))


async def test_a_second_engine_on_the_same_folder_is_refused(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Another engine"):
        await Engine(_settings(tmp_path)).start()


async def test_the_admin_key_is_made_once_and_readable_by_its_owner_only(engine: Engine) -> None:
    path = engine.settings.key_file
    assert path.stat().st_mode & 0o777 == 0o600
    principal = await engine.keys.verify(path.read_text().strip())
    assert principal is not None
    assert principal.may("messages:send")


async def test_stop_then_start_goes_on_where_it_was(tmp_path: Path, simulator: SimulatorProcess) -> None:
    first = Engine(_settings(tmp_path))
    await first.start()
    await simulator.control.wait_connected()
    await simulator.control.inject({"text": "when do you open", "from": "966501234567"})
    await _calls(simulator, 1)
    await first.stop()
    second = Engine(_settings(tmp_path))
    await second.start()
    try:
        assert second.journal.epoch == first.journal.epoch
        await simulator.control.wait_connected()
        await asyncio.sleep(0.3)
        assert len(await simulator.control.calls()) == 1
        assert second.ready() == []
    finally:
        await second.stop()
