"""The composition root: settings → adapters → features → :class:`Engine`. Nothing else wires parts together."""

from __future__ import annotations

from waqtor.bootstrap.engine import Engine

__all__ = ["Engine"]
