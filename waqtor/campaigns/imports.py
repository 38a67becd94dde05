"""Making audiences: rows from files, pasted lists, queries and tags, normalised, without doubles, bad ones by line."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import structlog

from waqtor.campaigns.phones import BadNumber, contact_of
from waqtor.campaigns.ports import AudienceStore, Member
from waqtor.campaigns.tables import Layout, Reading, lines, look
from waqtor.contracts.campaigns import AudienceIssue, AudienceView, CreateAudience, UploadView
from waqtor.contracts.ids import is_ulid, new_ulid
from waqtor.contracts.wire import iso
from waqtor.errors import Conflict, InvalidInput, NotFound
from waqtor.kernel.clock import Clock

_log = structlog.get_logger(__name__)
_CHUNK = 2000
_MAX_ISSUES = 10_000
_PHONE = re.compile(r"phone|mobile|number|whatsapp|tel|msisdn|contact|^to$|جوال|هاتف|رقم|موبايل|واتس", re.IGNORECASE)
_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
Row = tuple[int, str, Mapping[str, str]]
"""A line, the cell with the number, and the variables."""
Query = Callable[[str, str | None], Awaitable[tuple[Sequence[str], Sequence[Sequence[Any]]]]]


class Audiences:
    """Makes and keeps audiences.

    Args:
        folder: Where uploads wait.
        query: Runs SQL over the traffic log; returns columns and rows.
        region: ISO country whose numbers may lack a country code.
    """

    def __init__(self, store: AudienceStore, clock: Clock, folder: Path, query: Query, *, region: str) -> None:
        self.store = store
        self._clock = clock
        self._folder = folder
        self._query = query
        self._region = region
        self._tasks: dict[str, asyncio.Task[AudienceView]] = {}

    async def close(self) -> None:
        """Stop what is being imported; it counts as failed at the next start."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    # --- uploads

    def new_upload(self) -> tuple[str, Path]:
        """An id and the path to write the file to."""
        self._folder.mkdir(parents=True, exist_ok=True)
        upload_id = new_ulid()
        return upload_id, self._folder / f"{upload_id}.upload"

    async def inspect(self, upload_id: str, filename: str) -> UploadView:
        """What was recognised in an uploaded file.

        Raises:
            NotFound: No such upload.
            InvalidInput: It is no table.
        """
        path = self._upload(upload_id)
        try:
            layout = await asyncio.to_thread(look, path)
        except InvalidInput:
            path.unlink(missing_ok=True)
            raise
        return UploadView(
            upload_id=upload_id, filename=filename[:200], format=layout.format, encoding=layout.encoding,
            delimiter=layout.delimiter, columns=layout.columns, sample=layout.sample[:8],
            phone=guess(layout.columns, layout.sample), size=path.stat().st_size,
        )  # fmt: skip

    def _upload(self, upload_id: str) -> Path:
        path = self._folder / f"{upload_id}.upload"
        if not is_ulid(upload_id) or not path.is_file():
            raise NotFound("There is no such upload; it may have been used already.")
        return path

    # --- audiences

    async def usable(self, audience_id: str) -> AudienceView:
        """An audience that a campaign can use.

        Raises:
            Conflict: It is not ready, or empty.
        """
        audience = await self.store.get(audience_id)
        if audience.state != "ready" or not audience.total:
            raise Conflict(f"The audience is {audience.state} with {audience.total} recipients.", state=audience.state)
        return audience

    async def delete(self, audience_id: str) -> None:
        """Forget an audience."""
        await self.store.delete(audience_id)

    async def create(self, spec: CreateAudience, *, wait: bool = False, audience_id: str = "") -> AudienceView:
        """Make an audience, once per ``audience_id``; files are read in the background unless ``wait``.

        Raises:
            InvalidInput: The source cannot be read, or its number column is not known.
        """
        if audience_id:
            with contextlib.suppress(NotFound):
                return await self.store.get(audience_id)
        reading = Reading()
        fields, rows = await self._source(spec, reading)
        now = self._clock.now_us()
        source = next(n for n in ("upload_id", "numbers", "query", "tags", "recipients") if getattr(spec, n))
        source = {"upload_id": "file", "numbers": "pasted", "recipients": "list"}.get(source, source)
        audience = AudienceView(
            id=audience_id or new_ulid(),
            name=spec.name,
            source=source,
            state="importing",
            fields=tuple(fields),
            created=iso(now),
            updated=iso(now),
        )
        if not await self.store.begin(audience, now):
            return await self.store.get(audience.id)  # the same request came twice at once
        task = asyncio.create_task(self._fill(audience, spec, rows, reading))
        self._tasks[audience.id] = task
        task.add_done_callback(lambda done: self._tasks.pop(audience.id, None) and done.cancelled())
        return await asyncio.shield(task) if wait or spec.upload_id is None else audience

    async def _fill(
        self, audience: AudienceView, spec: CreateAudience, rows: Iterable[Row], reading: Reading
    ) -> AudienceView:
        intake = Intake(rows, spec.region or self._region)
        ahead = asyncio.create_task(asyncio.to_thread(intake.take))  # reading goes on while a part is written
        try:
            while True:
                members, issues, seen = await ahead
                expected = round(seen / reading.share) if reading.share else None
                more = intake.more
                if more:
                    ahead = asyncio.create_task(asyncio.to_thread(intake.take))
                await self.store.add(audience.id, members, issues, seen, expected)
                if not more:
                    break
        except InvalidInput as error:
            done = audience.model_copy(update={"state": "failed", "reason": error.message[:500]})
        except Exception as error:
            _log.exception("audience.failed", audience=audience.id)
            done = audience.model_copy(update={"state": "failed", "reason": f"{type(error).__name__}"})
        else:
            done = audience.model_copy(
                update={
                    "state": "ready", "total": intake.total, "rows": intake.seen, "duplicates": intake.duplicates,
                    "bad": intake.bad,
                }
            )  # fmt: skip
        finally:
            await asyncio.gather(ahead, return_exceptions=True)
        consent = f"audience {audience.id}" if spec.consent else ""
        finished = await self.store.finish(done, tags=spec.tag_as, consent=consent)
        if spec.upload_id is not None and finished.state == "ready":
            self._upload(spec.upload_id).unlink(missing_ok=True)
        return finished

    async def _source(self, spec: CreateAudience, reading: Reading) -> tuple[Sequence[str], Iterable[Row]]:
        if spec.upload_id is not None:
            layout = await asyncio.to_thread(look, self._upload(spec.upload_id))
            phone, names = mapped(layout.columns, layout.sample, spec)
            return list(names.values()), _rows(lines(layout, reading=reading), layout, phone, names)
        if spec.query is not None:
            columns, found = await self._query(spec.query, spec.session)
            sample = tuple(tuple(_cell(value) for value in row) for row in found[:8])
            phone, names = mapped(tuple(columns), sample, spec)
            cells = ((line, [_cell(value) for value in row]) for line, row in enumerate(found, 1))
            return list(names.values()), _rows(cells, columns, phone, names)
        if spec.numbers is not None:
            parts = re.split(r"[\n\r,;\u060c\u061b]+", spec.numbers)
            return [], ((line, part, {}) for line, part in enumerate(parts, 1) if part.strip())
        if spec.tags:
            return [], [(n, contact, {}) for n, contact in enumerate(await self._tagged(spec.tags), 1)]
        return _given(spec.recipients)

    async def _tagged(self, tags: Sequence[str]) -> list[str]:
        found: list[str] = []
        while page := await self.store.tagged(tags, found[-1] if found else "", 5000):
            found += page
        return [f"+{contact}" for contact in found]


