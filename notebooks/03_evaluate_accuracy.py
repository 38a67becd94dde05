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
# # How good is the bot?
#
# **How often is it right, how often wrong, and does it know the difference?** With test messages it learns from the
# rules and is judged on those; without, the rules' own examples are cross-validated: whole rules are left out in turn,
# and their examples are messages that nobody should answer.
#
# It is `waqtor eval` with pictures, and runs on the rules of this repository unless you name others.

# %% tags=["parameters"]
rules = ""  # folder of rule files; empty: those of this repository
train = ""  # a JSONL of labelled messages to learn from, instead of a folder
test = ""  # a JSONL of labelled messages to judge; empty: cross-validation
encoder = "minilm"  # minilm, mpnet, hashing (light), or a sentence-transformers model
target = 0.05  # most wrong replies per message
strangers = 0.5  # share of messages that belong to no rule, assumed where thresholds are chosen
errors = 12  # wrong replies to read
cache = ""  # folder that keeps the vectors between runs; empty: nowhere
out = ""  # where to write the report as JSON; empty: nowhere

# %%
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.io as pio

from waqtor import plots
from waqtor.smartbot.crossfit import Matcher
from waqtor.smartbot.datasets import read_dataset
from waqtor.smartbot.encoders import make_encoder
from waqtor.smartbot.evaluate import Options, cross_validate, evaluate
from waqtor.smartbot.metrics import reliability

# A picture beside the interactive figure: pages that run no scripts (code hosting) still show it.
pictures = any(shutil.which(name) for name in ("chromium", "google-chrome", "chrome"))
pio.renderers.default = os.environ.get("PLOTLY_RENDERER", "plotly_mimetype+png" if pictures else "plotly_mimetype")
pio.renderers["png"].width, pio.renderers["png"].height = 760, None
pd.set_option("display.max_colwidth", 90)


def show(figure):
    """On white, so that the picture is readable everywhere."""
    figure.update_layout(paper_bgcolor="white", plot_bgcolor="white").show()


folder = Path(rules) if rules else Path.cwd().parent / "rules"
data = read_dataset(folder, Path(train) if train else None, Path(test) if test else None)
matcher = Matcher(make_encoder(encoder), Path(cache) if cache else None)
options = Options(target, strangers=strangers)
if data.test is None:
    found = cross_validate(data.rules, matcher, options)
else:
    found = evaluate(data.rules, matcher, data.test, options)
report = found.report
print(f"{len(data.rules.rules)} rules with {len(data.rules.examples)} examples, judged by {report['how']}")
print(f"{report['n']} messages, of which {report['n_in_scope']} are for a rule")

# %% [markdown]
# ## The figures
# Each with its 95 % interval (Wilson's for shares, else a bootstrap over messages).

# %%
meanings = {
    "accuracy": "for a rule: the best rule is the right one",
    "macro_f1": "the same, every rule counting alike",
    "auroc": "messages for a rule score above those for none",
    "fpr95": "messages for none accepted where 95 % for a rule are",
    "coverage": "messages answered",
    "right_reply_rate": "messages answered rightly",
    "false_reply_rate": f"messages answered wrongly (promised: {target:.0%})",
    "right_at_far": f"rightly, at the best threshold with {target:.0%} wrong",
    "ece": "calibration error of the confidence",
}


def row(name):
    """A figure, its interval and what it means; nan where the data cannot give it."""
    value, interval = report[name], report[f"{name}_ci"] or (None, None)
    return {"value": value, "from": interval[0], "to": interval[1], "what": meanings[name]}


pd.DataFrame({name: row(name) for name in meanings}).T

# %%
print(report["thresholds"]["promise"])
print(f"The threshold over all languages is {report['threshold']}.")

# %% [markdown]
# ## Is the confidence true?
# Of the messages with a confidence of 80 %, 80 % should be right. The bigger the point, the more messages.
# Messages for no rule count as wrong; where they are more frequent than was assumed, the curve lies below the line.

# %%
bins = pd.DataFrame(
    reliability(found.columns.confidence, found.columns.right), columns=["confidence", "right", "messages"]
)
show(plots.reliability(bins))

# %% [markdown]
# ## By language

# %%
parts = report["languages"] or {found.judged.language[0]: report}
languages = pd.DataFrame(
    [
        {
            "language": name,
            "messages": part["n"],
            **{key: part[key] for key in ("accuracy", "auroc", "coverage", "right_reply_rate", "false_reply_rate")},
            "low": (part["accuracy_ci"] or (None, None))[0],
            "high": (part["accuracy_ci"] or (None, None))[1],
        }
        for name, part in parts.items()
    ]
)
show(plots.accuracy_by_language(languages.dropna(subset=["accuracy"])))
languages.set_index("language").round(3)

# %% [markdown]
# ## What is taken for what
# Rules that are often confused want sharper examples, negatives, or to be one rule.

# %%
confusions = pd.DataFrame(report["confusions"], columns=["label", "predicted", "n"]).rename(columns={"n": "messages"})
show(plots.confusion_map(confusions, most=20))

# %% [markdown]
# ## Errors worth reading
# Wrong replies, the surest first: each is a missing example, an example in the wrong rule, or two rules too close.

# %%
columns, judged = found.columns, found.judged
wrong = np.flatnonzero(columns.answered & ~columns.right)
surest = wrong[np.argsort(-columns.confidence[wrong], kind="stable")][:errors]
pd.DataFrame(
    {
        "text": [found.messages[i] for i in surest],
        "answered by": [judged.rule[i] for i in surest],
        "right rule": [judged.label[i] or "(none)" for i in surest],
        "confidence": [round(float(columns.confidence[i]), 3) for i in surest],
        "language": [judged.language[i] for i in surest],
    }
)

# %% [markdown]
# And the opposite: messages that the right rule would have answered, had the bot trusted itself. They show
# what one more example would win.

# %%
missed = np.flatnonzero(~columns.answered & columns.right)
nearest = missed[np.argsort(-columns.confidence[missed], kind="stable")][:errors]
pd.DataFrame(
    {
        "text": [found.messages[i] for i in nearest],
        "right rule": [judged.label[i] for i in nearest],
        "confidence": [round(float(columns.confidence[i]), 3) for i in nearest],
        "language": [judged.language[i] for i in nearest],
    }
)

# %% [markdown]
# ## The weakest rules

# %%
by_rule = pd.DataFrame(report["rules"]).T
by_rule = by_rule[["n", "recall", "precision", "f1", "answered", "wrong_replies"]].astype(float)
by_rule.sort_values(["f1", "n"]).head(10).round(3)

# %%
if out:
    Path(out).write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
