from __future__ import annotations

import pytest

from waqtor.smartbot import arabizi
from waqtor.smartbot.language import detect
from waqtor.smartbot.normalise import normalise, visible


def language(text: str) -> str:
    return detect(visible(text), normalise(text)).language


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("وين طلبي", "ar"),
        ("ابغى order جديد", "ar"),
        ("where is my order", "en"),
        ("I need it by 3pm on the 2nd floor", "en"),
        ("is the iphone7 5kg or 7kg", "en"),
        ("wain 6alabi", "arabizi"),
        ("3ndi so2al", "arabizi"),
        ("kam el se3r", "arabizi"),
        ("mar7aba", "arabizi"),
        ("bonjour je veux savoir combien", "other"),
        ("کیا آپ کھلے ہیں", "other"),
        ("سفارش من کجاست", "other"),
        ("где мой заказ", "other"),
        ("12345", "other"),
        ("👍", "other"),
        ("", "other"),
    ],
)
def test_languages(text: str, expected: str) -> None:
    assert language(text) == expected


def test_arabizi_is_spelled_in_arabic() -> None:
    assert arabizi.candidates("wain 6alabi")[0] == "وين طلبي"
    assert arabizi.candidates("kam el se3r")[0] == "كم السعر"
    assert "محل" in arabizi.candidates("ma7al")[0]
    assert arabizi.candidates("") == []
    assert len(arabizi.candidates("7abibi " * 5000)) <= 3
