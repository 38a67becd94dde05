"""Bodies, byte for byte what JavaScript's ``JSON.stringify`` writes of the same value.

Old receivers parse a body and serialise it again before they check its signature; so numbers, escapes and the order
of keys must survive ``JSON.parse`` and ``JSON.stringify`` unchanged.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import orjson

from waqtor.contracts.events import Event, hydrate
from waqtor.contracts.legacy import respelled
from waqtor.contracts.webhooks import PUBLIC
from waqtor.contracts.wire import iso

_SAFE = 2**53
_LAST_INDEX = 2**32 - 2


def body_of(name: str, event: Event) -> bytes:
    """The body of an event under its public name: ``{event, timestamp, data}``; the eight old ones in camelCase."""
    data = dict(hydrate(event))
    if event.session:
        data.setdefault("session", event.session)
    return body(name, event.created, respelled(data) if name in PUBLIC else data)


def body(name: str, created: int, data: Any) -> bytes:
    """A body of any data; ``created`` in UTC microseconds."""
    return stringify({"event": name, "timestamp": iso(created), "data": data})


def stringify(value: Any) -> bytes:
    """JSON as ``JSON.stringify`` writes it, compact and in UTF-8.

    Whole numbers beyond 2^53, which JavaScript cannot hold, become text. Keys that look like array indices come
    first and in order, as in every JavaScript object. Half surrogate pairs become U+FFFD.
    """
    return orjson.dumps(_plain(value))


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is str:
        return value if value.isascii() else _whole(value)
    if kind is dict:
        found, indexed = {}, False
        for name, item in value.items():
            key, index = _key(str(name))
            found[key] = _plain(item)
            indexed = indexed or index
        if indexed:
            indices = sorted((int(name), name) for name in found if _is_index(name))
            first = {name: found[name] for _, name in indices}
            return {**first, **{name: item for name, item in found.items() if name not in first}}
        return found
    if kind is list or kind is tuple:
        return [_plain(item) for item in value]
    if kind is float:
        return number(value)
    if kind is int and not -_SAFE <= value <= _SAFE:
        return str(value)
    if kind is int or kind is bool or value is None:
        return value
    return _plain(orjson.loads(orjson.dumps(value, default=str)))


def number(value: float) -> Any:
    """A float as JavaScript writes numbers: ``1`` for 1.0, ``1e-7``, ``null`` for what is no number."""
    if not math.isfinite(value):
        return None
    if value.is_integer() and abs(value) <= _SAFE:
        return int(value)
    if 1e-3 <= abs(value) < 1e15:
        return value
    return orjson.Fragment(_script_number(value).encode())


def _script_number(value: float) -> str:
    """ECMAScript's Number::toString: plain from 1e-6 up to 1e21, else with an exponent."""
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    sign = "-" if value < 0 else ""
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    power = point - 1
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{'+' if power > 0 else '-'}{abs(power)}"


@lru_cache(maxsize=1024)
def _key(name: str) -> tuple[str, bool]:
    return _whole(name), _is_index(name)


def _is_index(name: str) -> bool:
    return name.isascii() and name.isdigit() and (name == "0" or name[0] != "0") and int(name) <= _LAST_INDEX


def _whole(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
