"""Rules: what the bot knows; try, edit, switch and delete each; the files with their past, and their tests."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from dashboard import data, workbench
from dashboard.ui import bubbles, editor, grids, rulefiles, trouble
from dashboard.ui.i18n import known, t
from dashboard.ui.marks import chips, definitions, esc, number, percent
from dashboard.ui.trouble import guard
from waqtor.contracts.views import RuleView
from waqtor.errors import WaqtorError

LANGUAGES = ("ar", "en", "arabizi")


def examples(rule: RuleView, language: str) -> list[str]:
    return [str(text) for text in (rule.rule.get("examples") or {}).get(language) or ()]


def matches(rule: RuleView, wanted: str) -> bool:
    texts = [rule.id, rule.description, rule.file, *rule.rule.get("tags", ())]
    texts += [text for language in LANGUAGES for text in examples(rule, language)]
    return any(wanted.casefold() in str(text).casefold() for text in texts)


def table(rules: Sequence[RuleView]) -> RuleView | None:
    """The grid; returns the rule of the selected row."""
    frame = pd.DataFrame(
        {
            t("rules.id"): [rule.id for rule in rules],
            t("rules.about"): [rule.description for rule in rules],
            t("rules.action"): [known(f"action.{rule.action}", rule.action) for rule in rules],
            **{known(f"lang.{lang}", lang): [len(examples(rule, lang)) for rule in rules] for lang in LANGUAGES},
            t("rules.threshold"): [threshold_text(rule) for rule in rules],
            t("rules.file"): [f"{rule.file}:{rule.line}" for rule in rules],
            t("rules.enabled"): [rule.enabled for rule in rules],
        }
    )
    wide = {t("rules.about"): "medium", t("rules.id"): "medium"}
    place = grids.select(frame, key="rules_table", widths=wide, alt=t("page.rules"), rows=len(rules))
    return rules[place] if place is not None and place < len(rules) else None


def threshold_text(rule: RuleView) -> str:
    value = rule.rule.get("threshold")
    if isinstance(value, dict):
        return " · ".join(f"{name} {percent(float(share))}" for name, share in value.items())
    return percent(float(value)) if isinstance(value, int | float) else t("rules.default")


def detail(rule: RuleView) -> None:
    with st.container(border=True, key="card_rule"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.html(
                f'<h3 style="padding:0">{number(rule.id)}</h3>'
                f'<span class="wq-muted wq-about">{esc(rule.description, 300)}</span>',
                width="content",
            )
            _deeds(rule)
            first = next((text for language in LANGUAGES for text in examples(rule, language)), "")
            if first and st.button(t("rules.try"), key="rule_try", icon=":material/science:"):
                st.session_state.update(bench_text=first, bench_asked=first)
                st.switch_page("app_pages/bench.py")
        patterns = [str(pattern) for pattern in rule.rule.get("patterns") or ()]
        pairs = [
            (esc(t("rules.action")), esc(known(f"action.{rule.action}", rule.action))),
            (esc(t("rules.threshold")), number(threshold_text(rule))),
            (esc(t("rules.file")), number(f"{rule.file}:{rule.line}")),
            (esc(t("bench.revision")), number(rule.revision[:12])),
        ]
        if patterns:
            pairs.append((esc(t("rules.patterns")), chips(patterns)))
        if rule.rule.get("tags"):
            pairs.append((esc(t("rules.tags")), chips([str(tag) for tag in rule.rule["tags"]])))
        st.html(definitions(pairs))
        shown = [lang for lang in LANGUAGES if examples(rule, lang) or (rule.rule.get("replies") or {}).get(lang)]
        for tab, lang in zip(
            st.tabs([known(f"lang.{lang}", lang) for lang in shown], key="rule_languages") if shown else (),
            shown,
            strict=True,
        ):
            with tab:
                said, answered = st.columns(2, gap="medium")
                with said:
                    st.html(f'<p class="wq-title">{esc(t("rules.examples"))}</p>{chips(examples(rule, lang))}')
                    words = [str(word) for word in (rule.rule.get("keywords") or {}).get(lang) or ()]
                    if words:
                        st.html(f'<p class="wq-title">{esc(t("rules.keywords"))}</p>{chips(words)}')
                with answered:
                    replies = (rule.rule.get("replies") or {}).get(lang) or ()
                    drawn = "".join(bubbles.bubble(as_content(reply), None, out=False) for reply in replies)
                    st.html(
                        f'<p class="wq-title">{esc(t("rules.replies"))}</p>'
                        f'<div class="wq-wall">{drawn or esc(t("rules.no_replies"))}</div>'
                    )


def _deeds(rule: RuleView) -> None:
    """What can be done with a rule."""
    if not data.bot_status().get("writable", True):
        st.html(f'<span class="wq-small wq-muted">{esc(t("rules.readonly"))}</span>', width="content")
        return
    st.button(
        t("rules.edit"), key="rule_edit", icon=":material/edit:", on_click=editor.open_rule, args=(rule.file, rule.id)
    )
    on = not rule.enabled
    st.button(
        t("rules.enable" if on else "rules.disable"),
        key="rule_switch",
        icon=":material/toggle_on:" if on else ":material/toggle_off:",
        on_click=carry_out,
        args=(partial(workbench.switch_rule, rule, on=on), "rules.switched", rule.id),
    )
    with st.popover(t("rules.delete"), icon=":material/delete:", key="rule_delete"):
        st.text(t("rules.delete.sure", rule=rule.id, file=rule.file))
        st.button(
            t("rules.delete.yes"),
            key="rule_delete_yes",
            icon=":material/delete:",
            on_click=carry_out,
            args=(partial(workbench.delete_rule, rule), "rules.deleted", rule.id),
        )


def carry_out(command: partial[None], done: str, rule_id: str) -> None:
    """Carry out a command from a button; how it went is said on the next draw."""
    try:
        command()
        revision = editor.live_revision()
    except WaqtorError as error:
        st.session_state["rules_error"] = error
    else:
        st.session_state["rules_done"] = t(done, rule=rule_id, revision=revision)


def as_content(reply: dict[str, object]) -> dict[str, object]:
    """A rule's reply in the form of a message."""
    text = reply.get("text", "")
    if reply.get("buttons"):
        return {"type": "buttons", "body": text, "buttons": reply["buttons"]}
    if reply.get("sections"):
        return {"type": "list", "body": text, "button": reply.get("list_button", ""), "sections": reply["sections"]}
    return {"type": "text", "body": text}


