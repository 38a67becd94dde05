"""Webhooks: who is told of what, how that goes, and what was given up."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from dashboard import hooks
from dashboard.ui import deeds, grids, hookform, hooklog, reasons, times, trouble
from dashboard.ui.i18n import known, t
from dashboard.ui.marks import badge, definitions, esc, number
from dashboard.ui.trouble import guard
from waqtor.contracts.webhooks import WebhookView

TONES = {"healthy": "success", "failing": "warning", "open": "danger", "disabled": "muted"}
PARTS = ("log", "stats", "edit")


def table(found: Sequence[WebhookView]) -> WebhookView | None:
    frame = pd.DataFrame(
        {
            t("hooks.name"): [view.name or "–" for view in found],
            t("hooks.health"): [known(f"hooks.health.{view.health}", view.health) for view in found],
            t("hooks.pending"): [f"{view.pending:,}" for view in found],
            t("hooks.url"): [view.url for view in found],
            t("hooks.events"): [", ".join(hookform.name_of_event(name) for name in view.events) for view in found],
        }
    )
    wide = {t("hooks.name"): "medium", t("hooks.url"): "medium", t("hooks.events"): "medium"}
    key = f"hooks_table_{st.session_state.get('hooks_deleted', 0)}"
    place = grids.select(frame, key=key, widths=wide, alt=t("page.webhooks"), rows=len(found))
    return found[place] if place is not None and place < len(found) else None


def secret() -> None:
    """A new secret, until it is put away; it cannot be had again."""
    shown = st.session_state.get("hook_secret")
    if shown is None:
        return
    with st.container(border=True, key="card_secret"):
        st.html(
            f'<p class="wq-title">{esc(t("hooks.secret"))}</p><p class="wq-muted">{esc(t("hooks.secret.hint"))}</p>'
        )
        st.text(shown[0])
        st.code(shown[1], language=None)
        st.button(
            t("hooks.secret.done"),
            key="hook_secret_done",
            icon=":material/check:",
            on_click=lambda: st.session_state.pop("hook_secret", None),
        )


def keep(view: WebhookView | None) -> None:
    if view is not None and view.secret:
        st.session_state["hook_secret"] = (view.url, view.secret)


def rotate(webhook_id: str) -> None:
    keep(deeds.do(partial(hooks.rotate, webhook_id), t("hooks.rotated")))


def test(webhook_id: str) -> None:
    st.session_state["hook_test"] = deeds.do(partial(hooks.test, webhook_id), "")


def remove(webhook_id: str) -> None:
    st.session_state.pop("hook_removing", None)
    gone: list[bool] = []
    deeds.do(lambda: gone.append(hooks.delete(webhook_id) is None), t("hooks.deleted"))
    if gone:
        # A new key: the selected row would otherwise be the next webhook's.
        st.session_state["hooks_deleted"] = st.session_state.get("hooks_deleted", 0) + 1


def making() -> None:
    with st.container(border=True, key="card_hook_new"):
        st.subheader(t("hooks.new"), anchor=False)
        given = hookform.form(None)
        st.button(t("hooks.cancel"), key="hook_cancel", on_click=lambda: st.session_state.pop("hook_making", None))
    if given is not None:
        url, events = given.pop("url"), given.pop("events")
        made = deeds.do(partial(hooks.create, url, events, given), t("hooks.created"))
        if made is not None:
            st.session_state.pop("hook_making", None)
            keep(made)
        st.rerun()


def actions(view: WebhookView) -> None:
    with st.container(horizontal=True):
        st.button(
            t("hooks.disable" if view.enabled else "hooks.enable"),
            key=f"toggle_{view.id}",
            icon=":material/pause:" if view.enabled else ":material/play_arrow:",
            on_click=deeds.do,
            args=(partial(hooks.update, view.id, {"enabled": not view.enabled}), t("hooks.saved")),
        )
        st.button(t("hooks.test"), key=f"test_{view.id}", icon=":material/send:", on_click=test, args=(view.id,))
        st.button(
            t("hooks.rotate"), key=f"rotate_{view.id}", icon=":material/key:", help=t("hooks.rotate.help"),
            on_click=rotate, args=(view.id,),
        )  # fmt: skip
        st.button(
            t("hooks.delete"),
            key=f"delete_{view.id}",
            icon=":material/delete:",
            on_click=lambda: st.session_state.update(hook_removing=view.id),
        )
    if st.session_state.get("hook_removing") == view.id:
        st.warning(t("hooks.delete.sure", n=view.pending), icon=":material/warning:")
        with st.container(horizontal=True):
            st.button(
                t("hooks.delete.yes"), key=f"delete_yes_{view.id}", type="primary", on_click=remove, args=(view.id,)
            )
            st.button(
                t("hooks.cancel"),
                key=f"delete_no_{view.id}",
                on_click=lambda: st.session_state.pop("hook_removing", None),
            )
    told = st.session_state.get("hook_test")
    if told is not None and told.delivery.webhook_id == view.id:
        st.html(f'<p class="wq-title">{esc(t("hooks.test.result"))}</p>')
        hooklog.opened(told, again=False)
        st.button(
            t("hooks.test.close"), key="hook_test_close", on_click=lambda: st.session_state.pop("hook_test", None)
        )


def opened(view: WebhookView) -> None:
    with st.container(border=True, key="card_hook"):
        st.text(view.name or view.url)
        pairs = [
            (esc(t("hooks.health")), badge(known(f"hooks.health.{view.health}", view.health), TONES[view.health])),
            (esc(t("hooks.pending")), number(f"{view.pending:,}")),
        ]
        if view.failing_since:
            pairs.append((esc(t("hooks.failing_since")), number(times.full(view.failing_since))))
        if view.old_secret_until:
            pairs.append((esc(t("hooks.old_secret")), number(times.full(view.old_secret_until))))
        if view.headers:
            pairs.append((esc(t("hooks.headers")), number(", ".join(view.headers))))
        st.html(definitions(pairs))
        if view.disabled_reason:
            why = esc(reasons.said(view.disabled_reason), 400)
            trouble.note(
                t("hooks.switched_off"), f'<p class="wq-text">{why}</p><p>{esc(t("hooks.switched_off.hint"))}</p>'
            )
        actions(view)
    words = {name: t(f"hooks.part.{name}") for name in PARTS}
    part = st.segmented_control(
        t("hooks.part"), PARTS, default="log", required=True, key="hooks_part", format_func=words.__getitem__,
        label_visibility="collapsed",
    )  # fmt: skip
    with guard():
        if part == "stats":
            hooklog.statistics(view)
        elif part == "edit":
            with st.container(border=True, key="card_hook_edit"):
                given = hookform.form(view)
            if given is not None:
                deeds.do(partial(hooks.update, view.id, given), t("hooks.saved"))
                st.rerun()
        else:
            hooklog.log(view)


deeds.tell()
secret()
with guard():
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(t("hooks.intro"))
        st.button(
            t("hooks.new"),
            key="hook_new",
            type="primary",
            icon=":material/add:",
            on_click=lambda: st.session_state.update(hook_making=True),
        )
    if st.session_state.get("hook_making"):
        making()
    found = hooks.webhooks()
    if not found:
        with st.container(border=True, key="card_hooks_empty"):
            trouble.empty("webhook", t("hooks.empty"), t("hooks.empty.hint"))
    else:
        chosen = table(found)
        if chosen is None:
            st.caption(t("hooks.choose"))
        else:
            opened(chosen)
