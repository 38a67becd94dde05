"""Addresses of contacts and chats: many spellings, one canonical form.

The key of a person is the digits of the E.164 number; ``966…@c.us``, ``@s.whatsapp.net``, ``+``, ``00``,
spaces, dashes and Arabic-Indic digits all mean the same contact. Groups, linked ids and business-scoped ids
keep their suffix: ``123@g.us``, ``123@lid``, ``SA.123@bsuid``.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from waqtor.errors import InvalidAddress

AddressKind = Literal["e164", "group", "lid", "bsuid"]

_SEPARATORS = re.compile(r"[\s()\-.\u2010-\u2015\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_DIGITS = re.compile(r"[0-9]{6,15}")
_GROUP = re.compile(r"[0-9]{5,30}(-[0-9]{5,20})?")
_LID = re.compile(r"[0-9]{5,20}")
_BSUID = re.compile(r"[A-Za-z]{2}\.[A-Za-z0-9]{1,128}")
_PERSON_SUFFIXES = ("@c.us", "@s.whatsapp.net")


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed address: ``kind`` and ``value`` (for people the E.164 digits without ``+``)."""

    kind: AddressKind
    value: str

    @property
    def canonical(self) -> str:
        """The form used as key everywhere: bare digits for people, ``value@suffix`` for the rest."""
        if self.kind == "e164":
            return self.value
        return f"{self.value}@{'g.us' if self.kind == 'group' else self.kind}"

    @property
    def legacy(self) -> str:
        """The old form answered on the unversioned aliases: ``966…@c.us``."""
        return f"{self.value}@c.us" if self.kind == "e164" else self.canonical

    @property
    def is_group(self) -> bool:
        """Whether this is a group chat."""
        return self.kind == "group"


@lru_cache(maxsize=65536)
def parse_address(text: str) -> Address:
    """Parse any accepted spelling of a contact or chat.

    Raises:
        InvalidAddress: If the text is none of them.
    """
    if len(text) > 200:
        raise InvalidAddress("An address has at most 200 characters.")
    cleaned = text.strip()
    lowered = cleaned.lower()
    if lowered.endswith("@g.us") and _GROUP.fullmatch(cleaned[:-5]):
        return Address("group", cleaned[:-5])
    if lowered.endswith("@lid") and _LID.fullmatch(cleaned[:-4]):
        return Address("lid", cleaned[:-4])
    if lowered.endswith("@bsuid") and _BSUID.fullmatch(cleaned[:-6]):
        return Address("bsuid", cleaned[:-6])
    for suffix in _PERSON_SUFFIXES:
        if lowered.endswith(suffix):
            cleaned = cleaned[: -len(suffix)].split(":")[0]
            break
    digits = _ascii_digits(_SEPARATORS.sub("", cleaned))
    if digits.startswith("+"):
        digits = digits[1:]
    elif digits.startswith("00"):
        digits = digits[2:]
    if not _DIGITS.fullmatch(digits) or digits.startswith("0"):
        raise InvalidAddress(
            "Not a phone number in international form, a chat id or a group id. "
            "Write it as +966501234567, 966501234567@c.us or 123456@g.us.",
        )
    return Address("e164", digits)


def _ascii_digits(text: str) -> str:
    if text.isascii():
        return text
    # Decimal digits of any script, but not superscripts or circled numbers, which only look like digits.
    return "".join(str(unicodedata.decimal(c)) if unicodedata.decimal(c, None) is not None else c for c in text)
