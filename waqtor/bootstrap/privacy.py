"""Privacy wired to an engine: its store, its traffic log, its files and its memory."""

from __future__ import annotations

import asyncio
import hashlib
import re
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from waqtor.contracts.addresses import parse_address
from waqtor.contracts.privacy import RetentionView
from waqtor.errors import NotFound, Unavailable
from waqtor.privacy.erasing import ErasureRunner
from waqtor.privacy.ports import Section
from waqtor.privacy.service import PrivacyService
from waqtor.privacy.traces import Traces
from waqtor.storage.audit import SqlAudit
from waqtor.storage.consents import SqlConsents
from waqtor.storage.erasing import SqlErasures
from waqtor.storage.lease import SqlLease
from waqtor.storage.person import SqlPerson
from waqtor.storage.trimming import DAY_US, LOG_CURSOR, SqlTrimming
from waqtor.storage.vault import Vault

if TYPE_CHECKING:
    from waqtor.bootstrap.engine import Engine

_FIRST_S: Final = 60.0
_EVERY_S: Final = 3600.0
_PAGE: Final = 2000
_FORGOTTEN_DAYS: Final = 30
"""Days that hashes of erased provider ids are kept: longer than any provider redelivers."""
_PERSON_ROWS: Final = {
    "messages": "chat_id = $contact OR sender = $contact", "send_changes": "recipient = $contact",
    "decisions": "chat_id = $contact",
}  # fmt: skip
_OFFSETS: Final = " UNION ".join(f"SELECT journal_offset FROM {t} WHERE {w}" for t, w in _PERSON_ROWS.items())
_LOG_SECTIONS: Final = {**_PERSON_ROWS, "events": f"journal_offset IN ({_OFFSETS})"}
_log = structlog.get_logger(__name__)


class EngineTraces:
    """The :class:`waqtor.privacy.ports.LocalTraces` of an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def forget(self, contact: str, subjects: frozenset[str]) -> int:
        """Drop it from memory, caches and waiting uploads."""
        engine = self._engine
        engine.journal.forget(set(subjects))
        await engine.chat_states.load()
        engine.bot.forget(contact)
        engine.replays.forget()
        parse_address.cache_clear()
        return await asyncio.to_thread(self._files, Traces(contact) if contact else None)

    def _files(self, traces: Traces | None) -> int:
        """Vectors of messages are made anew when they are needed; an upload that holds the person is uploaded again."""
        folder, gone = self._engine.settings.data_dir, 0
        for path in (folder / "cache" / "traffic").glob("messages-*"):
            path.unlink(missing_ok=True)
            gone += 1
        for path in (folder / "uploads").glob("*.upload"):
            if traces is None or _in_table(path.read_bytes(), traces):
                path.unlink(missing_ok=True)
                gone += 1
        return gone

    async def localised(self) -> frozenset[str]:
        """Erasures done in this engine's traffic log."""
        return await self._engine.log.erased()

    async def erase_log(self, erasures: Mapping[str, Sequence[str]], contact: str) -> int:
        """Take people out of the traffic log."""
        traces = Traces(contact) if contact else None
        return await self._engine.log.erase(erasures, traces, self._engine.clock.now_us())

    async def drop_media(self, media: Sequence[str]) -> int:
        """Remove files that nothing names."""
        dropped = 0
        for media_id in media:
            try:
                await self._engine.media.delete(media_id)
            except NotFound:
                continue
            dropped += 1
        return dropped

    # --- for exports

    def sections(self, contact: str) -> list[Section]:
        """The traffic log's rows of a person."""
        return [Section(f"log-{table}", self._rows(table, where, contact)) for table, where in _LOG_SECTIONS.items()]

    async def _rows(self, table: str, where: str, contact: str) -> AsyncIterator[dict[str, Any]]:
        last = -1
        while True:
            found = await self._engine.log.query(
                f"SELECT * FROM {table} WHERE ({where}) AND journal_offset > $last "
                f"ORDER BY journal_offset LIMIT {_PAGE}",
                {"contact": contact, "last": last},
                texts=True,
            )
            for row in found.rows:
                yield dict(zip(found.columns, row, strict=True))
            if len(found.rows) < _PAGE:
                return
            last = int(found.rows[-1][list(found.columns).index("journal_offset")])

    async def counts(self, contact: str) -> dict[str, int]:
        """How many rows of a person the traffic log has."""
        found = {}
        for table, where in _PERSON_ROWS.items():
            sql = f"SELECT count(*) FROM {table} WHERE {where}"
            rows = (await self._engine.log.query(sql, {"contact": contact}, texts=True)).rows
            found[f"log_{table}"] = int(rows[0][0])
        return found

    async def files(self, media: Sequence[str]) -> list[tuple[str, Path]]:
        """Names and places of files."""
        found = []
        for media_id in media:
            try:
                view, path = await self._engine.media.file(media_id)
            except NotFound:
                continue
            name = re.sub(r"[^\w.-]+", "_", view.filename or "")[-100:]
            found.append((f"{media_id}-{name}" if name else media_id, path))
        return found


