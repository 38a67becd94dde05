"""Choosing a version of the rules: the files, a git revision, a folder, uploaded files, or the draft of the editor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard import workbench
from dashboard.ui.i18n import t
from dashboard.ui.marks import esc

DRAFT = "rules_draft"
"""Where the editor keeps what was typed and not saved: file → text."""


def choose(key: str, label: str, kinds: Sequence[str], default: str) -> workbench.Source | None:
    """Draw the choice; ``None`` while it is incomplete, or for the kind ``none``."""
    draft: dict[str, str] = st.session_state.get(DRAFT) or {}
    offered = [kind for kind in kinds if kind != "draft" or draft]
    preset = "draft" if "draft" in offered and default == "files" else default
    if st.session_state.get(f"{key}_kind") not in offered:
        st.session_state.pop(f"{key}_kind", None)
    labels = {name: t(f"version.{name}") for name in offered}
    kind = st.selectbox(
        label,
        offered,
        index=offered.index(preset),
        key=f"{key}_kind",
        format_func=labels.__getitem__,
    )
    if kind == "git":
        ref = st.text_input(t("version.ref"), value="HEAD", key=f"{key}_ref", help=t("version.ref.help"))
        return {"kind": "git", "ref": ref.strip() or "HEAD"}
    if kind == "folder":
        name = st.text_input(t("version.folder_name"), key=f"{key}_folder", help=t("version.folder.help"))
        return {"kind": "folder", "folder": name.strip()} if name.strip() else None
    if kind == "upload":
        return _uploaded(key)
    if kind == "draft":
        st.html(f'<p class="wq-small wq-muted">{esc(t("version.draft.of", files=", ".join(sorted(draft))))}</p>')
        return {"kind": "texts", "texts": dict(draft)}
    return None if kind == "none" else {"kind": "files"}


def _uploaded(key: str) -> workbench.Source | None:
    given: Any = st.file_uploader(
        t("version.upload"),
        type=["yaml", "yml"],
        accept_multiple_files=True,
        key=f"{key}_upload",
        help=t("version.files.help"),
    )
    texts = {file.name: file.getvalue().decode("utf-8-sig", "replace") for file in given or ()}
    return {"kind": "texts", "texts": texts} if texts else None
