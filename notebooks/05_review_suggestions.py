# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Review suggestions
#
# **What could the bot learn from messages that it did not answer, what would it gain, and what would be written?**
#
# It is the Suggestions page for people who prefer Jupyter: the same functions, in the same order. With `url` it works on
# the suggestions of a running sidecar (through the SDK); without, it makes some from a file of messages by the rules of a
# folder, in a copy that nobody serves from. Nothing is written until you name what you accept.

# %% tags=["parameters"]
url = ""  # address of a sidecar; empty: work on a file of messages
rules = ""  # folder of rule files; empty: a copy of those of this repository
messages = ""  # JSONL of {"text", "from"?}; empty: the sample of this repository
encoder = "minilm"  # minilm, mpnet, hashing (light), or a sentence-transformers model
least = 5  # fewest messages of a suggestion
accept = 1  # how many of the first suggestions are accepted; with a sidecar take 0 until you have read them
reply_en = "Yes, we do. A colleague will write to you with the price."  # what new rules answer
reply_ar = "نعم، نوفر ذلك. سيكتب لك أحد الزملاء بالسعر."
language = "en"  # of the figures: en or ar
out = ""  # where to write the figures as JSON; empty: nowhere

# %%
import json
import logging
import os
import shutil
import tempfile
from pathlib import Path

import pandas as pd
import plotly.io as pio
import structlog
from IPython.display import Markdown

from waqtor import plots
from waqtor.client import AsyncWaqtorClient
from waqtor.smartbot.review import Review, read_messages

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
# A picture beside the interactive figure: pages that run no scripts (code hosting) still show it.
pictures = any(shutil.which(name) for name in ("chromium", "google-chrome", "chrome"))
pio.renderers.default = os.environ.get("PLOTLY_RENDERER", "plotly_mimetype+png" if pictures else "plotly_mimetype")
pio.renderers["png"].width, pio.renderers["png"].height = 760, None


def show(figure):
    """On white, so that the picture is readable everywhere."""
    figure.update_layout(paper_bgcolor="white", plot_bgcolor="white").show()


home = Path.cwd().parent
work = Path(tempfile.mkdtemp())
if url:
    client = AsyncWaqtorClient(url)
    desk = client.suggestions
else:
    folder = Path(rules) if rules else Path(shutil.copytree(home / "rules", work / "rules"))
    said = read_messages(Path(messages) if messages else home / "data" / "sample_messages.jsonl")
    desk = await Review(folder, said, work, encoder).__aenter__()
counts = await desk.refresh(least=least)
print(f"{counts['messages']} messages, {counts['answered']} answered, {counts['unanswered']} not")

# %% [markdown]
# ## What there is
# Most customers first. *Gain* is what accepting would add to the share of messages that are answered rightly, in
# percentage points, cross-validated together with the other suggestions. *Lost* are examples of other rules that would go
# to the wrong rule.

# %%
found = list(await desk.list("open"))
table = pd.DataFrame(
    {
        "about": [s.title for s in found],
        "kind": [s.kind for s in found],
        "rule": [s.rule_id for s in found],
        "language": [s.language for s in found],
        "messages": [s.messages for s in found],
        "customers": [s.customers for s in found],
        "gain": [100 * (s.effect.after - s.effect.before) if s.effect else float("nan") for s in found],
        "lost": [s.effect.lost if s.effect else 0 for s in found],
    }
)
table.round(2)

# %%
show(plots.suggestions(table, language=language))

# %% [markdown]
# ## The evidence
# Read the messages before you accept anything: a group that mixes two questions is better rejected, or edited.

# %%
looked = [await desk.get(s.id) for s in found]
pd.DataFrame(
    [
        {"suggestion": s.title, "message": each.text, "times": each.times}
        for s in looked[: max(3, accept)]
        for each in s.evidence[:6]
    ]
)

# %%
pd.DataFrame(
    [
        {"suggestion": s.title, "nearest rule today": each.rule_id, "confidence": each.confidence}
        for s in looked
        for each in s.nearest[:1]
    ]
).round(3)

# %% [markdown]
# ## Take it, change it, or leave it
# A new rule needs replies; an edit names them (and the rule, its examples, its action). `desk.reject(id, reason=…)` puts a
# suggestion away for good, `desk.snooze(id, days=7)` for a while.

# %%
chosen = looked[:accept]
for s in chosen:
    if s.kind == "new_rule" and s.action == "reply" and not s.replies:
        await desk.edit(s.id, replies={"en": reply_en, "ar": reply_ar})
changes = [await desk.diff(s.id) for s in chosen]
for change in changes:
    print(change.diff)

# %% [markdown]
# Accepting runs every check and the tests beside the rules, compares the accuracy before and after, and writes only when
# the file is still the one of the diff. In a git repository `commit=True, message="…"` commits it.

# %%
reports = [await desk.accept(s.id, revision=c.revision) for s, c in zip(chosen, changes, strict=True)]
pd.DataFrame(
    [
        {
            "rule": report.rule_id,
            "file": report.file,
            "tests passed": report.tests_passed,
            "tests failed": report.tests_failed,
            "accuracy before": report.accuracy_before,
            "accuracy after": report.accuracy_after,
        }
        for report in reports
    ]
)

# %% [markdown]
# ## Look again
# The messages that are answered now are gone, and the promise can be held against what came of it.

# %%
again = await desk.refresh(least=least)
promised = float(table["gain"][:accept].sum())
measured = 100 * (again["answered"] / again["messages"] - counts["answered"] / counts["messages"])
Markdown(
    f"Answered before: **{counts['answered']}** of {counts['messages']}, now: **{again['answered']}**. "
    f"That is {measured:+.1f} points; promised were {promised:+.1f} on messages that were not learned from."
)

# %%
left = list(await desk.list("open"))
pd.DataFrame({"still open": [s.title for s in left], "customers": [s.customers for s in left]})

# %%
if out:
    figures = {
        "counts": {name: counts[name] for name in ("messages", "answered", "unanswered")},
        "again": {name: again[name] for name in ("messages", "answered", "unanswered")},
        "suggestions": [{"title": s.title, "kind": s.kind, "customers": s.customers} for s in found],
        "written": [report.file for report in reports],
        "diffs": [change.diff for change in changes],
        "open": [s.title for s in left],
    }
    Path(out).write_text(json.dumps(figures, ensure_ascii=False, indent=1), encoding="utf-8")
if url:
    await client.close()
else:
    await desk.__aexit__(None, None, None)
