"""Where the simulator listens: one owner per path, stale files replaced, long paths made to work.

A unix socket's address holds about a hundred bytes. For a longer path the socket lives in a private temporary
folder, and a small pointer file at the wanted path names it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import stat
import sys
import tempfile
from pathlib import Path

from waqtor.errors import ConfigurationError

MAX_ADDRESS = 103 if sys.platform == "darwin" else 107
"""Longest address of a unix socket, bytes (sizeof sun_path less the NUL)."""

_POINTER = b"waqtor-simulator-socket\n"


def address_of(path: Path) -> str:
    """The address to connect to for ``path``.

    Raises:
        FileNotFoundError: If nothing was ever started there.
    """
    if len(os.fsencode(path)) <= MAX_ADDRESS:
        return str(path)
    target = _pointed(path)
    if target is None:
        raise FileNotFoundError(f"no simulator has been started at {path}")
    return target


def _pointed(path: Path) -> str | None:
    """The address a pointer file names; ``None`` when ``path`` is not one."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        with path.open("rb") as file:
            content = file.read(4096)
    except OSError:
        return None
    return os.fsdecode(content[len(_POINTER) :].strip()) if content.startswith(_POINTER) else None


class Endpoint:
    """A listening socket that is held exclusively until :meth:`release`.

    Raises:
        ConfigurationError: If another simulator holds the path, or something else than a socket is there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(
            self.path.with_name(self.path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise ConfigurationError(f"Another simulator is already listening on {self.path}.") from None
        try:
            self._remove_stale()
            self.socket, self.address = self._listen()
        except BaseException:
            os.close(self._lock)
            raise

    def _remove_stale(self) -> None:
        target = _pointed(self.path)
        if target is not None:
            _discard(target)
            self.path.unlink()
        elif os.path.lexists(self.path):
            if not stat.S_ISSOCK(self.path.lstat().st_mode):
                raise ConfigurationError(f"{self.path} exists and is not a socket; it is left alone.")
            self.path.unlink()

    def _listen(self) -> tuple[socket.socket, str]:
        short = len(os.fsencode(self.path)) <= MAX_ADDRESS
        address = str(self.path) if short else str(Path(tempfile.mkdtemp(prefix="waqtor-")) / "simulator.sock")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)  # whoever can open the socket controls the simulator: owner only
        try:
            listener.bind(address)
            listener.listen(128)
            if not short:
                draft = self.path.with_name(self.path.name + ".new")
                draft.write_bytes(_POINTER + os.fsencode(address) + b"\n")
                draft.replace(self.path)
        except OSError as error:
            listener.close()
            raise ConfigurationError(f"Cannot listen on {self.path}: {error.strerror or error}.") from error
        finally:
            os.umask(mask)
        listener.setblocking(False)
        return listener, address

    def release(self) -> None:
        """Close the socket, remove its file and let others have the path."""
        self.socket.close()
        if self.address != str(self.path):
            _discard(self.address)
        with contextlib.suppress(OSError):
            self.path.unlink()
        os.close(self._lock)


def _discard(address: str) -> None:
    """Remove a socket in its temporary folder, and the folder; nothing else."""
    file = Path(address)
    if file.name != "simulator.sock" or not file.parent.name.startswith("waqtor-"):
        return
    with contextlib.suppress(OSError):
        file.unlink()
    with contextlib.suppress(OSError):
        file.parent.rmdir()