class Intake:
    """Rows into members, a chunk at a time (in a thread); remembers who is in already."""

    def __init__(self, rows: Iterable[Row], region: str) -> None:
        self._rows = iter(rows)
        self._region = region
        self._known: dict[int, int] = {}
        self._issues = 0
        self.seen = self.duplicates = self.bad = 0
        self.more = True

    @property
    def total(self) -> int:
        """Members so far."""
        return len(self._known)

    def take(self) -> tuple[list[Member], list[tuple[int, AudienceIssue]], int]:
        """The next members and issues, and how many rows were read so far; ``more`` says whether that was all."""
        members: list[Member] = []
        issues: list[tuple[int, AudienceIssue]] = []
        known, region = self._known, self._region
        read = 0
        for line, cell, variables in islice(self._rows, _CHUNK):
            read += 1
            try:
                contact = contact_of(cell, region)
            except BadNumber as error:
                self.bad += 1
                self._issue(issues, line, "bad", cell, str(error))
                continue
            number = int(contact)  # half the memory of the digits
            before = known.setdefault(number, line)
            if before != line:
                self.duplicates += 1
                self._issue(issues, line, "duplicate", cell, f"the same number as in line {before}")
                continue
            members.append(Member(len(known) - 1, contact, variables))
        self.seen += read
        self.more = read == _CHUNK
        return members, issues, self.seen

    def _issue(self, issues: list[tuple[int, AudienceIssue]], line: int, kind: Any, cell: str, message: str) -> None:
        if self._issues < _MAX_ISSUES:
            issue = AudienceIssue(line=line, kind=kind, value=cell[:100].replace("\0", ""), message=message)
            issues.append((self._issues, issue))
            self._issues += 1


