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

from dashboard import data, locks, news, profile  # noqa: E402
from dashboard.ui import frame, i18n, loading, places, theme, trouble  # noqa: E402
from dashboard.ui.i18n import t  # noqa: E402

# By section: file name in app_pages/, and symbol.
PAGES = {
    "work": (
        ("overview", "monitoring"),
        ("messages", "forum"),
        ("interactive", "touch_app"),
        ("campaigns", "campaign"),
        ("campaign_report", "query_stats"),
        ("analytics", "insights"),
    ),
    "bot": (
        ("bench", "science"),
        ("rules", "rule"),
        ("replay", "replay"),
        ("suggestions", "lightbulb"),
        ("history", "history"),
    ),
    "system": (
        ("notifications", "notifications"),
        ("webhooks", "webhook"),
        ("ws_metrics", "monitor_heart"),
        ("settings", "settings"),
        ("profile", "person"),
        ("welcome", "waving_hand"),
        ("about", "info"),
        ("privacy", "shield_lock"),
        ("terms", "gavel"),
        ("gallery", "palette"),
    ),
}
# These can be read while the sidecar is away.
READABLE = ("welcome", "about", "privacy", "terms", "gallery")


def _page(name: str, symbol: str) -> st.Page:
    return st.Page(
        f"app_pages/{name}.py",
        title=t(f"page.{name}"),
        icon=f":material/{'lock' if locks.shut(name) else symbol}:",
        help=t(f"page.{name}.help"),
        url_path=name,
        default=name == "overview",
    )


liked = profile.current()
st.set_page_config(
    page_title="WaQtor",
    page_icon=str(theme.STATIC / "mark.svg"),
    layout="wide",
    initial_sidebar_state=theme.SIDEBAR[liked.sidebar],
)
i18n.start(liked.language)
theme.apply()
chosen = st.navigation(
    {t(f"section.{section}"): [_page(*page) for page in pages] for section, pages in PAGES.items()}, position="sidebar"
)
connection = data.connection()
name = chosen.url_path or "overview"
known = {page for pages in PAGES.values() for page, _ in pages}
lost = places.asked_for() not in {"", *known}
if places.asked_for() == "overview":  # its address is the bare one; this is what people type
    places.no_dialog()
frame.brand(liked, connection)
news.mark(liked, name)
frame.header(t("place.not_found") if lost else chosen.title, connection, liked)
if lost:
    places.not_found(places.asked_for())
elif connection.state in ("down", "locked") and name not in READABLE:
    trouble.blocked(connection)
elif locks.shut(name):
    places.locked(name)
else:
    if connection.state == "starting":
        reasons = "".join(f"<p>{trouble.esc(reason, 200)}</p>" for reason in connection.reasons)
        trouble.note(t("connection.starting"), reasons or f"<p>{t('connection.starting.hint')}</p>", "warning")
    try:
        with loading.shown(name):
            chosen.run()
    except Exception as error:  # not WaqtorError: the pages show those where they belong
        places.broken(error)
frame.footer()
