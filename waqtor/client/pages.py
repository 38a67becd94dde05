"""Pages of a listing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class Listing(Sequence[T], Generic[T]):
    """One page of things, in the order of the server.

    Attributes:
        items: The things.
        next_cursor: Pass it as ``cursor`` for the next page; ``None`` at the end.
    """

    def __init__(self, items: Sequence[T], next_cursor: str | None = None) -> None:
        self.items = tuple(items)
        self.next_cursor = next_cursor

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: Any) -> Any:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __repr__(self) -> str:
        return f"Listing({len(self.items)} items, next_cursor={self.next_cursor!r})"