def guess(columns: Sequence[str], sample: Sequence[Sequence[str]]) -> str | None:
    """The column that most likely holds the number: by name, else by what is in it."""
    for name in columns:
        if _PHONE.search(name):
            return name
    for place, name in enumerate(columns):
        cells = [row[place] for row in sample if place < len(row) and row[place]]
        if cells and all(len(re.sub(r"\D", "", cell)) >= 8 for cell in cells):
            return name
    return columns[0] if len(columns) == 1 else None


def variable_name(column: str) -> str:
    """A column's name as a variable: what cannot stand in ``{{ }}`` becomes an underscore."""
    name = re.sub(r"\W+", "_", column.strip()).strip("_")
    return name if name and _NAME.fullmatch(name) else f"column_{name}"


def mapped(columns: Sequence[str], sample: Sequence[Sequence[str]], spec: CreateAudience) -> tuple[str, dict[str, str]]:
    """The number's column, and the variable of each further column that is kept.

    Raises:
        InvalidInput: Unknown columns, or names that no variable can have.
    """
    phone = spec.phone or guess(columns, sample)
    if phone is None:
        raise InvalidInput(f"Say which column holds the number (phone); there are {', '.join(columns)}.")
    names = spec.columns
    if names is None:
        names = {column: variable_name(column) for column in columns if column != phone}
    unknown = [column for column in (phone, *names) if column not in columns]
    if unknown:
        raise InvalidInput(f"There is no column {unknown[0]!r}; there are {', '.join(columns)}.")
    for column, name in names.items():
        if not _NAME.fullmatch(name) or len(name) > 64:
            raise InvalidInput(f"{name!r} (for {column!r}) cannot be a variable: use letters, digits and underscores.")
    if len(set(names.values())) != len(names):
        raise InvalidInput("Two columns have the same variable.")
    return phone, names


def _rows(
    found: Iterable[tuple[int, list[str]]], source: Layout | Sequence[str], phone: str, names: Mapping[str, str]
) -> Iterator[Row]:
    columns = list(source.columns if isinstance(source, Layout) else source)
    at = columns.index(phone)
    kept = [(columns.index(column), name) for column, name in names.items()]
    for line, cells in found:
        width = len(cells)
        variables = {name: cells[i][:500].replace("\0", "") for i, name in kept if i < width and cells[i]}
        yield line, cells[at] if at < width else "", variables


def _given(recipients: Sequence[str | dict[str, Any]]) -> tuple[Sequence[str], list[Row]]:
    fields: dict[str, None] = {}
    rows: list[Row] = []
    for line, item in enumerate(recipients, 1):
        if isinstance(item, str):
            rows.append((line, item, {}))
            continue
        inner = item.get("variables")
        number = next((item[n] for n in ("to", "phone", "contact", "chat_id", "chatId", "number") if n in item), "")
        values = inner if isinstance(inner, dict) else {
            name: value for name, value in item.items()
            if name not in ("to", "phone", "contact", "chat_id", "chatId", "number")
        }  # fmt: skip
        fields.update(dict.fromkeys(str(name) for name in values))
        rows.append((line, _cell(number), {str(name): _cell(value)[:500] for name, value in values.items()}))
    return list(fields), rows


def _cell(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return "" if value is None else str(value)
