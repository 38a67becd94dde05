"""Slow and count fsync: a preloaded shim, because ``kill -9`` cannot show that a commit reaches the disk."""

from __future__ import annotations

import os
import shutil
import statistics
import struct
import subprocess
import tempfile
import time
from pathlib import Path

_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
static int (*real_fsync)(int), (*real_fdatasync)(int);
static volatile uint64_t *calls;
static long sleep_ns;
__attribute__((constructor)) static void begin(void) {
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  const char *us = getenv("WAQTOR_FSYNC_SLEEP_US"), *path = getenv("WAQTOR_FSYNC_COUNT");
  sleep_ns = us ? atol(us) * 1000 : 0;
  int fd = path ? open(path, O_RDWR) : -1;
  if (fd >= 0) {
    void *page = mmap(0, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page != MAP_FAILED) calls = page;
    close(fd);
  }
}
static void before(void) {
  if (calls) __sync_fetch_and_add(calls, 1);
  if (sleep_ns) { struct timespec t = {0, sleep_ns}; nanosleep(&t, 0); }
}
int fsync(int fd) { before(); return real_fsync(fd); }
int fdatasync(int fd) { before(); return real_fdatasync(fd); }
"""


class FsyncShim:
    """A compiled shim; :meth:`environment` is what a child process needs to be under it.

    Raises:
        FileNotFoundError: There is no C compiler.
    """

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("g++")
        if compiler is None:
            raise FileNotFoundError("No C compiler: install one with: apt-get install gcc")
        self._library = folder / "fsync_shim.so"
        self._counter = folder / "fsync_calls"
        source = folder / "fsync_shim.c"
        source.write_text(_SOURCE)
        subprocess.run(
            [compiler, "-x", "c", "-shared", "-fPIC", "-O2", "-o", str(self._library), str(source), "-ldl"],
            check=True, capture_output=True,
        )  # fmt: skip

    def environment(self, sleep_us: int = 0) -> dict[str, str]:
        """Variables for the child; the count starts at zero."""
        self._counter.write_bytes(b"\0" * 8)
        return {
            **os.environ, "LD_PRELOAD": str(self._library), "WAQTOR_FSYNC_SLEEP_US": str(sleep_us),
            "WAQTOR_FSYNC_COUNT": str(self._counter),
        }  # fmt: skip

    @property
    def calls(self) -> int:
        """Calls of fsync and fdatasync so far."""
        return int(struct.unpack("Q", self._counter.read_bytes()[:8])[0])


def fsync_p50_us(folder: Path, rounds: int = 200) -> float:
    """Median time of ``fdatasync`` after a 4 KB append in ``folder``, µs."""
    taken: list[float] = []
    with tempfile.NamedTemporaryFile(dir=folder) as handle:
        for _ in range(rounds):
            os.write(handle.fileno(), b"x" * 4096)
            started = time.perf_counter()
            os.fdatasync(handle.fileno())
            taken.append(time.perf_counter() - started)
    return round(statistics.median(taken) * 1_000_000, 1)
