from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from waqtor.analytics.catalog import catalog
from waqtor.analytics.frames import frame, kpis
from waqtor.analytics.sample import SAMPLE_START, sample_events
from waqtor.analytics.sample_campaign import SAMPLE_CAMPAIGN, campaign_events
from waqtor.benchmarks.log import MemoryJournal
from waqtor.contracts.events import check
from waqtor.contracts.ids import is_ulid
from waqtor.kernel.snapshots import Measured
from waqtor.storage.connect import connect
from waqtor.storage.duck_log import DuckLog
from waqtor.storage.duck_sample import write_sample

EVENTS = list(sample_events(300))


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    with connect(path=write_sample(tmp_path_factory.mktemp("frames") / "t.duckdb", 300)) as log:
        yield log


def of(prefix):
    return [event for event in EVENTS if event.type.startswith(prefix)]


def test_the_key_figures_are_those_of_the_events(log):
    found = kpis(log)
    assert found["received"] == 300
    assert found["chats"] == len({event.personal["chat_id"] for event in of("message.received")})
    assert found["answered"] == len(of("smartbot.reply"))
    assert found["handed_over"] == len(of("smartbot.handoff"))
    assert found["silent"] == len(of("smartbot.unmatched"))
    assert found["answer_rate"] == pytest.approx(len(of("smartbot.reply")) / 300)
    assert found["failed"] == len(of("message.failed"))
    assert found["sent"] == len(of("message.sent"))
    assert found["read"] == len(of("message.read"))


def test_nothing_gives_no_rate_instead_of_zero(log):
    found = kpis(log, session="nobody")
    assert found["received"] == 0
    assert found["answer_rate"] is None


def test_traffic_has_every_bucket_and_adds_up(log):
    for bucket, zone in (("hour", "UTC"), ("day", "Asia/Riyadh"), ("minute", "UTC")):
        found = frame(log, "traffic", bucket=bucket, zone=zone)
        assert found["received"].sum() == 300
        assert found["sent"].sum() == len(of("message.sent"))
        assert found["bucket"].diff().dropna().nunique() == 1
    assert frame(log, "traffic", session="nobody").empty


def test_the_time_span_is_half_open(log):
    middle = "2026-01-04T00:00:00Z"
    before, after = kpis(log, until=middle)["received"], kpis(log, since=middle)["received"]
    assert before + after == 300
    assert before > 0
    assert after > 0


def test_the_heat_map_is_in_the_shops_time(log):
    found = frame(log, "heat_map", zone="Asia/Riyadh")
    wanted = Counter()
    for event in of("message.received"):
        hours = (event.created - SAMPLE_START) // 3_600_000_000 + 3
        wanted[(3 + hours // 24) % 7 + 1, hours % 24] += 1  # 2026-01-01 was a Thursday
    assert {(row.weekday, row.hour): row.received for row in found.itertuples()} == dict(wanted)


def test_languages_rules_and_the_unmatched(log):
    decided = of("smartbot.")
    found = frame(log, "languages")
    assert dict(zip(found["language"], found["decided"], strict=True)) == Counter(e.data["language"] for e in decided)
    top = frame(log, "top_rules", top=3)
    best = Counter(event.data["rule_id"] for event in of("smartbot.reply")).most_common(1)[0][1]
    assert len(top) == 3
    assert top["answers"].iloc[0] == best
    unmatched = frame(log, "unmatched", top=100)
    assert unmatched["times"].sum() == len(of("smartbot.unmatched"))
    assert set(unmatched["text"]) == {event.personal["trigger"] for event in of("smartbot.unmatched")}


def test_decisions_are_counted_by_kind_and_bucket(log):
    found = frame(log, "decisions", bucket="day")
    by_kind = found.groupby("decision")["decided"].sum().to_dict()
    assert by_kind == {
        "answer": len(of("smartbot.reply")),
        "handoff": len(of("smartbot.handoff")),
        "silent": len(of("smartbot.unmatched")),
    }
    assert not found.duplicated(["bucket", "decision"]).any()


def test_failures_are_grouped_by_their_reason(log):
    found = frame(log, "failures")
    assert list(found["error_code"]) == ["131047"]
    assert list(found["times"]) == [len(of("message.failed"))]
    assert list(found["error_reason"]) == ["the 24-hour window is closed"]


def test_response_times_are_between_message_and_sent(log):
    row = frame(log, "response_times").iloc[0]
    assert row["replies"] == len(of("message.sent"))
    assert 0 < row["p50_ms"] < row["p90_ms"] <= row["p99_ms"] <= row["max_ms"] < 60_000


async def test_the_sidecars_guard_lets_every_query_through(tmp_path):
    journal = MemoryJournal(EVENTS)
    await journal.append(list(campaign_events(300)))
    log = DuckLog(tmp_path / "t.duckdb", journal)
    log.tally.snapshot(1_795_000_000_000_000, 1_794_999_000_000_000, 300.0, [Measured("n", "{}", "gauge", 1.0, None)])
    task = asyncio.create_task(log.run())
    await log.flush()
    for query in catalog().values():
        found = await log.query(query.sql, query.bind(zone="Asia/Riyadh", campaign=SAMPLE_CAMPAIGN))
        assert found.rows, query.name
    unmatched = await log.query(catalog()["unmatched"].sql, catalog()["unmatched"].bind())
    assert {row[0] for row in unmatched.rows} == {None}
    await log.stop()
    await task


def test_the_sample_has_the_shapes_of_the_contracts():
    for event in EVENTS:
        check(event)
    assert [event.offset for event in EVENTS] == list(range(1, len(EVENTS) + 1))
    assert list(sample_events(300)) == EVENTS
    assert all(is_ulid(event.id) and is_ulid(event.subject) for event in EVENTS)
    assert len({event.id for event in EVENTS}) == len(EVENTS)
    assert {event.data["language"] for event in of("smartbot.")} == {"ar", "en", "arabizi"}
