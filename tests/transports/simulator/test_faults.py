from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waqtor.errors import InvalidInput
from waqtor.transports.simulator.faults import CLEAN, KINDS, FaultScript, parse_fault

SECOND = 1_000_000


def hits(script: FaultScript, n: int, *, to: str = "1", now: int = 0, seed: int = 3) -> list[bool]:
    rng = random.Random(seed)
    return [script.on_send("default", to, "text", rng, now).fault is not None for _ in range(n)]


@given(st.floats(0, 1), st.integers(0, 30), st.one_of(st.none(), st.integers(0, 30)), st.integers(0, 2**32))
def test_after_and_times_bound_the_strikes(probability: float, after: int, times: int | None, seed: int) -> None:
    script = FaultScript()
    script.install([{"kind": "error", "probability": probability, "after": after, "times": times}], 0)
    struck = hits(script, 60, seed=seed)
    assert not any(struck[:after])
    assert sum(struck) <= (math.inf if times is None else times)
    if probability == 1:
        assert sum(struck) == min(60 - after, 60 if times is None else times)
    if probability == 0:
        assert not any(struck)


def test_faults_hold_within_their_interval_only() -> None:
    script = FaultScript()
    script.install([{"kind": "error", "from_s": 1, "to_s": 2}], 10 * SECOND)
    assert [hits(script, 1, now=10 * SECOND + at)[0] for at in (0, SECOND, 2 * SECOND - 1, 2 * SECOND)] == [
        False, True, True, False,
    ]  # fmt: skip


def test_matching_by_session_recipient_and_type() -> None:
    script, rng = FaultScript(), random.Random(1)
    script.install([{"kind": "error", "session": "a", "to": "1", "type": "text"}], 0)
    assert script.on_send("a", "1", "text", rng, 0).fault is not None
    for other in [("b", "1", "text"), ("a", "2", "text"), ("a", "1", "image")]:
        assert script.on_send(*other, rng, 0) is CLEAN


def test_latencies_add_up_and_the_first_verdict_wins() -> None:
    script = FaultScript()
    script.install(
        [
            {"kind": "latency", "delay": 1}, {"kind": "latency", "delay": 0.5},
            {"kind": "hang", "after": 1}, {"kind": "error", "code": 131056},
        ], 0,
    )  # fmt: skip
    rng = random.Random(1)
    first, second = (script.on_send("s", "1", "text", rng, 0) for _ in range(2))
    assert first.fault is not None
    assert (first.wait, first.fault.kind, first.fault.code) == (1.5, "error", "131056")
    assert second.fault is not None
    assert second.fault.kind == "hang"


def test_outage_is_an_interval_of_a_session() -> None:
    script = FaultScript()
    script.install([{"kind": "outage", "session": "a", "from_s": 1, "to_s": 2}], 0)
    assert [script.is_down("a", at * SECOND // 2) for at in range(5)] == [False, False, True, True, False]
    assert not script.is_down("b", SECOND)


def test_a_wrong_script_changes_nothing_and_append_extends() -> None:
    script = FaultScript()
    script.install([{"kind": "error"}], 0)
    with pytest.raises(InvalidInput):
        script.install([{"kind": "hang"}, {"kind": "nonsense"}], 0)
    assert [f.kind for f in script.faults] == ["error"]
    script.install([{"kind": "hang"}], 0, append=True)
    assert [f.kind for f in script.faults] == ["error", "hang"]
    script.install([], 0)
    assert hits(script, 3) == [False] * 3


@pytest.mark.parametrize(
    "raw",
    [
        None, [], "error", {}, {"kind": None}, {"kind": ["error"]}, {"kind": "error", "colour": 1},
        {"kind": "error", "probability": 1.5}, {"kind": "error", "probability": "1"}, {"kind": "error", "times": 1.5},
        {"kind": "error", "after": -1}, {"kind": "error", "code": None}, {"kind": "error", "to": 5},
        {"kind": "error", "from_s": float("nan")}, {"kind": "late", "lookup": "accepted"},
        {"kind": "late", "delay": -1}, {"kind": "reorder", "what": "nothing"}, {"kind": "error", "times": True},
    ],
)  # fmt: skip
def test_nonsense_is_refused(raw: object) -> None:
    with pytest.raises(InvalidInput):
        parse_fault(raw)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_can_be_written_with_its_name_alone(kind: str) -> None:
    assert parse_fault({"kind": kind}).kind == kind
