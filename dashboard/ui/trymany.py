"""Many messages at once: pasted or uploaded, decided on by any version of the rules, as a table and as CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import batches, workbench
from dashboard.ui import grids, times, trouble, versions
from dashboard.ui.i18n import known, t
from dashboard.ui.trouble import guard
from waqtor.contracts.sheets import as_csv
from waqtor.contracts.workbench import TriedMessage
from waqtor.errors import InvalidInput, WaqtorError

RESULT = "many_result"
ENDINGS = ["txt", "csv", "jsonl"]


def given(key: str) -> list[batches.Row]:
    """Messages from the text area and the uploaded file; a broken file is told of."""
    pasted = st.text_area(
        t("many.paste"), key=f"{key}_text", height=140, max_chars=500_000, placeholder=t("many.paste.placeholder")
    )
    file: Any = st.file_uploader(t("many.upload"), type=ENDINGS, key=f"{key}_file", help=t("many.upload.help"))
    try:
        return batches.of_lines(pasted) + (batches.of_file(file.name, file.getvalue()) if file is not None else [])
    except InvalidInput as error:
        trouble.box(error)
        return []


def tried(texts: Sequence[str], rules: workbench.Source | None) -> list[TriedMessage] | None:
    """Try messages with a bar and the time that is left; ``None`` when that failed, which is told."""
    bar = st.progress(0.0, t("many.running", done=0, total=len(texts), left="…"))

    def progress(done: int, left: float | None) -> None:
        shown = "…" if left is None else times.duration(left * 1000)
        bar.progress(done / len(texts), t("many.running", done=f"{done:,}", total=f"{len(texts):,}", left=shown))

    try:
        return workbench.try_many(texts, rules, progress)
    except WaqtorError as error:
        trouble.box(error)
        return None
    finally:
        bar.empty()


def page() -> None:
    """The whole view."""
    with st.container(border=True, key="card_many"):
        st.subheader(t("many.title"), anchor=False, help=t("many.title.help"))
        rows = given("many")
        rules = versions.choose("many_rules", t("many.rules"), ("live", "draft", "git", "folder", "upload"), "live")
        wanted = st.button(
            t("many.try", n=f"{len(rows):,}"),
            key="many_go",
            type="primary",
            icon=":material/science:",
            disabled=not rows,
        )
        if wanted:
            live = st.session_state.get("many_rules_kind") == "live"
            found = tried([row.text for row in rows], None if live else rules)
            if found is not None:
                st.session_state[RESULT] = (found, rows)
    held = st.session_state.get(RESULT)
    with st.container(border=True, key="card_many_result"):
        if held is None:
            trouble.empty("table_rows", t("many.empty"), t("many.empty.hint"))
        else:
            with guard():
                result(*held)


def result(found: Sequence[TriedMessage], rows: Sequence[batches.Row]) -> None:
    """Counts, the table, and the download."""
    counts = Counter(item.decision for item in found)
    with st.grid(6, min_column_width=132, gap="small"):
        st.metric(t("many.messages"), f"{len(found):,}", border=True)
        for name, n in counts.most_common():
            st.metric(t(f"decision.{name}"), f"{n:,}", border=True)
        labelled = [(item, row) for item, row in zip(found, rows, strict=True) if row.labelled]
        if labelled:
            right = sum(item.rule_id == row.label for item, row in labelled)
            st.metric(t("many.right"), f"{right:,} / {len(labelled):,}", border=True)
    table = {
        t("history.said"): [item.text for item in found],
        t("history.decision"): [known(f"decision.{item.decision}", item.decision) for item in found],
        t("bench.rule"): [item.rule_id or "–" for item in found],
        t("bench.confidence"): [round(item.confidence, 3) for item in found],
        t("many.top"): [_ranked(item.top) for item in found],
        t("many.next"): [_ranked(item.next) for item in found],
        t("bench.language"): [known(f"lang.{item.language}", item.language) for item in found],
        t("history.answered"): [item.reply or "–" for item in found],
        t("many.ms"): [round(item.ms, 2) for item in found],
    }
    if any(row.labelled for row in rows):
        table[t("many.label")] = [(row.label or "–") if row.labelled else "" for row in rows]
    grids.show(pd.DataFrame(table), key="many_table", alt=t("many.title"))
    st.download_button(
        t("analytics.csv"),
        data=lambda: as_csv(list(table), zip(*table.values(), strict=True)),
        file_name="waqtor-messages.csv",
        mime="text/csv",
        key="many_csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _ranked(candidate: Any) -> str:
    return "–" if candidate is None else f"{candidate.rule_id} {candidate.confidence:.2f}"
