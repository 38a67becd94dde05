"""What there is to learn from and to judge: a rules folder or labelled training rows, and labelled test messages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from waqtor.smartbot.compiler import refuse
from waqtor.smartbot.rules_check import check
from waqtor.smartbot.rules_io import Loaded, load_folder
from waqtor.smartbot.ruleset import RuleSet, compile_rules
from waqtor.smartbot.samples import Sample, loaded_of, read_samples, rule_ids, rules_of


@dataclass(frozen=True, slots=True)
class Dataset:
    """A rule set and messages to judge it on.

    Attributes:
        rules: Compiled rules, not fitted.
        loaded: The rules as they were read, with the texts of their files.
        test: Labelled messages whose labels are rule ids; ``None``: cross-validate the rules' examples.
        unknown: Labels of test messages that no rule has; such messages count as out of scope.
    """

    rules: RuleSet
    loaded: Loaded
    test: list[Sample] | None = None
    unknown: tuple[str, ...] = ()


def read_dataset(
    rules_dir: Path, train: Path | None = None, test: Path | None = None, *, threshold: float = 0.6
) -> Dataset:
    """Read a data set.

    Args:
        rules_dir: Rules folder; not looked at when ``train`` is given.
        train: JSONL of labelled messages, each label of which makes a rule (:mod:`waqtor.smartbot.samples`).
        test: JSONL of labelled messages to judge; labels are those of ``train``, or rule ids.
        threshold: Least confidence where neither rule nor file names one.

    Raises:
        WaqtorError: A file cannot be read, or the rules have faults.
    """
    names: dict[str, str] = {}
    if train is not None:
        rows = read_samples(train)
        names = rule_ids(row.label for row in rows if row.label is not None)
        loaded = loaded_of(rules_of(rows, names))
    else:
        loaded = check(load_folder(rules_dir))
        refuse(loaded)
    rules = compile_rules(loaded, threshold)
    if test is None:
        return Dataset(rules, loaded)
    samples = [Sample(s.text, _rule_of(s.label, names), s.lang) for s in read_samples(test)]
    unknown = sorted({s.label for s in samples if s.label is not None and s.label not in rules.rules})
    return Dataset(rules, loaded, samples, tuple(unknown))


def _rule_of(label: str | None, names: dict[str, str]) -> str | None:
    return label if label is None else names.get(label, label)
