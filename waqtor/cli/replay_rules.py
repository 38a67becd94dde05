"""``waqtor replay-rules``: what changed rules would have answered to the messages of the last days."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from waqtor.cli.rules import EncoderOption, JsonOption, _quiet, _refuse, _settings
from waqtor.errors import InvalidInput, WaqtorError
from waqtor.settings import Settings

_err = Console(stderr=True, highlight=False, soft_wrap=True)
_SPAN = re.compile(r"(\d+(?:\.\d+)?)([mhdw])")
_MINUTES = {"m": 1.0, "h": 60.0, "d": 1440.0, "w": 10_080.0}


def replay_rules(
    against: Annotated[str, typer.Option("--against", help="The rules before: a git revision, or a folder.")],
    rules: Annotated[Path | None, typer.Option("--rules", help="The changed rules; default: the setting.")] = None,
    since: Annotated[str, typer.Option(help="How far to look back: 30m, 12h, 7d, 4w.")] = "7d",
    messages: Annotated[
        Path | None, typer.Option("--messages", help='JSON lines with "text" instead of the traffic log.')
    ] = None,
    only: Annotated[str, typer.Option(help="Of: gained, lost, different.")] = "gained,lost,different",
    export: Annotated[Path | None, typer.Option(help="Write the changes as JSON lines here.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Print at most so many changes.")] = 50,
    fail_on: Annotated[
        str, typer.Option("--fail-on", help="Exit code 1 when there is one of: gained, lost, different; empty: never.")
    ] = "lost,different",
    encoder: EncoderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run recorded messages through the rules before and after a change, and list the answers that would change."""
    try:
        with _quiet():
            found, total, seconds = _replay(_settings(rules, encoder), against, since, messages)
    except WaqtorError as error:
        _refuse(error, as_json)
        return
    wanted = {name.strip() for name in only.split(",")}
    shown = [c for c in found if c.kind in wanted]
    if export is not None:
        with export.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(c.as_dict(), ensure_ascii=False) + "\n" for c in shown)
    counts = dict(Counter(c.kind for c in found))
    if as_json:
        report: dict[str, Any] = {
            "name": "replay-rules",
            "messages": total,
            "seconds": round(seconds, 2),
            "changes": counts,
            "shown": [c.as_dict() for c in shown[:limit]],
        }
        sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
    else:
        for c in shown[:limit]:
            was, now = (f"{x['rule_id'] or 'silence'} ({x['confidence']:.2f})" for x in (c.before, c.after))
            typer.echo(f"{c.kind:<9} {was} → {now}: {c.text[:100]}")
        parts = ", ".join(f"{counts.get(kind, 0)} {kind}" for kind in ("gained", "lost", "different"))
        _err.print(f"{total} messages in {seconds:.1f} s: {parts}", markup=False)
    raise typer.Exit(1 if any(counts.get(name.strip()) for name in fail_on.split(",")) else 0)


def _replay(settings: Settings, against: str, since: str, messages: Path | None) -> tuple[list[Any], int, float]:
    from waqtor.smartbot.compiler import RuleCompiler
    from waqtor.smartbot.encoders import make_encoder
    from waqtor.smartbot.render import Shop
    from waqtor.smartbot.rules_check import check
    from waqtor.smartbot.rules_git import texts_at
    from waqtor.smartbot.rules_io import load_folder, load_texts
    from waqtor.smartbot.rules_replay import RuleReplay
    from waqtor.smartbot.traffic_vectors import TrafficVectors

    past = _from_file(messages) if messages is not None else _from_log(minutes_of(since))
    cache = settings.data_dir / "cache"
    encoder = make_encoder(settings.encoder, cache)
    compiler = RuleCompiler(settings.rules_dir, encoder, cache / "trial", settings.bot_threshold)
    folder = Path(against)
    before = load_folder(folder) if folder.is_dir() else load_texts(texts_at(settings.rules_dir, against))
    old, new = compiler.build(check(before, near=False)), compiler.build(compiler.read())
    began = time.perf_counter()
    with TrafficVectors(cache / "traffic", encoder) as vectors:
        replay = RuleReplay(encoder, vectors, Shop(settings.shop_name, settings.timezone), settings.bot_margin)
        found = asyncio.run(replay.changes(past, old, new))
    return found, len(past), time.perf_counter() - began


def minutes_of(span: str) -> float:
    """Return the minutes of a span such as 30m, 12h, 7d or 4w.

    Raises:
        InvalidInput: It is none.
    """
    match = _SPAN.fullmatch(span.strip())
    if match is None:
        raise InvalidInput(f"--since {span}: a number with m, h, d or w, as in 7d.")
    return float(match[1]) * _MINUTES[match[2]]


def _from_file(path: Path) -> list[Any]:
    from waqtor.smartbot.rules_replay import Past
    from waqtor.smartbot.samples import read_samples

    return [Past(str(i), sample.text) for i, sample in enumerate(read_samples(path), 1)]


def _from_log(minutes: float) -> list[Any]:
    """Messages of the traffic log, page by page: through the sidecar when it runs, else from the file."""
    from waqtor.storage.connect import connect
    from waqtor.storage.past_messages import NEXT, PAGE, past_of

    since = int(time.time() * 1_000_000 - minutes * 60_000_000)
    found: list[Any] = []
    last = -1
    with connect() as log:
        while True:
            rows = log.arrow(NEXT, [since, last, PAGE]).to_pylist()
            found += past_of(rows)
            if len(rows) < PAGE:
                return found
            last = rows[-1]["journal_offset"]
