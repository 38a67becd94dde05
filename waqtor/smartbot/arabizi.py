"""Arabizi, Arabic in Latin letters: telling it from English, and how it may be spelled in Arabic.

``wain 6alabi`` is scored as itself and as each of its :func:`candidates`; the best counts. Digits stand for
letters that look like them (2 ء, 3 ع, 5 خ, 6 ط, 7 ح, 8 ق, 9 ص). Short vowels are written in Arabizi and not in
Arabic, so a vowel inside a word is either dropped or long: two readings of each message are enough for n-grams.
"""

from __future__ import annotations

import re

WORDS: dict[str, str] = {
    "abgha": "ابغى", "abga": "ابغى", "abi": "ابي", "abee": "ابي", "ayz": "عايز", "3ayz": "عايز", "3ayez": "عايز",
    "3awez": "عاوز", "aw3a": "اوعى", "biddi": "بدي", "bedi": "بدي", "baddi": "بدي", "bde": "بدي", "bidi": "بدي",
    "wain": "وين", "wein": "وين", "wayn": "وين", "ween": "وين", "weyn": "وين", "fein": "فين", "fain": "فين",
    "feen": "فين", "kam": "كم", "bikam": "بكم", "bkam": "بكم", "bekam": "بكام", "kaddesh": "قديش",
    "addesh": "قديش", "adesh": "قديش", "2adesh": "قديش", "shlon": "شلون", "shlonak": "شلونك", "shlonkom": "شلونكم",
    "kifak": "كيفك", "keefak": "كيفك", "keifak": "كيفك", "kif": "كيف", "keef": "كيف", "kaif": "كيف", "kayf": "كيف",
    "izayak": "ازيك", "ezayak": "ازيك", "ezzayak": "ازيك", "shu": "شو", "shoo": "شو", "eish": "ايش", "aish": "ايش",
    "wesh": "وش", "wsh": "وش", "eh": "ايه", "mata": "متى", "emta": "امتى", "imta": "امتى", "aymta": "ايمتى",
    "leish": "ليش", "laish": "ليش", "leh": "ليه", "ana": "انا", "enta": "انت", "inta": "انت", "enti": "انتي",
    "ma3": "مع", "3ala": "على", "3al": "عال", "3an": "عن", "3andi": "عندي", "3endi": "عندي", "3ndi": "عندي",
    "3andkom": "عندكم", "3endkom": "عندكم", "3ndkm": "عندكم", "andkom": "عندكم", "fi": "في", "fe": "في",
    "fih": "فيه", "mafi": "مافي", "mafee": "مافي", "mish": "مش", "mesh": "مش", "mush": "مش", "mo": "مو",
    "laa": "لا", "aywa": "ايوه", "aiwa": "ايوه", "na3am": "نعم", "naam": "نعم", "tayeb": "طيب", "tayib": "طيب",
    "salam": "سلام", "salaam": "سلام", "assalam": "السلام", "alsalam": "السلام", "3alaikum": "عليكم",
    "alaikum": "عليكم", "3alaykom": "عليكم", "3alikom": "عليكم", "alaykum": "عليكم", "marhaba": "مرحبا",
    "mar7aba": "مرحبا", "ahlan": "اهلا", "ahla": "اهلا", "hala": "هلا", "sabah": "صباح", "saba7": "صباح",
    "masa": "مساء", "alkhair": "الخير", "elkheir": "الخير", "el5eer": "الخير", "al5air": "الخير", "khair": "خير",
    "shukran": "شكرا", "shokran": "شكرا", "choukran": "شكرا", "shukra": "شكرا", "mashkoor": "مشكور",
    "yislamo": "يسلمو", "yeslamo": "يسلمو", "3afwan": "عفوا", "afwan": "عفوا", "yalla": "يلا", "habibi": "حبيبي",
    "7abibi": "حبيبي", "inshallah": "ان شاء الله", "nshallah": "ان شاء الله", "wallah": "والله", "wlh": "والله",
    "law": "لو", "samaht": "سمحت", "sama7t": "سمحت", "sama7to": "سمحتوا", "mumkin": "ممكن", "momken": "ممكن",
    "momkin": "ممكن", "min": "من", "men": "من", "fadlak": "فضلك", "fadlik": "فضلك", "talab": "طلب", "6alab": "طلب",
    "talabi": "طلبي", "6alabi": "طلبي", "talabiyah": "طلبية", "6alabeya": "طلبية", "tawseel": "توصيل",
    "taw9eel": "توصيل", "tawsil": "توصيل", "towseel": "توصيل", "taw9il": "توصيل", "se3r": "سعر", "si3r": "سعر",
    "as3ar": "اسعار", "dawam": "دوام", "doam": "دوام", "sa3a": "ساعة", "elyom": "اليوم", "alyoum": "اليوم",
    "elyoum": "اليوم", "bukra": "بكرة", "bokra": "بكرة", "bukrah": "بكرة", "taftah": "تفتح", "tefta7o": "تفتحوا",
    "tefta7oon": "تفتحون", "tftho": "تفتحوا", "fat7een": "فاتحين", "maftoo7": "مفتوح", "maftooh": "مفتوح",
    "ma7al": "محل", "mahal": "محل", "maw2e3": "موقع", "mawqe3": "موقع", "mawge3": "موقع", "maw8e3": "موقع",
    "arja3": "ارجع", "araje3": "ارجع", "araj3": "ارجع", "esterja3": "استرجاع", "flousi": "فلوسي", "floosi": "فلوسي",
    "flos": "فلوس", "fulus": "فلوس", "muwazaf": "موظف", "mowazaf": "موظف", "mowathaf": "موظف", "mas2ool": "مسؤول",
    "a7ki": "احكي", "akallem": "اكلم", "akalem": "اكلم", "7ad": "احد", "ahad": "احد", "wasal": "وصل", "wa9al": "وصل",
    "wesel": "وصل", "ma": "ما", "la": "لا", "wa": "و", "el": "ال", "al": "ال", "bas": "بس", "kol": "كل",
}  # fmt: skip
"""Whole words that dialects share, by their Arabic spelling."""

