"""``waqtor suggestions …``: what the bot could learn from messages that it did not answer."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from waqtor.cli.connection import AsJson, client, show

app = typer.Typer(no_args_is_help=True, help="Review what the bot could learn, and judge its decisions.")
Id = Annotated[str, typer.Argument(help="Id of the suggestion.")]
Trace = Annotated[str, typer.Argument(help="Id of the decision (waqtor's history shows it).")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept.")]


@app.command("list")
def list_(
    status: Annotated[str | None, typer.Option(help="open, snoozed, accepted or rejected; default: all.")] = None,
    as_json: AsJson = False,
) -> None:
    """List suggestions, those that serve most customers first."""
    with client() as waqtor:
        found = waqtor.suggestions.list(status)  # type: ignore[arg-type]
    if as_json:
        show(list(found))
        return
    for s in found:
        gain = f"{100 * s.effect.change:+.1f} points" if s.effect else "–"
        typer.echo(
            f"{s.id}  {s.status:<8} {s.kind:<8} {s.customers:>4} customers {s.messages:>4} messages  {gain:<13} "
            f"{s.rule_id}: {s.title}"
        )


@app.command("show")
def show_(suggestion_id: Id, as_json: AsJson = False) -> None:
    """Show one suggestion with its evidence, and the change that accepting would write."""
    with client() as waqtor:
        show(waqtor.suggestions.get(suggestion_id), as_json=as_json)


@app.command("diff")
def diff_(suggestion_id: Id, as_json: AsJson = False) -> None:
    """Show what accepting would write, as a diff."""
    with client() as waqtor:
        found = waqtor.suggestions.diff(suggestion_id)
    if as_json:
        show(found)
    else:
        sys.stdout.write(found.diff)


@app.command()
def refresh(
    days: Annotated[float, typer.Option(help="How far to look back.")] = 30.0,
    least: Annotated[int, typer.Option(help="Fewest messages of a suggestion.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Look at the messages of the last days again."""
    with client() as waqtor:
        show(waqtor.suggestions.refresh(days=days, least=least), as_json=as_json)


@app.command()
def edit(
    suggestion_id: Id,
    rule_id: Annotated[str | None, typer.Option("--rule", help="The rule it goes to, or the new rule's id.")] = None,
    description: Annotated[str | None, typer.Option(help="Of a new rule.")] = None,
    action: Annotated[str | None, typer.Option(help="reply, handoff or ignore.")] = None,
    reply_ar: Annotated[str | None, typer.Option(help="What a new rule answers in Arabic.")] = None,
    reply_en: Annotated[str | None, typer.Option(help="What a new rule answers in English.")] = None,
    examples: Annotated[Path | None, typer.Option(help='JSON file: {"en": ["…"], "ar": ["…"]}.')] = None,
    as_json: AsJson = False,
) -> None:
    """Change a suggestion before it is accepted."""
    replies = {name: text for name, text in (("ar", reply_ar), ("en", reply_en)) if text is not None}
    phrases: Any = json.loads(examples.read_text(encoding="utf-8")) if examples is not None else None
    with client() as waqtor:
        made = waqtor.suggestions.edit(
            suggestion_id, rule_id=rule_id, description=description, action=action,  # type: ignore[arg-type]
            examples=phrases, replies=replies or None,
        )  # fmt: skip
    show(made, as_json=as_json)


@app.command()
def accept(
    suggestion_id: Id,
    revision: Annotated[str | None, typer.Option(help="Of the diff that you looked at; refused if outdated.")] = None,
    commit: Annotated[bool, typer.Option("--commit", help="Commit the file to git.")] = False,
    message: Annotated[str, typer.Option("--message", "-m", help="Of the commit.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Although tests fail that passed before.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a suggestion into the rules, after checks, tests and a quick evaluation."""
    with client() as waqtor:
        show(
            waqtor.suggestions.accept(suggestion_id, revision=revision, commit=commit, message=message, force=force),
            as_json=as_json,
        )


@app.command()
def reject(suggestion_id: Id, reason: Reason = "", as_json: AsJson = False) -> None:
    """Reject a suggestion; it does not come back."""
    with client() as waqtor:
        show(waqtor.suggestions.reject(suggestion_id, reason=reason), as_json=as_json)


@app.command()
def snooze(
    suggestion_id: Id,
    days: Annotated[float, typer.Option(help="For how long.")] = 7.0,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Put a suggestion aside for some days."""
    with client() as waqtor:
        show(waqtor.suggestions.snooze(suggestion_id, days=days, reason=reason), as_json=as_json)


@app.command()
def reopen(suggestion_id: Id, as_json: AsJson = False) -> None:
    """Take a rejection or a snooze back."""
    with client() as waqtor:
        show(waqtor.suggestions.reopen(suggestion_id), as_json=as_json)


@app.command()
def label(
    trace_id: Trace,
    right: Annotated[bool, typer.Option("--right/--wrong", help="Whether the decision was right.")],
    rule_id: Annotated[str | None, typer.Option("--rule", help="The right rule; none: nothing should answer.")] = None,
    note: Annotated[str, typer.Option(help="Kept beside it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Judge a past decision: labelled traffic for eval, tune and suggestions."""
    with client() as waqtor:
        show(waqtor.suggestions.label(trace_id, right=right, rule_id=rule_id, note=note), as_json=as_json)


@app.command()
def unlabel(trace_id: Trace, as_json: AsJson = False) -> None:
    """Take a judgement back."""
    with client() as waqtor:
        show(waqtor.suggestions.unlabel(trace_id), as_json=as_json)


@app.command()
def labels(
    out: Annotated[Path | None, typer.Option("--out", help="Write JSON lines for waqtor eval and tune here.")] = None,
) -> None:
    """Print the judged messages as JSON lines: text, label (the right rule or null), lang."""
    lines: list[str] = []
    cursor = None
    with client() as waqtor:
        while True:
            page = waqtor.suggestions.labels(cursor=cursor, limit=200)
            for row in page:
                if row.text:
                    label = row.decided if row.right else row.rule_id
                    lines.append(
                        json.dumps({"text": row.text, "label": label, "lang": row.language}, ensure_ascii=False)
                    )
            cursor = page.next_cursor
            if cursor is None:
                break
    text = "\n".join(lines) + ("\n" if lines else "")
    if out is not None:
        out.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
