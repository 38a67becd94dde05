"""Every rule of the WebSocket's security: what is refused, how, and that both sets of counters say so."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.api.whole import GOOD, Whole
from tests.realtime.fakes import KEY, until
from tests.realtime.raw import EXTENSION, RawClient, client_frame
from waqtor.realtime.stats import REASONS

PAGE = "http://127.0.0.1:8501"


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[Whole]:
    async with Whole(settings) as server:
        yield server


async def knock(server: Whole, path: str = "/ws", **more: Any) -> int:
    """The status of a handshake; 101 when it was let in."""
    try:
        async with connect(server.ws + path, **more):
            return 101
    except InvalidStatus as refusal:
        code: int = refusal.response.status_code
        return code if json.loads(refusal.response.body)["ok"] is False else -code


async def say(server: Whole, *messages: str | bytes, **more: Any) -> Any:
    """What a connected client gets for its messages: a close code, or the type or code of the last answer."""
    async with connect(f"{server.ws}/ws", additional_headers=GOOD, max_size=None, **more) as socket:
        return await _answers(socket, messages)


async def _answers(socket: ClientConnection, messages: tuple[str | bytes, ...]) -> Any:
    try:
        for message in messages:
            await socket.send(message)
        await socket.send('{"type": "get_state", "id": "end"}')
        found: Any = None
        while (frame := json.loads(await socket.recv())).get("id") != "end":
            if frame["type"] not in {"welcome", "pong"}:
                found = frame.get("error", {}).get("code") or (frame["type"], frame["data"].get("refused"))
        return found
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006


async def bomb(server: Whole) -> int:
    async with await RawClient.open(server.port, extension=EXTENSION) as client:
        engine = zlib.compressobj(wbits=-12)
        packed = (engine.compress(bytes(50_000_000)) + engine.flush(zlib.Z_SYNC_FLUSH))[:-4]
        client.writer.write(client_frame(packed, rsv=4))
        return await client.ended()


async def used_ticket(server: Whole) -> int:
    path = server.ticket()
    assert await knock(server, path, origin=PAGE) == 101
    return await knock(server, path, origin=PAGE)


async def expired_ticket(server: Whole) -> int:
    path = server.ticket()
    tickets = server.app.state.tickets._open
    for value, (ends, who) in tickets.items():
        tickets[value] = (ends - 31, who)
    return await knock(server, path, origin=PAGE)


async def replayed(server: Whole) -> int:
    path = server.signed()
    assert await knock(server, path) == 101
    return await knock(server, path)


async def one_too_many(server: Whole) -> int:
    async with connect(f"{server.ws}/ws", additional_headers=GOOD):
        return await knock(server, additional_headers=GOOD)


async def guesses(server: Whole, count: int) -> int:
    for n in range(count - 1):
        await knock(server, additional_headers={"X-API-Key": f"wk_guess_{n}"})
    return await knock(server, additional_headers={"X-API-Key": "wk_last_guess"})


async def revoked(server: Whole) -> int:
    assert await knock(server, additional_headers=GOOD) == 101
    server.bench.keys.revoked.add(KEY)
    code = await knock(server, additional_headers=GOOD)
    server.bench.keys.revoked.clear()
    return code


@dataclass(frozen=True)
class Rule:
    """A rule, how to break it, what then happens, and the counter that tells of it."""

    name: str
    breaking: Callable[[Whole], Awaitable[Any]]
    answer: Any
    counter: str
    times: int = 1
    settings: dict[str, Any] = field(default_factory=dict)


def forwarded(*addresses: str) -> dict[str, str]:
    return {**GOOD, "X-Forwarded-For": ", ".join(addresses)}


PING = '{"type": "ping"}'
INSIDE = {"allowed_ips": "10.0.0.0/8"}
PROXIED = {**INSIDE, "trusted_proxies": "127.0.0.1"}
TRUSTED = {"ws_trusted": "127.0.0.1"}

RULES = [
    Rule("no key", lambda s: knock(s), 401, "unauthorized"),
    Rule("bad key", lambda s: knock(s, additional_headers={"X-API-Key": "no"}), 401, "unauthorized"),
    Rule("bad bearer", lambda s: knock(s, additional_headers={"Authorization": "Bearer no"}), 401, "unauthorized"),
    Rule("revoked key", revoked, 401, "unauthorized"),
    Rule("bare key where signatures are compulsory", lambda s: knock(s, additional_headers=GOOD), 401, "unauthorized",
         settings={"ws_require_signature": True}),
    Rule("bad signature", lambda s: knock(s, s.signed(secret="guessed")), 401, "signature"),
    Rule("signature for another address", lambda s: knock(s, s.signed(address="10.0.0.1")), 401, "signature"),
    Rule("replayed handshake", replayed, 401, "signature"),
    Rule("expired timestamp", lambda s: knock(s, s.signed(shift_ms=-61_000)), 401, "expired"),
    Rule("timestamp from the future", lambda s: knock(s, s.signed(shift_ms=61_000)), 401, "expired"),
    Rule("unknown ticket", lambda s: knock(s, "/ws?ticket=wt_no", origin=PAGE), 401, "unauthorized"),
    Rule("used ticket", used_ticket, 401, "unauthorized"),
    Rule("expired ticket", expired_ticket, 401, "unauthorized"),
    Rule("ticket without an origin", lambda s: knock(s, s.ticket()), 403, "origin"),
    Rule("bad origin", lambda s: knock(s, additional_headers=GOOD, origin="https://evil.example"), 403, "origin"),
    Rule("address outside a range", lambda s: knock(s, additional_headers=GOOD), 403, "address", settings=INSIDE),
    Rule("address that is not the listed one", lambda s: knock(s, additional_headers=GOOD), 403, "address",
         settings={"allowed_ips": "127.0.0.2,10.0.0.9"}),
    Rule("spoofed X-Forwarded-For", lambda s: knock(s, additional_headers=forwarded("10.1.2.3")), 403, "address",
         settings=INSIDE),
    Rule("address told by a trusted proxy", lambda s: knock(s, additional_headers=forwarded("192.0.2.1")), 403,
         "address", settings=PROXIED),
    Rule("spoofed through a trusted proxy", lambda s: knock(s, additional_headers=forwarded("10.1.2.3", "192.0.2.1")),
         403, "address", settings=PROXIED),
    Rule("twenty wrong keys", lambda s: guesses(s, 21), 429, "throttled"),
    Rule("sixty refused handshakes", lambda s: guesses(s, 65), 429, "throttled", times=45),
    Rule("too many connections", one_too_many, 503, "full", settings={"ws_max_connections": 1}),
    Rule("eleventh message of a second", lambda s: say(s, *[PING] * 11),
         ("rate_limit_exceeded", {"type": "ping"}), "rate"),
    Rule("messages that go on", lambda s: say(s, *[PING] * 13), 1008, "rate", times=3),
    Rule("messages of an address", lambda s: say(s, *[PING] * 10), 1008, "rate", times=5,
         settings={"rate_limit_connection_burst": 5}),
    Rule("oversized message", lambda s: say(s, "x" * 10_241), "too_large", "oversized"),
    Rule("oversized field", lambda s: say(s, json.dumps({"type": "subscribe", "topics": ["x" * 1001]})), "too_large",
         "oversized"),
    Rule("oversized frame", lambda s: say(s, "x" * 1_048_576), 1009, "oversized", settings=TRUSTED),
    Rule("decompression bomb", bomb, 1009, "oversized"),
    Rule("unknown type", lambda s: say(s, '{"type": "publish"}'), "invalid_input", "malformed"),
    Rule("no JSON", lambda s: say(s, "{"), "invalid_input", "malformed"),
    Rule("binary", lambda s: say(s, b"\x00"), 1003, "malformed"),
    Rule("forbidden or unknown topic", lambda s: say(s, '{"type": "subscribe", "topics": ["nonsense"]}'),
         ("subscribed", ["nonsense"]), "names"),
    Rule("too many topics in a frame", lambda s: say(s, json.dumps({"type": "subscribe", "topics": ["all"] * 129})),
         "invalid_input", "malformed"),
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
async def test_what_breaks_a_rule_is_refused_and_counted(rule: Rule) -> None:
    async with serving(**rule.settings) as server:
        assert await server.counted(rule.counter) == (0, 0)
        assert await rule.breaking(server) == rule.answer
        await until(lambda: server.bench.hub.monitor()["security"][rule.counter] >= rule.times)
        assert await server.counted(rule.counter) == (rule.times, rule.times)


ALLOWED = {
    "good key": ({}, lambda s: knock(s, additional_headers=GOOD)),
    "signature": ({}, lambda s: knock(s, s.signed())),
    "ticket": ({}, lambda s: knock(s, s.ticket(), origin=PAGE)),
    "address in a range": ({"allowed_ips": "127.0.0.0/30"}, lambda s: knock(s, additional_headers=GOOD)),
    "told by a trusted proxy": (PROXIED, lambda s: knock(s, additional_headers=forwarded("192.0.2.1", "10.1.2.3"))),
}


@pytest.mark.parametrize("name", ALLOWED)
async def test_what_keeps_the_rules_is_let_in_and_not_counted(name: str) -> None:
    settings, knocking = ALLOWED[name]
    async with serving(**settings) as server:
        assert await knocking(server) == 101
        assert not any(server.bench.hub.monitor()["security"].values())


async def test_a_trusted_client_may_talk_as_fast_as_it_likes() -> None:
    async with serving(**TRUSTED) as server:
        assert await say(server, *[PING] * 200) is None
        assert await server.counted("rate") == (0, 0)


async def test_a_flood_from_the_same_address_locks_out_neither_known_keys_nor_tickets() -> None:
    async with serving() as server:
        assert await knock(server, additional_headers=GOOD) == 101
        assert await guesses(server, 62) == 429
        assert await knock(server, "/ws?ticket=wt_no", origin=PAGE) == 429
        for more in ({"additional_headers": GOOD}, {"additional_headers": {"Authorization": f"Bearer {KEY}"}}):
            assert await knock(server, **more) == 101
        assert await knock(server, f"/ws?apiKey={KEY}") == 101
        assert await knock(server, server.ticket(), origin=PAGE) == 101


def test_every_counter_has_a_rule_and_stands_in_the_documentation() -> None:
    assert {rule.counter for rule in RULES} == REASONS
    page = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
    assert [reason for reason in sorted(REASONS) if f"| `{reason}` |" not in page] == []
