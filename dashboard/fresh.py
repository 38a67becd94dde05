"""What was read lately, at once: an older answer is shown while a newer one is fetched beside it.

Streamlit's own cache makes whoever comes first after its end wait. Pages that draw themselves every few seconds need
not: :func:`kept` answers what it has while it is not too old, and reads anew in a thread. Commands clear everything
(``st.cache_data.clear``), so that the next draw shows what they did.
"""

from __future__ import annotations

import functools
import logging
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, ParamSpec, TypeVar

import streamlit as st

_log = logging.getLogger("dashboard")
P = ParamSpec("P")
T = TypeVar("T")
_MOST = 64
_AT_ONCE = 4


@st.cache_resource(show_spinner=False, on_release=lambda threads: threads.shutdown(wait=False))
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_ONCE, "dashboard-read")


@st.cache_data(show_spinner=False)
def _generation() -> str:
    """Another one after every clearing of Streamlit's cache."""
    return secrets.token_hex(8)


class Kept(Generic[P, T]):
    """A function whose answers are kept, by its arguments; they are shared, so nobody may change them.

    Args:
        read: The function. It runs outside of any page's run and may use nothing of Streamlit.
        fresh: Seconds in which an answer is new enough.
        stale: Seconds in which it may still be shown while a newer one is read.
    """

    def __init__(self, read: Callable[P, T], fresh: float, stale: float) -> None:
        self._read = read
        self._fresh, self._stale = fresh, stale
        self._lock = threading.Lock()
        self._held: dict[Any, tuple[float, T]] = {}
        self._reading: set[Any] = set()
        functools.update_wrapper(self, read)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """The answer, read now when none is held that may be shown."""
        key = (_generation(), args, tuple(sorted(kwargs.items())))
        with self._lock:
            held = self._held.get(key)
        age = time.monotonic() - held[0] if held is not None else self._stale
        if held is None or age >= self._stale:
            return self._renew(key, *args, **kwargs)
        if age >= self._fresh:
            self._behind(key, *args, **kwargs)
        return held[1]

    def newest(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """The answer, read now unless one is held that is new enough."""
        key = (_generation(), args, tuple(sorted(kwargs.items())))
        with self._lock:
            held = self._held.get(key)
        if held is not None and time.monotonic() - held[0] < self._fresh:
            return held[1]
        return self._renew(key, *args, **kwargs)

    def ahead(self, *args: P.args, **kwargs: P.kwargs) -> Callable[[], T]:
        """Begin to read; what is returned waits for the answer."""
        key = (_generation(), args, tuple(sorted(kwargs.items())))
        with self._lock:
            held = self._held.get(key)
        if held is not None and time.monotonic() - held[0] < self._stale:
            return lambda: self(*args, **kwargs)
        return _threads().submit(self._renew, key, *args, **kwargs).result

    def _behind(self, key: Any, *args: P.args, **kwargs: P.kwargs) -> None:
        with self._lock:
            if key in self._reading:
                return
            self._reading.add(key)

        def read() -> None:
            try:
                self._renew(key, *args, **kwargs)
            except Exception as error:  # the older answer is shown to its end, and then whoever comes is told
                _log.info("%s could not be read: %s", self._read.__name__, type(error).__name__)
            finally:
                with self._lock:
                    self._reading.discard(key)

        _threads().submit(read)

    def _renew(self, key: Any, *args: P.args, **kwargs: P.kwargs) -> T:
        found = self._read(*args, **kwargs)
        with self._lock:
            self._held.pop(key, None)
            self._held[key] = (time.monotonic(), found)
            while len(self._held) > _MOST:
                del self._held[next(iter(self._held))]
        return found


def kept(fresh: float, stale: float) -> Callable[[Callable[P, T]], Kept[P, T]]:
    """Keep the answers of the decorated function; see :class:`Kept`."""
    return lambda read: Kept(read, fresh, stale)
