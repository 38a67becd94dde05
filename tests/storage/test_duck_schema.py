from __future__ import annotations

import duckdb
import pytest

from waqtor.contracts.events import EVENTS
from waqtor.errors import ConfigurationError, Unavailable
from waqtor.storage import duck_schema
from waqtor.storage.duck_file import DuckFile
from waqtor.storage.duck_rows import RowMaker


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        yield connection


def test_the_tables_of_a_new_file_are_the_declared_ones(connection):
    assert duck_schema.migrate(connection) == 0
    assert duck_schema.migrate(connection) == duck_schema.SCHEMA_VERSION
    for table in duck_schema.TABLES:
        found = connection.execute(
            "SELECT column_name, data_type, comment FROM duckdb_columns() WHERE schema_name = 'log' AND table_name = ?",
            [table.name],
        ).fetchall()
        types = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}
        assert found == [(c.name, types.get(c.stored, c.stored), c.doc) for c in table.columns]
        assert "session" in {column.name for column in table.columns}


def test_views_show_every_column_and_can_be_queried(connection):
    duck_schema.migrate(connection)
    for name in duck_schema.VIEWS:
        assert connection.execute(f"SELECT count(*) FROM {name}").fetchall()
    listed = connection.execute("SELECT table_name, column_name FROM columns").fetchall()
    assert listed == [(table.name, column.name) for table in duck_schema.TABLES for column in table.columns]


def test_no_column_needs_quotes(connection):
    duck_schema.migrate(connection)
    for table in duck_schema.TABLES:
        for column in table.columns:
            connection.execute(f"SELECT {column.name} FROM {table.name} WHERE {column.name} IS NULL ORDER BY 1")


def test_rows_are_as_wide_as_their_tables():
    from waqtor.analytics.sample import sample_events

    widths = {table.name: len(table.columns) for table in duck_schema.TABLES}
    for name, rows in RowMaker(b"k").rows(sample_events(50)).items():
        assert {len(row) for row in rows} == {widths[name]}


def test_personal_fields_of_every_event_stay_out_of_the_public_row():
    from waqtor.contracts.events import Event

    maker = RowMaker(b"k")
    for spec in EVENTS.values():
        secret = dict.fromkeys(spec.personal, "s3cret")
        inline = Event(spec.name, "s", {"kept": 1, **secret}, created=1, offset=1, subject="x")
        beside = Event(spec.name, "s", {"kept": 1}, created=1, offset=1, subject="x", personal=secret)
        for event in (inline, beside):
            (row,) = maker.rows([event])["events"]
            assert "s3cret" not in row[-1]
            assert '"kept":1' in row[-1]


def test_a_newer_file_is_left_alone(tmp_path):
    path = tmp_path / "t.duckdb"
    DuckFile(path).open_once()
    with duckdb.connect(str(path)) as connection:
        connection.execute("INSERT INTO meta.schema_version VALUES (99, now())")
    with pytest.raises(ConfigurationError, match="newer version"):
        DuckFile(path).open()


def test_a_failed_migration_leaves_no_trace(monkeypatch, tmp_path):
    def broken(connection):
        connection.execute("CREATE TABLE half(a INTEGER)")
        raise duckdb.IOException("disk full")

    with duckdb.connect(str(tmp_path / "t.duckdb")) as connection:
        duck_schema.migrate(connection)
        had = duck_schema.SCHEMA_VERSION
        monkeypatch.setattr(duck_schema, "SCHEMA_VERSION", had + 1)
        monkeypatch.setattr(duck_schema, "_MIGRATIONS", (*duck_schema._MIGRATIONS, broken))
        with pytest.raises(duckdb.IOException):
            duck_schema.migrate(connection)
        assert duck_schema.version_of(connection) == had
        assert not connection.execute("SELECT * FROM duckdb_tables() WHERE table_name = 'half'").fetchall()


def test_a_file_of_the_first_version_gains_the_metrics_and_keeps_its_rows(monkeypatch, tmp_path):
    path = tmp_path / "t.duckdb"
    with monkeypatch.context() as first, duckdb.connect(str(path)) as connection:
        first.setattr(duck_schema, "SCHEMA_VERSION", 1)
        first.setattr(duck_schema, "TABLES", tuple(t for t in duck_schema.TABLES if t.since == 1))
        later = ("metrics", "quarters", "waits")
        first.setattr(duck_schema, "VIEWS", tuple(name for name in duck_schema.VIEWS if name not in later))
        duck_schema.migrate(connection)
        connection.execute("INSERT INTO log.gaps VALUES (now(), '', 3, 4, 'trimmed')")
        assert not connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'metrics'").fetchall()
    DuckFile(path).open_once()
    with duckdb.connect(str(path), read_only=True) as connection:
        assert duck_schema.version_of(connection) == duck_schema.SCHEMA_VERSION
        assert connection.execute("SELECT first_offset, last_offset FROM gaps").fetchall() == [(3, 4)]
        assert connection.execute("SELECT count(*) FROM metrics").fetchall() == [(0,)]
        listed = connection.execute("SELECT column_name FROM columns WHERE table_name = 'metrics'").fetchall()
        assert ("added",) in listed


@pytest.mark.parametrize("content", [b"", b"x" * 10, b"\0" * 5000])
def test_empty_and_torn_files(tmp_path, content):
    path = tmp_path / "t.duckdb"
    path.write_bytes(content)
    file = DuckFile(path)
    if content:
        with pytest.raises(Unavailable):
            file.open()
        assert path.read_bytes() == content
    else:
        file.open()
        file.close()


def test_leftovers_of_a_killed_start_do_no_harm(tmp_path):
    path = tmp_path / "t.duckdb"
    (tmp_path / "t.duckdb.new").write_bytes(b"half a file")
    (tmp_path / "t.duckdb.new.wal").write_bytes(b"half a wal")
    (tmp_path / "t.duckdb.wal").write_bytes(b"of a deleted file")
    DuckFile(path).open_once()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["t.duckdb"]
