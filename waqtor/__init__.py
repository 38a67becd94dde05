"""WaQtor: a WhatsApp bot workbench. The public names, resolved lazily so that importing stays fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_WHERE = {
    "WaqtorClient": "waqtor.client",
    "AsyncWaqtorClient": "waqtor.client",
    "WaqtorError": "waqtor.errors",
    "connect": "waqtor.storage.connect",
    "hookimpl": "waqtor.kernel.hooks",
}

__all__ = ["AsyncWaqtorClient", "WaqtorClient", "WaqtorError", "__version__", "connect", "hookimpl"]

if TYPE_CHECKING:
    from waqtor.client import AsyncWaqtorClient, WaqtorClient
    from waqtor.errors import WaqtorError
    from waqtor.kernel.hooks import hookimpl
    from waqtor.storage.connect import connect


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'waqtor' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