class Retention:
    """Drops what was kept long enough, once an hour."""

    def __init__(self, engine: Engine, audit: SqlAudit) -> None:
        self._engine = engine
        self._audit = audit
        place = f"{socket.gethostname()}:{engine.settings.duckdb_file.resolve()}"
        self._log_cursor = LOG_CURSOR + hashlib.sha256(place.encode()).hexdigest()[:12]

    @cached_property
    def _trimming(self) -> SqlTrimming:
        names = {reader.name for reader in self._engine.readers} | {"webhooks", self._log_cursor}
        return SqlTrimming(self._engine.store, names)

    async def run(self) -> None:
        """Trim soon and then once an hour, for ever; to be supervised."""
        await self._engine.clock.sleep(_FIRST_S)
        while True:
            await self.once()
            await self._engine.clock.sleep(_EVERY_S)

    async def once(self) -> int:
        """Trim now; returns how many rows of the journal went."""
        settings = self._engine.settings
        await self._tell()
        gone = await self._trimming.journal(settings.journal_days)
        while await self._audit.trim(self._engine.clock.now_us() - settings.audit_days * DAY_US):
            pass
        await self._trimming.erasures(max(settings.log_days, settings.journal_days), _FORGOTTEN_DAYS)
        if gone:
            _log.info("journal.trimmed", rows=gone)
        return gone

    async def _tell(self) -> None:
        """Let trimming know how far the traffic log is; what it has not read it could never get again."""
        status = self._engine.log.status()
        if status.ok:
            await self._trimming.tell(self._log_cursor, status.offset)

    async def figures(self) -> list[RetentionView]:
        """How long each kind is kept."""
        s = self._engine.settings
        await self._tell()
        days = {
            "journal": s.journal_days, "log": s.log_days, "metrics": s.metrics_days, "webhook_log": s.webhook_log_days,
            "notifications": s.notification_days, "audit": s.audit_days, "forgotten": _FORGOTTEN_DAYS,
        }  # fmt: skip
        found = await self._trimming.figures(days)
        return [await self._of_log(view) if view.kind in ("log", "metrics") else view for view in found]

    async def _of_log(self, view: RetentionView) -> RetentionView:
        table = "events" if view.kind == "log" else "metrics"
        try:
            found = await self._engine.log.query(f"SELECT count(*), min(created) FROM {table}")
        except Unavailable:
            return view
        rows, oldest = found.rows[0]
        return view.model_copy(update={"rows": int(rows), "oldest": None if oldest is None else str(oldest)})


def make_privacy(engine: Engine) -> tuple[PrivacyService, Retention]:
    """The service with its runner, and the retention; the engine starts both."""
    settings, store = engine.settings, engine.store
    secret = settings.secret_key.get_secret_value() if settings.secret_key is not None else ""
    held: list[Vault] = []

    def vault() -> Vault:
        if not held:
            held.append(Vault.of(secret, settings.secret_key_file))
        return held[0]

    store.veil_with(lambda text: vault().pseudonym(text))
    person, audit, local = SqlPerson(store), SqlAudit(store), EngineTraces(engine)
    erasures = SqlErasures(store, person, vault)
    runner = ErasureRunner(
        erasures, local, engine.clock, patience=settings.send_timeout_s + 5.0,
        lease=SqlLease(store, "@erasures").acquire,
    )  # fmt: skip
    retention = Retention(engine, audit)
    service = PrivacyService(
        person, erasures, SqlConsents(store), audit, runner, engine.clock, veil=store.veil,
        log_sections=local.sections, log_counts=local.counts, files=local.files, retention=retention.figures,
    )  # fmt: skip
    return service, retention


def _in_table(data: bytes, traces: Traces) -> bool:
    """Whether an uploaded table may hold the person; one that is packed (XLSX) may always."""
    if data[:2] == b"PK":
        return True
    for encoding in ("utf-8", "utf-16", "cp1256"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if any(traces.is_number(cell) for line in text.splitlines() for cell in re.split(r"[,;\t\"]", line)):
            return True
    return False
