"""Notifications on SQL: a sequence per person, a read-up-to mark, and counters kept with every change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import orjson

from waqtor.contracts.events import Event
from waqtor.contracts.ids import new_ulid
from waqtor.contracts.notifications import NotificationCount, NotificationView
from waqtor.contracts.wire import iso
from waqtor.errors import NotFound
from waqtor.notifications.ports import Note
from waqtor.storage.store import SqlStore
from waqtor.storage.transaction import Row, Tx, dump, plain

_COLUMNS = (
    "id, owner, seq, type, kind, title, message, icon, link, is_read, is_seen, amount, created, updated, "
    "wording, params"
)  # fmt: skip
_DIGEST_US = 3_600_000_000
_MARK = (
    "INSERT INTO notification_marks (owner, last_seq, read_upto, unread, total, muted) VALUES (?, 0, 0, 0, 0, '') "
    "ON CONFLICT (owner) DO NOTHING"
)


class SqlNotifications:
    """The :class:`waqtor.notifications.ports.Notifications` of a store."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def add(self, owner: str, note: Note) -> NotificationView | None:
        """Store and journal one, or add it to an unread one with the same key."""

        def write(tx: Tx) -> NotificationView | None:
            mark = _mark(tx, owner)
            if note.kind in mark[3].split():
                return None
            known = _digest(tx, owner, note, mark[1])
            if known is not None:
                return known
            seq = mark[0] + 1
            view = NotificationView(
                id=new_ulid(), user=owner, type=note.type, kind=note.kind, title=plain(note.title),
                message=plain(note.message), icon=note.icon, link=note.link, created=iso(tx.now), updated=iso(tx.now),
                wording=note.wording, params=_params(note),
            )  # fmt: skip
            tx.many(
                "UPDATE notification_marks SET last_seq = ?, unread = unread + 1, total = total + 1 WHERE owner = ?",
                [(seq, owner)],
            )
            tx.many(
                "INSERT INTO notifications (id, owner, seq, type, kind, title, message, icon, link, is_read, is_seen, "
                "amount, dedupe_key, source, created, updated, wording, params) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, 0, 1, ?, ?, ?, ?, ?, ?)",
                [(view.id, owner, seq, view.type, view.kind, view.title, view.message, view.icon, view.link, note.key
                  or note.source, note.source, tx.now, tx.now, note.wording, dump(view.params))],
            )  # fmt: skip
            _journal(tx, "notification.created", view)
            return view

        return await self._store.write(write)

    async def page(
        self, owner: str, which: Literal["all", "unread"], before: int | None, limit: int
    ) -> list[NotificationView]:
        """A page, newest first."""
        marks = await self._store.rows("SELECT read_upto FROM notification_marks WHERE owner = ?", (owner,))
        upto, top = (int(marks[0][0]) if marks else 0), 2**62 if before is None else before
        head = f"SELECT {_COLUMNS} FROM notifications WHERE owner = ? AND seq < ?"
        tail = "ORDER BY seq DESC LIMIT ?"
        if which == "all":
            rows = await self._store.rows(f"{head} {tail}", (owner, top, limit))
        else:
            rows = await self._store.rows(f"{head} AND seq > ? AND is_read IS NULL {tail}", (owner, top, upto, limit))
            rows += await self._store.rows(f"{head} AND is_read = 0 {tail}", (owner, top, limit))
            rows = sorted(rows, key=lambda row: -int(row[2]))[:limit]
        return [_view(row, upto) for row in rows]

    async def count(self, owner: str) -> NotificationCount:
        """How many, and how many unread: one row's read."""
        rows = await self._store.rows("SELECT total, unread FROM notification_marks WHERE owner = ?", (owner,))
        return NotificationCount(total=rows[0][0], unread=rows[0][1]) if rows else NotificationCount(total=0, unread=0)

    async def mark(self, owner: str, notification_id: str, read: bool | None, seen: bool | None) -> NotificationView:
        """Mark one."""

        def write(tx: Tx) -> NotificationView:
            mark = _mark(tx, owner)
            row = _one(tx, owner, notification_id)
            before = _view(row, mark[1])
            now_read = before.read if read is None else read
            now_seen = int(before.seen or now_read) if seen is None else int(seen)
            tx.many(
                "UPDATE notifications SET is_read = ?, is_seen = ?, updated = ? WHERE id = ?",
                [(row[9] if read is None else int(read), now_seen, tx.now, notification_id)],
            )
            _shift(tx, owner, unread=int(before.read) - int(now_read))
            view = before.model_copy(update={"read": now_read, "seen": bool(now_seen), "updated": iso(tx.now)})
            _journal(tx, "notification.updated", view)
            return view

        return await self._store.write(write)

    async def read_all(self, owner: str) -> int:
        """Move the read-up-to mark."""

        def write(tx: Tx) -> int:
            mark = _mark(tx, owner)
            tx.many("UPDATE notifications SET is_read = NULL WHERE owner = ? AND is_read = 0", [(owner,)])
            tx.many("UPDATE notification_marks SET read_upto = last_seq, unread = 0 WHERE owner = ?", [(owner,)])
            return int(mark[2])

        return await self._store.write(write)

    async def remove(self, owner: str, notification_id: str) -> None:
        """Remove one."""

        def write(tx: Tx) -> None:
            mark = _mark(tx, owner)
            view = _view(_one(tx, owner, notification_id), mark[1])
            tx.many("DELETE FROM notifications WHERE id = ?", [(notification_id,)])
            _shift(tx, owner, unread=-int(not view.read), total=-1)

        await self._store.write(write)

    async def muted(self, owner: str) -> tuple[str, ...]:
        """Kinds that the owner does not want."""
        rows = await self._store.rows("SELECT muted FROM notification_marks WHERE owner = ?", (owner,))
        return tuple(rows[0][0].split()) if rows else ()

    async def mute(self, owner: str, kinds: Sequence[str]) -> None:
        """Set them."""

        def write(tx: Tx) -> None:
            _mark(tx, owner)
            tx.many("UPDATE notification_marks SET muted = ? WHERE owner = ?", [(" ".join(sorted(set(kinds))), owner)])

        await self._store.write(write)

    async def trim(self, before: int) -> int:
        """Drop a chunk of old ones."""

        def write(tx: Tx) -> int:
            rows = tx.rows(
                "SELECT id, owner, seq, is_read FROM notifications WHERE created < ? ORDER BY created LIMIT 500",
                (before,),
            )
            for owner in {row[1] for row in rows}:
                upto = _mark(tx, owner)[1]
                mine = [row for row in rows if row[1] == owner]
                unread = sum(1 for row in mine if row[3] == 0 or (row[3] is None and row[2] > upto))
                _shift(tx, owner, unread=-unread, total=-len(mine))
            tx.many("DELETE FROM notifications WHERE id = ?", [(row[0],) for row in rows])
            return len(rows)

        return await self._store.write(write)


