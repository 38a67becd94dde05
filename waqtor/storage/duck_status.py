"""How the traffic log is doing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

LogState = Literal["starting", "running", "waiting", "halted", "stopped"]


@dataclass(frozen=True, slots=True)
class LogStatus:
    """How the log is doing.

    Attributes:
        state: ``waiting`` = the file cannot be used now and is tried again; ``halted`` = a person must look.
        reason: Why it is not running; empty when it is.
        path: The file.
        offset: Last journal offset in the file.
        lag: Journal offsets after that.
        events: Events written since start.
        flushes: Commits since start.
        last_flush: When, as ISO-8601; ``None`` before the first.
        gaps: Stretches found trimmed since start.
    """

    state: LogState
    reason: str
    path: str
    offset: int
    lag: int
    events: int
    flushes: int
    last_flush: str | None
    gaps: int

    @property
    def ok(self) -> bool:
        """Whether the log is being written."""
        return self.state == "running"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "ok": self.ok}
