"""Errors and emptiness in words that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from dashboard import data
from dashboard.ui.i18n import known, t
from dashboard.ui.marks import Tone, esc, icon
from waqtor.errors import WaqtorError


@contextmanager
def guard() -> Iterator[None]:
    """Draw a box in place of what could not be read or done, and let the rest of the page be."""
    try:
        yield
    except WaqtorError as error:
        box(error)


def box(error: WaqtorError) -> None:
    """What went wrong, and what helps."""
    title = known(f"trouble.{error.code}.title", t("trouble.error.title"))
    advice = known(f"trouble.{error.code}.advice", t("trouble.error.advice"))
    request = error.details.get("request_id")
    trail = (
        f'<p class="wq-small wq-muted">{esc(t("trouble.request"))} <code>{esc(request)}</code></p>' if request else ""
    )
    note(title, f'<p class="wq-text">{esc(error.message, 600)}</p><p>{esc(advice)}</p>{trail}', "danger")


def note(title: str, inner: str, tone: Tone = "warning") -> None:
    """A box with a coloured edge; ``inner`` is HTML already."""
    st.html(f'<div class="wq-trouble tone-{tone}" role="alert"><b>{esc(title)}</b>{inner}</div>')


def empty(symbol: str, title: str, hint: str) -> None:
    """There is nothing here yet, and how that changes."""
    st.html(f'<div class="wq-empty">{icon(symbol)}<b>{esc(title)}</b>{esc(hint)}</div>')


def blocked(connection: data.Connection) -> None:
    """The whole page while the sidecar is not there or does not let us in; comes back by itself."""
    down = connection.state == "down"
    steps = ("start", "address", "wait") if down else ("key", "file", "restart")
    items = "".join(f"<li><span>{_with_code(t(f'blocked.{connection.state}.{step}'))}</span></li>" for step in steps)
    with st.container(border=True, key="card_blocked"):
        st.html(
            f'<div class="wq-empty">{icon("cloud_off" if down else "key_off")}'
            f"<b>{esc(t(f'blocked.{connection.state}.title'))}</b>"
            f'<span class="wq-text">{esc(connection.problem, 400)}</span><ol class="wq-steps">{items}</ol></div>'
        )
        st.button(
            t("blocked.retry"),
            key="retry",
            icon=":material/refresh:",
            type="primary",
            width="stretch",
            on_click=data.forget,
        )
        _watch(connection.state)


@st.fragment(run_every=4)
def _watch(state: str) -> None:
    if data.connection().state != state:
        st.rerun()
    st.caption(t("blocked.watching"))


def _with_code(text: str) -> str:
    """Escape a label, and set what stands between backticks as code."""
    return "".join(f"<code>{esc(part)}</code>" if n % 2 else esc(part) for n, part in enumerate(text.split("`")))
