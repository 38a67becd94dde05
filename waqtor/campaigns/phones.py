"""Numbers as people and spreadsheets write them, made into contacts — or refused with a word that helps."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from waqtor.campaigns.numbering import plain_contact
from waqtor.contracts.addresses import parse_address
from waqtor.errors import InvalidAddress

_SCIENTIFIC = re.compile(r"[0-9]+([.,][0-9]+)?[eE][+]?[0-9]{1,2}")
_WHOLE_FLOAT = re.compile(r"([0-9]{6,15})[.,]0+")
_LITERAL = re.compile(r'="?([^"]*)"?')
_MOST = 5000
_NO_SUCH = "no such number exists; is the country code right?"
_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!"})


class BadNumber(ValueError):
    """Why a cell is no number that can be written to."""


def contact_of(cell: str, region: str) -> str:
    """The contact (E.164 digits) that a cell means; numbers without a country code are read as of ``region``.

    Raises:
        BadNumber: With the reason, for the list of bad rows.
    """
    text = cell.strip() if cell.isascii() else cell.translate(_ASCII).strip()
    quick = plain_contact(text, region)
    if quick:
        return quick
    if quick is not None:
        raise BadNumber(_NO_SUCH)
    text = text.lstrip("'").strip()
    if not text:
        raise BadNumber("the number is empty")
    if text.upper() in _ERRORS:
        raise BadNumber(f"the cell holds an error of the spreadsheet ({text})")
    if text.startswith("="):
        # Excel's way to keep a number as text is ="0501…"; any other formula has no value here.
        found = _LITERAL.fullmatch(text)
        if found is None or not re.fullmatch(r"[+0-9() .-]+", found[1]):
            raise BadNumber("the cell holds a formula; paste its values instead")
        text = found[1]
    if _SCIENTIFIC.fullmatch(text):
        text = _exact(text)
    whole = _WHOLE_FLOAT.fullmatch(text)
    number, wrong = _parsed(whole[1] if whole else text, region)
    if wrong:
        raise BadNumber(wrong)
    return number


def _exact(text: str) -> str:
    """The digits of ``9.66501234567E+11``, when none was lost.

    Raises:
        BadNumber: Excel had cut digits off.
    """
    try:
        mantissa = re.split("[eE]", text.replace(",", "."))[0]
        value = Decimal(text.replace(",", "."))
    except InvalidOperation:
        raise BadNumber("this is no number") from None
    digits = format(value.to_integral_value(), "f")
    significant = len(mantissa.replace(".", "").lstrip("0"))
    if value != value.to_integral_value() or len(digits) - significant > 2:
        raise BadNumber("Excel's scientific notation has lost digits; format the column as text and export it again")
    return digits


@lru_cache(maxsize=4096)
def _parsed(text: str, region: str) -> tuple[str, str]:
    """The contact, or what is wrong; a list often repeats its mistakes."""
    try:
        return parsed(text, region), ""
    except BadNumber as error:
        return "", str(error)


def parsed(text: str, region: str) -> str:
    """The contact that phonenumbers reads in a spelling.

    Raises:
        BadNumber: It reads none.
    """
    import phonenumbers

    if "@" in text:
        try:
            address = parse_address(text)
        except InvalidAddress as error:
            raise BadNumber("this is no chat id") from error
        if address.kind != "e164":
            raise BadNumber("campaigns go to people, not to groups or hidden ids")
        text = "+" + address.value
    elif text.startswith("00"):
        text = "+" + text[2:]
    try:
        number = phonenumbers.parse(text, region)
        if not phonenumbers.is_valid_number(number) and not text.startswith("+"):
            number = phonenumbers.parse("+" + text, None)  # 966501234567, without the +
    except phonenumbers.NumberParseException:
        raise BadNumber("this is no phone number") from None
    if not phonenumbers.is_valid_number(number):
        raise BadNumber(_NO_SUCH)
    return f"{number.country_code}{phonenumbers.national_significant_number(number)}"


class _Digits(dict[int, str]):
    """Each character as a number may hold it, worked out when it is first met: digits of any script as ASCII."""

    def __missing__(self, place: int) -> str:
        character = chr(place)
        value = None if place < 128 else unicodedata.decimal(character, None)
        if value is not None:
            found = str(value)
        elif place < 128:
            found = character
        else:
            found = "" if unicodedata.category(character) == "Cf" else " " if character.isspace() else character
        if len(self) < _MOST:
            self[place] = found
        return found


_ASCII = _Digits()
