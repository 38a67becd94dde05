from __future__ import annotations

import random
import threading
import time

import pytest

from waqtor.contracts.ids import UlidFactory, is_ulid, new_ulid, ulid_ms


def test_they_sort_in_the_order_they_were_made():
    ids = [new_ulid() for _ in range(20_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert all(is_ulid(i) for i in ids[:100])


def test_also_within_a_millisecond_and_when_the_clock_steps_back():
    make = UlidFactory()
    chance = random.Random(1)
    ids = [make(1_700_000_000_000 + chance.randrange(-5, 6)) for _ in range(5000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 5000


def test_the_counter_carries_over():
    make = UlidFactory()
    make(1000)
    make._low = (1 << 20) - 2
    ids = [make(1000) for _ in range(5)]
    assert ids == sorted(set(ids))
    assert all(is_ulid(i) and ulid_ms(i) == 1000 for i in ids)


def test_threads_get_ids_of_their_own():
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.extend([new_ulid() for _ in range(2000)])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 8000


def test_the_time_is_inside():
    before = int(time.time() * 1000)
    assert before - 1 <= ulid_ms(new_ulid()) <= int(time.time() * 1000) + 1000
    assert ulid_ms(UlidFactory()(0)) == 0
    assert ulid_ms("7" + "Z" * 25) == 2**48 - 1


@pytest.mark.parametrize("text", ["", "x", "8" + "0" * 25, "0" * 25, "0" * 27, "0" * 25 + "U", "0" * 25 + "é"])
def test_what_is_none(text):
    assert not is_ulid(text)
    with pytest.raises(ValueError, match="not a ULID"):
        ulid_ms(text)
