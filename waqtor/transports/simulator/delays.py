"""Random delays, written as a number or a small object, drawn from the simulator's own random numbers."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any, Final, Literal

from waqtor.errors import InvalidInput

MAX_SECONDS: Final = 10 * 365 * 86400.0
"""Longest delay: ten years."""

Shape = Literal["constant", "uniform", "exponential", "lognormal"]


@dataclass(frozen=True, slots=True)
class Delay:
    """Seconds: ``constant`` a, ``uniform`` a…b, ``exponential`` of mean a, ``lognormal`` of median a and sigma b."""

    shape: Shape = "constant"
    a: float = 0.0
    b: float = 0.0

    @property
    def is_zero(self) -> bool:
        """Whether every draw is 0."""
        return self.a == 0.0 and (self.shape != "uniform" or self.b == 0.0)

    def draw(self, rng: random.Random) -> float:
        """One delay in seconds, at least 0."""
        if self.shape == "constant":
            return self.a
        if self.shape == "uniform":
            return rng.uniform(self.a, self.b)
        if self.shape == "exponential":
            return rng.expovariate(1.0 / self.a) if self.a else 0.0
        return rng.lognormvariate(math.log(self.a), self.b) if self.a else 0.0


ZERO = Delay()


def parse_delay(value: Any) -> Delay:
    """Read ``0.5``, ``{"uniform": [a, b]}``, ``{"exponential": mean}`` or ``{"lognormal": [median, sigma]}``.

    Raises:
        InvalidInput: If it is none of these, negative or not finite.
    """
    if isinstance(value, dict) and len(value) == 1:
        [(shape, numbers)] = value.items()
        if shape in ("constant", "exponential"):
            return Delay(shape, _seconds(numbers))
        if shape in ("uniform", "lognormal") and isinstance(numbers, list | tuple) and len(numbers) == 2:
            a, b = _seconds(numbers[0]), _seconds(numbers[1])
            if shape == "uniform" and b < a:
                raise InvalidInput("A uniform delay is [least, most].")
            return Delay(shape, a, b)
    elif not isinstance(value, dict):
        return Delay("constant", _seconds(value))
    raise InvalidInput(
        "A delay is a number of seconds, {'uniform': [a, b]}, {'exponential': mean} or {'lognormal': [median, sigma]}."
    )


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_SECONDS:
        raise InvalidInput(f"A delay is a number of seconds between 0 and {MAX_SECONDS:.0f}.")
    return float(value)
