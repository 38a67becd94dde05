# ruff: noqa: PT028 — test_command is a command
"""``waqtor rules check|test|format|schema|import`` and ``waqtor test``: rules without an engine running."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
from rich.console import Console
from rich.table import Table

from waqtor.contracts.views import Trace
from waqtor.errors import InvalidInput, RuleFileError, WaqtorError
from waqtor.settings import Settings

app = typer.Typer(help="Check, test and format the YAML rules.", no_args_is_help=True)

Folder = Annotated[Path | None, typer.Argument(help="Rules folder; default: the setting rules_dir.")]
EncoderOption = Annotated[
    str | None, typer.Option("--encoder", help="minilm, mpnet, hashing or a model; default: the setting.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]

_err = Console(stderr=True, highlight=False, soft_wrap=True)
_out = Console(highlight=False, soft_wrap=True)


def _settings(folder: Path | None, encoder: str | None, data_dir: Path | None = None) -> Settings:
    settings = Settings()
    changes: dict[str, Any] = {}
    if folder is not None:
        changes["rules_dir"] = folder
    if encoder is not None:
        changes["encoder"] = encoder
    if data_dir is not None:
        changes["data_dir"] = data_dir
    return settings.model_copy(update=changes)


def _print(data: Any) -> None:
    sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2) + "\n")


@app.command("check")
def check_command(
    folder: Folder = None,
    near: Annotated[bool, typer.Option(help="Also warn of nearly equal examples in two rules.")] = True,
    strict: Annotated[bool, typer.Option("--strict", help="Treat warnings as errors.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check every rule file; each fault is printed as file:line:column. Exit code 1 when there is one."""
    from waqtor.smartbot.rules_check import check
    from waqtor.smartbot.rules_io import issue_details, load_folder

    root = _settings(folder, None).rules_dir
    loaded = check(load_folder(root), near=near)
    failed = bool(loaded.errors or (strict and loaded.warnings))
    if as_json:
        issues = issue_details([*loaded.errors, *loaded.warnings])
        _print({"ok": not failed, "revision": loaded.revision, "rules": len(loaded.rules), "issues": issues})
    else:
        for issue in (*loaded.errors, *loaded.warnings):
            _out.print(f"{root / issue.file if issue.file != str(root) else root}:{_rest(issue)}", markup=False)
        _err.print(
            f"{len(loaded.rules)} rules and {len(loaded.cases)} tests in {len(loaded.texts)} files: "
            f"{len(loaded.errors)} errors, {len(loaded.warnings)} warnings; revision {loaded.revision}"
        )
    raise typer.Exit(1 if failed else 0)


def _rest(issue: Any) -> str:
    kind = "warning: " if issue.warning else ""
    return f"{issue.line}:{issue.column}: {kind}{issue.message}"


@app.command("test")
def run_tests_command(folder: Folder = None, encoder: EncoderOption = None, as_json: JsonOption = False) -> None:
    """Run the *.tests.yaml cases through the bot. Exit code 1 when one is wrong."""
    settings = _settings(folder, encoder)
    try:
        with _quiet():
            summary, failures = asyncio.run(_run_tests(settings))
    except WaqtorError as error:
        _refuse(error, as_json)
        return
    if as_json:
        _print({**summary, "failures": failures})
    else:
        for failure in failures:
            _out.print(failure["text"], markup=False)
        by = ", ".join(f"{name} {count}" for name, count in summary["decisions"].items())
        _err.print(
            f"{summary['passed']} of {summary['total']} tests pass with {summary['encoder']} "
            f"in {summary['seconds']:g} s ({by})"
        )
    raise typer.Exit(1 if failures else 0)


@contextmanager
def _quiet() -> Iterator[None]:
    """Only warnings, and on stderr: stdout is the answer."""
    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(30),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.configure(**before)


async def _run_tests(settings: Settings) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    from waqtor.smartbot.rule_tests import run_cases
    from waqtor.smartbot.service import BotService

    service = BotService(settings)
    try:
        await service.start(watch=False)
        if not service.status()["revision"]:
            await service.rebuild()
        began = time.perf_counter()
        results = await run_cases(service.cases(), service.test)
    finally:
        await service.stop()
    failures = [
        {
            "file": r.case.file,
            "line": r.case.line,
            "say": r.case.case.say,
            "fault": r.fault,
            "text": f"{settings.rules_dir}/{r}",
        }
        for r in results
        if r.fault
    ]
    summary = {
        "ok": not failures,
        "total": len(results),
        "passed": len(results) - len(failures),
        "encoder": service.status()["encoder"],
        "revision": service.revision,
        "seconds": round(time.perf_counter() - began, 2),
        "decisions": dict(sorted(Counter(r.trace.decision for r in results).items())),
    }
    return summary, failures


def _refuse(error: WaqtorError, as_json: bool) -> None:
    if as_json:
        _print({"ok": False, "error": {"code": error.code, "message": error.message, "details": error.details}})
    elif isinstance(error, RuleFileError):
        for issue in error.details.get("issues", ()):
            _out.print(
                f"{issue.get('file')}:{issue.get('line')}:{issue.get('column')}: {issue['message']}", markup=False
            )
    else:
        _err.print(error.message, markup=False)
    raise typer.Exit(1)


