"""``waqtor bench audience``: a large list from CSV into the store, beside parsing it with phonenumbers alone.

97 in 100 rows are good numbers in the spellings of real lists, the rest are doubles and numbers that cannot exist. The
peer reads the same file with Python's csv and parses the number; it checks no doubles and keeps nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil

from waqtor.benchmarks.ledger import postgres_server
from waqtor.benchmarks.result import result
from waqtor.campaigns.imports import Audiences
from waqtor.contracts.campaigns import CreateAudience
from waqtor.kernel.clock import SystemClock
from waqtor.storage.audiences import SqlAudiences
from waqtor.storage.store import SqlStore

MEMORY_MB = 400.0
_MB = 1_048_576
_PEER_ROWS = 10_000
_SPELLINGS = ("+9665{:08d}", "05{:08d}", "009665{:08d}", "9665{:08d}", "+966 5{:08d}")


def run(*, rows: int = 1_000_000, postgres: bool = True, keep: Path | None = None) -> list[dict[str, Any]]:
    """One result per database, in rows per second.

    Args:
        rows: Of the list.
        postgres: Also on PostgreSQL.
        keep: Where the list and the stores are left.
    """
    with contextlib.ExitStack() as stack:
        made = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="waqtor-bench-", dir=Path.cwd())))
        folder = keep or made
        folder.mkdir(parents=True, exist_ok=True)
        listed = write_list(folder / "list.csv", rows)
        peer = parsed_alone(listed, min(rows, _PEER_ROWS))
        found = [_measured("sqlite", "", folder, listed, rows, peer)]
        if postgres:
            url = stack.enter_context(postgres_server(folder))
            found.append(_measured("postgresql", url, folder, listed, rows, peer))
    return found


def write_list(path: Path, rows: int) -> Path:
    """A list with two variables; of each hundred rows two repeat an earlier one and one is wrong."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("name", "phone", "city"))
        for place in range(rows):
            number = _SPELLINGS[place % len(_SPELLINGS)].format(place)
            if place % 100 == 97:
                number = "12345"
            elif place % 100 > 97:
                number = _SPELLINGS[0].format(place - 98)
            writer.writerow((f"Name {place}", number, "الرياض"))
    return path


def parsed_alone(path: Path, rows: int) -> float:
    """Rows per second of csv and phonenumbers on the first rows."""
    import phonenumbers

    began = time.perf_counter()
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        for _, cells in zip(range(rows), reader, strict=False):
            text = "+" + cells[1][2:] if cells[1].startswith("00") else cells[1]
            with contextlib.suppress(phonenumbers.NumberParseException):
                phonenumbers.is_valid_number(phonenumbers.parse(text, "SA"))
    return rows / (time.perf_counter() - began)


def _measured(dialect: str, url: str, folder: Path, listed: Path, rows: int, peer: float) -> dict[str, Any]:
    # A process of its own: its memory is that of the import alone.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        got = pool.submit(_child, url, folder / dialect, listed).result()
    ok = got["state"] == "ready" and abs(got["total"] - rows * 0.97) <= 3 and got["grown_mb"] <= MEMORY_MB
    found = result(
        f"audience.{dialect}", rows / got["seconds"], "rows/s", peer="csv and phonenumbers alone", peer_value=peer,
        floor=20_000.0, seconds=round(got["seconds"], 1), total=got["total"], bad=got["bad"],
        duplicates=got["duplicates"], grown_mb=got["grown_mb"], memory_mb=MEMORY_MB,
        longest_ms=got["longest_ms"],
    )  # fmt: skip
    return {**found, "ok": found["ok"] and ok}


def _child(url: str, folder: Path, listed: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    return asyncio.run(_import(url, folder, listed))


async def _import(url: str, folder: Path, listed: Path) -> dict[str, Any]:
    store = SqlStore.at(url, folder / "waqtor.sqlite")
    await store.open()
    try:
        audiences = Audiences(SqlAudiences(store), SystemClock(), folder / "uploads", _nothing, region="SA")
        upload_id, path = audiences.new_upload()
        await asyncio.to_thread(path.hardlink_to, listed)
        process = psutil.Process()
        before, began, longest = process.memory_info().rss, time.perf_counter(), 0.0
        made = await audiences.create(CreateAudience(name="List", upload_id=upload_id))
        peak = before
        while made.state == "importing":
            asked = time.perf_counter()
            await asyncio.sleep(0.02)
            longest = max(longest, time.perf_counter() - asked - 0.02)  # how long others would have waited
            peak = max(peak, process.memory_info().rss)
            made = await audiences.store.get(made.id)
        seconds = time.perf_counter() - began
        return {
            "state": made.state, "total": made.total, "bad": made.bad, "duplicates": made.duplicates,
            "seconds": seconds, "grown_mb": round((peak - before) / _MB, 1), "longest_ms": round(longest * 1000, 1),
        }  # fmt: skip
    finally:
        await store.close()


async def _nothing(sql: str, session: str | None) -> Any:
    raise NotImplementedError
