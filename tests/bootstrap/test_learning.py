"""The learning loop in the whole engine: unanswered, suggested, accepted, committed, answered — in both languages."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from waqtor.bootstrap import Engine
from waqtor.contracts import learning as c
from waqtor.errors import Conflict, InvalidInput, NotFound, RevisionConflict
from waqtor.settings import Settings
from waqtor.transports.simulator.process import SimulatorProcess

RULES = """\
version: 1
# hours of the shop
rules:
  - id: hours
    examples:  # typical
      en:
        - when do you open
        - opening hours please
      ar:
        - متى تفتحون
    replies: {en: [{text: "At nine."}], ar: [{text: "الساعة التاسعة."}]}
  - id: payment
    examples: {en: ["how can i pay", "do you take cards"], ar: ["طرق الدفع عندكم"]}
    replies: {en: [{text: "Cards and cash."}], ar: [{text: "البطاقات والنقد."}]}
"""
TESTS = "version: 1\ntests:\n  - say: when do you open\n    rule: hours\n"
GIFT = ["can you wrap it as a gift", "gift wrap available", "is gift wrap possible", "wrap my order as a gift",
        "i want gift wrap", "gift wrap for my order"]  # fmt: skip
GIFT_AR = ["هل يوجد تغليف هدايا", "ابي تغليف هدايا للطلب", "تغليف هدايا لو سمحت", "كم سعر تغليف هدايا",
           "عندكم تغليف هدايا", "تغليف هدايا متوفر"]  # fmt: skip


def git(folder: Path, *args: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *args], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "shop.yaml").write_text(RULES, encoding="utf-8")
    (folder / "shop.tests.yaml").write_text(TESTS, encoding="utf-8")
    git(folder, "init", "-q")
    git(folder, "config", "user.email", "shop@example.com")
    git(folder, "config", "user.name", "Shop")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "Rules")
    return folder


@pytest.fixture
async def engine(tmp_path: Path, rules: Path) -> AsyncIterator[Engine]:
    async with SimulatorProcess(tmp_path / "s.sock") as simulator:
        settings = Settings(
            _env_file=None, data_dir=tmp_path / "data", rules_dir=rules, encoder="hashing", send_rate=0.0,
            simulator_socket=str(tmp_path / "s.sock"), log_flush_ms=50,
        )  # fmt: skip
        engine = Engine(settings)
        await engine.start()
        await simulator.control.wait_connected("default")
        people = [{"text": t, "from": f"9665010000{i:02d}"} for i, t in enumerate([*GIFT, *GIFT_AR, "متى تفتحون"])]
        await simulator.control.inject_many(people)
        async with asyncio.timeout(30):
            while len(await engine.archive.history(limit=100)) < len(people):
                await asyncio.sleep(0.02)
        yield engine
        await engine.stop()


async def refreshed(engine: Engine) -> dict[str, c.SuggestionView]:
    await engine.dispatch(c.RefreshSuggestions(least=4))
    return {s.language: s for s in await engine.suggestions.listed("open")}


async def test_from_silence_to_an_answer(engine: Engine, rules: Path) -> None:
    found = await refreshed(engine)
    assert set(found) == {"ar", "en"}
    for language, asked, reply in (("en", GIFT, "We wrap gifts for free."), ("ar", GIFT_AR, "نغلف الهدايا مجانًا.")):
        made = found[language]
        assert (made.kind, made.customers, made.messages) == ("new_rule", 6, 6)
        assert made.effect is not None
        assert made.effect.change > 0
        assert set(made.examples[language]) <= set(asked)  # type: ignore[index]
        with pytest.raises(InvalidInput, match="answers first"):
            await engine.dispatch(c.AcceptSuggestion(suggestion_id=made.id))
        await engine.dispatch(
            c.EditSuggestion(suggestion_id=made.id, rule_id=f"gift_{language}", replies={language: reply})
        )
        shown = await engine.suggestions.diff(made.id)
        assert f"+  - id: gift_{language}" in shown.diff
        assert (await engine.bot.test(asked[0])).decision == "silent"
        report = await engine.dispatch(
            c.AcceptSuggestion(suggestion_id=made.id, revision=shown.revision, commit=True, message=f"Gifts {language}")
        )
        assert (report.tests_passed, report.tests_failed) == (1, 0)
        assert git(rules, "log", "-1", "--format=%s").strip() == f"Gifts {language}"
        assert git(rules, "show", "--stat", "--format=", "HEAD").count("custom.yaml") == 1
        assert report.commit == git(rules, "rev-parse", "HEAD").strip()
        trace = await engine.bot.test(asked[0])
        assert (trace.decision, trace.replies[0].text) == ("answer", reply)
    assert await refreshed(engine) == {}


async def test_a_new_batch_makes_one_notification(engine: Engine) -> None:
    for _ in range(2):  # the second look finds nothing new
        assert set(await refreshed(engine)) == {"ar", "en"}
    told = [e for e in await engine.journal.read(0, 1000) if e.type == "smartbot.suggestions-ready"]
    assert [e.data for e in told] == [{"count": 2}]
    async with asyncio.timeout(30):
        while not (notes := await engine.notifications.page("owner", True, None, 10)):
            await asyncio.sleep(0.02)
    assert [(n.kind, n.title, n.link) for n in notes] == [
        ("suggestion", "Suggestions are ready for review", "/suggestions")
    ]


async def test_examples_go_into_a_rule_by_the_smallest_diff(engine: Engine, rules: Path) -> None:
    made = (await refreshed(engine))["en"]
    edited = await engine.dispatch(c.EditSuggestion(suggestion_id=made.id, rule_id="hours", examples={"en": GIFT[:1]}))
    assert edited.kind == "extend"
    await engine.dispatch(c.AcceptSuggestion(suggestion_id=made.id, evaluate=False))
    text = (rules / "shop.yaml").read_text(encoding="utf-8")
    assert text == RULES.replace(
        "        - opening hours please\n", f"        - opening hours please\n        - {GIFT[0]}\n"
    )
    with pytest.raises(Conflict):
        await engine.dispatch(c.RejectSuggestion(suggestion_id=made.id))


async def test_refuses_when_the_file_changed_underneath(engine: Engine, rules: Path) -> None:
    made = (await refreshed(engine))["en"]
    await engine.dispatch(c.EditSuggestion(suggestion_id=made.id, rule_id="hours", examples={"en": GIFT[:1]}))
    shown = await engine.suggestions.diff(made.id)
    changed = RULES.replace("At nine.", "At ten.")
    (rules / "shop.yaml").write_text(changed, encoding="utf-8")
    with pytest.raises(RevisionConflict):
        await engine.dispatch(c.AcceptSuggestion(suggestion_id=made.id, revision=shown.revision))
    with pytest.raises(Conflict, match="not committed"):
        await engine.dispatch(c.AcceptSuggestion(suggestion_id=made.id, commit=True))
    assert (rules / "shop.yaml").read_text(encoding="utf-8") == changed


async def test_refuses_what_breaks_a_test(engine: Engine, rules: Path) -> None:
    made = (await refreshed(engine))["en"]
    wrong = {"en": ["when do you open today", "when do you open now", "when do you open friday"]}
    (rules / "shop.tests.yaml").write_text(TESTS.replace("do you open", "do you open today"), encoding="utf-8")
    await engine.dispatch(c.EditSuggestion(suggestion_id=made.id, rule_id="payment", examples=wrong))
    if (await engine.bot.test("when do you open today")).rule_id == "hours":
        with pytest.raises(Conflict, match="tests"):
            await engine.dispatch(c.AcceptSuggestion(suggestion_id=made.id))
    forced = await engine.dispatch(c.AcceptSuggestion(suggestion_id=made.id, force=True, evaluate=False))
    assert forced.tests_failed == 1


async def test_rejected_ones_do_not_come_back_and_ids_stay(engine: Engine) -> None:
    found = await refreshed(engine)
    again = await refreshed(engine)
    assert {s.id for s in found.values()} == {s.id for s in again.values()}
    await engine.dispatch(c.RejectSuggestion(suggestion_id=found["en"].id, reason="not ours"))
    await engine.dispatch(c.SnoozeSuggestion(suggestion_id=found["ar"].id, days=2))
    assert await refreshed(engine) == {}
    assert {(s.status, s.reason) for s in await engine.suggestions.listed()} == {
        ("rejected", "not ours"),
        ("snoozed", ""),
    }
    await engine.dispatch(c.ReopenSuggestion(suggestion_id=found["ar"].id))
    assert set(await refreshed(engine)) == {"ar"}


async def test_judged_decisions_become_labelled_traffic(engine: Engine) -> None:
    entry = next(h for h in await engine.archive.history(limit=100) if h.trigger == GIFT[0])
    label = await engine.dispatch(c.LabelDecision(trace_id=entry.trace_id, right=False, rule_id="payment"))
    assert (label.text, label.rule_id, label.right) == (GIFT[0], "payment", False)
    assert [row.trace_id for row in await engine.suggestions.labels()] == [entry.trace_id]
    named = [s for s in (await refreshed(engine)).values() if s.corrected]
    await engine.dispatch(c.RefreshSuggestions(least=4))
    everything = await engine.suggestions.listed("open")
    assert [(s.kind, s.rule_id) for s in everything if s.corrected] == [("extend", "payment")] or named
    assert (await engine.dispatch(c.UnlabelDecision(trace_id=entry.trace_id)))["removed"]
    with pytest.raises(NotFound):
        await engine.dispatch(c.LabelDecision(trace_id="01ARZ3NDEKTSV4RRFFQ69G5FAV", right=True))
