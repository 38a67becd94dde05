from __future__ import annotations

from datetime import UTC, datetime

import pytest

from waqtor.analytics.catalog import DEFAULTS, catalog, named, parse
from waqtor.errors import InvalidInput, NotFound


def test_every_query_has_a_why_and_known_parameters():
    assert {
        "kpis",
        "traffic",
        "answer_rate",
        "languages",
        "top_rules",
        "response_times",
        "unmatched",
        "heat_map",
    } <= set(catalog())
    for query in catalog().values():
        assert len(query.why) > 20
        assert query.parameters <= set(DEFAULTS)
        assert "--" not in query.sql
        assert ";" not in query.sql


def test_parameters_left_out_have_defaults_and_times_become_text():
    bound = named("traffic").bind(since=datetime(2026, 1, 1, tzinfo=UTC), bucket="day")
    assert bound == {
        "since": "2026-01-01T00:00:00+00:00",
        "until": None,
        "session": None,
        "zone": "UTC",
        "bucket": "day",
    }
    assert "bucket" not in named("kpis").bind()


def test_wrong_names_are_told():
    with pytest.raises(NotFound, match="there are"):
        named("nothing")
    with pytest.raises(InvalidInput, match="no parameter sinse"):
        named("kpis").bind(sinse="2026-01-01")
    with pytest.raises(InvalidInput, match="minute, hour, day"):
        named("traffic").bind(bucket="century")


def test_files_are_parsed_by_their_headers():
    one, two = parse(
        "-- head\n-- name: a\n-- why: because\nSELECT $since; -- end\n-- name: b\n-- why: so\nSELECT 2\n;\n"
    )
    assert (one.name, one.why, one.sql, one.parameters) == ("a", "because", "SELECT $since", frozenset({"since"}))
    assert (two.name, two.sql, two.parameters) == ("b", "SELECT 2", frozenset())


@pytest.mark.parametrize("text", ["SELECT 1;\n-- name: a\n-- why: x\nSELECT 2", "-- name: a\nSELECT 2"])
def test_stray_sql_and_missing_reasons_are_errors(text):
    with pytest.raises(ValueError):
        parse(text)
