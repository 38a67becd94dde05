"""Components: everything the pages are made of, in one place; whoever builds a page looks here first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pandas as pd
import streamlit as st

from dashboard.ui import bubbles, charts, grids, i18n, kpis, loading, times, trouble
from dashboard.ui.i18n import t
from dashboard.ui.marks import Tone, avatar, badge, chips, definitions, esc, icon, number, percent, tag

TONES: tuple[Tone, ...] = ("primary", "success", "warning", "danger", "info", "muted")


@contextmanager
def part(name: str) -> Iterator[None]:
    """A card of the gallery."""
    with st.container(border=True, key=f"card_gallery_{name}", height="stretch"):
        st.subheader(t(f"gallery.{name}"), anchor=False)
        yield


def words() -> list[str]:
    return [t("gallery.word.one"), t("gallery.word.two"), t("gallery.word.three")]


st.caption(t("gallery.intro"))
with st.grid(3, min_column_width=300, gap="small"):
    with part("badge"):
        st.html('<div class="wq-chips-row">' + "".join(badge(t(f"gallery.tone.{x}"), x) for x in TONES) + "</div>")
    with part("tag"):
        st.html('<div class="wq-chips-row">' + "".join(tag(t(f"gallery.tone.{x}"), x) for x in TONES) + "</div>")
    with part("chip"):
        st.html(chips([*words(), "where is my order?", "وين طلبي؟"]))
    with part("avatar"):
        st.html('<div class="wq-chips-row">' + "".join(avatar(x) for x in ("نورة", "Omar", "+966")) + "</div>")
    with part("button"), st.container(horizontal=True):
        for kind in ("primary", "secondary", "tertiary"):
            st.button(t(f"gallery.button.{kind}"), key=f"gallery_{kind}", type=kind, icon=":material/check:")
        st.button(t("gallery.button.disabled"), key="gallery_disabled", disabled=True)
    with part("choice"):
        st.segmented_control(
            t("gallery.choice"), words(), default=words()[0], key="gallery_segment", label_visibility="collapsed"
        )
        st.pills(t("gallery.choice"), words(), key="gallery_pills", label_visibility="collapsed")
    with part("input"):
        st.text_input(
            t("rules.search"), key="gallery_search", type="search", icon=":material/search:",
            placeholder=t("rules.search"), label_visibility="collapsed",
        )  # fmt: skip
        st.selectbox(t("gallery.choice"), words(), key="gallery_select")
        st.toggle(t("gallery.toggle"), True, key="gallery_toggle")
    with part("form"), st.form("gallery_form", border=False):
        st.text_input(t("profile.name"), key="gallery_name")
        st.text_area(t("bench.message"), key="gallery_text", height=80)
        st.form_submit_button(t("profile.keep"), key="gallery_keep", type="primary")
    with part("file"):
        st.file_uploader(t("gallery.file"), type=["csv", "xlsx"], key="gallery_file")
with st.grid(2, min_column_width=340, gap="small"):
    with part("message"):
        asked = bubbles.bubble(None, "وين طلبي؟", out=False, meta=number("10:02"))
        reply = {
            "type": "buttons",
            "body": "Order 1043 is on its way",
            "buttons": [{"title": "Track"}, {"title": "تواصل"}],
        }
        said = bubbles.bubble(reply, None, out=True, meta=number("10:02") + bubbles.tick("read"))
        st.html(f'<div class="wq-wall">{asked}{said}</div>')
    with part("table"):
        frame = pd.DataFrame({t("gallery.choice"): words(), t("rules.threshold"): [percent(x) for x in (0.62, 0.7, 1)]})
        grids.select(frame, key="gallery_table", alt=t("gallery.table"), rows=3)
    with part("chart"):
        began = datetime(2026, 1, 1, 9, tzinfo=UTC)
        rows = [
            {"minute": (began + timedelta(minutes=n)).timestamp() * 1000, "received": n % 7 + 3, "replied": n % 5 + 2}
            for n in range(40)
        ]
        labels = {name: t(f"overview.series.{name}") for name in ("received", "replied")}
        figure = charts.traffic(rows, labels, times.zone(), rtl=i18n.is_rtl())
        st.plotly_chart(figure, key="gallery_chart", config=charts.CONFIG, alt=t("gallery.chart"))
    with part("figure"), st.grid(2, min_column_width=132, gap="small"):
        kpis.figure("received", "1,204", [3.0, 5, 4, 6, 8])
        kpis.figure("rate", "87%", [0.8, 0.85, 0.87])
with st.grid(2, min_column_width=340, gap="small"):
    with part("list"):
        st.html(definitions([(esc(t("rules.file")), number("shop.yaml:12")), (esc(t("bench.rule")), number("hours"))]))
    with part("loading"):
        loading.rows(3)
    with part("empty"):
        trouble.empty("inbox", t("overview.no_messages"), t("overview.no_messages.hint"))
    with part("trouble"):
        trouble.note(t("trouble.error.title"), f"<p>{esc(t('trouble.error.advice'))}</p>", "danger")
        trouble.note(t("connection.starting"), f"<p>{esc(t('connection.starting.hint'))}</p>", "warning")
    with part("icon"):
        st.html(
            '<div class="wq-chips-row">'
            + "".join(icon(x, "wq-shown") for x in sorted(bubbles.TICKS.values()))
            + "</div>"
        )
