"""What the kernel needs from storage: the journal and the cursors of its readers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from waqtor.contracts.events import Event


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the journal: the epoch of the store and an offset in it."""

    epoch: str
    offset: int


class Journal(Protocol):
    """The durable, ordered record of everything that happened. Offset order is commit order."""

    @property
    def epoch(self) -> str:
        """Random id of this store's history; changed by a restore."""
        ...

    @property
    def head(self) -> int:
        """Offset of the newest committed event (0 when empty)."""
        ...

    async def first(self) -> int:
        """Offset of the oldest event still held (0 when empty)."""
        ...

    async def append(self, events: Sequence[Event]) -> None:
        """Append durably; sets each event's ``offset`` (0 for a refused duplicate ``dedup_key``)."""
        ...

    async def read(self, after: int, limit: int) -> list[Event]:
        """Return up to ``limit`` events with ``offset > after`` in order, payloads attached."""
        ...

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` on the event loop after every commit; returns the way to stop that."""
        ...


class Cursors(Protocol):
    """How far each reader has got."""

    async def load(self, reader: str) -> Position | None:
        """Return the reader's position, or ``None`` when it never ran."""
        ...

    async def save(self, reader: str, position: Position) -> None:
        """Store the reader's position durably."""
        ...

    async def set_aside(self, reader: str, event: Event, attempts: int, error: str) -> None:
        """Keep an event that the reader could not handle (dead letter), and journal that."""
        ...


class Erasable(Protocol):
    """Something that holds personal data and can forget a contact."""

    async def erase(self, contact: str) -> int:
        """Forget everything of the contact (canonical address); returns how many things were erased."""
        ...
