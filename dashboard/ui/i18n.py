"""Labels in English and Arabic: two JSON catalogues with the same keys, and the language of this visit."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

import streamlit as st

Language = Literal["en", "ar"]
LANGUAGES: Final[dict[Language, str]] = {"en": "English", "ar": "العربية"}
_FOLDER = Path(__file__).resolve().parents[1] / "locales"


@lru_cache(maxsize=4)
def catalogue(language: Language) -> dict[str, str]:
    """All labels of a language, by dotted key."""
    return dict(json.loads((_FOLDER / f"{language}.json").read_text(encoding="utf-8")))


def start(liked: str = "") -> Language:
    """Settle the language of this run: chosen, else the address's (``?lang=ar``), the profile's, the browser's."""
    if st.session_state.get("lang") not in LANGUAGES:
        asked = st.query_params.get("lang", "")
        browser = (st.context.locale or "")[:2].lower()
        st.session_state["lang"] = next((code for code in (asked, liked, browser) if code in LANGUAGES), "en")
    chosen = language()
    if st.query_params.get("lang") != chosen:
        st.query_params["lang"] = chosen
    return chosen


def language() -> Language:
    """The language of this visit."""
    chosen: Any = st.session_state.get("lang")
    return chosen if chosen in LANGUAGES else "en"


def is_rtl() -> bool:
    """Whether the page reads from right to left."""
    return language() == "ar"


def t(key: str, **values: Any) -> str:
    """The label ``key`` in the language of this visit; ``{name}`` places take ``values``.

    Raises:
        KeyError: The catalogues have no such label (a test keeps every used key in both).
    """
    text = catalogue(language())[key]
    return text.format(**values) if values else text


def known(key: str, otherwise: str) -> str:
    """The label ``key`` where there is one; names that come from the engine may be newer than this catalogue."""
    return catalogue(language()).get(key, otherwise)
