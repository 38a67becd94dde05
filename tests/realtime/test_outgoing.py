from __future__ import annotations

import json

import pytest
from websockets.frames import Frame as Reference
from websockets.frames import Opcode

from waqtor.realtime.outgoing import Chunk, Frame, joined, pieces, wire


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 100_000])
def test_the_wire_form_is_that_of_the_library(size: int) -> None:
    text = b"x" * size
    reference = Reference(Opcode.TEXT, text).serialize(mask=False)
    assert wire(text) == reference
    assert wire(text, compressed=True) == bytes([reference[0] | 0x40]) + reference[1:]


def chunk(*offsets: int) -> Chunk:
    return Chunk([Frame(b'{"n":%d}' % n, offset) for n, offset in enumerate(offsets)])


def test_a_chunk_knows_its_offsets_and_what_is_past_one() -> None:
    mixed = chunk(3, 0, 5)
    assert (mixed.first, mixed.last, mixed.size) == (3, 5, 21)
    left = mixed.after(3)
    assert [frame.offset for frame in left.frames] == [0, 5]
    assert chunk(3, 5).after(5) is None
    assert (chunk(0).first, chunk(0).last) == (0, 0)
    assert mixed.wire == b"".join(wire(frame.text) for frame in mixed.frames)
    assert mixed.wire is mixed.wire, "written once"


def test_an_envelope_holds_the_frames_in_order_and_one_frame_needs_none() -> None:
    several = joined([chunk(1, 2), chunk(0), chunk(7)])
    envelope = several.envelope()
    assert envelope is several.envelope()
    told = json.loads(envelope.frames[0].text)
    assert (told["type"], told["topic"]) == ("batch", "system")
    assert told["data"]["frames"] == [{"n": 0}, {"n": 1}, {"n": 0}, {"n": 0}]
    assert envelope.last == 7
    alone = chunk(4)
    assert alone.envelope() is alone


def test_pieces_keep_the_order_and_hold_large_frames_alone() -> None:
    frames = [Frame(b"x" * size, n + 1) for n, size in enumerate([10, 10, 10, 100, 5, 5])]
    cut = pieces(frames, 25)
    assert [[len(frame.text) for frame in part.frames] for part in cut] == [[10, 10], [10], [100], [5, 5]]
    assert pieces([], 25) == []
