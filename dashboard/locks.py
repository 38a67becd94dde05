"""Pages behind an access code: which are locked, and who has given the code on this visit.

The dashboard holds the key to the sidecar, and visitors act through it alone: so it is here that a page is kept shut.
"""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable
from typing import Final

import streamlit as st

from waqtor.settings import Settings

PAGES: Final[dict[str, tuple[str, ...]]] = {
    "campaigns": ("campaigns",),
    "messages": ("messages",),
    "smartbot": ("bench", "rules", "suggestions", "history"),
    "reports": ("campaign_report", "analytics"),
    "interactive": ("interactive",),
}
"""The pages of each lockable part."""
TRIES: Final = 5
WAIT_S: Final = 30.0


class Lock:
    """The access code, and a brake on guessing that all visitors share.

    Args:
        parts: What is locked; empty: nothing.
        code: The access code.
        clock: Monotonic seconds.
    """

    def __init__(self, parts: tuple[str, ...], code: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.pages = frozenset(page for part in parts for page in PAGES[part])
        self._code = code
        self._clock = clock
        self._guard = threading.Lock()
        self._wrong = 0
        self._until = 0.0

    def wait(self) -> float:
        """Seconds until the next attempt is heard."""
        with self._guard:
            return max(0.0, self._until - self._clock())

    def opens(self, given: str) -> bool:
        """Whether ``given`` is the code; after five wrong ones nothing is heard for half a minute."""
        with self._guard:
            if self._clock() < self._until:
                return False
            right = hmac.compare_digest(given.strip().encode("utf-8", "replace"), self._code.encode("utf-8"))
            self._wrong = 0 if right else self._wrong + 1
            if self._wrong >= TRIES:
                self._wrong, self._until = 0, self._clock() + WAIT_S
            return right


@st.cache_resource(show_spinner=False)
def lock() -> Lock:
    """The lock of this process, from the settings."""
    settings = Settings()
    code = settings.access_code.get_secret_value().strip() if settings.access_code else ""
    return Lock(settings.locked_pages, code)


def shut(page: str) -> bool:
    """Whether ``page`` is locked for this visit."""
    return page in lock().pages and not st.session_state.get("unlocked")


def enter(given: str) -> bool:
    """Try the code; the right one opens all pages for this visit."""
    if lock().opens(given):
        st.session_state["unlocked"] = True
        return True
    return False
