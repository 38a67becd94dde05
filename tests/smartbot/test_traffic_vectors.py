from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from waqtor.smartbot.encoders import HashingEncoder, Vectors
from waqtor.smartbot.traffic_vectors import TrafficVectors


class Counting(HashingEncoder):
    light = False

    def __init__(self) -> None:
        super().__init__(8)
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.encoded += texts
        return super().encode(texts)


@pytest.fixture
def reader() -> Iterator[Callable[..., tuple[TrafficVectors, Counting]]]:
    opened: list[TrafficVectors] = []

    def make(folder: Path, capacity: int = 100) -> tuple[TrafficVectors, Counting]:
        encoder = Counting()
        opened.append(TrafficVectors(folder, encoder, capacity))
        return opened[-1], encoder

    yield make
    for vectors in opened:
        vectors.close()


def test_what_was_encoded_once_is_read_again(tmp_path: Path, reader) -> None:
    first, encoder = reader(tmp_path)
    made = first.vectors(["a b", "c", "a b"])
    assert sorted(encoder.encoded) == ["a b", "c"]
    first.close()
    again, encoder = reader(tmp_path)
    np.testing.assert_array_equal(again.vectors(["c", "new", "a b"])[[2, 0]], made[:2])
    assert encoder.encoded == ["new"]


def test_what_a_crash_left_half_written_is_cut_off(tmp_path: Path, reader) -> None:
    first, _ = reader(tmp_path)
    first.vectors(["a", "b"])
    first.close()
    rows = next(tmp_path.glob("*.rows"))
    rows.write_bytes(rows.read_bytes()[:-5])
    again, encoder = reader(tmp_path)
    np.testing.assert_array_equal(again.vectors(["a", "b"]), HashingEncoder(8).encode(["a", "b"]))
    assert encoder.encoded == ["b"]
    again.close()
    assert reader(tmp_path)[0].vectors(["b"]).shape == (1, 8)


def test_a_second_process_reads_and_does_not_write(tmp_path: Path, reader) -> None:
    first, _ = reader(tmp_path)
    first.vectors(["a"])
    second, encoder = reader(tmp_path)
    second.vectors(["a", "b"])
    assert encoder.encoded == ["b"]
    first.vectors(["c"])
    first.close()
    second.close()
    third, encoder = reader(tmp_path)
    third.vectors(["a", "c", "b"])
    assert encoder.encoded == ["b"]


def test_starts_anew_beyond_its_capacity_while_another_still_reads(tmp_path: Path, reader) -> None:
    first, encoder = reader(tmp_path, capacity=4)
    first.vectors(["a", "b", "c"])
    other, _ = reader(tmp_path)
    expected = HashingEncoder(8).encode(["a", "d", "e"])
    np.testing.assert_array_equal(first.vectors(["a", "d", "e"]), expected)
    np.testing.assert_array_equal(other.vectors(["b"]), HashingEncoder(8).encode(["b"]))
    first.close()
    kept, encoder = reader(tmp_path)
    kept.vectors(["d", "e", "b"])
    assert encoder.encoded == ["b"]


def test_files_that_are_none_of_ours_are_replaced(tmp_path: Path, reader) -> None:
    (tmp_path / "messages-hashing-8.keys").write_bytes(b"x" * 40)
    (tmp_path / "messages-hashing-8.rows").write_bytes(b"\0" * 64)
    found, _ = reader(tmp_path)
    np.testing.assert_array_equal(found.vectors(["a"]), HashingEncoder(8).encode(["a"]))
