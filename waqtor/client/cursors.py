"""Where a client had got to in the journal, kept in memory or in a file."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from waqtor.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Place:
    """The last event that was handled: the epoch of the journal and the offset in it."""

    epoch: str
    offset: int


class Cursor(Protocol):
    """Remembers a place."""

    def load(self) -> Place | None:
        """The place, or ``None`` at the very first start."""
        ...

    def save(self, place: Place) -> None:
        """Remember the place."""
        ...


class MemoryCursor:
    """Lasts as long as the process: reconnects lose nothing, a restart starts with what is new."""

    def __init__(self) -> None:
        self._place: Place | None = None

    def load(self) -> Place | None:
        """The place, or ``None``."""
        return self._place

    def save(self, place: Place) -> None:
        """Remember the place."""
        self._place = place


class FileCursor:
    """Lasts over restarts. The file is replaced atomically after each handled event.

    Args:
        path: The file; one per bot.
        fsync: Also survive a power cut, at a millisecond or so per event. Without it a killed process loses
            nothing; after a power cut the last events may come again.
    """

    def __init__(self, path: str | Path, *, fsync: bool = False) -> None:
        self._path = Path(path)
        self._fsync = fsync

    def load(self) -> Place | None:
        """The place, or ``None`` when there is no file yet.

        Raises:
            ConfigurationError: The file holds something else; it is left as it is.
        """
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
            epoch, offset = data["epoch"], data["offset"]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(f"{self._path} is not a cursor file; move it away to start afresh.") from error
        if not isinstance(epoch, str) or not isinstance(offset, int) or offset < 0:
            raise ConfigurationError(f"{self._path} is not a cursor file; move it away to start afresh.")
        return Place(epoch, offset)

    def save(self, place: Place) -> None:
        """Remember the place."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}.tmp")
        try:
            with fresh.open("w", encoding="utf-8") as file:
                json.dump({"epoch": place.epoch, "offset": place.offset}, file)
                if self._fsync:
                    file.flush()
                    os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                fresh.unlink()
            raise
