"""The campaign wizard: list → columns → message → when and how fast → rehearsal → test → start."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Literal

import pandas as pd
import streamlit as st

from dashboard import campaign_data as work
from dashboard import data
from dashboard.ui import preview, times, trouble
from dashboard.ui.i18n import known, t
from dashboard.ui.marks import definitions, esc, number
from dashboard.ui.trouble import guard
from waqtor.contracts import limits
from waqtor.contracts.campaigns import AudienceView, DryRun
from waqtor.errors import WaqtorError

Act = Callable[[str, str], None]


def draw(act: Act) -> None:
    """The whole wizard; ``act`` carries out an action on a campaign from a button."""
    source = _list()
    st.divider()
    message = _message()
    st.divider()
    settings = _settings()
    name = st.text_input(t("wizard.name"), key="wizard_name", max_chars=200)
    ready = bool(name.strip() and message is not None and source is not None)
    if not ready:
        st.caption(t("wizard.incomplete"))
    if st.button(
        t("wizard.create"), key="wizard_create", type="primary", icon=":material/fact_check:", disabled=not ready
    ) and source is not None and message is not None:  # fmt: skip
        audience = _kept({**source, "name": name.strip(), "consent": settings.pop("agreed")})
        if audience is None:
            return
        fallback = message.pop("fallback")
        view = work.create(
            name=name.strip(), audience_id=audience, **message, **settings,
            fallbacks=dict.fromkeys(work.audience(audience).fields, fallback) if fallback else {},
        )  # fmt: skip
        st.session_state["wizard_made"] = st.session_state["campaign_id"] = view.id
    if st.session_state.get("wizard_made"):
        rehearsal(st.session_state["wizard_made"], act)


def _list() -> dict[str, Any] | None:
    """The list of recipients: a file with its columns, or pasted numbers; ``None`` while there is none."""
    st.html(_step(1, "wizard.step.list"))
    file = st.file_uploader(
        t("wizard.file"), type=["csv", "txt", "xlsx"], key="wizard_file", help=t("wizard.file.help")
    )
    if file is None:
        pasted = st.text_area(t("wizard.pasted"), key="wizard_pasted", height=80)
        return {"numbers": pasted} if pasted.strip() else None
    if st.session_state.get("wizard_seen") != file.file_id:
        with st.spinner(t("wizard.uploading")):
            st.session_state["wizard_upload"] = work.upload(file.name, file.getvalue())
        st.session_state["wizard_seen"] = file.file_id
    found = st.session_state["wizard_upload"]
    columns = list(found.columns)
    width = len(found.sample[0]) if found.sample else len(columns)
    st.dataframe(
        pd.DataFrame(found.sample, columns=columns[:width]), key="wizard_sample", hide_index=True, height="auto"
    )
    left, right = st.columns(2, gap="medium")
    guess = columns.index(found.phone) if found.phone in columns else 0
    phone = left.selectbox(t("wizard.phone"), columns, index=guess, key="wizard_phone")
    others = [column for column in columns if column != phone]
    kept = right.multiselect(t("wizard.columns"), others, others, key="wizard_columns", help=t("wizard.columns.help"))
    if kept:
        st.caption(t("wizard.fields", names="، ".join(f"{{{{{column}}}}}" for column in kept)))
    return {"upload_id": found.upload_id, "phone": phone, "columns": {column: column for column in kept}}


def _message() -> dict[str, Any] | None:
    """The text, or two of them with their split; ``None`` while one is missing."""
    st.html(_step(2, "wizard.step.message"))
    help_text = t("wizard.text.help")
    text = st.text_area(t("wizard.text"), key="wizard_text", height=120, max_chars=limits.TEXT, help=help_text)
    fallback = st.text_input(t("wizard.fallback"), key="wizard_fallback", help=t("wizard.fallback.help"))
    found: dict[str, Any] = {"fallback": fallback, "template": text}
    ready = bool(text.strip())
    if st.toggle(t("wizard.ab"), key="wizard_ab", help=t("wizard.ab.help")):
        other = st.text_area(t("wizard.text_b"), key="wizard_text_b", height=120, max_chars=limits.TEXT)
        share = st.slider(t("wizard.split"), 5, 95, 50, 5, "%d%%", key="wizard_split")
        variants = [
            {"name": "A", "weight": share, "template": text}, {"name": "B", "weight": 100 - share, "template": other},
        ]  # fmt: skip
        found = {"fallback": fallback, "variants": variants}
        ready = ready and bool(other.strip())
    return found if ready else None


def _settings() -> dict[str, Any]:
    """When, how fast, and to whom at all."""
    st.html(_step(3, "wizard.step.settings"))
    schedule: dict[str, Any] = {}
    given: dict[str, Any] = {}
    left, right = st.columns(2, gap="medium")
    with left:
        if st.toggle(t("wizard.later"), key="wizard_later"):
            with st.container(horizontal=True):
                day = st.date_input(t("wizard.day"), key="wizard_day", min_value="today")
                hour = st.time_input(t("wizard.hour"), key="wizard_hour", step=900)
            schedule["at"] = datetime.combine(day, hour).isoformat()
        if st.toggle(t("wizard.quiet"), key="wizard_quiet", help=t("wizard.quiet.help")):
            with st.container(horizontal=True):
                begin = st.time_input(t("wizard.quiet.from"), "21:00", key="wizard_quiet_from", step=900)
                end = st.time_input(t("wizard.quiet.to"), "08:00", key="wizard_quiet_to", step=900)
            schedule["quiet_hours"] = f"{begin:%H:%M}-{end:%H:%M}"
    with right:
        given["require_consent"] = st.toggle(t("wizard.consent"), key="wizard_consent", help=t("wizard.consent.help"))
        given["agreed"] = st.toggle(t("wizard.agreed"), key="wizard_agreed", help=t("wizard.agreed.help"))
        if st.toggle(t("wizard.warm_up"), key="wizard_warm_up", help=t("wizard.warm_up.help")):
            first = st.number_input(t("wizard.first_day"), 1, 1_000_000, 250, 50, key="wizard_first_day")
            given["warm_up"] = {"first_day": first}
        if st.toggle(t("wizard.slow"), key="wizard_slow"):
            given["rate"] = st.number_input(t("wizard.rate"), 0.1, 1000.0, 10.0, 1.0, key="wizard_rate")
    return {**given, "schedule": schedule or None}


def _kept(spec: dict[str, Any]) -> str | None:
    """Make the audience and wait until it is whole; shows what is not in it."""
    made = work.make_audience(**spec)
    began = time.monotonic()
    with st.status(t("wizard.reading"), expanded=True) as status:
        bar = st.progress(0.0)
        while made.state == "importing":
            time.sleep(0.3)
            made = work.audience(made.id)
            speed = made.rows / max(0.3, time.monotonic() - began)
            bar.progress(*_read(made, speed))
        bar.empty()
        state: Literal["complete", "error"] = "complete" if made.state == "ready" else "error"
        label = t("wizard.kept", total=f"{made.total:,}", rows=f"{made.rows:,}")
        status.update(label=label, state=state, expanded=False)
    st.session_state.pop("wizard_seen", None)
    if made.bad or made.duplicates:
        st.caption(t("wizard.left_out", bad=made.bad, duplicates=made.duplicates))
        rows = work.issues(made.id)
        frame = pd.DataFrame({t("wizard.line"): [i.line for i in rows], t("wizard.value"): [i.value for i in rows],
                              t("wizard.why"): [i.message for i in rows]})  # fmt: skip
        st.dataframe(frame, key="wizard_issues", hide_index=True)
    if made.state == "failed" or not made.total:
        trouble.note(t("wizard.nobody"), f"<p>{esc(made.reason or t('wizard.nobody.hint'))}</p>", "danger")
        return None
    return made.id


def _read(made: AudienceView, speed: float) -> tuple[float, str]:
    """How far the import is, as a share and in words."""
    rows = {"rows": f"{made.rows:,}", "speed": f"{speed:,.0f}"}
    if not made.expected or not speed:
        return 0.0, t("wizard.read", **rows)
    left = max(0, made.expected - made.rows) / speed
    words = t("wizard.read.eta", of=f"{made.expected:,}", eta=f"\u2066{times.duration(left * 1000)}\u2069", **rows)
    return min(1.0, made.rows / made.expected), words


def rehearsal(campaign_id: str, act: Act) -> None:
    """The dry run with a message as it will look, a test send, and the button that starts."""
    st.divider()
    st.html(_step(4, "wizard.step.rehearsal"))
    with guard():
        found = work.rehearse(campaign_id)
        left, right = st.columns([3, 2], gap="medium")
        with left:
            st.html(definitions(_facts(found)))
            for note in found.notes:
                st.caption(known(f"note.{note}", note))
            problem = st.session_state.pop("wizard_problem", None)
            if problem is not None:
                trouble.box(problem)
            with st.container(horizontal=True, vertical_alignment="bottom"):
                to = st.text_input(t("wizard.test"), key="wizard_test", placeholder="+966 50 123 4567", type="phone")
                st.button(
                    t("wizard.test.send"), key="wizard_test_send", icon=":material/smartphone:",
                    disabled=not (to or "").strip(), on_click=_try, args=(campaign_id, to),
                )  # fmt: skip
            view = work.campaign(campaign_id)
            session = data.connection().session
            shop = session.client_info.name if session and session.client_info else view.session
            if view.status == "draft" and found.ready:
                later = bool(view.schedule and view.schedule.get("at"))
                st.button(
                    t("wizard.schedule" if later else "campaigns.do.execute"), key="wizard_execute", type="primary",
                    icon=f":material/{'schedule_send' if later else 'send'}:", width="stretch",
                    on_click=partial(act, campaign_id, "execute"),
                )  # fmt: skip
        with right:
            for sample in _one_of_each(found):
                if len(found.variants) > 1:
                    st.caption(t("wizard.variant", name=sample.variant))
                st.html(preview.phone(shop, sample.content))


def _facts(found: DryRun) -> list[tuple[str, str]]:
    pairs = [(esc(t("wizard.ready")), number(f"{found.ready:,} / {found.total:,}"))]
    pairs += [(esc(known(f"skip.{code}", code)), number(f"{n:,}")) for code, n in found.skips.items()]
    if len(found.variants) > 1:
        pairs += [(esc(t("wizard.variant", name=name)), number(f"{n:,}")) for name, n in found.variants.items()]
    took = "–" if found.seconds is None else times.duration(found.seconds * 1000)
    pairs.append((esc(t("wizard.duration")), number(took)))
    if found.finishes:
        pairs.append((esc(t("wizard.finishes")), number(times.full(found.finishes))))
    return pairs


def _one_of_each(found: DryRun) -> list[Any]:
    """The first sample of each variant."""
    first = {sample.variant: sample for sample in reversed(found.samples)}
    return [first[name] for name in sorted(first)]


def _try(campaign_id: str, to: str) -> None:
    try:
        work.test_send(campaign_id, to)
    except WaqtorError as error:
        st.session_state["wizard_problem"] = error
    else:
        st.toast(t("wizard.test.done"), icon=":material/check_circle:")


def _step(place: int, label: str) -> str:
    return f'<div class="wq-title"><span class="wq-count">{number(place)}</span> {esc(t(label))}</div>'
