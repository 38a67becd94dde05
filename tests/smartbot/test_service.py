from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from smartbot_samples import SHOP

from waqtor.contracts.events import Event
from waqtor.errors import Conflict, Forbidden, InvalidInput, NotFound, RevisionConflict, RuleFileError
from waqtor.settings import Settings
from waqtor.smartbot.rule_tests import run_cases
from waqtor.smartbot.rules_io import load_texts
from waqtor.smartbot.service import BotService

STEPS = ["normalise", "language", "guard", "retrieve", "score", "decide", "render", "check"]


@pytest.mark.parametrize(
    ("text", "decision", "rule", "stage", "language"),
    [
        ("Where is my order??", "answer", "track", "exact", "en"),
        ("وين طَلبي؟!", "answer", "track", "exact", "ar"),
        ("wain 6alabi", "answer", "track", "exact", "arabizi"),
        ("hi, please track my parcel thanks", "answer", "track", "lexical", "en"),
        ("STOP!!", "opt_out", "stop", "pattern", "en"),
        ("hi, unsubscribe, please", "opt_out", "stop", "keyword", "en"),
        ("ابي الإلغاء والغاء الاشتراك الان", "opt_out", "stop", "keyword", "ar"),
        ("talk to a human", "handoff", "human", "exact", "en"),
        ("thank you", "silent", "thanks", "exact", "en"),
        ("what is the capital of mongolia", "silent", None, "", "en"),
        ("", "silent", None, "", "other"),
        ("👍👍", "silent", None, "", "other"),
    ],
)
async def test_what_becomes_of_a_message(
    bot: BotService, text: str, decision: str, rule: str | None, stage: str, language: str
) -> None:
    trace = await bot.test(text)
    assert (trace.decision, trace.language) == (decision, language)
    assert [step.step for step in trace.steps] == STEPS
    assert trace.revision == bot.revision
    if rule is not None:
        assert (trace.rule_id, trace.stage) == (rule, stage)
    assert trace.model_validate(trace.model_dump()) == trace


async def test_replies_are_in_the_language_asked(bot: BotService) -> None:
    arabic = await bot.test("وين طلبي", contact={"name": "سارة"})
    assert arabic.replies[0].text == "أهلا سارة، تابع طلبك: https://shop.example"
    assert (await bot.test("wain 6alabi")).replies[0].language == "ar"
    english = await bot.test("where is my order", contact={"name": "Ann\u202e{{shop.name}}"})
    assert "Ann {shop.name}" in english.replies[0].text
    refund = await bot.test("I want a refund")
    assert refund.replies[0].content["buttons"] == [{"id": "human", "title": "Talk to us"}]
    assert (await bot.test("استرجاع المبلغ")).replies[0].language == "en"


async def test_every_example_finds_its_rule(bot: BotService) -> None:
    for item in load_texts({"shop.yaml": SHOP}).rules:
        for phrases in item.rule.examples.values():
            for phrase in phrases:
                trace = await bot.test(f"  {phrase.upper()} !")
                assert (trace.rule_id, trace.stage) == (item.rule.id, "exact"), phrase


HOSTILE = [
    "\u202e" * 50,
    "\u200b\u200d\ufeff",
    "\x00\x01",
    "a\ud800b",
    "‮gnihtemos",
    "(" * 5000,
    "{{shop.name}}",
    "%s%n",
    "'; --",
]


async def test_hostile_texts_get_a_calm_answer(bot: BotService) -> None:
    for text in [*HOSTILE, "وين " * 300_000, "x" * 1_000_000, "stop " * 200_000]:
        began = time.perf_counter()
        trace = await bot.test(text)
        assert time.perf_counter() - began < 3
        assert len(trace.text) <= 4096
        assert len(trace.model_dump_json()) < 60_000


@given(st.text(max_size=120))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_decided_alike_each_time(text: str) -> None:
    service = _shared()
    first, second = (asyncio.run(service.test(text)) for _ in range(2))
    keep = {"decision", "rule_id", "confidence", "candidates", "language", "reason", "replies"}
    assert first.model_dump(include=keep) == second.model_dump(include=keep)


_held: list[BotService] = []


def _shared() -> BotService:
    if not _held:
        import tempfile

        folder = Path(tempfile.mkdtemp())
        (folder / "shop.yaml").write_text(SHOP, encoding="utf-8")
        service = BotService(Settings(_env_file=None, encoder="hashing", rules_dir=folder, data_dir=folder / "data"))  # type: ignore[call-arg]
        asyncio.run(service.start(watch=False))
        _held.append(service)
    return _held[0]


