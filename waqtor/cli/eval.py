"""``waqtor eval`` and ``waqtor tune``: how good the rules are, and thresholds that keep a promise."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from waqtor.cli.rules import EncoderOption, JsonOption, _print, _quiet, _refuse, _settings
from waqtor.errors import InvalidInput, WaqtorError
from waqtor.settings import Settings

_err = Console(stderr=True, highlight=False, soft_wrap=True)
_out = Console(highlight=False, soft_wrap=True)

RulesOption = Annotated[Path | None, typer.Option("--rules", help="Rules folder; default: the setting rules_dir.")]
TargetOption = Annotated[
    float, typer.Option("--target-far", min=0.001, max=0.5, help="Most wrong replies per message.")
]
StrictOption = Annotated[
    bool, typer.Option("--strict", help="Limit the share of wrong ones among the replies, with 90 % confidence.")
]
ByRuleOption = Annotated[bool, typer.Option("--by-rule", help="Thresholds by rule too, where the data allow.")]
StrangersOption = Annotated[
    float | None,
    typer.Option(
        "--strangers",
        min=0.0,
        max=0.95,
        help="Share of out-of-scope messages to assume; default 0.5 (docs/evaluation.md).",
    ),
]


def evaluate_command(
    rules: RulesOption = None,
    train: Annotated[Path | None, typer.Option("--train", help="JSONL to learn from, instead of rules.")] = None,
    test: Annotated[Path | None, typer.Option("--test", help="JSONL to judge; default: cross-validation.")] = None,
    target_far: TargetOption = 0.05,
    strict: StrictOption = False,
    by_rule: ByRuleOption = False,
    strangers: StrangersOption = None,
    encoder: EncoderOption = None,
    gate: Annotated[
        Path | None, typer.Option("--gate", help="Earlier --json output; exit code 1 if worse beyond noise.")
    ] = None,
    keep: Annotated[Path | None, typer.Option("--keep", help="Folder to leave report and predictions in.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how good the bot is on labelled messages; thresholds are chosen without looking at them."""
    try:
        baseline = _baseline(gate)
        with _quiet():
            report = _evaluate(
                _settings(rules, encoder), train, test, _options(target_far, strict, by_rule, strangers), keep
            )
    except WaqtorError as error:
        _refuse(error, as_json)
        return
    worse: list[str] = []
    if baseline is not None:
        from waqtor.smartbot.evaluate import regressions

        worse = regressions(report, baseline)
        report["gate"] = {"ok": not worse, "regressions": worse}
    if as_json:
        _print(report)
    else:
        _show(report)
    for line in worse:
        _err.print(f"gate: {line}", markup=False)
    raise typer.Exit(1 if worse else 0)


def _options(target: float, strict: bool, by_rule: bool, strangers: float | None) -> Any:
    from waqtor.smartbot.evaluate import Options
    from waqtor.smartbot.thresholds import STRANGERS

    by = ("language", "rule") if by_rule else ("language",)
    return Options(target, strict, STRANGERS if strangers is None else strangers, by)


def _baseline(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path} is no report: {error}") from error
    if not isinstance(data, dict) or "accuracy" not in data:
        raise InvalidInput(f"{path} is no report of waqtor eval --json.")
    return data


def _log(text: str) -> None:
    _err.print(text, markup=False)


def _evaluate(
    settings: Settings, train: Path | None, test: Path | None, options: Any, keep: Path | None
) -> dict[str, Any]:
    from waqtor.smartbot.crossfit import Matcher
    from waqtor.smartbot.datasets import read_dataset
    from waqtor.smartbot.encoders import make_encoder
    from waqtor.smartbot.evaluate import cross_validate, evaluate

    dataset = read_dataset(settings.rules_dir, train, test, threshold=settings.bot_threshold)
    encoder = make_encoder(settings.encoder, settings.data_dir / "cache", settings.encoder_threads)
    matcher = Matcher(encoder, settings.data_dir / "cache" / "eval")
    if dataset.test is None:
        found = cross_validate(dataset.rules, matcher, options, _log)
    else:
        if dataset.unknown:
            labels = ", ".join(dataset.unknown[:5])
            _log(f"{len(dataset.unknown)} labels have no rule and count as out of scope: {labels} …")
        found = evaluate(dataset.rules, matcher, dataset.test, options, _log)
    report: dict[str, Any] = {
        "name": "eval",
        "train": str(train or settings.rules_dir),
        "test": str(test) if test is not None else None,
        "encoder": encoder.name,
        "examples": len(dataset.rules.examples),
        **found.report,
    }
    if keep is not None:
        _keep(keep, report, found)
    return report


