from __future__ import annotations

import pytest
from sqlalchemy import create_engine, inspect
from sqlalchemy.engine.reflection import Inspector

from waqtor.storage.migrations import available, migrate
from waqtor.storage.postgres import PostgresDriver
from waqtor.storage.schema import metadata
from waqtor.storage.sqlite import SqliteDriver


def reflected(inspector: Inspector, dialect: str) -> dict[str, dict[str, object]]:
    found = {}
    for table in inspector.get_table_names():
        columns = {}
        for column in inspector.get_columns(table):
            kind = column["type"].__class__.__name__.upper()
            columns[column["name"]] = (kind, column["nullable"])
        found[table] = {
            "columns": columns,
            "key": inspector.get_pk_constraint(table)["constrained_columns"],
            "indexes": {
                index["name"]: (tuple(index["column_names"]), bool(index["unique"]), where(index, dialect))
                for index in inspector.get_indexes(table)
            },
        }
    return found


def where(index: dict, dialect: str) -> str:
    text = str((index.get("dialect_options") or {}).get(f"{dialect}_where", ""))
    return "".join(text.replace("::text", "").replace("(", "").replace(")", "").lower().split())


def sqlite_tables(path, create) -> dict[str, dict[str, object]]:
    engine = create_engine(f"sqlite:///{path}")
    try:
        create(engine)
        return reflected(inspect(engine), "sqlite")
    finally:
        engine.dispose()


def test_sqlite_tables_are_those_of_the_metadata(tmp_path):
    driver = SqliteDriver(tmp_path / "a" / "migrated.sqlite")
    driver.open()
    driver.close()
    migrated = sqlite_tables(driver.path, lambda engine: None)
    wanted = sqlite_tables(tmp_path / "metadata.sqlite", metadata.create_all)
    for table in wanted.values():  # SQLite keeps the names of types as they were written
        table["columns"] = {name: (alias(kind), null) for name, (kind, null) in table["columns"].items()}
    for table in migrated.values():
        table["columns"] = {name: (alias(kind), null) for name, (kind, null) in table["columns"].items()}
    assert set(migrated) == set(metadata.tables)
    assert migrated == wanted


def alias(kind: str) -> str:
    return {"DOUBLE_PRECISION": "FLOAT", "DOUBLE": "FLOAT", "REAL": "FLOAT"}.get(kind, kind)


@pytest.mark.postgres
def test_postgres_tables_are_those_of_the_metadata(postgres_url, empty_postgres_url):
    tables = []
    for url, create in ((postgres_url, None), (empty_postgres_url, metadata.create_all)):
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        try:
            if create:
                create(engine)
            tables.append(reflected(inspect(engine), "postgresql"))
        finally:
            engine.dispose()
    migrated, wanted = tables
    assert set(migrated) == set(metadata.tables)
    assert migrated == wanted


def test_migrations_are_numbered_in_order():
    for dialect in ("sqlite", "postgresql"):
        numbers = [number for number, _ in available(dialect)]
        assert numbers == sorted(set(numbers))
        statements = [statement for _, group in available(dialect) for statement in group]
        assert all("{{" not in statement and statement for statement in statements)


def test_only_newer_migrations_are_applied():
    newest = available("sqlite")[-1][0]
    ran: list[str] = []
    assert migrate("sqlite", newest, ran.append) == newest
    assert ran == []
    assert migrate("sqlite", 0, ran.append) == newest
    assert len(ran) == sum(len(statements) for _, statements in available("sqlite"))


async def test_opening_again_changes_nothing(database):
    async with database.opened() as store:
        before = await store.read(lambda c: reflected(inspect(c), database.dialect))
        rows = await store.rows("SELECT name, value FROM meta ORDER BY name")
    async with database.opened() as store:
        assert await store.read(lambda c: reflected(inspect(c), database.dialect)) == before
        assert await store.rows("SELECT name, value FROM meta ORDER BY name") == rows
    assert dict(rows)["schema_version"] == str(available(database.dialect)[-1][0])


@pytest.mark.postgres
def test_engines_that_start_together_migrate_once(empty_postgres_url):
    from concurrent.futures import ThreadPoolExecutor

    drivers = [PostgresDriver(empty_postgres_url) for _ in range(4)]
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda driver: driver.open(), drivers))
    finally:
        for driver in drivers:
            driver.close()


def test_a_failed_migration_leaves_nothing(tmp_path, monkeypatch):
    from waqtor.errors import ConfigurationError
    from waqtor.storage import sqlite

    def broken(dialect, version, execute):
        execute("CREATE TABLE half (id INTEGER)")
        raise ConfigurationError("no")

    monkeypatch.setattr(sqlite, "migrate", broken)
    driver = SqliteDriver(tmp_path / "x.sqlite")
    with pytest.raises(ConfigurationError):
        driver.open()
    monkeypatch.undo()
    driver = SqliteDriver(tmp_path / "x.sqlite")
    driver.open()  # the lock was given back, and no half table is there
    try:
        assert driver.begin(0, "o").rows("SELECT name FROM sqlite_master WHERE name = 'half'") == []
        driver.rollback()
    finally:
        driver.close()
