"""The monitor page in a browser, on the whole application around a real hub."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from websockets.sync.client import connect

from tests.api.whole import Whole
from tests.realtime.fakes import KEY, message

pytestmark = [pytest.mark.ui, pytest.mark.slow]


class Served:
    """The server in a thread with a loop of its own; it can be stopped and started again on its port."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server: Whole = self.run(self._make())

    async def _make(self) -> Whole:
        return await Whole({"ws_trusted": "127.0.0.1"}).__aenter__()

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def publish(self, count: int) -> None:
        for n in range(count):
            self.loop.call_soon_threadsafe(self.server.bench.journal.append_now, message(n))

    def end(self) -> None:
        self.run(self.server.__aexit__())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


@pytest.fixture
def served() -> Iterator[Served]:
    found = Served()
    yield found
    found.end()


def test_it_draws_alerts_and_says_when_the_server_is_away(page: Page, served: Served) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{served.server.url}/ws-monitor.html")
    expect(page.locator("#state")).to_have_text("live")
    expect(page.locator("#nobody")).to_be_visible()
    page.locator("#limit-load").fill("1000")  # the machine of the tests may well be busy
    expect(page.locator("#alerts .alert")).to_have_count(0)

    with connect(f"{served.server.ws}/ws/smartbot", additional_headers={"X-API-Key": KEY}):
        served.publish(20)
        expect(page.locator("#clients tr")).to_have_count(1)
        expect(page.locator("#clients")).to_contain_text("message.received")
        expect(page.locator("#nobody")).to_be_hidden()
        charts = page.locator("#charts path")
        expect(charts).to_have_count(5)
        page.wait_for_function(  # a line, and one that is not flat once somebody had come
            "() => document.querySelectorAll('#charts path')[0].getAttribute('d').split('L').length > 2"
        )
        drawn = charts.first.get_attribute("d") or ""
        assert len({point.split()[1] for point in drawn[1:].split("L")}) > 1
        expect(page.locator("#security tr")).to_have_count(len(served.server.bench.hub.monitor()["security"]))

        page.locator("#limit-connections").fill("0")
        page.locator("#limit-connections").blur()
        expect(page.locator("#alerts .alert")).to_have_text("Connections: 1")

    served.run(served.server.stop())
    expect(page.locator("#state")).to_have_text("server not reachable, trying again")
    kept = page.locator("#charts path").first.get_attribute("d") or ""
    assert kept.count("L") >= drawn.count("L"), "what was drawn stays"
    served.run(served.server.start())
    expect(page.locator("#state")).to_have_text("live")
    page.reload()
    expect(page.locator("#limit-connections")).to_have_value("0")
    assert errors == []
