"""Which chats the bot must keep out of, in memory, kept true by the journal."""

from __future__ import annotations

from datetime import datetime

from waqtor.contracts.events import Event, hydrate
from waqtor.storage.store import SqlStore

CHANGES = frozenset({"chat.paused", "chat.resumed"})


class ChatStates:
    """Paused chats of all sessions; loaded at start, then fed by ``chat.paused`` and ``chat.resumed``."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._paused: dict[tuple[str, str], tuple[str, int | None]] = {}

    async def load(self) -> None:
        """Read the present state."""
        rows = await self._store.rows(
            "SELECT session, chat_id, paused_reason, paused_until FROM chats WHERE paused_at IS NOT NULL"
        )
        self._paused = {(row[0], row[1]): (row[2] or "paused", row[3]) for row in rows}

    async def paused(self, session: str, chat_id: str) -> str | None:
        """Why a person (or the bot itself, at a handover) has paused the bot in this chat; ``None`` if nobody has."""
        key = (session, chat_id)
        if key not in self._paused:
            return None
        reason, until = self._paused[key]
        if until is not None and until <= self._store.clock.now_us():
            del self._paused[key]
            return None
        return reason

    def committed(self, events: list[Event]) -> None:
        """Note changes of this engine at once, before the message behind them is answered."""
        for event in events:
            if event.type not in CHANGES:
                continue
            chat_id = (event.personal or {}).get("chat_id")
            if not chat_id:
                continue
            until = event.data.get("until")
            if event.type == "chat.resumed":
                self._paused.pop((event.session, chat_id), None)
            else:
                end = int(datetime.fromisoformat(until).timestamp() * 1_000_000) if until else None
                self._paused[(event.session, chat_id)] = (event.data.get("reason") or "paused", end)

    async def apply(self, event: Event) -> None:
        """Follow the journal."""
        chat_id = hydrate(event).get("chat_id")
        if not chat_id:
            return
        key = (event.session, chat_id)
        rows = await self._store.rows(
            "SELECT paused_reason, paused_until FROM chats WHERE session = ? AND chat_id = ? AND paused_at IS NOT NULL",
            key,
        )
        if rows:
            self._paused[key] = (rows[0][0] or "paused", rows[0][1])
        else:
            self._paused.pop(key, None)
