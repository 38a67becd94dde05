"""Spreadsheets, opened in a process of their own.

A workbook can be hostile: a few kilobytes unpack to gigabytes, and two cells at opposite corners of a sheet ask for
half a terabyte. So the reader runs apart, with limited memory and time: what it cannot open ends it and nothing else.
``python -m waqtor.campaigns.sheets FILE`` is that process; it writes rows as lines of JSON.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Generator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson

from waqtor.errors import InvalidInput

MAX_COLUMNS = 200
"""Columns that are read of a table."""

MAX_CELL = 10_000
"""Characters that are read of a cell."""

_MEMORY = 2 * 1024**3
_CPU_S = 300
_BATCH = 500
Numbered = tuple[int, list[str]]


def read_sheet(path: Path) -> Generator[tuple[float, list[Numbered]], None, None]:
    """The first sheet of a workbook in parts: the share that was read then, and rows with their numbers.

    Raises:
        InvalidInput: It is no spreadsheet, or larger than one may be.
    """
    command = [sys.executable, "-m", "waqtor.campaigns.sheets", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        try:
            ended = False
            for line in process.stdout:
                part = orjson.loads(line)
                if "error" in part:
                    raise InvalidInput(f"The file is no readable spreadsheet: {part['error']}.")
                ended = part["share"] == 1
                yield part["share"], [(number, cells) for number, cells in part["rows"]]
            if process.wait() or not ended:
                raise InvalidInput("The spreadsheet is too large to open; save it as CSV.")
        finally:
            process.kill()


def _limit() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # no such limits on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _write(share: float, rows: list[Numbered]) -> None:
    sys.stdout.buffer.write(orjson.dumps({"share": share, "rows": rows}) + b"\n")


def main(path: str) -> None:
    """Write the rows of a workbook to standard output, or why there are none."""
    _limit()
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        with CalamineWorkbook.from_path(path) as book:
            sheet = book.get_sheet_by_index(0)
            first = sheet.start[0] + 1 if sheet.start is not None else 1
            height = max(1, sheet.total_height)
            rows: list[Numbered] = []
            for place, cells in enumerate(sheet.iter_rows()):
                rows.append((first + place, [_text(cell) for cell in cells[:MAX_COLUMNS]]))
                if len(rows) == _BATCH:
                    _write(min(0.999, place / height), rows)
                    rows = []
            _write(1, rows)
    except (CalamineError, OSError, IndexError, ValueError) as error:
        sys.stdout.buffer.write(orjson.dumps({"error": str(error)[:300]}) + b"\n")
    with contextlib.suppress(BrokenPipeError):  # the reader wanted the first rows alone
        sys.stdout.flush()


def _text(cell: Any) -> str:
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.hour == cell.minute == cell.second == 0 else cell.isoformat(" ")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell).strip()[:MAX_CELL] if cell is not None else ""


if __name__ == "__main__":
    main(sys.argv[1])
