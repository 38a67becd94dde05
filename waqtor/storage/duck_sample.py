"""A sample traffic log for those who have none yet."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from waqtor.analytics.sample import sample_events
from waqtor.analytics.sample_campaign import campaign_events
from waqtor.contracts.events import Event
from waqtor.errors import Conflict
from waqtor.kernel.ports import Position
from waqtor.storage.duck_file import DuckFile

_BATCH = 1000


def write_sample(path: Path | str, messages: int = 2000, *, seed: int = 7) -> Path:
    """Write a log of invented traffic to a new file and return its path.

    Args:
        path: Must not exist yet.
        messages: Incoming messages; each makes about four events.
        seed: The same seed gives the same traffic.

    Raises:
        Conflict: There is a file already.
    """
    return _write(path, sample_events(messages, seed=seed))


def write_campaign_sample(path: Path | str, recipients: int = 2000, *, seed: int = 7) -> Path:
    """Write a log of one invented campaign to a new file and return its path.

    Args:
        path: Must not exist yet.
        recipients: People in its audience.
        seed: The same seed gives the same campaign.

    Raises:
        Conflict: There is a file already.
    """
    return _write(path, campaign_events(recipients, seed=seed))


def _write(path: Path | str, events: Iterator[Event]) -> Path:
    path = Path(path)
    if path.exists():
        raise Conflict(f"{path} exists already; a sample is only written to a new file.")
    file = DuckFile(path)
    file.open()
    try:
        file.start_at(Position("sample", 0))
        while batch := list(islice(events, _BATCH)):
            file.write(batch)
        while file.count():
            pass
    finally:
        file.close()
    return path
