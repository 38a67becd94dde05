"""The form of a webhook, for making one and for changing one."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.ui.i18n import t
from waqtor.contracts.webhooks import NAMES, WebhookView

PLANS = ("default", "long", "own")
"""How the waits between attempts are given."""


def name_of_event(name: str) -> str:
    """An event's public name; words for all of them."""
    return t("hooks.events.all") if name == "*" else name


def form(view: WebhookView | None) -> dict[str, Any] | None:
    """Draw the form; returns what was given when it was just submitted.

    Args:
        view: The webhook to change; ``None`` for a new one.
    """
    key = view.id if view else "new"
    with st.form(f"hook_form_{key}", border=False):
        url = st.text_input(
            t("hooks.url"), view.url if view else "", key=f"hook_url_{key}", placeholder="https://", max_chars=2048,
            help=t("hooks.url.help"),
        )  # fmt: skip
        name = st.text_input(t("hooks.name"), view.name if view else "", key=f"hook_name_{key}", max_chars=100)
        events = st.multiselect(
            t("hooks.events"),
            sorted({"*", *NAMES, *(view.events if view else ())}),
            list(view.events) if view else ["message_received"],
            key=f"hook_events_{key}",
            format_func=name_of_event,
        )
        with st.expander(t("hooks.more"), key=f"hook_more_{key}"):
            fields = _further(view, key)
        label = t("hooks.save" if view else "hooks.create")
        if not st.form_submit_button(label, key=f"hook_save_{key}", type="primary", icon=":material/save:"):
            return None
    if not url.strip() or not events:
        st.warning(t("hooks.incomplete"), icon=":material/edit_note:")
        return None
    try:
        further = _settled(fields)
    except ValueError as problem:
        st.warning(str(problem), icon=":material/edit_note:")
        return None
    return {"url": url.strip(), "name": name.strip(), "events": tuple(events), **further}


def _further(view: WebhookView | None, key: str) -> dict[str, Any]:
    given: dict[str, Any] = {}
    left, middle, right = st.columns(3)
    given["timeout_ms"] = left.number_input(
        t("hooks.timeout"), 100, 60_000, view.timeout_ms if view else None, 500, key=f"hook_timeout_{key}",
        placeholder=t("hooks.default"),
    )  # fmt: skip
    given["attempts"] = middle.number_input(
        t("hooks.attempts"), 1, 20, view.attempts if view else None, 1, key=f"hook_attempts_{key}",
        placeholder=t("hooks.default"),
    )  # fmt: skip
    given["concurrency"] = right.number_input(
        t("hooks.concurrency"), 1, 256, view.concurrency if view else None, 1, key=f"hook_concurrency_{key}",
        placeholder=t("hooks.default"),
    )  # fmt: skip
    given["delay_ms"] = left.number_input(
        t("hooks.delay"), 0, 86_400_000, view.delay_ms if view else None, 500, key=f"hook_delay_{key}",
        placeholder=t("hooks.default"), help=t("hooks.delay.help"),
    )  # fmt: skip
    before = view.schedule if view else "default"
    own = "" if isinstance(before, str) else ", ".join(f"{seconds:g}" for seconds in before)
    words = {name: t(f"hooks.schedule.{name}") for name in PLANS}
    plan = middle.selectbox(
        t("hooks.schedule"), PLANS, PLANS.index(before if isinstance(before, str) else "own"),
        key=f"hook_plan_{key}", format_func=words.__getitem__, help=t("hooks.schedule.help"),
    )  # fmt: skip
    waits = right.text_input(t("hooks.waits"), own, key=f"hook_waits_{key}", placeholder="5, 60, 300")
    named = ", ".join(view.headers) if view else ""
    headers = st.text_area(
        t("hooks.headers"), key=f"hook_headers_{key}", height=80, placeholder="X-Team: north",
        help=t("hooks.headers.keep", names=named) if named else t("hooks.headers.help"),
    )  # fmt: skip
    ordered = st.checkbox(
        t("hooks.ordered"), view.ordered if view else False, key=f"hook_ordered_{key}", help=t("hooks.ordered.help")
    )
    filters = view.filters if view else None
    chosen = {
        part: _listed(
            st.text_input(
                t(f"hooks.filter.{part}"),
                ", ".join(getattr(filters, part)) if filters else "",
                key=f"hook_{part}_{key}",
                placeholder=t("filter.all"),
            )
        )
        for part in ("sessions", "chats", "rules")
    }
    given.update(headers=headers.strip() or None, schedule=(plan, waits))
    return {name: value for name, value in given.items() if value is not None} | {
        "ordered": ordered,
        "filters": chosen,
    }


def _settled(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields as the API takes them.

    Raises:
        ValueError: Waits that are no numbers, or lines that are no headers; says so to the visitor.
    """
    plan, waits = fields["schedule"]
    settled = {**fields, "schedule": plan}
    if plan == "own":
        try:
            settled["schedule"] = tuple(float(part) for part in _listed(waits))
        except ValueError:
            settled["schedule"] = ()
        if not settled["schedule"]:
            raise ValueError(t("hooks.waits.wrong"))
    if "headers" in fields:
        pairs = [line.partition(":") for line in fields["headers"].splitlines() if line.strip()]
        if not all(colon and name.strip() for name, colon, _ in pairs):
            raise ValueError(t("hooks.headers.wrong"))
        settled["headers"] = {name.strip(): value.strip() for name, _, value in pairs}
    return settled


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.replace("،", ",").split(",") if part.strip()]