def _mark(tx: Tx, owner: str) -> Row:
    """The owner's row, kept to the commit: ``last_seq, read_upto, unread, muted``."""
    select = "SELECT last_seq, read_upto, unread, muted FROM notification_marks WHERE owner = ? {lock}"
    row = tx.one(select, (owner,))
    if row is None:
        tx.many(_MARK, [(owner,)])
        row = tx.one(select, (owner,))
    assert row is not None
    return row


def _digest(tx: Tx, owner: str, note: Note, upto: int) -> NotificationView | None:
    """The unread one that takes this note in, or the one that its event made already."""
    key = note.key or note.source
    if key is None:
        return None
    row = tx.one(
        f"SELECT {_COLUMNS}, source FROM notifications WHERE owner = ? AND dedupe_key = ? ORDER BY seq DESC LIMIT 1",
        (owner, key),
    )
    if row is None:
        return None
    view = _view(row, upto)
    if note.source is not None and row[16] == note.source:
        return view
    if view.read or row[12] < tx.now - _DIGEST_US:
        return None
    tx.many(
        "UPDATE notifications SET amount = amount + 1, message = ?, params = ?, source = ?, updated = ? WHERE id = ?",
        [(plain(note.message), dump(_params(note)), note.source, tx.now, row[0])],
    )
    changed = {
        "count": view.count + 1, "message": plain(note.message), "params": _params(note), "updated": iso(tx.now),
    }  # fmt: skip
    view = view.model_copy(update=changed)
    _journal(tx, "notification.updated", view)
    return view


def _params(note: Note) -> dict[str, str | int]:
    return {name: plain(value) if isinstance(value, str) else value for name, value in note.params.items()}


def _one(tx: Tx, owner: str, notification_id: str) -> Row:
    row = tx.one(f"SELECT {_COLUMNS} FROM notifications WHERE id = ? AND owner = ?", (notification_id, owner))
    if row is None:
        raise NotFound("There is no such notification.")
    return row


def _shift(tx: Tx, owner: str, *, unread: int = 0, total: int = 0) -> None:
    tx.many(
        "UPDATE notification_marks SET unread = unread + ?, total = total + ? WHERE owner = ?", [(unread, total, owner)]
    )


def _view(row: Row, upto: int) -> NotificationView:
    read = bool(row[9]) if row[9] is not None else row[2] <= upto
    return NotificationView(
        id=row[0], user=row[1], type=row[3], kind=row[4], title=row[5], message=row[6], icon=row[7], link=row[8],
        read=read, seen=bool(row[10]) or read, count=row[11], created=iso(row[12]), updated=iso(row[13]),
        wording=row[14], params=orjson.loads(row[15]) if row[15] else {}, cursor=str(row[2]),
    )  # fmt: skip


def _journal(tx: Tx, kind: str, view: NotificationView) -> None:
    data: dict[str, Any] = view.model_dump(mode="json", exclude={"kind", "count", "wording", "params"})
    tx.journal(Event(kind, "", data))
