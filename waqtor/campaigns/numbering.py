"""Plain numbers, told valid by one pattern per country that is made of phonenumbers' own metadata.

Parsing a number takes phonenumbers a quarter of a millisecond, most of it for spellings that lists rarely have. What is
written as digits alone, in one of the three shapes below, is decided here in a few microseconds; whatever is not
certain (a carrier code, a leading zero, an unusual prefix, an unknown number) is left to phonenumbers, which also says
why a number is refused. A property test compares both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_PLAIN = re.compile(r"(\+|00)?([0-9]{6,15})")
_SPACED = re.compile(r"(?:\+|[0-9])[0-9]+(?:[ -][0-9]+)+")
_KINDS = (
    "premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail", "fixed_line",
    "mobile",
)  # fmt: skip
_SHORTEST = 2
_NOTHING = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True)
class Region:
    """A region's numbering plan.

    Attributes:
        leading: Numbers of a shared calling code that are surely this region's; ``None`` when they must be valid.
        valid: Its significant numbers.
        general: Its loosest pattern, whatever the length.
        prefix: What phonenumbers strips in front of a significant number.
        literal: The same as plain digits, where it is no more than that.
        abroad: The prefix of calls abroad.
        alone: Whether no other region shares its calling code.
    """

    code: str
    leading: re.Pattern[str] | None
    valid: re.Pattern[str]
    general: re.Pattern[str]
    prefix: re.Pattern[str]
    literal: str
    abroad: re.Pattern[str]
    alone: bool


def plain_contact(text: str, region: str) -> str | None:
    """The contact (E.164 digits) that a plain number means; empty: no such number; ``None``: ask phonenumbers.

    Args:
        text: ASCII, without blanks around it.
        region: ISO country of numbers without a country code.
    """
    found = _PLAIN.fullmatch(text)
    if found is None:
        if _SPACED.fullmatch(text) is None:
            return None
        found = _PLAIN.fullmatch(text.replace(" ", "").replace("-", ""))
        if found is None:
            return None
    mark, digits = found.groups()
    return _international(digits) if mark else _as_of(digits, region)


def _as_of(digits: str, region: str) -> str | None:
    """A number without a mark: of the region, with or without its calling code, or of another country."""
    home = _region(region)
    if home is None or home.abroad.match(digits):
        return None
    if digits.startswith(home.code):
        rest = digits[len(home.code) :]
        # Taken for a local number first: only what cannot be one is read as beginning with the calling code.
        if home.general.fullmatch(digits) or not _own(home, rest):
            return None
        return digits if home.alone else _international(digits)
    if home.literal and digits.startswith(home.literal):
        rest = digits[len(home.literal) :]
        return home.code + rest if _own(home, rest) and (home.alone or _valid(home.code, rest)) else None
    if home.prefix.match(digits) or digits[0] == "0":
        return None
    if _valid(home.code, digits):
        return home.code + digits
    return _international(digits)


def _own(home: Region, rest: str) -> bool:
    return bool(rest) and rest[0] != "0" and home.valid.fullmatch(rest) is not None and not home.prefix.match(rest)


def _international(digits: str) -> str | None:
    length, regions = _coded(digits[:3])
    rest = digits[length:]
    if not regions or len(rest) < _SHORTEST or rest[0] == "0" or regions[0].prefix.match(rest):
        return None
    return digits if _one_of(regions, rest) else ""


@lru_cache(maxsize=1024)
def _coded(head: str) -> tuple[int, tuple[Region, ...]]:
    """How long the calling code is that a number with these first digits begins with, and its regions."""
    for length in (1, 2, 3):
        if regions := _regions(head[:length]):
            return length, regions
    return 0, ()


def _valid(code: str, rest: str) -> bool:
    return _one_of(_regions(code), rest)


def _one_of(regions: tuple[Region, ...], rest: str) -> bool:
    """Whether it is a number of one of a calling code's regions, in phonenumbers' order of asking."""
    if len(regions) == 1:
        return regions[0].valid.fullmatch(rest) is not None
    for region in regions:
        if region.leading is not None:
            if region.leading.match(rest):
                return region.valid.fullmatch(rest) is not None
        elif region.valid.fullmatch(rest):
            return True
    return False


@lru_cache(maxsize=2048)
def _regions(code: str) -> tuple[Region, ...]:
    """The regions of a calling code, the main one first; nothing for one that is unknown or of no country."""
    import phonenumbers

    if code[0] == "0":
        return ()
    names = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code), ())
    return tuple(found for name in names if (found := _region(name)) is not None)


@lru_cache(maxsize=512)
def _region(name: str) -> Region | None:
    import phonenumbers
    from phonenumbers.phonemetadata import PhoneMetadata

    data = PhoneMetadata.metadata_for_region(name, None)
    if data is None or data.country_code is None:
        return None
    kinds = "|".join(found for kind in _KINDS if (found := _described(getattr(data, kind))))
    general = data.general_desc.national_number_pattern if data.general_desc else None
    prefix = data.national_prefix_for_parsing or ""
    plain = prefix if prefix.isdigit() and not data.national_prefix_transform_rule else ""
    return Region(
        code=str(data.country_code), leading=re.compile(data.leading_digits) if data.leading_digits else None,
        valid=re.compile(f"(?={_described(data.general_desc)}$)(?:{kinds})") if kinds and general else _NOTHING,
        general=re.compile(general) if general else _NOTHING, prefix=re.compile(prefix) if prefix else _NOTHING,
        literal=plain, abroad=re.compile(data.international_prefix) if data.international_prefix else _NOTHING,
        alone=phonenumbers.COUNTRY_CODE_TO_REGION_CODE[data.country_code] == (name,),
    )  # fmt: skip


def _described(kind: Any) -> str:
    """A description as a pattern: its lengths, then its digits; empty when nothing matches it."""
    if kind is None or not kind.national_number_pattern:
        return ""
    lengths = [length for length in kind.possible_length if length > 0]
    if kind.possible_length and not lengths:
        return ""
    ahead = f"(?=(?:{'|'.join(f'[0-9]{{{length}}}' for length in lengths)})$)" if lengths else ""
    return f"(?:{ahead}(?:{kind.national_number_pattern}))"
