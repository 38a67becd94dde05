"""A campaign's message: its texts compiled once, filled in for each recipient, checked against WhatsApp's limits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from waqtor.contracts.campaigns import CreateCampaign
from waqtor.contracts.messages import OUTGOING
from waqtor.errors import InvalidInput
from waqtor.messaging.templates import MAX_VALUE, Template, TemplateError, Unfilled, compile_template

ALWAYS = frozenset({"contact.phone", "shop.name"})
"""Variables that every recipient has."""

_FIXED = frozenset({"type", "id", "media_id", "base64", "mime_type", "language", "components"})


class CannotRender(Exception):
    """A recipient's message cannot be made; ``code`` is ``missing_variable`` or ``over_limit``."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Variant:
    """A compiled message; ``content`` holds :class:`Template` where a text has variables."""

    name: str
    weight: int
    content: Mapping[str, Any]
    names: frozenset[str]

    def render(self, values: Mapping[str, str]) -> dict[str, Any]:
        """The content for one recipient.

        Raises:
            CannotRender: A variable is empty, or the text got longer than WhatsApp allows.
        """
        try:
            content: dict[str, Any] = _fill(self.content, values)
        except Unfilled as error:
            raise CannotRender("missing_variable", str(error)) from None
        if not self.names:
            return content
        if content["type"] == "text" and len(self.content) == 2:
            if len(content["body"]) > 4096:
                raise CannotRender("over_limit", "the text has more than 4096 characters")
            return content
        try:
            OUTGOING.validate_python(content)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"][1:])
            raise CannotRender("over_limit", f"{where}: {first['msg']}") from None
        return content


class Message:
    """The variants of a campaign's message, and which contact gets which.

    Args:
        spec: The campaign.
        campaign_id: Seed of the split: stable for a contact, whatever the order.
        known: Variables that recipients may have; ``None`` accepts any (the check was made at creation).
        shop: The brand, as ``shop.name``.

    Raises:
        InvalidInput: Naming the unknown variable, or the limit that the message breaks.
    """

    def __init__(self, spec: CreateCampaign, campaign_id: str, known: frozenset[str] | None, shop: str) -> None:
        allowed = None if known is None else known | ALWAYS | spec.variables.keys() | spec.fallbacks.keys()
        given = [(v.name, v.weight, v.template, v.content) for v in spec.variants]
        given = given or [("A", 1, spec.template, spec.content)]
        self.variants = tuple(
            _variant(name, weight, template, content, allowed) for name, weight, template, content in given
        )
        self._weights = sum(variant.weight for variant in self.variants)
        self._by_name = {variant.name: variant for variant in self.variants}
        self._seed = campaign_id.encode()[:64]
        self._shared = {name: _plain(value) for name, value in spec.variables.items()}
        self._shared["shop.name"] = shop
        self._fallbacks = dict(spec.fallbacks)

    def variant_of(self, contact: str) -> str:
        """The variant of a contact."""
        if len(self.variants) == 1:
            return self.variants[0].name
        digest = hashlib.blake2b(contact.encode(), key=self._seed, digest_size=8).digest()
        ticket = int.from_bytes(digest, "big") % self._weights
        for variant in self.variants:
            ticket -= variant.weight
            if ticket < 0:
                return variant.name
        raise AssertionError("the ticket is below the sum of the weights")

    def free(self, variant: str) -> bool:
        """Whether it is no approved template, so that it may only answer somebody who wrote lately."""
        return bool(self._by_name[variant].content["type"] != "template")

    def render(self, variant: str, contact: str, variables: Mapping[str, str]) -> dict[str, Any]:
        """The message to one contact.

        Raises:
            CannotRender: It cannot be made.
        """
        values = {**self._fallbacks, **{name: value for name, value in self._shared.items() if value}}
        for name, value in variables.items():
            if value:
                values[name] = value
        values["contact.phone"] = contact
        return self._by_name[variant].render(values)


def _variant(name: str, weight: int, template: str | None, content: Any, allowed: frozenset[str] | None) -> Variant:
    raw: dict[str, Any] = {"type": "text", "body": template}
    if content is not None:
        raw = content.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        raw["type"] = content.type
        if content.type == "reaction":
            raise InvalidInput("A reaction belongs to one message; it cannot be a campaign.")
    names: set[str] = set()
    compiled = _compile(raw, allowed, names, "")
    variant = Variant(name, weight, compiled, frozenset(names))
    try:  # the shortest values: what breaks a limit even so, breaks it for everybody
        OUTGOING.validate_python(_fill(compiled, dict.fromkeys(names, "x")))
    except (ValidationError, Unfilled) as error:
        said = error.errors(include_url=False)[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise InvalidInput(f"The message of variant {name} is not valid: {said}") from None
    return variant


def _compile(value: Any, allowed: frozenset[str] | None, names: set[str], path: str) -> Any:
    if isinstance(value, str):
        if "{{" not in value and "}}" not in value:
            return value
        try:
            template = compile_template(value, allowed)
        except TemplateError as error:
            issue = {"field": path or "template", "message": str(error), "type": "template"}
            raise InvalidInput(f"{path or 'template'}: {error}", issues=[issue]) from None
        names.update(template.variables)
        return template
    if isinstance(value, dict):
        return {
            name: inner if name in _FIXED else _compile(inner, allowed, names, f"{path}.{name}" if path else name)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_compile(inner, allowed, names, f"{path}.{place}") for place, inner in enumerate(value)]
    return value


def _fill(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, Template):
        return value.render(values)
    if isinstance(value, dict):
        return {name: _fill(inner, values) for name, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, values) for inner in value]
    return value


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)[:MAX_VALUE]


def texts_of(spec: CreateCampaign) -> Iterator[str]:
    """The main text of each variant, as written."""
    for template, content in [(spec.template, spec.content), *((v.template, v.content) for v in spec.variants)]:
        if template is not None:
            yield template
        elif content is not None:
            yield str(getattr(content, "body", None) or getattr(content, "caption", None) or content.type)
