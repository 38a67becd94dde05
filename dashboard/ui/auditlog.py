"""How long each kind of data is kept, and the log of sensitive actions, on the settings page."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import people
from dashboard.ui import deeds, grids, times, trouble
from dashboard.ui.i18n import known, t
from dashboard.ui.person import EXAMPLE
from waqtor.contracts.privacy import AUDITED, AuditEntry


def retention() -> None:
    """Retention by kind, and how old the oldest of each is."""
    with st.container(border=True, key="card_retention"):
        st.subheader(t("retention.title"), anchor=False)
        st.caption(t("retention.hint"))
        kinds = people.retention()
        frame = pd.DataFrame(
            {
                t("retention.kind"): [t(f"retention.{view.kind}") for view in kinds],
                t("retention.days"): [f"{view.days:,}" for view in kinds],
                t("retention.rows"): ["–" if view.rows is None else f"{view.rows:,}" for view in kinds],
                t("retention.oldest"): [times.day(view.oldest) if view.oldest else "–" for view in kinds],
            }
        )
        grids.show(frame, key="retention_table", alt=t("retention.title"))


def card() -> None:
    """Sensitive actions, the latest first, by kind and by person."""
    with st.container(border=True, key="card_audit"):
        st.subheader(t("audit.title"), anchor=False)
        st.caption(t("audit.hint"))
        with st.container(horizontal=True, vertical_alignment="bottom"):
            action: Any = st.selectbox(
                t("audit.action"), [None, *AUDITED], key="audit_action",
                format_func=lambda name: _said(name) if name else t("audit.any"),
            )  # fmt: skip
            contact = st.text_input(t("audit.contact"), key="audit_contact", placeholder=EXAMPLE, autocomplete="off")
        pages = deeds.Pages("audit", (action, contact))
        found = people.audit(action, contact.strip() or None, pages.cursor)
        if not found:
            trouble.empty("shield_lock", t("audit.none"), t("audit.none.hint"))
        else:
            grids.show(_frame(list(found)), key="audit_table", alt=t("audit.title"))
        pages.buttons(t("audit.newer"), t("audit.older"), found.next_cursor)


def _frame(entries: list[AuditEntry]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            t("audit.when"): [times.full(entry.at) for entry in entries],
            t("audit.what"): [_said(entry.action) for entry in entries],
            t("audit.subject"): [_short(entry.subject) for entry in entries],
            t("audit.who"): [entry.key_name or entry.key_id or t("audit.engine") for entry in entries],
            t("audit.details"): [_details(entry.details) for entry in entries],
            t("audit.request"): [entry.request_id for entry in entries],
        }
    )


def _said(action: str) -> str:
    return known(f"audit.{action}", action)


def _short(subject: str) -> str:
    return f"{subject[:12]}…" if subject.startswith("p:") else subject


def _details(details: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in details.items() if name != "erasure")
