"""The rule files with their past in git, and the tests beside the rules."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import workbench
from dashboard.ui import editor, grids, times, trouble
from dashboard.ui.i18n import t
from dashboard.ui.marks import esc, number
from dashboard.ui.trouble import guard
from waqtor.contracts.workbench import CasesReport
from waqtor.errors import Conflict, WaqtorError

REPORT = "cases_report"


def page() -> None:
    """Files and history."""
    with guard():
        names = [file.name for file in workbench.files()]
        if not names:
            trouble.empty("rule", t("rules.empty"), t("rules.empty.hint"))
            return
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.selectbox(t("editor.file"), names, key="file_name", width=320)
            st.button(t("rules.edit"), key="file_edit", icon=":material/edit:", on_click=editor.open_file, args=(name,))
        with st.container(border=True, key="card_git"):
            st.subheader(t("git.title"), anchor=False)
            _history(name)


def _history(name: str) -> None:
    try:
        found = workbench.commits(name)
        open_changes = workbench.changes(name)
    except Conflict as error:
        st.html(f'<p class="wq-muted">{esc(error.message, 300)}</p>')
        return
    if open_changes:
        with st.expander(t("git.uncommitted"), icon=":material/pending:", key="git_uncommitted"):
            st.code(open_changes[:200_000], language="diff", wrap_lines=True)
    else:
        st.caption(t("git.nothing"))
    if not found:
        st.caption(t("git.none"))
        return
    frame = pd.DataFrame(
        {
            t("git.when"): [times.full(commit.created) for commit in found],
            t("git.what"): [commit.subject for commit in found],
            t("git.who"): [commit.author for commit in found],
            t("git.commit"): [commit.commit[:12] for commit in found],
        }
    )
    place = grids.select(frame, key="git_table", alt=t("git.title"), rows=len(found), widths={t("git.what"): "large"})
    if place is not None and place < len(found):
        st.code(workbench.changes(name, found[place].commit)[:200_000], language="diff", wrap_lines=True)


def tests() -> None:
    """Run the tests of the rules, and see which fail."""
    with st.container(border=True, key="card_cases"):
        st.subheader(t("cases.title"), anchor=False, help=t("cases.help"))
        if st.button(t("cases.run"), key="cases_run", type="primary", icon=":material/play_arrow:"):
            try:
                with st.spinner(t("cases.running")):
                    st.session_state[REPORT] = workbench.run_cases()
            except WaqtorError as error:
                trouble.box(error)
        report: CasesReport | None = st.session_state.get(REPORT)
        if report is None:
            trouble.empty("fact_check", t("cases.empty"), t("cases.empty.hint"))
        elif not report.total:
            trouble.empty("fact_check", t("cases.none"), t("cases.none.hint"))
        else:
            _outcome(report)


def _outcome(report: CasesReport) -> None:
    tone, key = ("danger", "cases.failed") if report.failed else ("success", "cases.passed")
    told = t("cases.took", revision=report.revision, took=times.duration(report.ms))
    trouble.note(
        t(key, n=f"{report.total:,}", failed=f"{report.failed:,}"),
        f"<p>{number(told)}</p>",
        tone,  # type: ignore[arg-type]
    )
    if report.failures:
        frame = pd.DataFrame(
            {
                t("cases.where"): [f"{case.file}:{case.line}" for case in report.failures],
                t("cases.said"): [case.say for case in report.failures],
                t("cases.fault"): [case.fault for case in report.failures],
            }
        )
        grids.show(frame, key="cases_table", alt=t("cases.title"))
