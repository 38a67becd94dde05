"""Editing a rule, or a whole rule file, as YAML: errors at their line, the difference, a save that comments survive.

A rule is edited without its indentation; its lines are put back where they stood, and nothing else is touched.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from dashboard import data, workbench
from dashboard.ui import trouble
from dashboard.ui.i18n import t
from dashboard.ui.marks import esc, number
from dashboard.ui.trouble import guard
from dashboard.ui.versions import DRAFT
from waqtor.contracts.workbench import RuleFileView, RuleIssue
from waqtor.errors import NotFound, RevisionConflict, WaqtorError

OPEN = "editor_open"
DONE = "editor_done"
PROBLEM = "editor_problem"
TEXT = "editor_text"
CUSTOM = "custom.yaml"
HEADER = "# yaml-language-server: $schema=./rules.schema.json\nversion: 1\n\nrules:\n"
TEMPLATE = """\
- id: new_rule
  description: What it is about
  examples:
    en:
      - how do customers ask for it
    ar:
      - كيف يسأل العملاء عنها
  replies:
    en:
      - text: What the bot answers.
    ar:
      - text: ما يجيب به البوت.
"""


@dataclass(frozen=True, slots=True)
class Edited:
    """What is being edited.

    Attributes:
        name: The file.
        whole: Its text when it was opened; empty for a new file.
        revision: Of that text; empty for a new file.
        rule_id: The rule, when only one is edited.
        first: Its first line, counted from 1; 0 for the whole file.
        last: Its last line; ``first - 1`` for a rule that is to be put in there.
        indent: Spaces taken off its lines.
    """

    name: str
    whole: str
    revision: str
    rule_id: str = ""
    first: int = 0
    last: int = 0
    indent: int = 0

    def shown(self) -> str:
        """The text as it is edited."""
        if not self.first:
            return self.whole
        lines = self.whole.splitlines()[self.first - 1 : self.last]
        return "\n".join(line[self.indent :] if not line[: self.indent].strip() else line for line in lines) + "\n"

    def merged(self, typed: str) -> str:
        """The whole file with what was typed in its place."""
        if not self.first:
            return typed
        lines = self.whole.splitlines()
        block = [" " * self.indent + line if line.strip() else "" for line in typed.rstrip().splitlines()]
        return "\n".join([*lines[: self.first - 1], *block, *lines[self.last :]]) + "\n"


def open_rule(name: str, rule_id: str) -> None:
    """Begin to edit one rule; trouble is shown on the next draw."""
    try:
        view = workbench.file(name)
    except WaqtorError as error:
        st.session_state[PROBLEM] = error
        return
    span = next((rule for rule in view.rules if rule.id == rule_id), None)
    if span is None:
        st.session_state[PROBLEM] = NotFound(t("editor.stale"))
        return
    line = view.text.splitlines()[span.line - 1]
    indent = len(line) - len(line.lstrip())
    _begin(Edited(name, view.text, view.revision, rule_id, span.line, span.end_line, indent))


def open_file(name: str) -> None:
    """Begin to edit a whole file."""
    try:
        view = workbench.file(name)
    except WaqtorError as error:
        st.session_state[PROBLEM] = error
        return
    _begin(Edited(name, view.text, view.revision))


def open_new() -> None:
    """Begin a new rule at the end of the file for one's own rules, which is made when missing."""
    try:
        view: RuleFileView | None = workbench.file(CUSTOM)
    except NotFound:
        view = None
    except WaqtorError as error:
        st.session_state[PROBLEM] = error
        return
    whole = view.text if view is not None else HEADER
    if not whole.rstrip().endswith(("rules:", "rules: []")) and view is not None:
        whole = whole.rstrip("\n") + "\n\n"
    whole = whole.rstrip("\n").removesuffix("rules: []") + (
        "rules:\n" if whole.rstrip().endswith("rules: []") else "\n"
    )
    place = len(whole.splitlines()) + 1
    _begin(Edited(CUSTOM, whole, view.revision if view is not None else "", "new_rule", place, place - 1, 2), TEMPLATE)


def _begin(edited: Edited, text: str | None = None) -> None:
    st.session_state[OPEN] = edited
    st.session_state[TEXT] = edited.shown() if text is None else text


def close() -> None:
    """Stop editing; what was not saved is gone."""
    edited: Edited | None = st.session_state.pop(OPEN, None)
    if edited is not None:
        st.session_state.get(DRAFT, {}).pop(edited.name, None)


