"""Tables of recipients from files: CSV in the encodings that spreadsheets write, and XLSX."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import itertools
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from waqtor.campaigns.sheets import MAX_CELL, MAX_COLUMNS, read_sheet
from waqtor.errors import InvalidInput

_SNIFF = 262_144
_LINE = 1_000_000
_EVERY = 1000


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is to be read; ``columns`` are its header's names."""

    path: Path
    format: Literal["csv", "xlsx"]
    encoding: str | None
    delimiter: str | None
    columns: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]


class Reading:
    """How much of a file was read, as a share of it; ``None`` before it is known."""

    share: float | None = None


def look(path: Path) -> Layout:
    """Recognise a file by its content, and read its header and first rows.

    Raises:
        InvalidInput: It is neither CSV nor XLSX, or cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_SNIFF)
    if not head.strip():
        raise InvalidInput("The file is empty.")
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        layout = Layout(path, "xlsx", None, None, (), ())
    else:
        encoding = _encoding(head)
        text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
        layout = Layout(path, "csv", encoding, _delimiter(text), (), ())
    found = lines(layout, header=True)
    rows = [cells for _, cells in itertools.islice(found, 9)]
    found.close()
    if not rows:
        raise InvalidInput("The file has no rows.")
    columns = _named(rows[0])
    return Layout(layout.path, layout.format, layout.encoding, layout.delimiter, columns, tuple(map(tuple, rows[1:])))


def lines(
    layout: Layout, *, header: bool = False, reading: Reading | None = None
) -> Generator[tuple[int, list[str]], None, None]:
    """The rows of a file with their line numbers, empty ones left out; without ``header`` from the second on.

    Args:
        layout: How it is to be read.
        header: Whether the first row is wanted too.
        reading: Told how far it is, from time to time.

    Raises:
        InvalidInput: It cannot be read.
    """
    skip, reading = not header, reading or Reading()
    rows = _xlsx(layout.path, reading) if layout.format == "xlsx" else _csv(layout, reading)
    with contextlib.closing(rows) as found:
        for line, cells in found:
            if any(cells):
                if skip:
                    skip = False
                    continue
                yield line, cells


def _csv(layout: Layout, reading: Reading) -> Generator[tuple[int, list[str]], None, None]:
    csv.field_size_limit(_LINE)
    size = max(1, layout.path.stat().st_size)
    try:
        with (
            layout.path.open("rb") as raw,
            io.TextIOWrapper(raw, encoding=layout.encoding, errors="strict", newline="") as file,
        ):
            reader = csv.reader(_short_lines(file), delimiter=layout.delimiter or ",")
            end = 0
            for place, cells in enumerate(reader):
                start, end = end + 1, reader.line_num
                if not place % _EVERY:
                    reading.share = min(1.0, raw.tell() / size)
                yield start, [cell.strip()[:MAX_CELL] for cell in cells[:MAX_COLUMNS]]
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"The file is not {layout.encoding} throughout (byte {error.start}); save it as UTF-8."
        ) from None
    except csv.Error as error:
        raise InvalidInput(f"The file is no readable CSV: {error}.") from None


def _short_lines(file: Any) -> Iterator[str]:
    """The lines without NUL characters; a file that is one endless line is refused before it fills the memory."""
    number = 0
    while line := file.readline(_LINE + 1):
        number += 1
        if len(line) > _LINE:
            raise InvalidInput(f"Line {number} has more than {_LINE:,} characters; this is no table of recipients.")
        yield line.replace("\0", "") if "\0" in line else line


def _xlsx(path: Path, reading: Reading) -> Generator[tuple[int, list[str]], None, None]:
    for share, rows in read_sheet(path):
        reading.share = share
        yield from rows


def _encoding(head: bytes) -> str:
    """UTF-8, UTF-16 (also without a mark), else Windows-1256, which Arabic Excel writes."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
    ):  # fmt: skip
        if head.startswith(mark):
            return name
    zeros = head[: len(head) // 2 * 2]
    if zeros and zeros[1::2].count(0) > len(zeros) // 5:
        return "utf-16-le"
    if zeros and zeros[::2].count(0) > len(zeros) // 5:
        return "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(head)
    except UnicodeDecodeError:
        return "cp1256"
    return "utf-8"


def _delimiter(text: str) -> str:
    head = text.splitlines()[:20] or [""]
    return max(",;\t|", key=lambda mark: (min(line.count(mark) for line in head), head[0].count(mark)))


def _named(cells: Sequence[str]) -> tuple[str, ...]:
    names: list[str] = []
    for place, cell in enumerate(cells):
        name = " ".join(cell.split())[:100] or f"column {place + 1}"
        while name in names:
            name += " 2"
        names.append(name)
    return tuple(names)
