from __future__ import annotations

from pathlib import Path

import pytest

from waqtor.errors import ConfigurationError
from waqtor.transports.simulator.calls import CallRecord, content_hash


def test_repeats_are_counted_and_never_merged() -> None:
    record = CallRecord()
    for message_id, body in [("A", "x"), ("B", "y"), ("A", "x"), ("A", "z")]:
        record.accept(message_id, "s", "1", {"body": body}, f"p{record.total}", 0)
    call = record.get("A")
    assert call is not None
    assert (call.count, call.orders, call.provider_ids) == (3, [1, 3, 4], ["p0", "p2", "p3"])
    assert call.hashes[0] == call.hashes[1] != call.hashes[2]
    assert (record.total, record.unique) == (4, 2)


def test_the_hash_ignores_the_order_of_keys() -> None:
    assert content_hash({"a": 1, "b": [{"c": 1, "d": "ي"}]}) == content_hash({"b": [{"d": "ي", "c": 1}], "a": 1})
    assert content_hash({"a": "\u0000"}) != content_hash({"a": ""})


def test_the_file_survives_and_an_unfinished_line_is_cut(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "calls.jsonl"
    first = CallRecord(file)
    first.accept("A", "s", "1", {}, "p1", 0)
    first.accept("A", "s", "1", {}, "p2", 0)
    first.flush()
    first.close()
    with file.open("ab") as raw:
        raw.write(b'{"message_id": "B", "ses')
    again = CallRecord(file)
    assert (again.total, again.unique) == (2, 1)
    again.accept("C", "s", "1", {}, "p3", 0)
    again.flush()
    again.close()
    third = CallRecord(file)
    call = third.get("C")
    assert call is not None
    assert call.orders == [3]
    third.close()


def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("my notes\nmore\n")
    with pytest.raises(ConfigurationError):
        CallRecord(file)
    assert file.read_text() == "my notes\nmore\n"


def test_pages_follow_the_first_calls() -> None:
    record = CallRecord()
    for n in range(7):
        record.accept(f"M{n}", "s", "1", {}, "p", 0)
    assert [[m for m, _ in record.page(after, 3)] for after in (0, 3, 6, 9)] == [
        ["M0", "M1", "M2"], ["M3", "M4", "M5"], ["M6"], [],
    ]  # fmt: skip
