from __future__ import annotations

import threading
import time

import pytest
import streamlit as st

from dashboard.fresh import kept
from waqtor.errors import Unavailable


@pytest.fixture(autouse=True)
def clean():
    st.cache_data.clear()
    yield
    st.cache_data.clear()
    st.cache_resource.clear()


def until(told, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not told():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_an_answer_is_kept_by_its_arguments_until_everything_is_forgotten():
    calls: list[int] = []

    @kept(60.0, 60.0)
    def double(n: int) -> int:
        calls.append(n)
        return 2 * n

    assert [double(1), double(1), double(2), double(1)] == [2, 2, 4, 2]
    assert calls == [1, 2]
    st.cache_data.clear()
    assert double(1) == 2
    assert calls == [1, 2, 1]


def test_an_older_answer_is_shown_while_a_newer_one_is_read_once():
    gate, calls = threading.Event(), []

    @kept(0.0, 60.0)
    def count() -> int:
        calls.append(0)
        if len(calls) > 1:
            gate.wait(5)
        return len(calls)

    assert count() == 1
    assert count() == count() == 1
    gate.set()
    until(lambda: count() == 2)


def test_one_that_is_too_old_is_waited_for_and_errors_are_raised_then():
    answers: list[int | Exception] = [1, Unavailable("down"), 3]

    @kept(0.0, 0.0)
    def read() -> int:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    assert read() == 1
    with pytest.raises(Unavailable):
        read()
    assert read() == 3


def test_an_error_behind_leaves_the_older_answer():
    calls: list[int] = []

    @kept(0.0, 60.0)
    def read() -> int:
        calls.append(0)
        if len(calls) > 1:
            raise Unavailable("down")
        return 1

    assert read() == 1
    assert read() == 1
    until(lambda: len(calls) > 1)
    assert read() == 1


def test_several_are_read_at_once():
    both = threading.Barrier(2, timeout=5)

    @kept(60.0, 60.0)
    def meet(name: str) -> str:
        both.wait()
        return name

    first, second = meet.ahead("a"), meet.ahead("b")
    assert (first(), second()) == ("a", "b")
    assert meet.ahead("a")() == "a", "it is held now"


def test_the_newest_is_read_when_it_is_not_new_enough():
    calls: list[int] = []

    @kept(0.0, 60.0)
    def read() -> int:
        calls.append(0)
        return len(calls)

    assert (read(), read.newest(), read.newest()) == (1, 2, 3)
