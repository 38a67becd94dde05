from __future__ import annotations

from pathlib import Path
from typing import Any

from waqtor.transports.simulator.contacts import PROFILES, Habits
from waqtor.transports.simulator.faults import _FIELDS, KINDS

DOC = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")


async def test_every_operation_fault_and_profile_is_documented(bench: Any) -> None:
    names = {*bench.server.controls._operations, *KINDS, *_FIELDS, *PROFILES, *Habits.__slots__}
    missing = sorted(
        name for name in names if f"`{name}" not in DOC and f"{name}`" not in DOC and f" {name}" not in DOC
    )
    assert missing == []
