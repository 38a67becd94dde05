from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from tests.api.fakes import ADMIN, FakeEngine
from tests.realtime.fakes import Bench, message, until
from tests.realtime.server import LiveServer
from waqtor.api.app import create_app
from waqtor.client import WaqtorClient
from waqtor.contracts.commands import COMMANDS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "sdk.md").read_text(encoding="utf-8")


@pytest.fixture
async def server():
    """The whole API of a fake engine, with a real hub, on a real port."""
    bench = Bench()
    bench.keys.scopes[ADMIN] = "admin"
    engine = FakeEngine()
    engine.hub = bench.hub
    live = LiveServer(bench)
    live.app = create_app(engine, manage_engine=False)
    async with live:
        live.engine = engine
        yield live


async def test_the_snippets_run(server, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) >= 8
    code = "\n".join(blocks).replace("http://localhost:8080", server.url).replace('api_key="…"', f'api_key="{ADMIN}"')
    names: dict = {}
    try:
        await asyncio.to_thread(exec, compile(code, "docs/sdk.md", "exec"), names)
        await until(lambda: (tmp_path / "bot.cursor").exists())
    finally:
        for name in ("client", "bot"):
            if name in names:
                await asyncio.to_thread(names[name].close)


def test_every_method_is_on_the_page_and_every_one_there_exists() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", TEXT, re.MULTILINE))
    for spec in COMMANDS.values():
        resource, method = spec.sdk.split(".")
        assert f"`{method}`" in rows[resource]
    with WaqtorClient("http://localhost:9", "k") as client:
        for resource, row in rows.items():
            for path in re.findall(r"`([a-z_.]+)`", row):
                found = getattr(client, resource)
                for part in path.split(".") if not path.startswith("pyarrow") else ():
                    found = getattr(found, part)
                assert found


async def test_the_basic_bot_answers_once_over_a_restart(server, tmp_path) -> None:
    env = {
        **os.environ,
        "WAQTOR_API_URL": server.url,
        "WAQTOR_API_KEY": ADMIN,
        "BASIC_BOT_CURSOR": str(tmp_path / "c"),
        "PYTHONPATH": str(ROOT),
    }

    async def start():
        return await asyncio.create_subprocess_exec(
            sys.executable,
            str(ROOT / "examples" / "basic_bot.py"),
            env=env,
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
        )

    bench = server.bench
    for round in range(2):
        process = await start()
        try:
            if round == 0:
                await until(lambda: bench.hub.metrics()["topics"].get("message.received"), timeout=20)
            bench.journal.append_now(message(10 + round, " PING "), message(20 + round, "something else"))
            await until(lambda total=1 + 2 * round: len(server.engine.commands) == total, timeout=20)
        finally:
            process.send_signal(signal.SIGINT)
            await asyncio.wait_for(process.communicate(), 10)
        assert process.returncode == 0
        await until(lambda: not bench.hub.connections)
        bench.journal.append_now(message(30 + round, "ping"))
    assert [key.split("basic-bot:")[1] for _, key in server.engine.commands] == ["m10", "m30", "m11"]
