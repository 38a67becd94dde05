from __future__ import annotations

import subprocess
import sys
import warnings
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pytest

import waqtor
from waqtor.errors import ConfigurationError, InvalidInput, NotFound, Unauthorized, Unavailable
from waqtor.storage import connect as connecting
from waqtor.storage.duck_sample import write_sample


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return write_sample(tmp_path_factory.mktemp("connect") / "traffic.duckdb", 50)


@pytest.fixture
def nothing_runs(monkeypatch, tmp_path):
    monkeypatch.setenv("WAQTOR_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WAQTOR_DATA_DIR", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)


def test_a_file_is_read(sample):
    with waqtor.connect(path=sample) as log:
        assert log.kind == "file"
        assert log.where == str(sample)
        assert repr(log).startswith("<TrafficLog file")
        assert len(log.messages()) == 50
        assert len(log.messages(limit=3)) == 3
        newest = log.messages(limit=2)["created"]
        assert newest.iloc[0] >= newest.iloc[1]
        assert str(newest.dt.tz) == "UTC"
        assert len(log.messages(session="nobody")) == 0
        middle = log.messages()["created"].median()
        assert len(log.messages(since=middle)) + len(log.messages(until=middle)) == 50
        assert set(log.events("smartbot.*")["type"]) <= {"smartbot.reply", "smartbot.unmatched", "smartbot.handoff"}
        assert set(log.events("message.read")["type"]) == {"message.read"}
        assert len(log.decisions()) == 50
        assert set(log.sends()["status"]) <= {"sent", "delivered", "read", "failed"}
        assert isinstance(log.arrow("SELECT 1 AS a"), pa.Table)
        assert log.sql("SELECT ?::INTEGER AS a", [4])["a"].tolist() == [4]
        assert log.sql("SELECT $b::INTEGER AS a", {"b": 5})["a"].tolist() == [5]
        assert set(log.columns().columns) >= {"table_name", "column_name", "description"}


def test_a_file_cannot_be_changed_through_it(sample):
    before = sample.read_bytes()
    with waqtor.connect(path=sample) as log:
        for sql in ("DELETE FROM log.events", "CREATE TABLE x(a INTEGER)", "SELEC 1", "SELECT nothing FROM messages"):
            with pytest.raises(InvalidInput):
                log.sql(sql)
    assert sample.read_bytes() == before


def test_clear_words_for_what_cannot_be_opened(tmp_path, sample):
    with pytest.raises(NotFound, match="no traffic log at"):
        waqtor.connect(path=tmp_path / "missing.duckdb")
    (tmp_path / "text.duckdb").write_text("hello" * 1000)
    with pytest.raises(Unavailable, match="cannot be opened"):
        waqtor.connect(path=tmp_path / "text.duckdb")
    with duckdb.connect(str(tmp_path / "other.duckdb")) as other:
        other.execute("CREATE TABLE t(a INTEGER)")
    with pytest.raises(InvalidInput, match="no traffic log of WaQtor"):
        waqtor.connect(path=tmp_path / "other.duckdb")
    with pytest.raises(ConfigurationError, match="not both"):
        waqtor.connect(url="http://localhost:1", path=sample)
    with pytest.raises(Unavailable):
        waqtor.connect(url="http://127.0.0.1:9", api_key="k")


def test_a_held_file_names_the_way_out(tmp_path):
    path = write_sample(tmp_path / "t.duckdb", 5)
    code = f"import duckdb; c = duckdb.connect({str(path)!r}); print('held', flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Unavailable, match=r"held by a running WaQtor.*waqtor\.connect\(url="):
            waqtor.connect(path=path)
    finally:
        holder.communicate("\n", timeout=10)


def test_without_anything_both_places_are_named(nothing_runs):
    with pytest.raises(NotFound, match=r"Nobody answers at http://127\.0\.0\.1:9.*no traffic log at"):
        waqtor.connect()


def test_without_a_sidecar_the_file_of_the_settings_is_taken(nothing_runs, monkeypatch, sample):
    monkeypatch.setenv("WAQTOR_DUCKDB_PATH", str(sample))
    with waqtor.connect() as log:
        assert log.kind == "file"


class FakeClient:
    """Stands for the SDK: records what is asked."""

    truncated = False
    refusal: Exception | None = None

    def __init__(self, url, api_key, **more):
        self.asked = []
        self.closed = False
        self.analytics = SimpleNamespace(query=self._query, arrow=self._arrow)

    def _query(self, sql):
        if self.refusal is not None:
            raise self.refusal
        self.asked.append(sql)

    def _arrow(self, sql, params):
        self.asked.append((sql, params))
        notes = {"truncated": "1" if self.truncated else "0"}
        return pa.table({"a": [1, 2]}).replace_schema_metadata(notes)

    def close(self):
        self.closed = True


@pytest.fixture
def fake(monkeypatch):
    import waqtor.client

    monkeypatch.setattr(waqtor.client, "WaqtorClient", FakeClient)
    yield FakeClient
    FakeClient.truncated, FakeClient.refusal = False, None


def test_through_the_sidecar(fake):
    with waqtor.connect(url="http://sidecar:8080", api_key="k") as log:
        assert log.kind == "sidecar"
        assert log.sql("SELECT 1", [1])["a"].tolist() == [1, 2]
        log.messages(since="2026-01-01", session="a")
        sql, params = log._source._client.asked[-1]
        assert "FROM messages WHERE created >= CAST(? AS TIMESTAMPTZ) AND session = CAST(? AS VARCHAR)" in sql
        assert params == ["2026-01-01", "a"]
        client = log._source._client
    assert client.closed


def test_a_cut_result_warns(fake):
    log = waqtor.connect(url="http://sidecar:8080")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        log.arrow("SELECT 1")
    fake.truncated = True
    with pytest.warns(UserWarning, match="cut at 2 rows"):
        log.arrow("SELECT 1")


def test_a_refused_key_is_not_papered_over_by_the_file(fake, monkeypatch, sample):
    monkeypatch.setenv("WAQTOR_DUCKDB_PATH", str(sample))
    fake.refusal = Unauthorized("no such key")
    with pytest.raises(Unauthorized):
        waqtor.connect()


def test_the_public_name_is_this_one():
    assert waqtor.connect is connecting.connect
