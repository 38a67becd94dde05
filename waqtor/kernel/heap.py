"""The garbage collector, set for a process that loads a lot once and then runs for weeks."""

from __future__ import annotations

import gc

_YOUNG, _MIDDLE, _OLD = 20_000, 20, 50


def settle() -> None:
    """Leave what the start has loaded out of every later collection, and look less often at the rest.

    Nearly all objects here die by reference count; with the default thresholds (700 objects) the collector went
    through thousands of waiting events and deliveries again and again: a quarter of the time of a webhook delivery
    (``waqtor bench webhooks``). Call it once, when everything has started.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
