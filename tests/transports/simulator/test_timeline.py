from __future__ import annotations

import pytest

from waqtor.transports.simulator.timeline import Timeline


def test_frozen_time_runs_calls_in_order_each_at_its_own_time() -> None:
    timeline, seen = Timeline(), []
    timeline.freeze(1_000_000)

    def note(name: str) -> None:
        seen.append((name, timeline.now_us()))
        if name == "a":
            timeline.at(0.5, note, "chained")

    timeline.at(2, note, "b")
    timeline.at(1, note, "a")
    timeline.at(1, note, "a2")
    timeline.at(9, note, "later")
    assert timeline.advance(3) == 4
    assert seen == [("a", 2_000_000), ("a2", 2_000_000), ("chained", 2_500_000), ("b", 3_000_000)]
    assert (timeline.now_us(), len(timeline), timeline.next_delay()) == (4_000_000, 1, None)


def test_running_time_can_be_moved_forward() -> None:
    timeline, seen = Timeline(), []
    timeline.at(3600, seen.append, "an hour later")
    delay = timeline.next_delay()
    assert delay is not None
    assert 3590 < delay <= 3600
    before = timeline.now_us()
    assert timeline.advance(3601) == 1
    assert seen == ["an hour later"]
    assert timeline.now_us() - before >= 3601 * 1_000_000


def test_thawed_time_goes_on_from_where_it_stood() -> None:
    timeline = Timeline()
    timeline.freeze(5_000_000)
    assert timeline.is_frozen
    timeline.thaw()
    assert 5_000_000 <= timeline.now_us() < 6_000_000


def test_time_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="forward"):
        Timeline().advance(-1)


def test_reminders_run_but_do_not_count_as_planned() -> None:
    timeline, seen = Timeline(), []
    timeline.freeze(0)
    timeline.remind(1, seen.append, "x")
    assert len(timeline) == 0
    timeline.advance(1)
    assert seen == ["x"]
    assert len(timeline) == 0


def test_planning_something_sooner_is_announced() -> None:
    timeline, announced = Timeline(), []
    timeline.on_sooner = lambda: announced.append(1)
    timeline.at(10, print)
    timeline.at(20, print)
    timeline.at(5, print)
    assert len(announced) == 2
