"""Arrow answers: a table as an IPC stream, in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

ARROW: Final = "application/vnd.apache.arrow.stream"
_PIECE = 1 << 20


def stream_of(table: Any) -> Iterator[bytes]:
    """The Arrow IPC stream of a ``pyarrow.Table``, in pieces of at most 1 MB."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    view = memoryview(sink.getvalue())
    for start in range(0, len(view), _PIECE):
        yield bytes(view[start : start + _PIECE])
