from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from waqtor.benchmarks import flood, slowreader


@pytest.mark.slow
def test_a_client_that_never_reads_costs_a_bounded_buffer() -> None:
    delay, memory = slowreader.run(seconds=2.0, rounds=1)
    assert set(delay) >= {"p99_ms", "p99_without_ms", "most"}
    assert memory["dropped"] > 0, "it was really stuck"
    assert memory["buffered_kib"] <= 1024
    assert memory["value"] <= slowreader.MOST_GROWTH_MB


@pytest.mark.slow
def test_a_flood_of_bad_handshakes_is_refused_whole_while_good_ones_get_in(tmp_path: Path) -> None:
    calm, handshake = flood.run(rate=300, seconds=2.0, keep=tmp_path)
    assert calm["refused"] == calm["asked"] > 100
    assert set(calm["statuses"]) == {"401", "429"}
    assert calm["counted"]["throttled"] + calm["counted"]["unauthorized"] == calm["refused"]
    assert (handshake["lost"], handshake["handshakes"] > 0) == (0, True)


async def test_the_load_of_the_flood_needs_no_server_to_end() -> None:
    from waqtor.benchmarks.floodload import _flood

    listener = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    async with listener:
        told = await _flood(listener.sockets[0].getsockname()[1], 100, 0.1)
    assert told["refused"] == 0
    assert told["failed"] == told["asked"] > 0
