"""Frames on their way out: each written once and shared by everybody who gets them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

BATCH_BYTES: Final = 65_536
"""A chunk, and so a batch, grows no larger than this (a single frame may)."""

_TEXT: Final = 0x81
_COMPRESSED_TEXT: Final = 0xC1


class Frame(NamedTuple):
    """One frame: its JSON text in UTF-8, its offset (0: not journaled) and whether it has priority."""

    text: bytes
    offset: int = 0
    priority: bool = False


def wire(text: bytes, *, compressed: bool = False) -> bytes:
    """A text message as RFC 6455 puts it on the wire (from a server: unmasked, unfragmented)."""
    first, size = (_COMPRESSED_TEXT if compressed else _TEXT), len(text)
    if size < 126:
        return bytes((first, size)) + text
    if size < 65_536:
        return bytes((first, 126)) + size.to_bytes(2, "big") + text
    return bytes((first, 127)) + size.to_bytes(8, "big") + text


class Chunk:
    """Frames that leave together, in order.

    Attributes:
        frames: The frames.
        size: Bytes of their texts.
        first: Offset of the first journaled frame; 0 when there is none.
        last: Offset of the last one.
    """

    __slots__ = ("_envelope", "_wire", "first", "frames", "last", "size")

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.frames = tuple(frames)
        self.size = sum(len(frame.text) for frame in self.frames)
        offsets = [frame.offset for frame in self.frames if frame.offset]
        self.first, self.last = (offsets[0], offsets[-1]) if offsets else (0, 0)
        self._wire: bytes | None = None
        self._envelope: Chunk | None = None

    @property
    def wire(self) -> bytes:
        """All frames ready for the network, uncompressed."""
        if self._wire is None:
            self._wire = b"".join([wire(frame.text) for frame in self.frames])
        return self._wire

    def after(self, offset: int) -> Chunk | None:
        """The frames past an offset (those without one too); ``None`` when there are none."""
        left = [frame for frame in self.frames if not frame.offset or frame.offset > offset]
        return Chunk(left) if left else None

    def envelope(self) -> Chunk:
        """The same as one message for clients that asked for batches; a single frame stays as it is."""
        if len(self.frames) == 1:
            return self
        if self._envelope is None:
            texts = b",".join([frame.text for frame in self.frames])
            last = max(self.frames, key=lambda frame: frame.offset)
            head = b'{"type":"batch","topic":"system","timestamp":%d,"data":{"frames":[' % (time.time_ns() // 1_000_000)
            text = head + texts + b"]}}"
            self._envelope = Chunk((Frame(text, last.offset, any(frame.priority for frame in self.frames)),))
        return self._envelope


def joined(chunks: Sequence[Chunk]) -> Chunk:
    """Several chunks as one."""
    return chunks[0] if len(chunks) == 1 else Chunk([frame for chunk in chunks for frame in chunk.frames])


def pieces(frames: Iterable[Frame], size: int = BATCH_BYTES) -> list[Chunk]:
    """Cut frames into chunks of at most ``size`` bytes (or one frame)."""
    found: list[Chunk] = []
    part: list[Frame] = []
    weight = 0
    for frame in frames:
        if part and weight + len(frame.text) > size:
            found.append(Chunk(part))
            part, weight = [], 0
        part.append(frame)
        weight += len(frame.text)
    if part:
        found.append(Chunk(part))
    return found
