from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waqtor.errors import InvalidInput
from waqtor.transports.simulator.delays import parse_delay

seconds = st.floats(0, 1000)


@given(
    st.one_of(
        seconds,
        st.builds(lambda a: {"constant": a}, seconds),
        st.builds(lambda a: {"exponential": a}, seconds),
        st.builds(lambda a, b: {"uniform": [min(a, b), max(a, b)]}, seconds, seconds),
        st.builds(lambda a, b: {"lognormal": [a, b]}, seconds, st.floats(0, 3)),
    ),
    st.integers(0, 2**32),
)
def test_every_delay_is_repeatable_and_never_negative(raw: object, seed: int) -> None:
    delay = parse_delay(raw)
    draws = [delay.draw(random.Random(seed)) for _ in range(3)]
    assert draws[0] >= 0
    assert len(set(draws)) == 1
    assert not delay.is_zero or draws[0] == 0


def test_shapes_have_their_means() -> None:
    rng = random.Random(7)
    for raw, mean in [({"uniform": [1, 3]}, 2), ({"exponential": 2}, 2), ({"lognormal": [2, 0.01]}, 2), (2, 2)]:
        delay = parse_delay(raw)
        assert sum(delay.draw(rng) for _ in range(4000)) / 4000 == pytest.approx(mean, rel=0.1)


@pytest.mark.parametrize(
    "raw",
    [-1, float("nan"), float("inf"), True, "1", None, [], {}, {"uniform": [2, 1]}, {"uniform": 1}, {"gauss": 1},
     {"constant": 1, "uniform": [1, 2]}, {"uniform": ["a", "b"]}, {"lognormal": [1]}],
)  # fmt: skip
def test_nonsense_is_refused(raw: object) -> None:
    with pytest.raises(InvalidInput):
        parse_delay(raw)
