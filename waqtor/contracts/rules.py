"""The rule files: models, and thereby the JSON Schema that editors use.

A file holds ``version: 1``, optional ``defaults`` and a list of ``rules``. Languages are ``ar``, ``en`` and
``arabizi`` (Arabic in Latin letters). Everything a rule says is text under version control; see docs/rules.md.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from waqtor.contracts.base import Model
from waqtor.contracts.messages import ListSection, ReplyButton

Language = Literal["ar", "en", "arabizi"]
RuleIdText = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9_]{0,63}$",
        description="Unique over all files: small letters, digits, underscores.",
    ),
]
Phrase = Annotated[str, Field(min_length=1, max_length=1000)]
Confidence = Annotated[float, Field(ge=0.0, le=1.0)]
Threshold = Confidence | dict[Language, Confidence]
Action = Literal["reply", "handoff", "opt_out", "opt_in", "ignore"]


class Reply(Model):
    """One way to say the answer. Variants of a language are drawn by ``weight``."""

    text: Annotated[str, Field(min_length=1, max_length=4096, description="May hold {{variables}}.")]
    weight: Annotated[int, Field(ge=1, le=1000, description="Relative frequency of this variant.")] = 1
    buttons: Annotated[tuple[ReplyButton, ...], Field(max_length=3)] = ()
    list_button: Annotated[str, Field(max_length=20)] | None = None
    sections: Annotated[tuple[ListSection, ...], Field(max_length=10)] = ()

    @model_validator(mode="after")
    def _one_kind(self) -> Reply:
        if self.buttons and self.sections:
            raise ValueError("a reply has buttons or a list, not both")
        if bool(self.sections) != bool(self.list_button):
            raise ValueError("a list needs both list_button and sections")
        if (self.buttons or self.sections) and len(self.text) > 1024:
            raise ValueError("text beside buttons or a list has at most 1024 characters")
        return self


class Conditions(Model):
    """When the rule may be used at all; everything given must hold."""

    from_time: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] | None = None
    to_time: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] | None = None
    weekdays: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = ()
    timezone: str = "Asia/Riyadh"
    sessions: tuple[str, ...] = ()
    groups: bool | None = None

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(value)
        except (KeyError, OSError, ValueError) as error:  # KeyError: ZoneInfoNotFoundError
            raise ValueError(f"unknown time zone {value!r}") from error
        return value

    @model_validator(mode="after")
    def _both(self) -> Conditions:
        if (self.from_time is None) != (self.to_time is None):
            raise ValueError("give both from_time and to_time")
        return self


class Rule(Model):
    """What customers ask, and what they are told."""

    id: RuleIdText
    description: Annotated[str, Field(max_length=500)] = ""
    enabled: bool = True
    action: Annotated[
        Action,
        Field(description="reply; handoff to a person; opt_out; opt_in; ignore = recognise and stay silent."),
    ] = "reply"
    examples: Annotated[
        dict[Language, tuple[Phrase, ...]],
        Field(description="Typical messages by language; the more unlike each other the better."),
    ] = Field(default_factory=dict)
    keywords: Annotated[
        dict[Language, tuple[Phrase, ...]],
        Field(description="Words or phrases that decide alone when they stand in the message."),
    ] = Field(default_factory=dict)
    patterns: Annotated[tuple[Phrase, ...], Field(description="Regular expressions that decide alone.")] = ()
    negatives: Annotated[
        dict[Language, tuple[Phrase, ...]],
        Field(description="Messages near this rule that it must not answer."),
    ] = Field(default_factory=dict)
    threshold: Annotated[Threshold | None, Field(description="Least confidence to answer, overall or by language.")] = (
        None
    )
    conditions: Conditions = Field(default_factory=Conditions)
    replies: Annotated[
        dict[Language, tuple[Reply, ...]],
        Field(description="What to say, by language; Arabizi falls back to ar, then en."),
    ] = Field(default_factory=dict)
    tags: tuple[Annotated[str, Field(max_length=64)], ...] = ()
    owner: Annotated[str, Field(max_length=120)] = ""

    @model_validator(mode="after")
    def _usable(self) -> Rule:
        if not (any(self.examples.values()) or any(self.keywords.values()) or self.patterns):
            raise ValueError("a rule needs examples, keywords or patterns")
        if self.action == "reply" and not any(self.replies.values()):
            raise ValueError("a rule with action reply needs replies")
        return self


class Defaults(Model):
    """What holds for all rules of the file that do not say otherwise."""

    threshold: Threshold | None = None
    owner: Annotated[str, Field(max_length=120)] = ""
    tags: tuple[Annotated[str, Field(max_length=64)], ...] = ()


class RuleFile(Model):
    """A YAML file under ``rules/``."""

    version: Literal[1]
    variables: Annotated[
        dict[str, str | dict[Language, str]],
        Field(description="Constants for {{shop.name}} and the like, plain or by language."),
    ] = Field(default_factory=dict)
    defaults: Defaults = Field(default_factory=Defaults)
    rules: tuple[Rule, ...] = ()


class RuleCase(Model):
    """One test: say this, expect that. ``rule: null`` means: stay silent."""

    say: Annotated[str, Field(max_length=65_536)]
    rule: RuleIdText | None = Field(default=..., description="Expected rule id, or null for no answer.")
    lang: Language | None = None
    reply_contains: Annotated[str, Field(max_length=1000)] | None = None


class RuleCaseFile(Model):
    """A ``*.tests.yaml`` file beside the rules."""

    version: Literal[1]
    tests: tuple[RuleCase, ...]
