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
# # Thresholds that keep a promise
#
# **From which confidence on should the bot answer?** Too low, and customers get wrong replies; too high, and it
# answers nobody. This notebook shows what every threshold earns and costs, and chooses one so that wrong replies
# stay as rare as you ask for, also on messages nobody has seen yet.
#
# It is `waqtor tune` with pictures, and runs on the rules of this repository unless you name others.

# %% tags=["parameters"]
rules = ""  # folder of rule files; empty: those of this repository
train = ""  # a JSONL of labelled messages to make rules of, instead of a folder
labelled = ""  # a JSONL of labelled traffic to choose on; empty: the rules' own examples, cross-fitted
encoder = "minilm"  # minilm, mpnet, hashing (light), or a sentence-transformers model
target = 0.05  # most wrong replies per message (strict: per reply)
strangers = 0.5  # share of messages that belong to no rule, assumed where no traffic is labelled
strict = False  # which of the two promises is written into the rules
write = False  # whether to write the thresholds into the rule files
cache = ""  # folder that keeps the vectors between runs; empty: nowhere
out = ""  # where to write the figures as JSON; empty: nowhere

# %%
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.io as pio

from waqtor import plots
from waqtor.smartbot.crossfit import Matcher, crossfit
from waqtor.smartbot.datasets import read_dataset
from waqtor.smartbot.encoders import make_encoder
from waqtor.smartbot.evaluate import traffic
from waqtor.smartbot.rules_edit import write_atomically
from waqtor.smartbot.samples import Sample, read_samples, rule_ids
from waqtor.smartbot.thresholds import choose_thresholds
from waqtor.smartbot.tuning import evidence, kept_by_hand, tuned_files

# A picture beside the interactive figure: pages that run no scripts (code hosting) still show it.
pictures = any(shutil.which(name) for name in ("chromium", "google-chrome", "chrome"))
pio.renderers.default = os.environ.get("PLOTLY_RENDERER", "plotly_mimetype+png" if pictures else "plotly_mimetype")
pio.renderers["png"].width, pio.renderers["png"].height = 760, None


def show(figure):
    """On white, so that the picture is readable everywhere."""
    figure.update_layout(paper_bgcolor="white", plot_bgcolor="white").show()


folder = Path(rules) if rules else Path.cwd().parent / "rules"
data = read_dataset(folder, Path(train) if train else None)
matcher = Matcher(make_encoder(encoder), Path(cache) if cache else None)
print(f"{len(data.rules.rules)} rules with {len(data.rules.examples)} examples")

# %% [markdown]
# ## What the choice rests on
# Every message here is judged by models that have not learned from it. Where no traffic is labelled, rules are left
# out in turn: their examples play the *strangers*, messages that no rule should answer.

# %%
if labelled:
    names = rule_ids(s.label for s in read_samples(Path(train)) if s.label) if train else {}
    rows = [Sample(s.text, names.get(s.label, s.label), s.lang) for s in read_samples(Path(labelled))]
    judged = traffic(data.rules, matcher, rows)
else:
    judged = crossfit(data.rules, matcher)
assumed = None if labelled else strangers
stranger = np.array([label is None for label in judged.label], bool)
pd.DataFrame(
    {
        "messages": [len(judged), int((~stranger).sum()), int(stranger.sum())],
        "right, were all answered": [judged.right.mean(), judged.right[~stranger].mean(), 0.0],
        "mean confidence": [
            judged.confidence.mean(),
            judged.confidence[~stranger].mean(),
            judged.confidence[stranger].mean() if stranger.any() else float("nan"),
        ],
    },
    index=["all", "for a rule", "for none"],
).round(3)

# %% [markdown]
# ## Two promises
# * **Conformal risk control**: of all *messages*, at most the target are expected to get a wrong reply
#   (Angelopoulos et al. 2022).
# * **Strict (Learn-then-Test)**: of all *replies*, at most the target are wrong, with 90 % confidence
#   (Angelopoulos et al. 2021, bound of Clopper and Pearson). It answers less.
#
# The *naive* threshold looks best on these data and breaks its promise on the next ones about half of the time. It is
# shown for comparison only.

# %%
weight = np.ones(len(judged))
if assumed is not None and stranger.any() and not stranger.all():
    # The mixture that the promise is about: strangers get their assumed share.
    weight = np.where(stranger, assumed / stranger.mean(), (1 - assumed) / (~stranger).mean())
order = np.argsort(-judged.score, kind="stable")
sweep = pd.DataFrame(
    {
        "threshold": judged.score[order],
        "right": np.cumsum((weight * judged.right)[order]) / weight.sum(),
        "wrong": np.cumsum((weight * ~judged.right)[order]) / weight.sum(),
    }
)
sweep = sweep[sweep["threshold"] >= 0].drop_duplicates("threshold", keep="last")  # below 0: never answered

promise = choose_thresholds(judged, target, strangers=assumed)
stricter = choose_thresholds(judged, target, strict=True, strangers=assumed)
within = sweep.loc[sweep["wrong"] <= target, "threshold"]
chosen = {
    "risk control": promise.overall.threshold,
    "strict": stricter.overall.threshold,
    "naive": float(within.min()) if len(within) else None,
}
points = {name: value for name, value in chosen.items() if value is not None}


def at_threshold(threshold):
    """What a threshold earns and costs."""
    answered = sweep[sweep["threshold"] >= threshold]
    good, bad = (float(answered[column].max()) if len(answered) else 0.0 for column in ("right", "wrong"))
    return {
        "threshold": threshold,
        "answered": good + bad,
        "rightly": good,
        "wrongly": bad,
        "wrong among replies": bad / (good + bad) if good + bad else float("nan"),
    }


pd.DataFrame({name: at_threshold(value) for name, value in points.items()}).T.round(4)

# %%
show(plots.threshold_sweep(sweep, points=points, target=target))

# %% [markdown]
# ## Risk and coverage
# How many of the replies are wrong, for each share of messages that is answered. Below and to the right is better.

# %%
show(plots.risk_coverage(sweep, points=points))

# %% [markdown]
# ## By language
# A language with enough messages gets a threshold of its own.

# %%
tuned = stricter if strict else promise
pd.DataFrame(
    [
        {
            "language": name,
            "threshold": choice.threshold,
            "messages": choice.messages,
            "rightly": choice.right,
            "wrongly": choice.wrong,
            "bound": choice.bound,
            "note": choice.note,
        }
        for name, choice in {"all": tuned.overall, **tuned.languages}.items()
    ]
).set_index("language").round(4)

# %%
for message in (promise.promise(), stricter.promise()):
    print(message)

# %% [markdown]
# ## Into the rules
# With `write = True` the thresholds go into the rule files, comments stay, and the evidence stands above them.

# %%
changes = {} if train else tuned_files(data.loaded.files, data.loaded.texts, tuned)
if write:
    for name, text in changes.items():
        write_atomically(folder / name, text)
print("\n".join(evidence(tuned)))
print(f"{len(changes)} files {'written' if write else 'would change'}")
kept = kept_by_hand(data.loaded.files, tuned)
if kept:
    print(f"{len(kept)} rules keep their own threshold: {', '.join(kept[:8])}")

# %%
if out:
    found = {
        "messages": len(judged),
        "points": chosen,
        "wrong": {name: at_threshold(value)["wrongly"] for name, value in points.items()},
        "promise": tuned.promise(),
        "languages": {name: choice.threshold for name, choice in tuned.languages.items()},
        "changes": sorted(changes),
        "written": write,
    }
    Path(out).write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")
