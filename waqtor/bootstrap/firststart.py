"""The first start: an admin key is made, or taken from the settings, and kept for local clients."""

from __future__ import annotations

import os
from pathlib import Path

import structlog

from waqtor.settings import Settings
from waqtor.storage.keys import SqlKeys

_log = structlog.get_logger(__name__)


async def ensure_admin_key(keys: SqlKeys, settings: Settings) -> None:
    """Make the admin key if there is no key at all; its text goes to ``settings.key_file`` (mode 0600)."""
    if await keys.exist():
        return
    given = settings.api_key.get_secret_value() if settings.api_key is not None else None
    made = await keys.create("admin", ["admin"], token=given)
    if made.key is not None:
        write_secret(settings.key_file, made.key)
    _log.info("keys.admin_made", file=str(settings.key_file), taken_from_settings=given is not None)


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text + "\n")
    path.chmod(0o600)