async def test_rules_are_created_changed_and_deleted_in_files(bot: BotService, rules_dir: Path) -> None:
    before = bot.revision
    made = await bot.create_rule(
        {"id": "gift", "examples": {"en": ["do you wrap gifts"]}, "replies": {"en": [{"text": "Yes"}]}}
    )
    assert (made.file, made.id) == ("custom.yaml", "gift")
    assert bot.revision != before
    assert (await bot.test("do you wrap gifts")).rule_id == "gift"
    changed = await bot.update_rule("gift", {**made.rule, "enabled": False}, made.revision)
    assert not changed.enabled
    assert (await bot.test("do you wrap gifts")).rule_id != "gift"
    with pytest.raises(RevisionConflict):
        await bot.update_rule("gift", made.rule, made.revision)
    with pytest.raises(Conflict):
        await bot.create_rule(made.rule)
    await bot.delete_rule("gift", bot.revision)
    with pytest.raises(NotFound):
        bot.get_rule("gift")
    with pytest.raises(NotFound):
        await bot.delete_rule("gift")
    assert (rules_dir / "shop.yaml").read_text(encoding="utf-8") == SHOP


@pytest.mark.parametrize(
    "rule",
    [
        {"id": "bad id", "examples": {"en": ["x y"]}, "replies": {"en": [{"text": "a"}]}},
        {"id": "b", "examples": {"en": ["x y"]}},
        {"id": "b", "examples": {"en": ["x y"]}, "replies": {"en": [{"text": "{{nobody}}"}]}},
        {"id": "b", "patterns": ["("], "replies": {"en": [{"text": "a"}]}},
        {"id": "b", "examples": {"en": ["where is my order"]}, "replies": {"en": [{"text": "a"}]}},
        {"id": "b", "examples": {"en": [1]}, "replies": {"en": [{"text": "a"}]}},
        {},
    ],
)
async def test_a_wrong_rule_changes_nothing(bot: BotService, rules_dir: Path, rule: dict[str, object]) -> None:
    before = bot.revision
    with pytest.raises(InvalidInput):
        await bot.create_rule(rule)
    assert [path.name for path in rules_dir.iterdir()] == ["shop.yaml"]
    assert bot.revision == before


async def test_read_only_rules(make_settings: Callable[..., Settings]) -> None:
    service = BotService(make_settings(rules_writable=False))
    await service.start(watch=False)
    try:
        with pytest.raises(Forbidden):
            await service.delete_rule("track")
        with pytest.raises(InvalidInput):
            await BotService(make_settings()).update_rule(
                "track", {"id": "other", "keywords": {"en": ["x"]}, "action": "ignore"}
            )
    finally:
        await service.stop()


async def test_changed_files_are_taken_over_and_broken_ones_reported(
    make_settings: Callable[..., Settings], rules_dir: Path
) -> None:
    events: list[Event] = []

    async def publish(event: Event) -> None:
        events.append(event)

    service = BotService(make_settings(), publish=publish)
    await service.start()
    try:
        first = service.revision
        path = rules_dir / "shop.yaml"
        await asyncio.sleep(0.3)
        path.write_text(SHOP + "\nrules: [", encoding="utf-8")
        await _until(lambda: bool(service.status()["errors"]))
        assert service.revision == first
        assert (await service.test("where is my order")).decision == "answer"
        with pytest.raises(RuleFileError):
            await service.rebuild()
        path.write_text(SHOP.replace("From 9 to 5", "From 8 to 4"), encoding="utf-8")
        await _until(lambda: service.revision != first)
        assert (await service.test("when do you open")).replies[0].text == "From 8 to 4"
        assert not service.status()["errors"]
        assert [(e.data["rule_id"], e.data["change"]) for e in events] == [("hours", "changed")]
    finally:
        await service.stop()


async def _until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        await asyncio.sleep(0.05)


async def test_status_and_readiness(make_settings: Callable[..., Settings], rules_dir: Path) -> None:
    service = BotService(make_settings())
    assert service.ready()
    await service.start(watch=False)
    status = service.status()
    assert (status["state"], status["rules"], status["encoder"]) == ("ready", 6, "hashing-512")
    assert service.ready() == ""
    await service.stop()
    (rules_dir / "shop.yaml").write_text("nonsense: [")
    broken = BotService(make_settings())
    await broken.start(watch=False)
    assert "no rules could be loaded" in broken.ready()
    assert (await broken.test("where is my order")).decision == "silent"
    await broken.stop()


async def test_test_cases_run_through_the_pipeline(bot: BotService) -> None:
    cases = load_texts(
        {
            "shop.yaml": SHOP,
            "shop.tests.yaml": "version: 1\ntests:\n"
            "  - {say: where is my order, rule: track, lang: en, reply_contains: shop.example}\n"
            "  - {say: thank you, rule: thanks}\n  - {say: capital of mongolia, rule: null}\n"
            "  - {say: where is my order, rule: hours}\n  - {say: where is my order, rule: null}\n"
            "  - {say: where is my order, rule: track, lang: ar}\n"
            "  - {say: where is my order, rule: track, reply_contains: nowhere}\n",
        }
    ).cases
    results = await run_cases(cases, bot.test)
    assert [bool(result.fault) for result in results] == [False, False, False, True, True, True, True]
    assert str(results[3]).startswith("shop.tests.yaml:6: “where is my order”: expected hours but got track")
