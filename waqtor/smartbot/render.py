"""Step 7, render: a decision to the parts that would be sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from waqtor.contracts.views import RenderedReply
from waqtor.smartbot.check import problems
from waqtor.smartbot.decide import Decision
from waqtor.smartbot.requests import Request
from waqtor.smartbot.retrieve import NONE_OF_THESE
from waqtor.smartbot.ruleset import FALLBACK, CompiledReply, CompiledRule
from waqtor.smartbot.templates import Unfilled, draw

_ASK = {"ar": "هل تقصد:", "en": "Did you mean:"}
_OTHER = {"ar": "شيء آخر", "en": "Something else"}
_zone = lru_cache(maxsize=64)(ZoneInfo)


@dataclass(frozen=True, slots=True)
class Shop:
    """What is the same for all messages: the brand and the time zone."""

    name: str
    timezone: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """The parts of a reply, or why there are none."""

    parts: tuple[RenderedReply, ...] = ()
    variant: int = 0
    problems: tuple[str, ...] = ()
    language: str = ""


def values_for(
    names: Iterable[str], rule: CompiledRule, request: Request, language: str, shop: Shop, now: int
) -> dict[str, str]:
    """Return the values of the named variables, the file's own winning over built-in ones."""
    values: dict[str, str] = {}
    for name in names:
        own = rule.variables.get(name)
        if isinstance(own, str):
            values[name] = own
        elif own is not None:
            values[name] = _of_language(own, language)
        else:
            values[name] = _built_in(name, request, shop, now)
    return values


def _built_in(name: str, request: Request, shop: Shop, now: int) -> str:
    if name == "contact.name":
        return request.contact.get("name", request.name)
    if name == "contact.phone":
        return request.contact.get("phone", request.sender.split("@")[0])
    if name == "shop.name":
        return shop.name
    if name == "message.body":
        return request.text
    local = datetime.fromtimestamp(now / 1_000_000, _zone(shop.timezone))
    return local.strftime("%H:%M" if name == "time.now" else "%Y-%m-%d")


def _of_language(value: Mapping[str, str], language: str) -> str:
    return next((value[name] for name in FALLBACK.get(language, ("en",)) if name in value), "")


def render_rule(rule: CompiledRule, request: Request, language: str, shop: Shop, now: int) -> Rendered:
    """Return the rule's reply in the language of the message, or the nearest that it has.

    The variant is drawn by the message's id; one that cannot be filled or fails the check gives way to the next.
    """
    spoken = next((name for name in FALLBACK[language] if rule.replies.get(name)), "")
    if not spoken:
        return Rendered()
    numbered = [(variant.reply.weight, (i, variant)) for i, variant in enumerate(rule.replies[spoken])]
    faults: list[str] = []
    for i, variant in draw(numbered, request.message_id or request.text, rule.rule.id):
        try:
            text = variant.text.render(values_for(variant.text.variables, rule, request, spoken, shop, now))
        except Unfilled as error:
            faults.append(f"variant {i + 1}: {error}")
            continue
        wrong = problems(text, interactive=bool(variant.reply.buttons or variant.reply.sections))
        if wrong:
            faults.append(f"variant {i + 1}: {', '.join(wrong)}")
            continue
        part = RenderedReply(text=text, language=spoken, content=_content(variant, text))
        return Rendered((part,), i + 1, tuple(faults), spoken)
    return Rendered((), 0, tuple(faults), spoken)


def _content(variant: CompiledReply, text: str) -> dict[str, Any]:
    reply = variant.reply
    if reply.buttons:
        return {"type": "buttons", "body": text, "buttons": [button.model_dump() for button in reply.buttons]}
    if reply.sections:
        sections = [section.model_dump(exclude_none=True, mode="json") for section in reply.sections]
        return {"type": "list", "body": text, "button": reply.list_button, "sections": sections}
    return {"type": "text", "body": text}


def render_question(decision: Decision, language: str) -> Rendered:
    """Return "did you mean …?" with a button for each rule asked about and one for none of them."""
    spoken = "ar" if language in ("ar", "arabizi") else "en"
    buttons: list[dict[str, str]] = []
    titles: set[str] = {_OTHER[spoken]}
    for rule in decision.options[:2]:
        title = rule.titles[spoken]
        if title in titles:
            title = rule.rule.id.replace("_", " ")[:20]
        titles.add(title)
        buttons.append({"id": f"rule:{rule.rule.id}", "title": title})
    buttons.append({"id": NONE_OF_THESE, "title": _OTHER[spoken]})
    content = {"type": "buttons", "body": _ASK[spoken], "buttons": buttons}
    return Rendered((RenderedReply(text=_ASK[spoken], language=spoken, content=content),), 1, (), spoken)