def rebuild() -> None:
    try:
        data.rebuild()
    except WaqtorError as error:
        st.session_state["rules_error"] = error
    else:
        st.toast(t("rules.rebuilt"), icon=":material/check_circle:")


def status_line() -> None:
    status = data.bot_status()
    names = ("state", "rules", "examples", "revision", "encoder", "index")
    facts = [(known(f"bot.{name}", name), status[name]) for name in names if isinstance(status.get(name), str | int)]
    st.html(
        '<div class="wq-facts" style="border:0;margin:0;padding:0">'
        + "".join(f"<span>{esc(a)} <b>{number(b)}</b></span>" for a, b in facts)
        + "</div>"
    )


problem = st.session_state.pop("rules_error", None)
if problem is not None:
    trouble.box(problem)
done = st.session_state.pop("rules_done", None)
if done is not None:
    st.toast(done, icon=":material/check_circle:")
views = {name: t(f"rules.view.{name}") for name in ("rules", "files", "tests")}
view = st.segmented_control(
    t("rules.view"),
    list(views),
    default="rules",
    key="rules_view",
    required=True,
    format_func=views.__getitem__,
    label_visibility="collapsed",
)
if editor.draw():
    st.stop()
if view == "files":
    rulefiles.page()
    st.stop()
if view == "tests":
    rulefiles.tests()
    st.stop()
with guard():
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(width="content"):
            status_line()
        st.button(
            t("rules.new"),
            key="rules_new",
            icon=":material/add:",
            disabled=not data.bot_status().get("writable", True),
            on_click=editor.open_new,
        )
        st.button(
            t("rules.rebuild"),
            key="rules_rebuild",
            icon=":material/refresh:",
            help=t("rules.rebuild.help"),
            on_click=partial(rebuild),
        )
    everything = data.rules()
    if not everything:
        with st.container(border=True, key="card_rules_empty"):
            trouble.empty("rule", t("rules.empty"), t("rules.empty.hint"))
    else:
        wanted = st.text_input(
            t("rules.search"),
            key="rules_search",
            type="search",
            placeholder=t("rules.search"),
            icon=":material/search:",
            label_visibility="collapsed",
            live=True,
        )
        found = [rule for rule in everything if not wanted or matches(rule, wanted)]
        st.caption(t("rules.count", n=len(found), total=len(everything)))
        if found:
            selected = table(found)
            if selected is None:
                st.caption(t("rules.choose"))
            else:
                detail(selected)
        else:
            trouble.empty("search_off", t("rules.none"), t("rules.none.hint"))
