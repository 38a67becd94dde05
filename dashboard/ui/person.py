"""A person on the settings page: what is known of them, handing it out, erasing it, and what they agreed to."""

from __future__ import annotations

from functools import partial
from typing import Final

import pandas as pd
import streamlit as st

from dashboard import people
from dashboard.ui import deeds, grids, times, trouble
from dashboard.ui.i18n import is_rtl, known, t
from dashboard.ui.marks import badge, chips, definitions, esc, number
from waqtor.contracts.privacy import ErasureView, PersonView
from waqtor.errors import WaqtorError

_SHOWN: Final = ("messages", "decisions", "events", "log", "media", "campaigns", "audiences", "notifications")
EXAMPLE: Final = "\u200e+966 50 123 4567"
STEPS: Final = ("hold", "collect", "store", "memory", "log", "scrub")


def card() -> None:
    """Look a person up, and do what they have a right to."""
    with st.container(border=True, key="card_person"):
        st.subheader(t("person.title"), anchor=False)
        st.caption(t("person.hint"))
        with st.form("person_form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input(
                t("person.number"), key="person_number", placeholder=EXAMPLE, max_chars=200,
                autocomplete="off",
            )  # fmt: skip
            st.form_submit_button(t("person.find"), key="person_find", icon=":material/person_search:")
        contact = st.session_state.get("person_number", "").strip()
        if not contact:
            trouble.empty("person_search", t("person.none"), t("person.none.hint"))
            return
        try:
            view = people.person(contact)
        except WaqtorError as error:
            trouble.box(error)
            return
        _facts(view)
        if view.known:
            _rights(contact, view)
    if view.known:
        _consents(contact, view)


def _facts(view: PersonView) -> None:
    if not view.known:
        trouble.empty("person_off", t("person.unknown"), t("person.unknown.hint"))
        return
    badges = []
    if view.opted_out:
        badges.append(badge(t("person.opted_out"), "warning"))
    badges += [badge(t("person.agreed", purpose=_purpose(c.purpose)), "success") for c in view.consents]
    if view.erasure:
        badges.append(badge(t("person.erasing"), "danger", live=True))
    pairs = [(esc(t("person.number")), number(view.contact))]
    if view.first and view.last:
        span = f"{number(times.day(view.first))} – {number(times.day(view.last))}"
        pairs.append((esc(t("person.span")), span))
    if badges:
        pairs.append((esc(t("person.state")), " ".join(badges)))
    st.html(definitions(pairs))
    if view.names:
        st.html(chips(list(view.names), 80))
    counts = {**view.counts, "log": sum(n for name, n in view.counts.items() if name.startswith("log_"))}
    with st.grid(4, min_column_width=120, gap="small"):
        for name in _SHOWN:
            st.metric(t(f"person.count.{name}"), f"{counts.get(name, 0):,}", border=True)


def _rights(contact: str, view: PersonView) -> None:
    with st.container(horizontal=True):
        st.download_button(
            t("person.export"), data=partial(people.export, contact), file_name="waqtor-export.zip",
            mime="application/zip", key="person_export", icon=":material/download:", on_click="ignore",
            help=t("person.export.help"),
        )  # fmt: skip
        st.button(
            t("person.opt_in" if view.opted_out else "person.opt_out"), key="person_opt",
            icon=":material/notifications_active:" if view.opted_out else ":material/notifications_off:",
            on_click=partial(
                deeds.do, partial(people.opt, contact, out=not view.opted_out),
                t("person.opt_in.done" if view.opted_out else "person.opt_out.done"),
            ),
        )  # fmt: skip
        with st.popover(t("person.erase"), icon=":material/delete_forever:", key="person_erase_open"):
            _confirm(contact, view)


def _confirm(contact: str, view: PersonView) -> None:
    """Erasing needs the number to be typed again: it cannot be taken back."""
    st.html(
        f'<p class="wq-title">{esc(t("person.erase.title"))}</p><p>{esc(t("person.erase.what"))}</p>'
        f'<ul class="wq-list"><li>{esc(t("person.erase.kept"))}</li><li>{esc(t("person.erase.rules"))}</li></ul>'
    )
    typed = st.text_input(t("person.erase.type"), key="person_typed", autocomplete="off", placeholder=view.contact)
    same = _digits(typed) == _digits(view.contact) if _digits(view.contact) else typed.strip() == view.contact
    st.button(
        t("person.erase.now"), key="person_erase", type="primary", icon=":material/delete_forever:",
        disabled=not same or view.erasure is not None, width="stretch", on_click=partial(_erase, contact),
    )  # fmt: skip


