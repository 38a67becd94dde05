"""The :class:`waqtor.messaging.ports.Transport` of a Cloud API number."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import structlog

from waqtor.backoff import reconnect_delay
from waqtor.contracts.event_data import ClientInfo, SessionState
from waqtor.contracts.messages import InboundMessage
from waqtor.errors import SendRefused, SendUncertain, Unavailable
from waqtor.messaging.ports import Lookup, MediaFiles, Outgoing, SessionReport, TransportSink
from waqtor.transports.cloud_api.callback import Callback
from waqtor.transports.cloud_api.graph import GraphClient
from waqtor.transports.cloud_api.requests import body_of
from waqtor.transports.cloud_api.updates import read_updates
from waqtor.transports.cloud_api.uploads import Uploads
from waqtor.transports.error_codes import refusal

CHECK_S = 300.0
"""Seconds between looks at the number: an expired token is seen before somebody writes."""

_AUTH = frozenset({"0", "10", "190", "401", "403", *map(str, range(200, 300))})
_FIELDS = "verified_name,display_phone_number"

_log = structlog.get_logger(__name__)


class CloudApiTransport:
    """One number of the Cloud API. Meta calls us for what comes in: :meth:`deliver` takes a delivery.

    Args:
        session: Name of the session.
        phone_number_id: Meta's id of the number.
        graph: The API, not opened yet.
        callback: Who may deliver.
        check_s: Seconds between looks at the number's state.
        files: The kept files that messages carry by their ``media_id``.
    """

    kind = "cloud_api"
    window_s = 86_400.0

    def __init__(
        self, session: str, phone_number_id: str, graph: GraphClient, callback: Callback, check_s: float = CHECK_S,
        files: MediaFiles | None = None,
    ) -> None:  # fmt: skip
        self.session = session
        self.phone_number_id = phone_number_id
        self._callback = callback
        self._graph = graph
        self._uploads = Uploads(graph, f"{phone_number_id}/media", files)
        self._check_s = check_s
        self._sink: TransportSink | None = None
        self._status: SessionState | None = None
        self._out = False
        self._again = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self, sink: TransportSink) -> None:
        """Look whether the number answers, again and again, and deliver to ``sink`` from now on."""
        if self._task is not None:
            raise RuntimeError("the transport is running already")
        await self._graph.open()
        self._sink = sink
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Disconnect; calls under way fail."""
        task, self._task = self._task, None
        self._sink, self._status = None, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._graph.close()

    async def send(self, message: Outgoing) -> str:
        """Send and return Meta's id (``wamid.…``).

        Raises:
            SendRefused: Not connected, refused by code, or not sendable.
            SendUncertain: It left, and no answer says what became of it; a status with our id may still do.
        """
        if self._status != "ready":
            raise refusal("not_ready" if self._status == "auth_failure" else "not_connected")
        try:
            body = body_of(message, await self._uploads.id_of(message.content))
        except (KeyError, ValueError) as error:
            raise refusal("100", f"The content cannot be sent: {error}") from error
        try:
            answer = await self._graph.post(f"{self.phone_number_id}/messages", body)
        except SendRefused as error:
            if error.error_code in _AUTH:
                self._again.set()
            raise
        try:
            return str(answer["messages"][0]["id"])
        except (KeyError, IndexError, TypeError):
            raise SendUncertain("WhatsApp's answer names no message.") from None

    async def lookup(self, message_id: str) -> Lookup:
        """``unknown``: the Cloud API cannot be asked; only a later status with our id tells."""
        return Lookup("unknown")

    async def logout(self) -> None:
        """Stop sending until :meth:`restart`; the token itself is taken back at Meta."""
        self._out = True
        await self._report("disconnected", "logged out; restart the session to come back")

    async def restart(self) -> None:
        """Look at the number now."""
        self._out = False
        self._again.set()

    def challenge(self, mode: str, token: str, challenge: str) -> str:
        """The answer to Meta's handshake: the challenge itself.

        Raises:
            Forbidden: The verify token is another one.
        """
        return self._callback.challenge(mode, token, challenge)

    async def deliver(self, body: bytes, signature: str) -> None:
        """Take one delivery of Meta's; returns after the commits, which keep the order within each chat.

        What it says to other numbers of the account is not ours. Items without an id or a sender are counted and
        left out: Meta would bring them again for a week.

        Raises:
            Forbidden: It is not signed by Meta.
            InvalidInput: It is no delivery.
            Unavailable: The session does not run here; Meta will deliver again.
        """
        updates = read_updates(self._callback.opened(body, signature), self.phone_number_id, self.session)
        if updates.malformed:
            _log.warning("cloud_api.malformed_items", session=self.session, count=updates.malformed)
        sink = self._sink
        if sink is None:
            raise Unavailable("The session is not running here; deliver again later.")
        chats: dict[str, list[InboundMessage]] = {}
        for message in updates.messages:
            chats.setdefault(message.chat_id, []).append(message)
        await asyncio.gather(*(_in_order(sink, messages) for messages in chats.values()))
        if updates.receipts:
            await sink.receipts(updates.receipts)

    async def _watch(self) -> None:
        attempt = 0
        await self._report("connecting")
        while True:
            self._again.clear()
            if not self._out:
                attempt = await self._look(attempt)
            wait = self._check_s if attempt == 0 else reconnect_delay(attempt)
            with contextlib.suppress(TimeoutError):
                # Not wait_for: on Python 3.11 it may swallow a cancellation.
                async with asyncio.timeout(wait):
                    await self._again.wait()

    async def _look(self, attempt: int) -> int:
        """Report what the number answers; returns the attempts in vain so far."""
        try:
            found = await self._graph.get(self.phone_number_id, fields=_FIELDS)
        except SendRefused as error:
            if error.error_code in _AUTH:
                await self._report("auth_failure", f"{error.message} Set a new access token and restart.")
                return 0
            await self._report("disconnected", error.message)
        except SendUncertain as error:
            if self._status != "ready":
                await self._report("disconnected", error.message)
        else:
            if not self._out:
                await self._report("ready", info=_info(found))
            return 0
        return attempt + 1

    async def _report(self, status: SessionState, reason: str | None = None, info: ClientInfo | None = None) -> None:
        sink, changed = self._sink, status != self._status
        self._status = status
        if sink is None or not changed:
            return
        try:
            await sink.report(SessionReport(self.session, status, client_info=info, reason=reason))
        except Exception:
            _log.exception("cloud_api.report_failed", session=self.session, status=status)


async def _in_order(sink: TransportSink, messages: list[InboundMessage]) -> None:
    for message in messages:
        await sink.message(message)


def _info(found: dict[str, Any]) -> ClientInfo:
    digits = "".join(c for c in str(found.get("display_phone_number", "")) if c.isdigit())
    return ClientInfo(platform="cloud_api", phone_number=digits, name=str(found.get("verified_name", "")))
