"""Parts of a large fit side by side, on threads that give way to those which serve."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Found = TypeVar("Found")

THREADS = 2
ALONE_BELOW = 3000
"""Examples below which one thread is fast enough; the other cores are left to the messages."""
_NICENESS = 10


def side_by_side(works: Sequence[Callable[[], Found]], examples: int) -> list[Found]:
    """Return what each work returns, in order.

    Args:
        works: Spend their time outside of the interpreter, in matrix products.
        examples: Size of the fit.
    """
    if examples < ALONE_BELOW or len(works) < 2 or (os.cpu_count() or 1) < 2:
        return [work() for work in works]
    with ThreadPoolExecutor(THREADS, thread_name_prefix="fit", initializer=_give_way) as pool:
        return list(pool.map(lambda work: work(), works))


def _give_way() -> None:
    """Lower the priority of this thread alone, which Linux can."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