_SHARED_WITH_ENGLISH = frozenset({"min", "men", "law", "kam", "ma", "la", "fi", "fe", "mo", "eh", "al", "el", "wa"})
_SURE = frozenset(WORDS) - _SHARED_WITH_ENGLISH - {"ana", "abi", "bas", "masa", "hala", "mush", "mesh"}
_DIGIT_WORD = re.compile(r"(?=.*[a-z])(?=.*[2356789])[a-z2356789]{2,}")
_NOT_ARABIZI = re.compile(
    r"\d+(st|nd|rd|th|am|pm|kg|g|gb|mb|tb|km|m|cm|mm|ml|l|k|x|d|h|hr|hrs|min|mins|s|sec|sar|aed|usd|egp|sr|in|ft|up|"
    r"days?|weeks?|months?|years?|pcs|pc|inch|hours?)|[a-z]{1,2}\d+|[a-z]+\d+|\d{2,}[a-z]*|[a-z]+\d{2,}[a-z]*|"
    r"[bw]2[bcw]|[hx]26[45]|mp[34]|covid19|\d+[a-z]"
)
_ARABIC_END = re.compile(r"[a-z]{2,}[37]")
_ONE_DIGIT_START = re.compile(r"[37][a-z]{2,}")

_ARTICLE = re.compile(r"(?<!\S)(?:[aei]l) (?=\S)")

_DIGRAPHS = (
    ("3'", "غ"), ("7'", "خ"), ("6'", "ظ"), ("9'", "ض"), ("sh", "ش"), ("ch", "ش"), ("th", "ث"), ("kh", "خ"),
    ("gh", "غ"), ("dh", "ذ"), ("aa", "ا"), ("oo", "و"), ("ou", "و"), ("ee", "ي"), ("ei", "ي"), ("ai", "ي"),
    ("ay", "ي"), ("ey", "ي"), ("aw", "و"), ("ow", "و"),
)  # fmt: skip
_LETTERS = dict(
    zip("23567894bcdfghjklmnpqrstvwxyz", "اعخطحقصذبكدفجهجكلمنبقرستفوكيز", strict=True),
)
_VOWELS = {"a": "ا", "e": "", "i": "ي", "o": "و", "u": "و"}


def strength(tokens: list[str]) -> float:
    """Return how much the tokens (small Latin letters and digits) speak for Arabizi: 1 for a sure word."""
    points = 0.0
    for token in tokens:
        if token in _SURE or _digit_word(token):
            points += 1.0
        elif token in WORDS:
            points += 0.4
    return points


def _digit_word(token: str) -> bool:
    if not _DIGIT_WORD.fullmatch(token) or token.startswith(("iphone", "galaxy", "note", "windows", "win")):
        return False
    if _ONE_DIGIT_START.fullmatch(token) or (_ARABIC_END.fullmatch(token) and token not in {"mp3", "web3"}):
        return not re.fullmatch(
            r"3(rd|days?|weeks?|months?|years?|hours?|mins?|pcs|hrs?|inch|kgs?)|7(th|up|days?|pm|am|pcs)", token
        )
    return not _NOT_ARABIZI.fullmatch(token)


def candidates(text: str, limit: int = 3) -> list[str]:
    """Return up to ``limit`` Arabic spellings of a normalised Arabizi text, the likeliest first."""
    tokens = _ARTICLE.sub("al-", text).split()[:60]
    readings = (
        " ".join(_word(token, long=False) for token in tokens),
        " ".join(_word(token, long=True) for token in tokens),
        " ".join(_letters(token.replace("al-", "el"), long=True) for token in tokens),
    )
    return [reading for reading in dict.fromkeys(readings) if reading.strip()][:limit]


def _word(token: str, *, long: bool) -> str:
    article = token.startswith("al-")
    bare = token[3:] if article else token
    return ("ال" if article else "") + (WORDS.get(bare) or _letters(bare, long=long))


def _letters(token: str, *, long: bool) -> str:
    if token.isdigit():
        return token
    out: list[str] = []
    at = 0
    while at < len(token):
        pair = token[at : at + 2]
        for latin, arabic in _DIGRAPHS:
            if pair == latin:
                out.append(arabic)
                at += 2
                break
        else:
            char = token[at]
            if char in _VOWELS:
                last = at == len(token) - 1
                if at == 0:
                    out.append("ا")
                elif last:
                    out.append("ه" if char in "ae" else _VOWELS[char])
                elif long:
                    out.append(_VOWELS[char])
            elif not (out and at and token[at - 1] == char):  # a doubled consonant is one letter with shadda
                out.append(_LETTERS.get(char, char))
            at += 1
    return "".join(out)
