"""A request described as data, so that the blocking and the asynchronous client share every builder."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from waqtor.client.pages import Listing
from waqtor.contracts.faults import causes
from waqtor.errors import InvalidInput, WaqtorError

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
C = TypeVar("C", bound=BaseModel)

_NOT_ITEMS = frozenset({"next_cursor", "ok", "total", "count", "revision"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said to a call that succeeded."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    body: Any


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request.

    Attributes:
        method: HTTP method.
        path: Path below ``/api/v1`` (or an absolute one when ``rooted``).
        parse: Makes the result from the answer.
        json: Body.
        content: Raw body, instead of ``json``.
        params: Query; ``None`` values are left out.
        headers: Further headers.
        keyed: Whether an ``Idempotency-Key`` goes along, which makes retrying safe.
        key: That key; made up when empty.
        safe: Repeating it does no harm although it is no GET, because it only reads, or says what shall be.
        rooted: The path is not below ``/api/v1``.
        accept: Statuses that are answers although they are not 2xx.
        timeout: Seconds, where the client's own are too few for what is asked.
    """

    method: str
    path: str
    parse: Callable[[Answer], T]
    json: Any = None
    content: bytes | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    keyed: bool = False
    key: str | None = None
    safe: bool = False
    rooted: bool = False
    accept: tuple[int, ...] = ()
    timeout: float | None = None

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does no more than sending it once."""
        return self.keyed or self.safe or self.method in {"GET", "HEAD"}


class BlockingExecutor(Protocol):
    """Carries out a call and returns its result."""

    def execute(self, call: Call[T]) -> T:
        """Carry out the call."""
        ...


class AsyncExecutor(Protocol):
    """Carries out a call in an event loop."""

    async def execute(self, call: Call[T]) -> T:
        """Carry out the call."""
        ...


class BlockingResource:
    """A group of methods of the blocking client."""

    def __init__(self, executor: BlockingExecutor) -> None:
        self._executor = executor


class AsyncResource:
    """A group of methods of the asynchronous client."""

    def __init__(self, executor: AsyncExecutor) -> None:
        self._executor = executor


def blocking(build: Callable[P, Call[T]]) -> Callable[Concatenate[BlockingResource, P], T]:
    """Make a method of the blocking client from a builder."""

    def method(self: BlockingResource, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._executor.execute(build(*args, **kwargs))

    _sign(method, build)
    return method


def awaiting(build: Callable[P, Call[T]]) -> Callable[Concatenate[AsyncResource, P], Awaitable[T]]:
    """Make a method of the asynchronous client from a builder."""

    async def method(self: AsyncResource, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._executor.execute(build(*args, **kwargs))

    _sign(method, build)
    return method


def _sign(method: Any, build: Callable[..., Any]) -> None:
    update_wrapper(method, build)
    signature = inspect.signature(build)
    me = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    result = str(signature.return_annotation).removeprefix("Call[").removesuffix("]")
    method.__signature__ = signature.replace(parameters=[me, *signature.parameters.values()], return_annotation=result)


def body_of(model: type[C], **values: Any) -> dict[str, Any]:
    """Validate a command here already and return its body.

    Raises:
        InvalidInput: Naming each wrong field; nothing was sent.
    """
    given = {name: value for name, value in values.items() if value is not None}
    try:
        command = model.model_validate(given)
    except ValidationError as error:
        found = causes(error.errors(include_url=False, include_input=False, include_context=False))
        issues = [{"field": ".".join(path), "message": message} for path, message, _ in found]
        said = "; ".join(f"{issue['field'] or model.__name__}: {issue['message']}" for issue in issues)
        raise InvalidInput(said, issues=issues) from None
    return command.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)


def one(model: type[M]) -> Callable[[Answer], M]:
    """A parser for one thing."""

    def parse(answer: Answer) -> M:
        return read(model, answer.body)

    return parse


def many(model: type[M]) -> Callable[[Answer], Listing[M]]:
    """A parser for a page: a list, or an object with the list and ``next_cursor``."""

    def parse(answer: Answer) -> Listing[M]:
        body = answer.body
        cursor = body.get("next_cursor") if isinstance(body, dict) else None
        return Listing([read(model, item) for item in items_of(body)], cursor)

    return parse


def items_of(body: Any) -> Sequence[Any]:
    """The list in an answer."""
    if isinstance(body, list):
        return body
    if isinstance(body, dict):
        if isinstance(body.get("items"), list):
            return list(body["items"])
        lists = [value for name, value in body.items() if name not in _NOT_ITEMS and isinstance(value, list)]
        if len(lists) == 1:
            return list(lists[0])
    raise WaqtorError("The server's answer is not a list.")


def read(model: type[M], value: Any) -> M:
    """Read a view.

    Raises:
        WaqtorError: The answer does not fit: client and server do not belong together.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        fields = sorted({".".join(str(part) for part in issue["loc"]) for issue in error.errors(include_input=False)})
        raise WaqtorError(f"The server's answer is not a {model.__name__}.", fields=fields) from None


def whole(answer: Answer) -> dict[str, Any]:
    """The answer's JSON object as it is."""
    return dict(answer.body) if isinstance(answer.body, dict) else {}


def nothing(answer: Answer) -> None:
    """No result."""


def segment(text: str) -> str:
    """A path segment: everything special escaped, so that an id cannot leave its place.

    Raises:
        InvalidInput: An empty id, or one that is a step in a path.
    """
    if not text or text in {".", ".."}:
        raise InvalidInput("An id must not be empty.")
    return quote(text, safe="@")
