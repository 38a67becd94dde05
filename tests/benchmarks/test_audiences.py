from __future__ import annotations

from waqtor.benchmarks.audiences import run, write_list


def test_the_list_has_what_it_says(tmp_path):
    rows = write_list(tmp_path / "list.csv", 1000).read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1001
    assert sum(",12345," in row for row in rows) == 10


def test_the_figure_is_made_of_what_was_kept(tmp_path):
    (found,) = run(rows=3000, postgres=False, keep=tmp_path / "kept")
    assert (found["name"], found["unit"]) == ("audience.sqlite", "rows/s")
    assert found["bad"] == 30
    assert found["total"] + found["bad"] + found["duplicates"] == 3000
    assert found["duplicates"] >= 40
