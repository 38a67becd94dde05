"""Calls of the Graph API: one kept pool of connections, and what each answer proves about a send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import aiohttp

from waqtor.errors import SendError, SendUncertain
from waqtor.transports.error_codes import refusal

CONNECT_S = 5.0
"""Longest wait for a connection, seconds: no byte of the request has left before it stands."""

_MAX_ANSWER = 1_000_000


class GraphClient:
    """The Graph API, for one phone number.

    Args:
        base_url: ``https://graph.facebook.com`` but in tests.
        version: API version, for example ``v23.0``.
        token: Access token of a system user.
        timeout: Longest wait for an answer, seconds.
    """

    def __init__(self, base_url: str, version: str, token: str, timeout: float) -> None:
        self._root = f"{base_url.rstrip('/')}/{version}"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the connection pool."""
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=60, keepalive_timeout=60)
            self._session = aiohttp.ClientSession(
                connector=connector, headers=self._headers, cookie_jar=aiohttp.DummyCookieJar(), trust_env=True
            )

    async def close(self) -> None:
        """Close all connections; calls under way fail."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        """GET ``/{version}/{path}``.

        Raises:
            SendRefused: Meta said no.
            SendUncertain: No usable answer.
        """
        return await self._call("GET", path, params=query)

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST a JSON body to ``/{version}/{path}``.

        Raises:
            SendRefused: Proven that nothing was taken: no connection, or an explicit refusal.
            SendUncertain: It left, and no usable answer came.
        """
        return await self._call("POST", path, json=body)

    async def upload(self, path: str, file: bytes, mime_type: str) -> dict[str, Any]:
        """POST a file as multipart form; its name does not matter, the message names it.

        Raises:
            SendRefused: As :meth:`post`.
            SendUncertain: As :meth:`post`.
        """
        form = aiohttp.FormData()
        form.add_field("messaging_product", "whatsapp")
        form.add_field("type", mime_type)
        form.add_field("file", file, filename="file", content_type=mime_type)
        return await self._call("POST", path, data=form)

    async def _call(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        if self._session is None:
            raise refusal("not_connected")
        timeout = aiohttp.ClientTimeout(total=self._timeout, connect=min(CONNECT_S, self._timeout))
        try:
            async with self._session.request(
                method, f"{self._root}/{path}", timeout=timeout, allow_redirects=False, **more
            ) as response:
                text = await response.content.read(_MAX_ANSWER)
                return _answer(response.status, text, response.headers.get("Retry-After"))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise refusal("not_connected", f"WhatsApp cannot be reached: {_said(error)}") from error
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError) as error:
            raise SendUncertain(f"WhatsApp gave no answer: {_said(error)}") from error


def _answer(status: int, text: bytes, retry_after: str | None) -> dict[str, Any]:
    """The answer's object; an explicit refusal, and a success nobody can read, are raised."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, dict) and isinstance(found.get("error"), dict):
        raise _refused(status, found["error"], retry_after)
    if 200 <= status < 300 and isinstance(found, dict):
        return found
    if 400 <= status < 500:
        code = "130429" if status == 429 else str(status)
        raise refusal(code, f"WhatsApp answered HTTP {status}", _seconds(retry_after))
    # A gateway's 5xx without Meta's own words proves nothing about the message behind it.
    raise SendUncertain(f"WhatsApp answered HTTP {status} without saying what became of the message.")


def _refused(status: int, error: Mapping[str, Any], retry_after: str | None) -> SendError:
    details = error.get("error_data")
    words = str((details.get("details") if isinstance(details, dict) else None) or error.get("message") or "")
    code = str(error.get("code", status))
    found = refusal(code, words, _seconds(retry_after))
    if error.get("is_transient") is True and not found.hold:
        found.retryable = True
    if 200 <= _number(code) <= 299:  # missing permissions: every send of the number fails alike
        found.hold, found.retryable = True, False
    return found


def _number(code: str) -> int:
    return int(code) if code.isascii() and code.isdigit() else -1


def _seconds(retry_after: str | None) -> float | None:
    text = (retry_after or "").strip()
    return min(float(text), 3600.0) if text.isascii() and text.isdigit() else None


def _said(error: BaseException) -> str:
    return (str(error) or type(error).__name__)[:200]
