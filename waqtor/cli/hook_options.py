"""The options of a webhook, once for ``create`` and ``update``, and what they say in the words of the API."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple

import typer

from waqtor.contracts.webhooks import Filters

_Texts = list[str] | None


def _options(
    event: Annotated[_Texts, typer.Option("--event", "-e", help="An event's name; repeat. New ones: *.")] = None,
    name: Annotated[str | None, typer.Option(help="A name for people.")] = None,
    secret: Annotated[str | None, typer.Option(help="Its secret; default: one is made (or the old one stays).")] = None,
    session: Annotated[_Texts, typer.Option(help="Only events of this session; repeat. '' lets all through.")] = None,
    chat: Annotated[_Texts, typer.Option(help="Only events of this chat; repeat. '' lets all through.")] = None,
    rule: Annotated[_Texts, typer.Option(help="Only events of this rule; repeat. '' lets all through.")] = None,
    header: Annotated[
        _Texts, typer.Option(help="A further header, 'Name: value'; repeat. Replaces those there were; '' drops them.")
    ] = None,
    schedule: Annotated[
        str | None, typer.Option(help="default, long (ten attempts in three days), or seconds: 5,60,300.")
    ] = None,
    attempts: Annotated[int | None, typer.Option(help="Attempts of a delivery, 1 to 20.")] = None,
    delay_ms: Annotated[int | None, typer.Option(help="Wait before the second attempt, ms; doubles.")] = None,
    timeout_ms: Annotated[int | None, typer.Option(help="Time-out of an attempt, 100 to 60000 ms.")] = None,
    concurrency: Annotated[int | None, typer.Option(help="Deliveries under way at once, 1 to 256.")] = None,
    ordered: Annotated[bool | None, typer.Option("--ordered/--unordered", help="Keep the order within a chat.")] = None,
    enabled: Annotated[bool | None, typer.Option("--enabled/--disabled", help="Whether it is on.")] = None,
) -> None:
    """Its parameters are the options."""


class Given(NamedTuple):
    """What was given.

    Attributes:
        fields: Fields of the command, those that were given.
        filters: Parts of the filters that were given; an empty one lets all through.
    """

    fields: dict[str, Any]
    filters: dict[str, tuple[str, ...]]

    def over(self, before: Filters) -> Filters:
        """These filters, with the parts that were given."""
        return before.model_copy(update=self.filters)


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, which gets what was given as its parameter ``given``."""
    options = inspect.signature(_options, eval_str=True).parameters
    own = inspect.signature(command, eval_str=True).parameters

    @functools.wraps(command)
    def run(**values: Any) -> None:
        given = _given({name: values.pop(name) for name in options})
        command(given=given, **values)

    parameters = [part for name, part in own.items() if name != "given" and name != "as_json"]
    parameters += [*options.values(), own["as_json"]]
    keywords = [part.replace(kind=inspect.Parameter.KEYWORD_ONLY) for part in parameters]
    run.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]
    return run


def _given(values: dict[str, Any]) -> Given:
    values = {name: value for name, value in values.items() if value is not None}
    parts = {f"{part}s": values.pop(part) for part in ("session", "chat", "rule") if part in values}
    if "event" in values:
        values["events"] = tuple(values.pop("event"))
    if "header" in values:
        values["headers"] = _headers(values.pop("header"))
    if "schedule" in values:
        values["schedule"] = _schedule(values["schedule"])
    return Given(values, {name: tuple(text for text in texts if text) for name, texts in parts.items()})


def _headers(texts: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        name, colon, value = text.partition(":")
        if text and not (colon and name.strip()):
            raise typer.BadParameter(f"{text!r} is no header; write 'Name: value'.", param_hint="--header")
        if text:
            found[name.strip()] = value.strip()
    return found


def _schedule(text: str) -> str | tuple[float, ...]:
    if text in {"default", "long"}:
        return text
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither default nor long nor seconds such as 5,60,300.", param_hint="--schedule"
        ) from None
