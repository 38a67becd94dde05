"""Step 1, normalise: the many spellings of a message become one, so that equal words compare equal.

Three levels, each idempotent. :func:`visible` is the message without what nobody sees (controls, zero-width and
bidi characters, lone surrogates). :func:`fold` also unifies case, Arabic letters, marks, elongation and digits but
keeps punctuation (patterns are matched on it). :func:`normalise` keeps words only, or the emoji of a message that
has nothing else. The Arabic letter classes follow what everyday typing confuses: alef and hamza seats, final yeh,
teh marbuta, Persian look-alikes.
"""

from __future__ import annotations

import re
import unicodedata

import regex

MAX_CHARS = 4096
"""Characters that are analysed: the longest text WhatsApp sends. What lies beyond cannot change a decision."""

_LETTERS = {
    **dict.fromkeys("أإآٱٲٳ", "ا"),
    **dict.fromkeys("ىئیۍېﺉ", "ي"),
    "ؤ": "و", "ۇ": "و", "ۆ": "و", "ة": "ه", "ۃ": "ه", "ہ": "ه", "ھ": "ه", "ە": "ه", "ک": "ك", "گ": "ك", "ڪ": "ك",
    "پ": "ب", "چ": "ج", "ژ": "ز", "ڤ": "ف", "ے": "ي", "ں": "ن", "ء": "", "ـ": "",
}  # fmt: skip
ARABIC = str.maketrans(_LETTERS)
"""Arabic letters by the one that stands for their class."""

_INVISIBLE = regex.compile(
    r"[\p{Cf}\p{Cs}\p{Co}\p{Cn}\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u034f\u115f\u1160\u3164\uffa0]"
)
_KEYCAP = regex.compile(r"[\ufe00-\ufe0f\u20e3\U0001f3fb-\U0001f3ff]")
_MARKS = regex.compile(r"[\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u08d3-\u08ff]")
_DIGIT = regex.compile(r"[^\P{Nd}0-9]")
_LONG_ARABIC = regex.compile(r"([\u0620-\u064a])\1{2,}")
_LONG_OTHER = regex.compile(r"([^\W\d_\u0620-\u064a])\1{2,}")
_APOSTROPHE = regex.compile(r"(?<=\p{L})['\u2018\u2019\u02bc\u0060\u00b4](?=\p{L})")
_JOINING = re.compile("['\\u2018\\u2019\\u02bc\\u0060\\u00b4]")
_NO_WORD = regex.compile(r"[^\p{L}\p{M}\p{N}]+")
_EMOJI = regex.compile(r"[\p{So}\U0001f000-\U0001faff\u2600-\u27bf]")
_BLANK = regex.compile(r"\s+")
_PLAIN = re.compile(r"[ -@\[-~\u060c\u061f\u0627-\u064a]*")
_COMMON = re.compile(r"[ -~\u060c\u061b\u061f\u0621-\u063a\u0640-\u0652\u0660-\u0669]*")
_COMMON_MAP = ARABIC | dict.fromkeys(range(1611, 1619)) | {0x660 + i: str(i) for i in range(10)}
_REPEATED = re.compile(r"([^\W\d_])\1\1")
_COMMON_WORDS = re.compile(r"[^a-z0-9\u0621-\u063a\u0641-\u064a]+")
_ASCII_WORDS = re.compile(r"[^a-z0-9]+")


def visible(text: str) -> str:
    """Return ``text`` in NFKC without characters that cannot be seen, at most :data:`MAX_CHARS` long."""
    text = text[:MAX_CHARS]
    if _COMMON.fullmatch(text):
        return text.strip()
    text = _INVISIBLE.sub("", text)
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return text[:MAX_CHARS].strip()


def fold(text: str) -> str:
    """Return ``text`` with one case, one form of each Arabic letter and digit, no marks and no elongation."""
    text = visible(text)
    if _COMMON.fullmatch(text):  # nearly all messages: the same as below, in one pass
        text = text.lower().translate(_COMMON_MAP)
        if _REPEATED.search(text):
            text = _LONG_OTHER.sub(r"\1\1", _LONG_ARABIC.sub(r"\1", text))
        return " ".join(text.split())
    text = _fold(text)
    if _PLAIN.fullmatch(text):
        return text
    for _ in range(6):  # Unicode has corners where a second pass still changes something
        again = _fold(visible(text))
        if again == text:
            break
        text = again
    return text


def _fold(text: str) -> str:
    text = text.casefold()
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = _MARKS.sub("", _KEYCAP.sub("", _INVISIBLE.sub("", text))).translate(ARABIC)
        text = _DIGIT.sub(lambda match: str(unicodedata.digit(match[0], "")), text)
        text = _LONG_ARABIC.sub(r"\1", text)
    text = _LONG_OTHER.sub(r"\1\1", text)  # hellllo -> hello; digits are left: 1000 is not 100
    text = _BLANK.sub(" ", text)
    return text.strip()[:MAX_CHARS].strip()


def words(folded: str) -> str:
    """Return the words of a folded text, or its emoji where it has no words."""
    if folded.isascii():
        spoken: str = _ASCII_WORDS.sub(" ", folded.replace("'", ""))
        return spoken.strip()
    if _COMMON.fullmatch(folded):
        return _COMMON_WORDS.sub(" ", folded.replace("'", "")).strip()
    spoken = _BLANK.sub(" ", _NO_WORD.sub(" ", _APOSTROPHE.sub("", folded)))
    if spoken.strip():
        return spoken.strip()
    return " ".join(dict.fromkeys(_EMOJI.findall(folded)))


def normalise(text: str) -> str:
    """Return the form in which messages, examples and keywords are compared."""
    folded = fold(text)
    text = words(folded)
    # An apostrophe that went may have brought three equal letters together.
    if not _JOINING.search(folded) and _PLAIN.fullmatch(text):
        return text
    for _ in range(6):
        again = words(fold(text))
        if again == text:
            break
        text = again
    return text
