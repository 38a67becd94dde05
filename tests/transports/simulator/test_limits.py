from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waqtor.errors import InvalidInput
from waqtor.transports.simulator.limits import Limits

SECOND = 1_000_000
TEXT = {"type": "text", "body": "x"}


def test_no_limit_but_the_length_of_a_text_by_default() -> None:
    limits = Limits()
    assert all(limits.check("s", "1", TEXT, 0, None) is None for _ in range(1000))
    refused = limits.check("s", "1", {"type": "text", "body": "ي" * 4097}, 0, None)
    assert refused is not None
    assert refused.code == "100"
    assert limits.check("s", "1", {"type": "text", "body": "😀" * 4096}, 0, None) is None


@given(st.lists(st.floats(0, 3), min_size=1, max_size=80))
def test_never_more_than_rate_and_burst_allow(gaps: list[float]) -> None:
    limits, now, passed = Limits(rate=5.0), 0.0, 0
    for gap in gaps:
        now += gap
        refusal = limits.check("s", "1", TEXT, round(now * SECOND), None)
        if refusal is None:
            passed += 1
        else:
            assert refusal.code == "130429"
            assert refusal.retry_after is not None
            assert 0 < refusal.retry_after <= 0.2 + 1e-6
    assert passed <= 5 + 5 * (sum(gaps) - 0) + 1e-6


def test_waiting_as_told_is_enough() -> None:
    limits = Limits(pair_interval_s=6.0, pair_burst=45)
    assert all(limits.check("s", "1", TEXT, 0, None) is None for _ in range(45))
    refusal = limits.check("s", "1", TEXT, 0, None)
    assert refusal is not None
    assert (refusal.code, refusal.retry_after) == ("131056", pytest.approx(6.0))
    assert limits.check("s", "2", TEXT, 0, None) is None
    assert limits.check("s", "1", TEXT, 6 * SECOND, None) is None
    assert limits.check("s", "1", TEXT, 6 * SECOND, None) is not None


def test_the_window_opens_with_an_inbound_message_and_templates_pass() -> None:
    limits = Limits(window_s=86400)
    closed = limits.check("s", "1", TEXT, 0, None)
    assert closed is not None
    assert closed.code == "131047"
    assert limits.check("s", "1", {"type": "template"}, 0, None) is None
    assert limits.check("s", "1", TEXT, 86_400 * SECOND, 0) is None
    assert limits.check("s", "1", TEXT, 86_400 * SECOND + 1, 0) is not None


@pytest.mark.parametrize(
    "raw", [None, [], {"speed": 1}, {"rate": "1"}, {"rate": -1}, {"rate": True}, {"pair_burst": 0}, {"max_text": 1.5},
            {"rate": float("inf")}]
)  # fmt: skip
def test_nonsense_is_refused_and_changes_nothing(raw: object) -> None:
    limits = Limits()
    with pytest.raises(InvalidInput):
        limits.configure(raw)
    assert limits == Limits()
