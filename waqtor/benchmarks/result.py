"""The shape of a measurement, and how it is printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any


def result(
    name: str, value: float, unit: str, *, peer: str = "", peer_value: float | None = None,
    floor: float | None = None, of: str = "value", **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """One measurement.

    Args:
        name: What was measured.
        value: How much.
        unit: Of what.
        peer: What it is compared with.
        peer_value: The peer's figure from the same run.
        floor: Least acceptable figure; decides ``ok``.
        of: Whether the floor is of the ``value`` or of the ``ratio``.
        more: Further figures.
    """
    ratio = round(value / peer_value, 3) if peer_value else None
    measured = ratio if of == "ratio" else value
    ok = floor is None or (measured is not None and measured >= floor)
    found: dict[str, Any] = {
        "name": name, "value": round(value, 3), "unit": unit, "peer": peer,
        "peer_value": round(peer_value, 3) if peer_value is not None else None, "ratio": ratio,
    }  # fmt: skip
    if floor is not None:
        found.update(floor=floor, floor_of=of)
    return {**found, **more, "ok": ok}


def show(results: Sequence[dict[str, Any]], *, as_json: bool) -> int:
    """Print the results (one object, or a list of them, with ``--json``); returns the exit code."""
    if as_json:
        found: Any = results[0] if len(results) == 1 else list(results)
        sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
    else:
        for item in results:
            line = f"{item['name']}: {item['value']:,} {item['unit']}"
            if item.get("peer_value") is not None:
                line += f"  ({item['peer']}: {item['peer_value']:,}; ratio {item['ratio']})"
            if "floor" in item:
                line += f"  floor {item['floor']} {'met' if item['ok'] else 'MISSED'}"
            extra = {k: v for k, v in item.items() if k not in _SHOWN}
            sys.stdout.write(line + (f"\n    {extra}" if extra else "") + "\n")
    return 0 if all(item.get("ok", True) for item in results) else 1


_SHOWN = frozenset({"name", "value", "unit", "peer", "peer_value", "ratio", "floor", "floor_of", "ok"})
