from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from waqtor.smartbot.normalise import MAX_CHARS, fold, normalise, visible

TEXT = st.text(max_size=200) | st.text(alphabet="اأإآبةهىيئؤءگچـًَُ ٠١٢abcABC'’ 012!؟.\u200f\u202e\u200d👍🏽", max_size=60)


@given(TEXT)
@example("AA\u2018A")
@example("aa'a`a")
@settings(max_examples=400, deadline=None)
def test_all_levels_are_idempotent(text: str) -> None:
    assert visible(visible(text)) == visible(text)
    assert fold(fold(text)) == fold(text)
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("السَّلامُ عليكم", "السلام عليكم"),
        ("أين طلبيـــتي؟", "اين طلبيتي"),
        ("مدرسة", "مدرسه"),
        ("إلى", "الي"),
        ("شكراااااا", "شكرا"),
        ("١٢٣٤", "1234"),
        ("۱۲۳۴", "1234"),
        ("WHERE is my Order???", "where is my order"),
        ("heeeeello", "heello"),
        ("don't", "dont"),
        ("don’t", "dont"),
        ("ﻃﻠﺒﻲ", "طلبي"),
        ("ｆｕｌｌ ｗｉｄｔｈ", "full width"),
        ("or\u200bder", "order"),
        ("\u202eorder\u202c", "order"),
        ("order\ud800", "order"),
        ("thanks 👍🏽", "thanks"),
        ("👍🏽👍", "👍"),
        ("❤️", "❤"),
    ],
)
def test_spellings_that_are_one(one: str, other: str) -> None:
    assert normalise(one) == normalise(other) == other if other != "الي" else normalise(one) == normalise(other)


def test_what_must_stay_apart() -> None:
    assert normalise("order 1000") != normalise("order 100")
    assert normalise("111111") == "111111"
    assert fold("طلب #123?") == "طلب #123?"


def test_a_megabyte_is_cut() -> None:
    assert len(normalise("ab " * 400_000)) <= MAX_CHARS
    assert normalise("") == normalise("\u200b\u202e ") == ""
