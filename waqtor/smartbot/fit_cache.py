"""Fitted heads by content: the same examples and encoder are not fitted twice, also over restarts."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[np.generic]]

FORMAT = "5"
"""Raised whenever the heads or the calibration would come out differently."""
_IN_MEMORY = 4
_KEEP_FILES = 3
_recent: OrderedDict[str, Arrays] = OrderedDict()
_lock = threading.Lock()


class FitCache:
    """Keeps what a fit produced: the last few in this process, and the newest on disk when a folder is given."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @staticmethod
    def key(parts: Iterable[str]) -> str:
        """Return the key of a fit from everything that it depends on."""
        digest = hashlib.sha256(FORMAT.encode())
        for part in parts:
            digest.update(part.encode("utf-8", "replace") + b"\0")
        return digest.hexdigest()[:24]

    def get(self, key: str) -> Arrays | None:
        """Return what was kept; ``None`` when unknown or unreadable."""
        with _lock:
            found = _recent.get(key)
        if found is not None or self._folder is None:
            return found
        try:
            with np.load(io.BytesIO((self._folder / f"heads-{key}.npz").read_bytes()), allow_pickle=False) as held:
                return {name: held[name] for name in held.files}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def put(self, key: str, arrays: Arrays) -> None:
        """Keep a fit; older files are removed."""
        with _lock:
            _recent[key] = arrays
            while len(_recent) > _IN_MEMORY:
                _recent.popitem(last=False)
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            temporary = self._folder / f".tmp-{key}.npz"
            np.savez(temporary, allow_pickle=False, **arrays)
            temporary.replace(self._folder / f"heads-{key}.npz")
            kept = sorted(self._folder.glob("heads-*.npz"), key=lambda path: path.stat().st_mtime)
            for path in kept[:-_KEEP_FILES]:
                path.unlink(missing_ok=True)
        except OSError:
            return  # a full or read-only disk costs the next start a fit, nothing else
