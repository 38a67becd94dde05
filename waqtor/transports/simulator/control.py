"""Steering the simulator from tests and the command line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from waqtor.errors import InvalidInput, NotFound, Timeout, Unavailable, WaqtorError
from waqtor.transports.simulator.link import AnswerLost, Link, NotSent
from waqtor.transports.simulator.protocol import Frame

Message = str | Mapping[str, Any]
_ERRORS: dict[str, type[WaqtorError]] = {"invalid_input": InvalidInput, "not_found": NotFound}


class SimulatorControl:
    """A control connection; use ``async with SimulatorControl(path) as control``.

    Every method raises ``Unavailable`` when the simulator is gone, ``Timeout`` when no answer came in time, and
    ``InvalidInput`` when it refused the request.
    """

    def __init__(self, path: Path, *, timeout: float = 10.0) -> None:
        self._path = path
        self._timeout = timeout
        self._link: Link | None = None

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self) -> None:
        """Connect.

        Raises:
            Unavailable: If no simulator listens.
        """
        try:
            self._link = await Link.open(self._path, {"role": "control"}, lambda frame: None, timeout=self._timeout)
        except OSError as error:
            raise Unavailable(f"No simulator answers at {self._path}; start one with: waqtor up.") from error

    @property
    def pid(self) -> int | None:
        """Process id of the simulator that answers; ``None`` while not connected."""
        return None if self._link is None else self._link.welcome.get("pid")

    async def close(self) -> None:
        """Disconnect."""
        link, self._link = self._link, None
        if link is not None:
            link.close()
            await link.closed

    async def ask(self, op: str, *, timeout: float | None = None, **fields: Any) -> Frame:
        """One request, as docs/simulator.md lists them; returns the answer's fields."""
        if self._link is None:
            raise Unavailable("The control connection is not open.")
        try:
            future = self._link.request({"op": op, **fields}, self._timeout if timeout is None else timeout)
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"The request is not JSON: {error}") from error
        try:
            answer: Frame = await future
        except AnswerLost as error:
            if self._link is not None and self._link.is_open:
                raise Timeout(f"The simulator did not answer '{op}' in time.") from error
            raise Unavailable("The simulator has gone away.") from error
        except NotSent as error:
            raise Unavailable("The simulator has gone away.") from error
        if answer.get("op") == "refused":
            kind = _ERRORS.get(str(answer.get("code")), InvalidInput)
            raise kind(str(answer.get("message")))
        return answer

    # --- people
    async def inject(self, message: Message, *, wait: bool = True, timeout: float = 30.0) -> str:
        """Have a person write; returns the message id — after the engine's acknowledgement when ``wait``.

        ``message`` is a text, or an object with ``text`` or ``content`` and any of ``id``, ``session``, ``from``,
        ``chat_id``, ``timestamp`` (µs), ``is_group``, ``mentioned``, ``push_name``, ``quoted_id``.
        """
        return (await self.inject_many([message], wait=wait, timeout=timeout))[0]

    async def inject_many(self, messages: Sequence[Message], *, wait: bool = True, timeout: float = 30.0) -> list[str]:
        """Several messages in one frame; returns their ids — after all are acknowledged when ``wait``."""
        raw = [{"text": message} if isinstance(message, str) else dict(message) for message in messages]
        answer = await self.ask("inject", messages=raw, wait=wait, timeout=timeout if wait else None)
        return list(answer["ids"])

    async def phone(self, chat_id: str, message: Message, *, wait: bool = True) -> str:
        """Have the owner type a message to ``chat_id`` on the phone itself; returns its id, as :meth:`inject` does."""
        raw = {"text": message} if isinstance(message, str) else dict(message)
        return await self.inject({**raw, "chat_id": chat_id, "from_me": True}, wait=wait)

    async def contact(self, address: str, **fields: Any) -> str:
        """Say something of a person: ``name``, ``on_whatsapp``, ``receipts``, ``script``; returns the address."""
        return str((await self.ask("contact", address=address, **fields))["address"])

    # --- the world
    async def script(self, faults: Sequence[Mapping[str, Any]], *, append: bool = False) -> None:
        """Replace (or extend) the faults in force; an empty list ends them all."""
        await self.ask("script", faults=[dict(fault) for fault in faults], append=append)

    async def configure(self, **settings: Any) -> None:
        """Change ``receipts``, ``limits``, ``accept_delay``, ``answer_delay``, ``redeliver_s`` or ``qr``."""
        await self.ask("configure", **settings)

    async def advance_clock(self, seconds: float) -> int:
        """Move the simulator's clock; returns how many planned things happened."""
        return int((await self.ask("clock", advance=seconds))["ran"])

    async def freeze_clock(self, at_us: int | None = None) -> int:
        """Stop the clock (at ``at_us``, default now); returns where it stands, UTC microseconds."""
        return int((await self.ask("clock", freeze=True if at_us is None else at_us))["now_us"])

    async def thaw_clock(self) -> None:
        """Let the clock run again."""
        await self.ask("clock", freeze=False)

    async def seed(self, seed: int) -> None:
        """Restart the random numbers."""
        await self.ask("seed", seed=seed)

    async def login(self, change: str, session: str = "default") -> Frame:
        """``scan`` a QR code, ask for one (``qr``), ``logout``, or revoke the login (``auth_failure``)."""
        return await self.ask("login", change=change, session=session)

    async def scan(self, session: str = "default") -> None:
        """Scan the QR code."""
        await self.login("scan", session)

    async def disconnect(self, session: str | None = None) -> int:
        """Cut the connection of a session's transport (default: all); returns how many were cut."""
        return int((await self.ask("disconnect", session=session))["cut"])

    async def shutdown(self) -> None:
        """End the simulator's process."""
        await self.ask("stop")

    # --- counting
    async def stats(self) -> Frame:
        """All counters."""
        return await self.ask("stats")

    async def calls(self) -> dict[str, Frame]:
        """Accepted calls by message id: ``count``, ``orders``, ``hashes``, ``provider_ids``, ``session``, ``to``."""
        found: dict[str, Frame] = {}
        after: int | None = 0
        while after is not None:
            page = await self.ask("calls", after=after)
            found.update((call["message_id"], call) for call in page["calls"])
            after = page["next"]
        return found

    async def call(self, message_id: str) -> Frame | None:
        """The accepted calls with one message id; ``None`` if there are none."""
        page = await self.ask("calls", message_id=message_id)
        return page["calls"][0] if page["calls"] else None

    async def wait_connected(self, session: str = "default", timeout: float = 30.0) -> None:
        """Wait until a session's transport is connected.

        Raises:
            Timeout: If it does not come.
        """
        deadline = time.monotonic() + timeout
        while session not in (await self.stats())["connected"]:
            if time.monotonic() > deadline:
                raise Timeout(f"No engine has connected session {session!r} to the simulator.")
            await asyncio.sleep(0.02)

    async def wait_idle(self, quiet_s: float = 0.25, timeout: float = 30.0) -> Frame:
        """Wait until nothing waits or is planned and no message came or went for ``quiet_s``; returns the stats.

        Raises:
            Timeout: If it does not become quiet.
        """
        deadline = time.monotonic() + timeout
        last: tuple[int, ...] = ()
        since = time.monotonic()
        while True:
            stats = await self.stats()
            state = tuple(stats[name] for name in ("accepted", "injected", "inbound_acked", "receipts_acked"))
            now = time.monotonic()
            waiting = stats["inbound_waiting"] + stats["receipts_waiting"] + stats["planned"]
            if state != last or waiting:
                last, since = state, now
            if now - since >= quiet_s:
                return stats
            if now > deadline:
                raise Timeout(f"The simulator is not quiet: {waiting} deliveries wait or are planned.")
            await asyncio.sleep(min(0.05, quiet_s / 4))
