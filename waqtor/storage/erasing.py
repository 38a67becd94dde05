"""Erasures on SQL: the jobs, and taking a person out of every table.

What counts something stays, without the person: messages, decisions and recipients get the pseudonym of the erasure as
their address, so that sums and the promise never to send twice hold. Texts, names, numbers and the provider's ids go.
Every step may be done again: after a kill the job goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from waqtor.contracts.ids import new_ulid
from waqtor.contracts.privacy import ErasureStep, ErasureView
from waqtor.contracts.wire import iso
from waqtor.errors import NotFound
from waqtor.privacy.ports import Asked, Job, Wiped
from waqtor.privacy.traces import Traces
from waqtor.storage.audit import note
from waqtor.storage.erasing_rows import CHUNK, Rows
from waqtor.storage.outbound import close_for_good
from waqtor.storage.person import MEDIA, SqlPerson
from waqtor.storage.store import SqlStore
from waqtor.storage.transaction import Row, Tx, dump
from waqtor.storage.vault import Vault

_COLUMNS = "id, pseudonym, state, step, counts, error, created, updated, finished"
_SUBJECT = "INSERT INTO erasure_subjects (erasure_id, subject) VALUES (?, ?) ON CONFLICT DO NOTHING"
_FORGOTTEN = "INSERT INTO forgotten (digest, created) VALUES (?, ?) ON CONFLICT DO NOTHING"


class SqlErasures:
    """The :class:`waqtor.privacy.ports.Erasures` of a store.

    Args:
        vault: Seals the contact of a job until it is done.
    """

    def __init__(self, store: SqlStore, person: SqlPerson, vault: Callable[[], Vault]) -> None:
        self._store = store
        self._person = person
        self._vault = vault

    # --- the jobs

    async def begin(self, contact: str, asked: Asked) -> ErasureView:
        """Make a job, or return the one under way."""
        erasure_id = new_ulid()
        sealed = self._vault().seal(contact, f"erasure:{erasure_id}")

        def write(tx: Tx) -> str:
            pseudonym = tx.veil(contact)
            known = tx.one("SELECT id FROM erasures WHERE pseudonym = ? AND state = 'running'", (pseudonym,))
            if known is not None:
                return str(known[0])
            row = tx.one(
                "INSERT INTO erasures (id, pseudonym, state, step, sealed, counts, key_id, created, updated) "
                "VALUES (?, ?, 'running', 'hold', ?, '{}', ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id",
                (erasure_id, pseudonym, sealed, asked.key_id, tx.now, tx.now),
            )
            if row is None:  # another engine was a moment earlier
                row = tx.one("SELECT id FROM erasures WHERE pseudonym = ? AND state = 'running'", (pseudonym,))
                return str(row[0]) if row else erasure_id
            note(tx, "privacy.erase.requested", pseudonym, asked, erasure=erasure_id)
            return erasure_id

        return await self.get(await self._store.write(write))

    async def get(self, erasure_id: str) -> ErasureView:
        """One."""
        rows = await self._store.rows(f"SELECT {_COLUMNS} FROM erasures WHERE id = ?", (erasure_id,))
        if not rows:
            raise NotFound("There is no such erasure.")
        return _view(rows[0])

    async def latest(self, limit: int = 50) -> list[ErasureView]:
        """The latest ones."""
        rows = await self._store.rows(f"SELECT {_COLUMNS} FROM erasures ORDER BY id DESC LIMIT ?", (limit,))
        return [_view(row) for row in rows]

    async def running(self) -> list[Job]:
        """Those under way."""
        rows = await self._store.rows(
            "SELECT id, sealed, step, counts FROM erasures WHERE state = 'running' AND sealed IS NOT NULL ORDER BY id"
        )
        vault = self._vault() if rows else None
        return [
            Job(row[0], vault.open(row[1], f"erasure:{row[0]}"), row[2], orjson.loads(row[3]))
            for row in rows
            if vault is not None
        ]

    async def moved(self, job: Job, step: ErasureStep, counts: dict[str, int]) -> None:
        """Note how far it is."""
        text = dump(counts)
        await self._store.write(
            lambda tx: tx.many(
                "UPDATE erasures SET step = ?, counts = ?, error = NULL, updated = ? WHERE id = ?",
                [(step, text, tx.now, job.id)],
            )
        )

    async def failed(self, erasure_id: str, error: str) -> None:
        """Note why it waits."""
        await self._store.write(
            lambda tx: tx.many(
                "UPDATE erasures SET error = ?, updated = ? WHERE id = ?", [(error[:300], tx.now, erasure_id)]
            )
        )

    async def done(self, job: Job, counts: dict[str, int]) -> None:
        """Close the job."""
        text = dump(counts)

        def write(tx: Tx) -> None:
            row = tx.one(
                "UPDATE erasures SET state = 'done', step = 'done', sealed = NULL, error = NULL, counts = ?, "
                "updated = ?, finished = ? WHERE id = ? AND state = 'running' RETURNING pseudonym, key_id",
                (text, tx.now, tx.now, job.id),
            )
            if row is not None:
                note(tx, "privacy.erased", row[0], Asked(row[1]), erasure=job.id, **counts)

        await self._store.write(write)

    async def subjects(self, erasure_id: str) -> list[str]:
        """The ids that are the person's."""
        rows = await self._store.rows(
            "SELECT subject FROM erasure_subjects WHERE erasure_id = ? ORDER BY subject", (erasure_id,)
        )
        return [row[0] for row in rows if not row[0].startswith(MEDIA)]

    async def unlocalised(self, known: frozenset[str]) -> list[str]:
        """Erasures that another engine has done."""
        rows = await self._store.rows("SELECT id FROM erasures WHERE state = 'done' ORDER BY id")
        return [row[0] for row in rows if row[0] not in known]

    async def scrub(self) -> None:
        """Rewrite what is left in the files."""
        await self._store.scrub()

    # --- the steps

    async def hold(self, job: Job, *, give_up: bool) -> int:
        """Close the sends to the person that wait; with ``give_up`` those under way too."""
        states = ("queued", "in_doubt", "sending") if give_up else ("queued", "in_doubt")
        while True:
            rows = await self._store.rows(
                "SELECT message_id FROM messages WHERE open = 1 AND chat_id = ? AND state IN "
                f"({', '.join('?' * len(states))}) ORDER BY message_id LIMIT ?",
                (job.contact, *states, CHUNK),
            )
            if not rows:
                break
            ids = [row[0] for row in rows]
            await self._store.write(lambda tx, part=ids: close_for_good(tx, part, states))  # type: ignore[misc]
        left = await self._store.rows(
            "SELECT count(*) FROM messages WHERE open = 1 AND chat_id = ? AND state = 'sending'", (job.contact,)
        )
        return int(left[0][0])

    async def collect(self, job: Job) -> int:
        """Find what is theirs and keep the ids; the provider's ids are kept as keyed hashes."""
        found = await self._person.find(job.contact)
        subjects = sorted(found.subjects | {f"{MEDIA}{media}" for media in found.media})
        for start in range(0, len(subjects), CHUNK):
            part = [(job.id, subject) for subject in subjects[start : start + CHUNK]]
            await self._store.write(lambda tx, rows=part: tx.many(_SUBJECT, rows))  # type: ignore[misc]
        if found.names:  # a group is shown under the name of who wrote last
            names = sorted(found.names)
            await self._store.write(
                lambda tx: tx.rows(
                    "UPDATE chats SET name = NULL WHERE is_group = 1 AND name {in} RETURNING chat_id",
                    (tx.listed(names),),
                )
            )
        provided = [f"{session}|{provider}" for _, session, provider in found.messages if provider]
        for start in range(0, len(provided), CHUNK):
            texts = provided[start : start + CHUNK]
            await self._store.write(
                lambda tx, part=texts: tx.many(_FORGOTTEN, [(tx.veil(text), tx.now) for text in part])  # type: ignore[misc]
            )
        return len(found.subjects)

    async def wipe(self, job: Job) -> Wiped:
        """Take the person out of every table.

        In an order that a kill does not harm: suggestions first, which need the texts to know them; then the rows of
        each subject; the journal; what is filed under the contact; last, the number wherever else it stands.
        """
        rows = Rows(self._store, job, Traces(job.contact))
        subjects = await self.subjects(job.id)
        wiped = Wiped()
        wiped.counts["suggestions"] = await rows.suggestions(subjects)
        while True:
            seqs = await rows.journal(subjects)
            wiped.counts["events"] = len(seqs)
            wiped.counts["messages"] = await rows.subjects(subjects)
            await rows.readers(seqs)
            if not await self._late(job, subjects):
                break
            subjects = await self.subjects(job.id)
        wiped.counts.update(await rows.contact())
        wiped.counts["mentions"] = await rows.mentions()
        media = await self._store.rows(
            "SELECT subject FROM erasure_subjects WHERE erasure_id = ? AND subject LIKE ?", (job.id, f"{MEDIA}%")
        )
        wiped.media = await self._unused([row[0].removeprefix(MEDIA) for row in media])
        # From memory too, before anybody is told that the step is done: a reader may hold these events still.
        self._store.journal.forget(set(subjects))
        return wiped

    async def _late(self, job: Job, subjects: Sequence[str]) -> int:
        """Keep the ids of what the bot decided on the person's messages while they were being wiped."""
        listed = self._store.listed(subjects)
        rows = await self._store.rows(
            "SELECT trace_id FROM answers WHERE trace_id <> '' AND message_id {in}", (listed,)
        )
        rows += await self._store.rows(
            "SELECT message_id FROM messages WHERE direction = 'out' AND cause = 'reply' AND cause_id {in}", (listed,)
        )
        fresh = sorted({row[0] for row in rows} - set(subjects))
        if fresh:
            values = [(job.id, subject) for subject in fresh]
            await self._store.write(lambda tx: tx.many(_SUBJECT, values))
        return len(fresh)

    async def _unused(self, media: Sequence[str]) -> list[str]:
        """Files that no message and no campaign names any more."""
        found: list[str] = []
        for media_id in media:
            like = f"%{media_id}%"
            named = await self._store.rows(
                "SELECT 1 FROM payloads WHERE data LIKE ? UNION ALL SELECT 1 FROM campaigns WHERE spec LIKE ? LIMIT 1",
                (like, like),
            )
            if not named:
                found.append(media_id)
        return found


def _view(row: Row) -> ErasureView:
    values: dict[str, Any] = {
        "id": row[0], "pseudonym": row[1], "state": row[2], "step": row[3], "counts": orjson.loads(row[4]),
        "error": row[5], "created": iso(row[6]), "updated": iso(row[7]),
        "finished": iso(row[8]) if row[8] is not None else None,
    }  # fmt: skip
    return ErasureView(**values)