def _erase(contact: str) -> None:
    if deeds.do(partial(people.erase, contact), t("person.erase.begun")) is not None:
        st.session_state["person_number"] = st.session_state["person_typed"] = ""


def _digits(text: str) -> str:
    return "".join(str(int(char)) for char in text if char.isdecimal())


def _purpose(purpose: str) -> str:
    return known(f"purpose.{purpose}", purpose)


def _consents(contact: str, view: PersonView) -> None:
    with st.container(border=True, key="card_consents"):
        st.subheader(t("consents.title"), anchor=False)
        st.caption(t("consents.hint"))
        for consent in view.consents:
            with st.container(horizontal=True, vertical_alignment="center"):
                since = f"{esc(t('consents.since'))} {number(times.day(consent.since))}"
                st.html(f"<p><b>{esc(_purpose(consent.purpose))}</b> · {since} · {esc(consent.source, 200)}</p>")
                st.button(
                    t("consents.withdraw"), key=f"consent_end_{consent.purpose}", icon=":material/remove_moderator:",
                    on_click=partial(
                        deeds.do, partial(people.withdraw_consent, contact, consent.purpose), t("consents.withdrawn")
                    ),
                )  # fmt: skip
        with (
            st.form("consent_form", border=False, clear_on_submit=True),
            st.container(horizontal=True, vertical_alignment="bottom"),
        ):
            st.text_input(t("consents.purpose"), key="consent_purpose", value="marketing", max_chars=64)
            st.text_input(
                t("consents.source"), key="consent_source", max_chars=200, placeholder=t("consents.source.example")
            )
            st.form_submit_button(
                t("consents.give"), key="consent_give", icon=":material/add_moderator:", on_click=_give, args=(contact,)
            )
        _history(contact)


def _give(contact: str) -> None:
    purpose, source = st.session_state["consent_purpose"].strip(), st.session_state["consent_source"].strip()
    if purpose and source:
        deeds.do(partial(people.give_consent, contact, purpose, source), t("consents.given"))


def _history(contact: str) -> None:
    changes = people.history(contact)
    if not changes:
        return
    frame = pd.DataFrame(
        {
            t("consents.when"): [times.full(change.at) for change in changes],
            t("consents.purpose"): [_purpose(change.purpose) for change in changes],
            t("consents.change"): [t(f"consents.change.{change.change}") for change in changes],
            t("consents.source"): [change.source for change in changes],
        }
    )
    grids.show(frame, key="consents_table", alt=t("consents.title"))


def erasures() -> None:
    """Erasures under way and done; those under way are watched."""
    with st.container(border=True, key="card_erasures"):
        st.subheader(t("erasures.title"), anchor=False)
        st.caption(t("erasures.hint"))
        found = people.erasures()
        if not found:
            trouble.empty("delete_forever", t("erasures.none"), t("erasures.none.hint"))
            return
        if any(erasure.state == "running" for erasure in found):
            _watch()
        else:
            st.html(_listed(found))


@st.fragment(run_every=1.5)
def _watch() -> None:
    found = people.erasures()
    st.html(_listed(found))
    if not any(erasure.state == "running" for erasure in found):
        st.rerun()


def _listed(found: tuple[ErasureView, ...] | list[ErasureView]) -> str:
    lines = []
    for erasure in list(found)[:10]:
        done = erasure.state == "done"
        mark = badge(t("erasures.done"), "success") if done else badge(_step(erasure), "warning", live=True)
        said = t("erasures.took", messages=erasure.counts.get("messages", 0), rows=erasure.counts.get("log_rows", 0))
        lines.append(
            f"<dt>{number(erasure.pseudonym[:12])} · {esc(times.ago(erasure.created))}</dt>"
            f"<dd>{mark} {esc(said if done else erasure.error or '')}</dd>"
        )
    return f'<dl class="wq-dl">{"".join(lines)}</dl>'


def _step(erasure: ErasureView) -> str:
    place = STEPS.index(erasure.step) + 1 if erasure.step in STEPS else len(STEPS)
    said = t(f"erasures.step.{erasure.step}") if erasure.step in STEPS else ""
    ahead = f"{place}/{len(STEPS)}"
    return f"{said} {ahead}" if not is_rtl() else f"{said} \u2068{ahead}\u2069"
