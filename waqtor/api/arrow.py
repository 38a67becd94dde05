"""Arrow answers: a table as an IPC stream or a Parquet file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

ARROW: Final = "application/vnd.apache.arrow.stream"
PARQUET: Final = "application/vnd.apache.parquet"
_PIECE = 1 << 20


def stream_of(table: Any) -> memoryview:
    """The Arrow IPC stream of a ``pyarrow.Table``."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return memoryview(sink.getvalue())


def parquet_of(table: Any) -> memoryview:
    """The Parquet file of a ``pyarrow.Table``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return memoryview(sink.getvalue())


async def pieces_of(stream: memoryview) -> AsyncIterator[bytes]:
    """The stream in pieces of at most 1 MB."""
    for start in range(0, len(stream), _PIECE):
        yield bytes(stream[start : start + _PIECE])