def _keep(folder: Path, report: dict[str, Any], found: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    judged = found.judged
    with (folder / "predictions.jsonl").open("w", encoding="utf-8") as file:
        for i, text in enumerate(found.messages):
            row = {
                "text": text,
                "label": judged.label[i],
                "predicted": judged.rule[i] or None,
                "winner": judged.winner[i] or None,
                "confidence": round(float(judged.confidence[i]), 6),
                "score": round(float(judged.score[i]), 6),
                "answered": bool(found.columns.answered[i]),
                "right": bool(judged.right[i]),
                "lang": judged.language[i],
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


_MEANINGS = {
    "accuracy": "in scope: the best rule is the right one",
    "macro_f1": "the same, every rule counting alike",
    "auroc": "in scope scores above out of scope",
    "fpr95": "out of scope accepted where 95 % in scope are",
    "coverage": "messages answered",
    "false_reply_rate": "messages answered wrongly",
    "right_reply_rate": "messages answered rightly",
    "right_at_far": "rightly, at the best threshold for the target",
    "ece": "calibration error of the confidence",
}


def _show(report: dict[str, Any]) -> None:
    table = Table("figure", "value", "95 % interval", "what", box=None)
    for name, meaning in _MEANINGS.items():
        value, interval = report[name], report[f"{name}_ci"]
        shown = "–" if value is None else f"{value:.4f}"
        table.add_row(name, shown, "" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}", meaning)
    _out.print(table)
    _out.print(
        f"{report['n']} messages, {report['n_in_scope']} in scope; fitted in {report['fit_s']:.2f} s", markup=False
    )
    for name, part in report["languages"].items():
        shown = ", ".join(
            f"{key} {part[key]:.3f}" for key in ("accuracy", "coverage", "false_reply_rate") if part[key] is not None
        )
        _out.print(f"  {name}: {shown} ({part['n']} messages)", markup=False)
    _out.print(f"Threshold {report['threshold']}. {report['thresholds']['promise']}", markup=False)
    for pair in report["confusions"][:8]:
        _out.print(f"  {pair['n']} × {pair['label']} taken for {pair['predicted'] or 'nothing'}", markup=False)


def tune_command(
    rules: RulesOption = None,
    labelled: Annotated[
        Path | None,
        typer.Option("--labelled", help="JSONL of labelled traffic to choose on; default: the rules' own examples."),
    ] = None,
    target_far: TargetOption = 0.05,
    strict: StrictOption = False,
    by_rule: ByRuleOption = False,
    strangers: StrangersOption = None,
    encoder: EncoderOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the changes and write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Choose thresholds that keep wrong replies rare and write them into the rule files; comments stay."""
    options = _options(target_far, strict, by_rule, strangers)
    try:
        with _quiet():
            thresholds, before, after, kept, write = _tune(_settings(rules, encoder), labelled, options)
            if not dry_run:
                write()
    except WaqtorError as error:
        _refuse(error, as_json)
        return
    made = thresholds.overall.threshold is not None
    if as_json:
        _print(
            {
                "ok": made,
                "written": [] if dry_run else sorted(after),
                "changes": sorted(after),
                "kept_by_hand": kept,
                **thresholds.as_dict(),
            }
        )
    else:
        if dry_run:
            for name, text in after.items():
                lines = difflib.unified_diff(before[name].splitlines(), text.splitlines(), name, name, lineterm="")
                _out.print("\n".join(lines), markup=False)
        for name, choice in {"all": thresholds.overall, **thresholds.languages, **thresholds.rules}.items():
            _out.print(f"{name}: {choice.threshold if choice.threshold is not None else choice.note}", markup=False)
        _out.print(thresholds.promise(), markup=False)
        if kept:
            _err.print(f"{len(kept)} rules keep their own threshold: {', '.join(kept[:8])}", markup=False)
    raise typer.Exit(0 if made else 1)


def _tune(
    settings: Settings, labelled: Path | None, options: Any
) -> tuple[Any, dict[str, str], dict[str, str], list[str], Callable[[], None]]:
    from waqtor.smartbot.crossfit import Matcher, crossfit
    from waqtor.smartbot.datasets import read_dataset
    from waqtor.smartbot.encoders import make_encoder
    from waqtor.smartbot.evaluate import traffic
    from waqtor.smartbot.rules_edit import write_atomically
    from waqtor.smartbot.samples import read_samples
    from waqtor.smartbot.thresholds import choose_thresholds
    from waqtor.smartbot.tuning import kept_by_hand, tuned_files

    dataset = read_dataset(settings.rules_dir, threshold=settings.bot_threshold)
    compiled, loaded = dataset.rules, dataset.loaded
    encoder = make_encoder(settings.encoder, settings.data_dir / "cache", settings.encoder_threads)
    matcher = Matcher(encoder, settings.data_dir / "cache" / "eval")
    if labelled is None:
        thresholds = options.choose(crossfit(compiled, matcher, progress=_log))
    else:
        judged = traffic(compiled, matcher, read_samples(labelled))
        thresholds = choose_thresholds(judged, options.target, strict=options.strict, strangers=None, by=options.by)
    after = tuned_files(loaded.files, loaded.texts, thresholds)

    def write() -> None:
        for name, text in after.items():
            write_atomically(settings.rules_dir / name, text)

    return thresholds, loaded.texts, after, kept_by_hand(loaded.files, thresholds), write
