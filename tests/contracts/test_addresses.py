from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waqtor.contracts.addresses import parse_address
from waqtor.errors import InvalidAddress


@pytest.mark.parametrize(
    "text",
    [
        "966501234567", "+966501234567", "00966501234567", "+966 50-123 (45) 67", "966501234567@c.us",
        "966501234567@s.whatsapp.net", "966501234567:12@s.whatsapp.net", "٩٦٦٥٠١٢٣٤٥٦٧", "+۹۶۶۵۰۱۲۳۴۵۶۷",
        "  966501234567  ", "\u202a+966501234567\u202c", "966501234567@C.US", "+966\u2011501234567",
    ],
)  # fmt: skip
def test_many_spellings_are_one_person(text):
    address = parse_address(text)
    assert (address.kind, address.canonical, address.legacy) == ("e164", "966501234567", "966501234567@c.us")


@pytest.mark.parametrize(
    ("text", "kind"),
    [("120363012345678901@g.us", "group"), ("966501234567-1500000000@g.us", "group"), ("12345678@lid", "lid"),
     ("SA.abc123@bsuid", "bsuid")],
)  # fmt: skip
def test_other_kinds_keep_their_suffix(text, kind):
    address = parse_address(text)
    assert (address.kind, address.canonical, address.is_group) == (kind, text, kind == "group")


@pytest.mark.parametrize(
    "text",
    ["", " ", "+", "12345", "0501234567", "000966501234567", "9665012345678901", "96650x234567", "@c.us", "@g.us",
     "966501234567@evil.com", "966501234567@c.us@c.us", "+966501234567;DROP", "9" * 10_000, "٩" * 500, "\0", "😀",
     "966501234567\x00", "²³¹²³¹²³¹", "status@broadcast"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text):
    with pytest.raises(InvalidAddress):
        parse_address(text)


@given(st.text(max_size=60))
def test_whatever_is_accepted_is_canonical_and_stays_so(text):
    try:
        address = parse_address(text)
    except InvalidAddress:
        return
    assert address.canonical.isascii()
    assert parse_address(address.canonical) == address
    assert parse_address(address.legacy) == address