@app.command("format")
def format_command(
    folder: Folder = None,
    only_check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 1 if something would.")
    ] = False,
) -> None:
    """Write the rule files in their canonical form; comments stay."""
    from waqtor.smartbot.rules_edit import format_text, write_atomically
    from waqtor.smartbot.rules_io import read_texts

    root = _settings(folder, None).rules_dir
    texts, issues = read_texts(root)
    changed: list[str] = []
    broken = [str(issue) for issue in issues]
    for name, text in texts.items():
        try:
            formatted = format_text(text)
        except ValueError as error:
            broken.append(f"{name}:1:1: {error}")
            continue
        if formatted != text:
            changed.append(name)
            if not only_check:
                write_atomically(root / name, formatted)
    for line in (*broken, *(f"{name}: {'would be changed' if only_check else 'formatted'}" for name in changed)):
        _out.print(line, markup=False)
    raise typer.Exit(1 if broken or (only_check and changed) else 0)


@app.command("schema")
def schema_command(
    folder: Folder = None,
    only_check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 1 if it is out of date.")
    ] = False,
) -> None:
    """Write rules.schema.json, with which editors complete and check rule files."""
    from waqtor.smartbot.rules_edit import write_atomically
    from waqtor.smartbot.rules_schema import SCHEMA_FILE, schema_text

    path = _settings(folder, None).rules_dir / SCHEMA_FILE
    current = path.read_text(encoding="utf-8") if path.exists() else ""
    stale = current != schema_text()
    if stale and not only_check:
        write_atomically(path, schema_text())
    _out.print(
        f"{path}: {'out of date' if stale and only_check else 'written' if stale else 'up to date'}", markup=False
    )
    raise typer.Exit(1 if stale and only_check else 0)


@app.command("import")
def import_command(
    source: Annotated[Path, typer.Argument(help="JSONL, CSV, Rasa NLU YAML, or JSON with phrases and replies.")],
    folder: Annotated[Path | None, typer.Option("--rules", help="Rules folder; default: the setting.")] = None,
    kind: Annotated[str, typer.Option("--format", help="auto, jsonl, csv, rasa or json.")] = "auto",
    name: Annotated[str | None, typer.Option("--file", help="File to write; default: imported_<source>.yaml.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a rule file from what another tool keeps; ids and examples that other files hold are refused."""
    from waqtor.smartbot.rules_check import check
    from waqtor.smartbot.rules_edit import write_atomically
    from waqtor.smartbot.rules_import import import_rules, rules_text
    from waqtor.smartbot.rules_io import issue_details, load_texts, read_texts

    root = _settings(folder, None).rules_dir
    try:
        if kind not in ("auto", "jsonl", "csv", "rasa", "json"):
            raise InvalidInput(f"--format {kind}: auto, jsonl, csv, rasa or json.")
        target = name or f"imported_{re.sub(r'[^a-z0-9]+', '_', source.stem.lower()).strip('_') or 'rules'}.yaml"
        if Path(target).name != target or not target.endswith((".yaml", ".yml")):
            raise InvalidInput(f"--file {target}: a plain name that ends in .yaml.")
        if (root / target).exists() and not force:
            raise InvalidInput(f"{root / target} is there already; give --force or another --file.")
        imported = import_rules(source, kind)  # type: ignore[arg-type]
        rules, doubled = imported.rules, imported.doubled
        text = rules_text(rules, source.name)
        present = read_texts(root)[0] if root.is_dir() else {}
        # Checked beside the rules that are there: one message of two rules would keep the whole set from serving.
        whole = check(load_texts({**present, target: text}), near=False)
        issues = [i for i in whole.errors if i.file == target or target in i.message]
        if issues:
            raise RuleFileError(f"{issues[0]}", issues=issue_details(issues[:50]))
    except WaqtorError as error:
        _refuse(error, as_json)
        return
    write_atomically(root / target, text)
    examples = sum(len(phrases) for rule in rules for phrases in rule.examples.values())
    if as_json:
        told = {"file": str(root / target), "rules": len(rules), "examples": examples, "doubled": list(doubled)}
        _print({"ok": True, **told})
    else:
        _err.print(f"{root / target}: {len(rules)} rules with {examples} examples", markup=False)
        if doubled:
            shown = "; ".join(f"“{phrase[:60]}”" for phrase in doubled[:5])
            _err.print(f"{len(doubled)} stood under another label too and stay with the first: {shown}", markup=False)


def test_command(
    text: Annotated[str, typer.Argument(help="What a customer writes.")],
    folder: Annotated[Path | None, typer.Option("--rules", help="Rules folder; default: the setting.")] = None,
    encoder: EncoderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what the bot would answer and why; nothing is sent and no engine is needed."""
    try:
        with _quiet():
            trace = asyncio.run(_try(text, _settings(folder, encoder)))
    except WaqtorError as error:
        _refuse(error, as_json)
        return
    if as_json:
        _print(trace.model_dump(mode="json"))
        return
    _show(trace)


async def _try(text: str, settings: Settings) -> Trace:
    from waqtor.smartbot.service import BotService

    service = BotService(settings)
    try:
        await service.start(watch=False)
        if not service.status()["revision"]:
            await service.rebuild()
        return await service.test(text)
    finally:
        await service.stop()


def _show(trace: Trace) -> None:
    _out.print(f"{trace.decision}: {trace.reason}", markup=False)
    for part in trace.replies:
        _out.print(f"→ {part.text}", markup=False)
    steps = Table("step", "ms", "what", box=None)
    for step in trace.steps:
        steps.add_row(step.step, f"{step.ms:.2f}", step.summary)
    _out.print(steps, markup=False)
    for candidate in trace.candidates[:3]:
        _out.print(f"  {candidate.confidence:.2f}  {candidate.rule_id}", markup=False)


test_command.__test__ = False  # type: ignore[attr-defined]
