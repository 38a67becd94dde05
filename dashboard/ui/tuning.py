"""Sliders for thresholds with their effect on messages whose right rule is known. Nothing is written or sent."""

from __future__ import annotations

import streamlit as st

from dashboard import batches, data, workbench
from dashboard.thresholds import Effect, Labelled
from dashboard.ui import charts, i18n, theme, trouble, trymany
from dashboard.ui.i18n import t
from dashboard.ui.marks import percent
from waqtor import plots
from waqtor.errors import WaqtorError

SET = "tune_set"
LANGUAGES = ("ar", "en", "arabizi")


def page() -> None:
    """The whole view."""
    with st.container(border=True, key="card_tune"):
        st.subheader(t("tune.title"), anchor=False, help=t("tune.title.help"))
        labels = {name: t(f"tune.source.{name}") for name in ("traffic", "upload")}
        source = st.segmented_control(
            t("tune.source"),
            list(labels),
            format_func=labels.__getitem__,
            default="traffic",
            key="tune_source",
            required=True,
        )
        rows = _uploaded() if source == "upload" else []
        if st.button(
            t("tune.read"),
            key="tune_go",
            type="primary",
            icon=":material/model_training:",
            disabled=source == "upload" and not rows,
        ):
            _read(rows if source == "upload" else None)
    held: Labelled | None = st.session_state.get(SET)
    if held is None or not len(held):
        with st.container(border=True, key="card_tune_empty"):
            hint = "tune.no_labels" if held is not None else "tune.empty"
            trouble.empty("tune", t(hint), t(f"{hint}.hint"))
        return
    _sliders(held)


def _uploaded() -> list[batches.Row]:
    file = st.file_uploader(t("tune.file"), type=["jsonl", "csv"], key="tune_file", help=t("tune.file.help"))
    if file is None:
        return []
    try:
        rows = [row for row in batches.of_file(file.name, file.getvalue()) if row.labelled]
    except WaqtorError as error:
        trouble.box(error)
        return []
    if not rows:
        trouble.note(t("tune.unlabelled"), f"<p>{t('tune.file.help')}</p>", "warning")
    return rows


def _read(rows: list[batches.Row] | None) -> None:
    try:
        if rows is None:
            labels = workbench.judged()
            rows = [batches.Row(x.text or "", x.decided if x.right else x.rule_id, True) for x in labels]
        ignored = frozenset(rule.id for rule in data.rules() if rule.action == "ignore")
    except WaqtorError as error:
        trouble.box(error)
        return
    found = trymany.tried([row.text for row in rows], None) if rows else []
    if found is not None:
        st.session_state[SET] = Labelled(found, [row.label for row in rows], ignored)


@st.fragment
def _sliders(held: Labelled) -> None:
    with st.container(border=True, key="card_tune_effect"):
        now = held.effect(held.held)
        free = st.toggle(t("tune.general"), key="tune_general_on", help=t("tune.general.help"))
        general = st.slider(t("tune.all"), 0.0, 1.0, 0.6, 0.01, key="tune_general", disabled=not free)
        languages: dict[str, float] = {}
        spoken = [name for name in LANGUAGES if (held.languages == name).any()]
        names = {name: t(f"lang.{name}") for name in LANGUAGES}
        chosen = st.pills(
            t("tune.languages"),
            spoken,
            selection_mode="multi",
            key="tune_languages",
            format_func=names.__getitem__,
        )
        for name in chosen or ():
            languages[name] = st.slider(t(f"lang.{name}"), 0.0, 1.0, 0.6, 0.01, key=f"tune_{name}")
        ids = sorted({rule for rule in held.rules if rule})
        rule = st.selectbox(t("tune.rule"), ids, index=None, key="tune_rule", placeholder=t("tune.rule.none"))
        own = (rule, st.slider(t("tune.of_rule", rule=rule), 0.0, 1.0, 0.6, 0.01, key="tune_own")) if rule else None
        effect = held.effect(held.at(general if free else None, languages, own))
        _figures(effect, now)
        sweep = held.sweep()
        points = {t("tune.all"): general} if free else None
        look = {"language": i18n.language(), "theme": "dark" if theme.is_dark() else "light"}
        with st.grid(2, min_column_width=320, gap="small"):
            for name, draw in (("risk_coverage", plots.risk_coverage), ("threshold_sweep", plots.threshold_sweep)):
                st.plotly_chart(
                    charts.turned(draw(sweep, points=points, **look), rtl=i18n.is_rtl()),
                    key=f"plot_tune_{name}",
                    config=charts.CONFIG,
                    theme=None,
                    alt=t("tune.title"),
                )
        st.caption(t("tune.note"))


def _figures(effect: Effect, now: Effect) -> None:
    with st.grid(4, min_column_width=132, gap="small"):
        st.metric(t("many.messages"), f"{effect.messages:,}", border=True)
        for name, tone in (("coverage", "normal"), ("false_share", "inverse"), ("recall", "normal")):
            value, before = getattr(effect, name), getattr(now, name)
            moved = 100 * (value - before)
            st.metric(
                t(f"tune.{name}"),
                percent(value),
                f"{moved:+.1f}" if abs(moved) >= 0.05 else None,
                delta_color=tone,  # type: ignore[arg-type]
                help=t(f"tune.{name}.help"),
                border=True,
            )
