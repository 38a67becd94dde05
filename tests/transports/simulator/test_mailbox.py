from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waqtor.transports.simulator.mailbox import Entry, Mailbox

operations = st.lists(
    st.one_of(
        st.just(("put",)),
        st.just(("take",)),
        st.tuples(st.just("ack"), st.integers(0, 50)),
        st.just(("disconnect",)),
        st.tuples(st.just("sleep"), st.floats(0, 20)),
    ),
    max_size=200,
)


@given(operations, st.integers(1, 6), st.integers(100, 1000))
def test_nothing_is_lost_and_order_holds_until_acknowledged(steps: list, window: int, window_bytes: int) -> None:
    box, now, flying, put, acked = Mailbox(window=window, window_bytes=window_bytes), 0.0, {}, 0, []
    for step in steps:
        if step[0] == "put":
            box.put(Entry(put, acked=lambda n=put: acked.append(n)))
            put += 1
        elif step[0] == "take":
            taken = box.take(now)
            assert [e.payload for e in taken] == sorted(e.payload for e in taken)
            flying.update((e.seq, e.payload) for e in taken)
        elif step[0] == "ack" and flying:
            seq = sorted(flying)[step[1] % len(flying)]
            box.ack([seq, seq, "x", None, -1])
            del flying[seq]
        elif step[0] == "disconnect":
            box.disconnected()
            flying.clear()
        elif step[0] == "sleep":
            now += step[1]
            before = box.in_flight
            returned = box.overdue(now)
            assert box.in_flight == before - returned
            flying = {seq: n for seq, n in flying.items() if seq in box._flying}
        assert box.in_flight <= window
        assert len(box) == put - len(acked)
        assert len(acked) == len(set(acked)) == box.acked
    box.disconnected()
    while entries := box.take(now):
        assert [e.payload for e in entries] == sorted(e.payload for e in entries)
        box.ack([e.seq for e in entries])
    assert sorted(acked) == list(range(put))
    assert len(box) == 0


def test_gaps_between_redeliveries_grow() -> None:
    box = Mailbox(timeout=1.0)
    box.put(Entry("m"))
    times, now = [], 0.0
    while len(times) < 7:
        if box.take(now):
            times.append(now)
        now += 0.5
        box.overdue(now)
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert gaps == [1, 2, 4, 8, 12, 12]
    assert box.redelivered == 6


def test_one_entry_over_the_byte_window_still_goes_alone() -> None:
    box = Mailbox(window_bytes=100)
    box.put(Entry("big", size=1000))
    box.put(Entry("small", size=10))
    [big] = box.take(0)
    assert box.take(0) == []
    box.ack([big.seq])
    assert [e.payload for e in box.take(0)] == ["small"]


def test_a_frame_is_not_filled_beyond_its_bytes() -> None:
    box = Mailbox()
    for n in range(4):
        box.put(Entry(n, size=400))
    assert [len(box.take(0, max_bytes=800)) for _ in range(3)] == [2, 2, 0]


@pytest.mark.parametrize("seq", [0, -5, 10**30, "1", None, [], 1.5, True])
def test_foreign_acknowledgements_are_ignored(seq: object) -> None:
    box = Mailbox()
    box.put(Entry("m"))
    box.take(0)
    box.ack([seq])
    assert box.in_flight == 1
