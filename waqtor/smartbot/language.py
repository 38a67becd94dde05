# ruff: noqa: SIM905 — word lists read better as text
"""Step 2, language: ar, en, arabizi or other, from the share of scripts and small lexicons.

No model: a message of three words gives a statistical detector too little, and none knows Arabizi. A message
with Arabic words is Arabic even when half of it is product names in Latin letters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import regex

from waqtor.smartbot import arabizi

Detected = Literal["ar", "en", "arabizi", "other"]
Script = Literal["arabic", "latin", "other", "none"]

ARABIC_SHARE = 0.3
"""Share of Arabic letters from which a mixed message counts as Arabic."""

_ARABIC = regex.compile(r"[\u0620-\u064a\u066e-\u06d3\u06fa-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc]")
_LATIN = regex.compile(r"\p{Latin}")
_LETTER = regex.compile(r"\p{L}")
_URDU = regex.compile(r"[ٹڈڑںےہھ]")
_PERSIAN = regex.compile(r"[پچژگ]")
_PERSIAN_WORDS = frozenset("است می این که را برای چطور چیست شما سفارش کنم خواهم هست ہے کیا میں کے کی".split())
_ENGLISH = frozenset(
    """
    the a an is are was be do does did i you he she it we they my your our their me him us them this that these those
    what when where who why how which can could will would should have has had not no yes and or but if in on at to of
    for from with about please hi hello hey thanks thank ok okay want need get give order price cost delivery open
    close time there here help any some more much many im dont didnt cant whats hows
    """.split()
)
_FOREIGN = frozenset(  # French, Spanish, German, Turkish, Portuguese, Italian, Hindi and Urdu, Indonesian, Tagalog
    """
    je tu il nous vous les des une est suis bonjour merci combien quand pour avec quel quelle mon votre avez pas ou
    hola gracias cuanto cuándo donde dónde está quiero tengo para por qué cómo como el los las una pedido mi su
    ich du wir ihr das der die und nicht ist habe wann wo wie viel bitte danke guten mein eine
    merhaba teşekkürler ne kadar nerede var mı için bir siparişim saat kaç olá obrigado quanto onde meu você
    ciao grazie dove quando voglio mujhe kya hai kaise kab nahi karna mera meri aap hain chahiye kitna ka ki
    saya apa berapa tidak bisa terima kasih salamat magkano ako po
    """.split()
)


@dataclass(frozen=True, slots=True)
class Tongue:
    """The language of a message and what spoke for it."""

    language: Detected
    script: Script
    arabic_share: float
    why: str


def detect(seen: str, normal: str) -> Tongue:
    """Tell the language of a message from its visible and its normalised text."""
    if seen.isascii():
        letters = latin = sum(map(str.isalpha, seen))
        arabic = 0
    else:
        letters = len(_LETTER.findall(seen))
        arabic = len(_ARABIC.findall(seen))
        latin = len(_LATIN.findall(seen))
    if not letters:
        return Tongue("other", "none", 0.0, "no letters")
    share = arabic / letters
    if share >= ARABIC_SHARE and arabic >= latin * ARABIC_SHARE:
        raw = seen.split()
        if _URDU.search(seen) or len(_PERSIAN.findall(seen)) >= 2 or any(word in _PERSIAN_WORDS for word in raw):
            return Tongue("other", "arabic", share, "Arabic script with Persian or Urdu letters")
        return Tongue("ar", "arabic", share, f"{share:.0%} Arabic letters")
    if latin * 2 < letters:
        return Tongue("other", "other", share, "another script")
    tokens = normal.split()[:200]
    sure = arabizi.strength(tokens)
    english = sum(token in _ENGLISH for token in tokens)
    if (sure >= 1.0 and sure > english * 0.5) or (sure >= 0.8 and not english):
        return Tongue("arabizi", "latin", share, f"{sure:g} Arabizi words, {english} English")
    foreign = sum(token in _FOREIGN for token in tokens)
    if foreign >= 2 and foreign > english:
        return Tongue("other", "latin", share, f"{foreign} words of another language, {english} English")
    if not normal.isascii() and any(word in _FOREIGN for word in tokens) and not english:
        return Tongue("other", "latin", share, "words of another language")
    return Tongue("en", "latin", share, f"Latin letters, {english} common English words")
