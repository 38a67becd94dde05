"""The short way to a contact says what phonenumbers says, or nothing."""

from __future__ import annotations

import random

import phonenumbers
import pytest

from waqtor.campaigns.numbering import plain_contact
from waqtor.campaigns.phones import BadNumber, contact_of, parsed

KINDS = range(11)
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
HOMES = ("SA", "US", "IT", "AR", "RU", "GB", "CA", "MX", "BR")


def spellings(region: str, dice: random.Random) -> list[str]:
    """Numbers of a region, right ones and nearly right ones, as lists have them."""
    found: list[str] = []
    code = str(phonenumbers.country_code_for_region(region))
    for kind in KINDS:
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        right = phonenumbers.national_significant_number(example)
        for national in (right, _touched(right, dice), right[:-1], right + dice.choice("0123456789"), "0" + right):
            found += [f"+{code}{national}", f"00{code}{national}", code + national, national, f"0{national}"]
            found += [
                f"8{national}",
                f"1{national}",
                f"+{code} {national[:3]}-{national[3:]}",
                f"{national[:2]} {national[2:]}",
            ]
    return found


def _touched(digits: str, dice: random.Random) -> str:
    place = dice.randrange(len(digits))
    return digits[:place] + dice.choice("0123456789") + digits[place + 1 :]


def asked(text: str, home: str) -> str | None:
    try:
        return parsed(text, home)
    except BadNumber:
        return None


@pytest.mark.parametrize("first", range(0, len(REGIONS), 35))
def test_what_is_decided_shortly_is_what_phonenumbers_decides(first: int):
    dice = random.Random(first)
    decided = total = 0
    for region in REGIONS[first : first + 35]:
        for text in spellings(region, dice):
            for home in (region, dice.choice(HOMES)):
                quick = plain_contact(text, home)
                total += 1
                if quick is not None:
                    decided += 1
                    assert (quick or None) == asked(text, home), (text, home)
    assert decided > total / 6


def test_random_digits_are_no_exception():
    dice = random.Random(5)
    for _ in range(6000):
        text = dice.choice(("", "+", "00", "0", "011")) + "".join(dice.choices("0123456789", k=dice.randint(5, 14)))
        home = dice.choice(HOMES)
        quick = plain_contact(text, home)
        if quick is not None:
            assert (quick or None) == asked(text, home), (text, home)


@pytest.mark.parametrize(
    ("text", "home", "contact"),
    [
        ("+966501234567", "SA", "966501234567"), ("00966501234567", "SA", "966501234567"),
        ("966501234567", "SA", "966501234567"), ("0501234567", "SA", "966501234567"),
        ("501234567", "SA", "966501234567"), ("971501234567", "SA", "971501234567"),
        ("+966 50 123 4567", "SA", "966501234567"), ("201001234567", "SA", "201001234567"),
        ("01001234567", "EG", "201001234567"), ("+14155550123", "SA", "14155550123"),
        ("0912345678", "SY", None), ("+390612345678", "SA", None), ("050123", "SA", None), ("+", "SA", None),
        ("+96650123456", "SA", ""),
    ],
)  # fmt: skip
def test_the_shapes_of_lists_are_decided_shortly(text: str, home: str, contact: str | None):
    if contact is not None:
        assert plain_contact(text, home) == contact
    elif plain_contact(text, home) is not None:
        assert (plain_contact(text, home) or None) == asked(text, home)


def test_digits_of_any_script_take_the_same_way():
    assert contact_of("٠٥٠١٢٣٤٥٦٧", "SA") == contact_of("०५०१२३४५६७", "SA") == "966501234567"
    assert contact_of("\u202a+٩٦٦ ٥٠ ١٢٣ ٤٥٦٧\u202c", "EG") == "966501234567"
