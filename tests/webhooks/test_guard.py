from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver
from aiohttp.test_utils import TestServer

from waqtor.errors import ConfigurationError, InvalidInput
from waqtor.webhooks.guard import AddressRefused, Guard
from waqtor.webhooks.post import Poster

HOSTILE = [
    "127.0.0.1", "127.8.9.10", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.254",
    "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.8", "192.0.2.1",
    "192.31.196.1", "192.52.193.1", "192.88.99.3", "192.168.0.1", "192.168.255.1", "192.175.48.1", "198.18.0.1",
    "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:c0a8:1:1::",
    "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%1", "fec0::1", "ff02::1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8", "172.32.0.1", "100.128.0.1"]


def test_there_are_enough_of_them():
    assert len(HOSTILE) >= 45


@pytest.mark.parametrize("address", HOSTILE)
def test_hostile_addresses_are_refused(address):
    with pytest.raises(AddressRefused):
        Guard().check(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address):
    Guard().check(address)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/", "file:///etc/passwd", "javascript:alert(1)", "//example.com", "http://", "https:///path",
        "http://user:pass@example.com/", "http://localhost/", "http://LOCALHOST./", "http://a.localhost/", "http://db/",
        "http://printer.local/", "http://metadata.google.internal/", "http://127.1/", "http://2130706433/",
        "http://0x7f.0.0.1/", "http://0177.0.0.1/", "http://017700000001/", "http://0/", "http://[::1]/",
        "http://[::ffff:10.0.0.1]/", "http://169.254.169.254/latest/meta-data", "http://example.com:0/",
        "http://example.com:99999/", "http://exa mple.com/", "http://example.com\\@127.0.0.1/", "http://127.0.0.1./",
        "http://1.2.3/", "http://[fe80::1%25eth0]/",
    ],
)  # fmt: skip
def test_urls_that_lead_nowhere_public_are_refused(url):
    with pytest.raises(InvalidInput):
        Guard().check_url(url)


def test_named_private_hosts_pass():
    guard = Guard(["crm.internal", "10.1.0.0/16", "::1", "localhost"])
    for url in (
        "http://crm.internal:8000/x",
        "http://10.1.2.3/",
        "http://[::1]/",
        "http://localhost:9/",
        "https://a.com",
    ):
        guard.check_url(url)
    for url in ("http://10.2.0.1/", "http://127.0.0.1/", "http://db.internal/"):
        with pytest.raises(InvalidInput):
            guard.check_url(url)
    with pytest.raises(ConfigurationError):
        Guard(["what is this"])


class Names(AbstractResolver):
    """Answers the given addresses in turn: a name that is public once and private the next time."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)

    async def resolve(self, host, port=0, family=socket.AF_INET):
        address = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        found = {"hostname": host, "host": address, "port": port, "family": kind, "proto": 0}
        return [{**found, "flags": socket.AI_NUMERICHOST}]

    async def close(self) -> None:
        pass


@pytest.fixture
async def sink():
    hits: list[str] = []

    async def take(request: web.Request) -> web.Response:
        hits.append(request.path)
        if request.path == "/moved":
            return web.Response(status=302, headers={"Location": "/private"})
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    server.hits = hits
    yield server
    await server.close()


async def post(poster: Poster, url: str):
    await poster.start()
    try:
        return await poster.post(url, b"{}", {}, 20.0, 0)
    finally:
        await poster.stop()


@pytest.mark.parametrize("address", [a for a in HOSTILE if "%" not in a])
async def test_a_name_that_leads_to_a_hostile_address_is_refused_before_a_byte_is_sent(address, sink):
    answer = await post(Poster(Guard(), Names(address)), f"http://evil.example.com:{sink.port}/")
    assert answer.status is None
    assert answer.error.startswith("refused: ")
    assert sink.hits == []


async def test_literal_addresses_and_localhost_are_refused_when_connecting_too(sink):
    for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1", "2130706433"):
        answer = await post(Poster(Guard()), f"http://{host}:{sink.port}/")
        assert answer.status is None, host
    assert sink.hits == []


async def test_rebinding_is_noticed_at_the_next_connection(sink):
    guard = Guard(["127.0.0.1"])
    names = Names("127.0.0.1", "127.0.0.2")
    poster = Poster(guard, names)
    url = f"http://flips.example.com:{sink.port}/a"
    assert (await post(poster, url)).status == 200
    assert (await post(poster, url)).error.startswith("refused: 127.0.0.2")
    assert sink.hits == ["/a"]


async def test_redirects_are_failures_and_not_followed(sink):
    answer = await post(Poster(Guard(["127.0.0.0/8"])), f"http://127.0.0.1:{sink.port}/moved")
    assert (answer.status, answer.ok) == (302, False)
    assert "redirects are not followed" in answer.error
    assert sink.hits == ["/moved"]


async def test_a_host_allowed_by_name_may_be_private(sink):
    poster = Poster(Guard(["crm.internal"]), Names("127.0.0.1"))
    assert (await post(poster, f"http://crm.internal:{sink.port}/x")).status == 200
    other = Poster(Guard(["crm.internal"]), Names("127.0.0.1"))
    assert (await post(other, f"http://else.example.com:{sink.port}/x")).status is None
    await asyncio.sleep(0)
    assert sink.hits == ["/x"]