def draw() -> bool:
    """Show the editor when something is being edited; tells whether there is."""
    problem = st.session_state.pop(PROBLEM, None)
    if problem is not None:
        if isinstance(problem, RevisionConflict):
            trouble.note(t("editor.conflict"), f"<p>{esc(t('editor.conflict.advice'))}</p>", "danger")
        else:
            trouble.box(problem)
    done: RuleFileView | None = st.session_state.pop(DONE, None)
    if done is not None:
        commit = f"<p>{esc(t('editor.committed', commit=done.commit[:12]))}</p>" if done.commit else ""
        live = f"<p>{esc(t('editor.live', revision=done.live))}</p>"
        trouble.note(t("editor.saved", name=done.name), live + commit, "success")
    edited: Edited | None = st.session_state.get(OPEN)
    if edited is None:
        return False
    with st.container(border=True, key="card_editor"):
        _form(edited)
    return True


def _form(edited: Edited) -> None:
    title = t("editor.rule", rule=edited.rule_id, name=edited.name, line=edited.first) if edited.first else edited.name
    st.subheader(title, anchor=False)
    typed: str = st.text_area(
        t("editor.text"), key=TEXT, height=420 if edited.first else 620, max_chars=900_000, help=t("editor.mapping")
    )
    whole = edited.merged(typed)
    changed = whole != edited.whole
    view: RuleFileView | None = None
    with guard():
        view = workbench.checked(edited.name, whole)
    errors = [issue for issue in view.issues if not issue.warning] if view is not None else []
    if view is not None:
        issues(view.issues, whole.splitlines())
    drafts: dict[str, str] = st.session_state.setdefault(DRAFT, {})
    if changed and not errors:
        drafts[edited.name] = whole
    else:
        drafts.pop(edited.name, None)
    if changed:
        with st.expander(t("editor.diff"), key="editor_diff"):
            st.code(difference(edited.whole, whole, edited.name), language="diff", wrap_lines=True)
    commit = st.checkbox(t("editor.commit"), key="editor_commit")
    message = st.text_input(t("editor.message"), key="editor_message", max_chars=200) if commit else ""
    with st.container(horizontal=True, key="editor_buttons"):
        st.button(
            t("editor.save"),
            key="editor_save",
            type="primary",
            icon=":material/save:",
            disabled=not changed or bool(errors) or view is None,
            on_click=_save,
            args=(replace(edited), whole, commit, message),
        )
        st.button(t("editor.check"), key="editor_check", icon=":material/rule:")
        if changed and not errors and st.button(t("editor.draft"), key="editor_draft", icon=":material/replay:"):
            st.switch_page("app_pages/replay.py")
        st.button(t("editor.close"), key="editor_close", icon=":material/close:", on_click=close)
    if not changed:
        st.caption(t("editor.unchanged"))


def _save(edited: Edited, whole: str, commit: bool, message: str) -> None:
    try:
        saved = workbench.save_file(edited.name, whole, revision=edited.revision, commit=commit, message=message)
    except WaqtorError as error:
        st.session_state[PROBLEM] = error
        return
    close()
    st.session_state[DONE] = saved


def issues(found: Sequence[RuleIssue], lines: Sequence[str]) -> None:
    """Each issue with its place, its message, and the line with the column marked."""
    if not found:
        st.caption(t("editor.clean"))
        return
    for issue in found[:20]:
        tone: Any = "warning" if issue.warning else "danger"
        line = lines[issue.line - 1] if 0 < issue.line <= len(lines) else ""
        at = t("editor.at", line=issue.line, column=issue.column)
        begin = max(0, issue.column - 60)
        shown = line[begin : begin + 160]
        mark = " " * (issue.column - 1 - begin) + "^"
        code = f'<pre class="wq-fault" dir="ltr"><i>{issue.line:>4}</i> {esc(shown)}\n     {mark}</pre>'
        place = f'<p class="wq-small wq-muted">{number(f"{issue.file}:{issue.line}:{issue.column}")} · {esc(at)}</p>'
        trouble.note(issue.message[:400], place + code, tone)


def difference(before: str, after: str, name: str) -> str:
    """A unified diff."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), f"a/{name}", f"b/{name}", lineterm="")
    return "\n".join(lines)


def live_revision() -> str:
    """The revision of the rules that serve."""
    return str(data.bot_status().get("revision", ""))
