"""The box for SQL of one's own: saved queries, the text, the result and its files."""

from __future__ import annotations

from functools import partial
from typing import Final

import streamlit as st

from dashboard import reports
from dashboard.ui import deeds, times, trouble
from dashboard.ui.i18n import known, t
from dashboard.ui.marks import esc
from dashboard.ui.trouble import guard
from waqtor.contracts.queries import SavedQuery
from waqtor.contracts.views import QueryResult
from waqtor.errors import QueryRefused, WaqtorError

EXAMPLE: Final = "SELECT language, count(*) AS n FROM decisions WHERE created >= $since::TIMESTAMPTZ GROUP BY ALL"
VIEWS: Final = "messages, decisions, sends, send_changes, quarters, waits, events"
_TEXT, _CHOSEN, _ASKED = "analytics_sql", "analytics_saved", "analytics_asked"


@st.fragment
def box() -> None:
    """Draw the box; what is done in it draws nothing else anew."""
    with st.container(border=True, key="card_sql"):
        st.subheader(t("analytics.sql"), anchor=False)
        deeds.tell()
        st.caption(t("analytics.sql.hint", views=VIEWS))
        chosen = None
        with guard():
            chosen = _choose()
        st.text_area(t("analytics.sql.text"), key=_TEXT, height=200, max_chars=100_000, placeholder=EXAMPLE)
        # Not a caption: Markdown would read two dollar signs as a formula.
        st.html(f'<p class="wq-small wq-muted">{esc(t("analytics.sql.places"))}</p>')
        with st.container(horizontal=True, gap="small", key="analytics_deeds"):
            run = t("analytics.run")
            st.button(run, key="analytics_run", icon=":material/play_arrow:", type="primary", on_click=_run)
            _keeping(chosen)
        asked = st.session_state.get(_ASKED)
        if not asked:
            trouble.empty("table_view", t("analytics.sql.empty"), t("analytics.sql.empty.hint"))
            return
        with guard():
            _found(*asked)


def name_of(query: SavedQuery) -> str:
    """What a query is called here: built-in ones in the visitor's language."""
    return known(f"analytics.saved.{query.id}", query.name) if query.builtin else query.name


def _choose() -> SavedQuery | None:
    found = reports.queries()
    if st.session_state.get(_CHOSEN) not in found:
        st.session_state.pop(_CHOSEN, None)
    labels = {key: ("" if query.builtin else "★ ") + name_of(query) for key, query in found.items()}
    chosen = st.selectbox(
        t("analytics.saved"),
        list(found),
        index=None,
        key=_CHOSEN,
        placeholder=t("analytics.saved.choose"),
        format_func=labels.__getitem__,
        on_change=_take,
        width=340,
    )
    return found[chosen] if chosen else None


def _take() -> None:
    chosen = reports.queries().get(st.session_state.get(_CHOSEN) or "")
    if chosen is not None:
        st.session_state[_TEXT] = chosen.sql


def _run() -> None:
    sql = st.session_state.get(_TEXT, "").strip()
    period = st.session_state.get("analytics_period") or "week"
    st.session_state[_ASKED] = (sql, period, str(times.zone())) if sql else None
    reports.ask.clear()


def _keeping(chosen: SavedQuery | None) -> None:
    """The ways to keep, change, name and forget a query."""
    text = st.session_state.get(_TEXT, "").strip()
    own = chosen is not None and not chosen.builtin
    if chosen is not None and own and text and text != chosen.sql.strip():
        st.button(
            t("analytics.save"), key="analytics_rewrite", icon=":material/save:",
            on_click=deeds.do, args=(partial(reports.rewrite, chosen, sql=text), t("analytics.kept")),
        )  # fmt: skip
    with st.popover(t("analytics.save_as"), icon=":material/bookmark_add:", key="analytics_keep", disabled=not text):
        st.text_input(t("analytics.name"), key="analytics_name", max_chars=80)
        st.button(t("analytics.save"), key="analytics_keep_do", type="primary", on_click=_keep)
    if chosen is not None and own:
        with st.popover(t("analytics.rename"), icon=":material/edit:", key=f"analytics_rename_{chosen.id}"):
            key = f"analytics_name_{chosen.id}"
            st.text_input(t("analytics.name"), value=chosen.name, key=key, max_chars=80)
            st.button(t("analytics.rename"), key="analytics_rename_do", type="primary", on_click=_rename,
                      args=(chosen, key))  # fmt: skip
        with st.popover(t("analytics.delete"), icon=":material/delete:", key=f"analytics_delete_{chosen.id}"):
            st.html(f"<p>{esc(t('analytics.delete.sure'))} <b>{esc(chosen.name)}</b></p>")
            st.button(
                t("analytics.delete"), key="analytics_delete_do", type="primary",
                on_click=deeds.do, args=(partial(reports.drop, chosen), t("analytics.deleted")),
            )  # fmt: skip


def _keep() -> None:
    name, sql = st.session_state.get("analytics_name", "").strip(), st.session_state.get(_TEXT, "").strip()
    if not name or not sql:
        return

    def keep() -> None:
        st.session_state[_CHOSEN] = reports.keep(name, sql).id
        st.session_state["analytics_name"] = ""

    deeds.do(keep, t("analytics.kept"))


def _rename(query: SavedQuery, key: str) -> None:
    name = st.session_state.get(key, "").strip()
    if name and name != query.name:
        deeds.do(partial(reports.rewrite, query, name=name), t("analytics.kept"))


def _found(sql: str, period: str, zone: str) -> None:
    try:
        with st.spinner(t("analytics.running")):
            result = reports.ask(sql, period, zone)
    except QueryRefused as error:
        said = f'<p class="wq-text">{esc(error.message, 600)}</p>'
        trouble.note(t("analytics.refused"), f"{said}<p>{t('analytics.refused.advice')}</p>", "danger")
        return
    _shown(result, sql, period, zone)


def _shown(result: QueryResult, sql: str, period: str, zone: str) -> None:
    took = times.duration(result.elapsed_ms)
    st.caption(t("analytics.rows", n=f"{len(result.rows):,}", took=took))
    if result.truncated:
        trouble.note(t("analytics.truncated"), f"<p>{t('analytics.truncated.advice')}</p>", "warning")
    if not result.rows:
        trouble.empty("table_view", t("analytics.no_rows"), t("analytics.no_rows.hint"))
        return
    st.dataframe(reports.grid(result), key="analytics_grid", hide_index=True, alt=t("analytics.sql"))
    with st.container(horizontal=True, gap="small", key="analytics_files"):
        for form, media in reports.FORMATS.items():
            st.download_button(
                t(f"analytics.{form}"), data=partial(_file, sql, period, zone, form), file_name=f"waqtor-query.{form}",
                mime=media, key=f"analytics_{form}", icon=":material/download:", on_click="ignore",
            )  # fmt: skip


def _file(sql: str, period: str, zone: str, form: str) -> bytes:
    try:
        return reports.file(sql, period, zone, form)  # type: ignore[arg-type]
    except WaqtorError as error:  # a browser saves whatever comes: let it say why
        return error.message.encode()
