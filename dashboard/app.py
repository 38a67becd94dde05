"""The entry script: settles language and style, looks for the sidecar, and opens the page.

Start it with ``waqtor up``, or alone: ``python -m dashboard.launch``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

_ROOT = str(Path(__file__).resolve().parents[1])
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

from dashboard import data  # noqa: E402
from dashboard.ui import frame, i18n, theme, trouble  # noqa: E402
from dashboard.ui.i18n import t  # noqa: E402

# By section: file name in app_pages/, and symbol.
PAGES = {
    "work": (
        ("overview", "monitoring"),
        ("messages", "forum"),
        ("campaigns", "campaign"),
        ("campaign_report", "query_stats"),
        ("analytics", "insights"),
    ),
    "bot": (("bench", "science"), ("rules", "rule"), ("suggestions", "lightbulb"), ("history", "history")),
    "system": (
        ("notifications", "notifications"),
        ("webhooks", "webhook"),
        ("ws_metrics", "monitor_heart"),
        ("settings", "settings"),
        ("about", "info"),
        ("privacy", "shield_lock"),
        ("terms", "gavel"),
    ),
}
# These can be read while the sidecar is away.
READABLE = ("about", "privacy", "terms")


def _page(name: str, symbol: str) -> st.Page:
    return st.Page(
        f"app_pages/{name}.py",
        title=t(f"page.{name}"),
        icon=f":material/{symbol}:",
        help=t(f"page.{name}.help"),
        url_path=name,
        default=name == "overview",
    )


st.set_page_config(page_title="WaQtor", page_icon=str(theme.STATIC / "mark.svg"), layout="wide")
i18n.start()
theme.apply()
frame.brand()
chosen = st.navigation(
    {t(f"section.{section}"): [_page(*page) for page in pages] for section, pages in PAGES.items()}, position="sidebar"
)
connection = data.connection()
frame.header(chosen.title, connection)
if connection.state in ("down", "locked") and chosen.url_path not in READABLE:
    trouble.blocked(connection)
else:
    if connection.state == "starting":
        reasons = "".join(f"<p>{trouble.esc(reason, 200)}</p>" for reason in connection.reasons)
        trouble.note(t("connection.starting"), reasons or f"<p>{t('connection.starting.hint')}</p>", "warning")
    chosen.run()
