from __future__ import annotations

import duckdb

from waqtor.benchmarks.log import run


def test_the_figure_is_made_of_what_was_written(tmp_path):
    (result,) = run(rows=4000, keep=tmp_path / "kept")
    assert result["unit"] == "rows/s"
    assert result["value"] > 1000
    assert abs(result["ratio"] - result["value"] / result["peer_value"]) < 0.001
    assert result["floor"] == 0.6
    assert result["ok"] == (result["ratio"] >= 0.6)
    with duckdb.connect(str(tmp_path / "kept" / "traffic.duckdb"), read_only=True) as connection:
        ((events, messages),) = connection.execute(
            "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM messages)"
        ).fetchall()
    with duckdb.connect(str(tmp_path / "kept" / "appender.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM messages").fetchall() == [(4000,)]
    assert messages == 4000 // 9
    assert events > messages
