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
# # A first look at the traffic log
#
# **How much is written to us, in which languages, when, and how often is the bot sure enough to answer?**
#
# `waqtor.connect()` finds the log: through the sidecar when it runs (`waqtor up`), else the DuckDB file itself.
# Where there is neither, this notebook makes a sample log, so that it can be read and run anywhere.

# %% tags=["parameters"]
url = ""  # address of a sidecar; empty: wherever connect() finds one
path = ""  # a traffic.duckdb; empty: the one of the settings, or a sample
messages = 2000  # size of the sample, if one is made
zone = "Asia/Riyadh"  # time zone of hours and weekdays
threshold = 0.6  # the confidence from which the bot answers
out = ""  # where to write the figures as JSON; empty: nowhere

# %%
import json
import os
import shutil
import tempfile
from pathlib import Path

import plotly.io as pio

import waqtor
from waqtor import plots
from waqtor.analytics.frames import frame, kpis
from waqtor.errors import NotFound
from waqtor.storage.duck_sample import write_sample

# A picture beside the interactive figure: pages that run no scripts (code hosting) still show it.
pictures = any(shutil.which(name) for name in ("chromium", "google-chrome", "chrome"))
pio.renderers.default = os.environ.get("PLOTLY_RENDERER", "plotly_mimetype+png" if pictures else "plotly_mimetype")
pio.renderers["png"].width, pio.renderers["png"].height = 760, 360


def open_log():
    """The log that was asked for, or a sample."""
    if url or path:
        return waqtor.connect(url=url or None, path=path or None)
    try:
        return waqtor.connect()
    except NotFound:
        return waqtor.connect(path=write_sample(Path(tempfile.mkdtemp()) / "sample.duckdb", messages))


log = open_log()
print(f"reading through the {log.kind}")

# %% [markdown]
# ## What there is
# Every view and column is described in the log itself.

# %%
log.columns().groupby("table_name", sort=False).agg(columns=("column_name", "count"), texts=("personal", "sum"))

# %% [markdown]
# ## Key figures
# *Answered* are decisions that gave the customer an answer or asked back; the rest was handed to a person or left.

# %%
figures = kpis(log)
figures

# %% [markdown]
# ## Traffic

# %%
hours = frame(log, "traffic", zone=zone, bucket="hour")


def show(figure):
    """On white, so that the picture is readable everywhere."""
    figure.update_layout(paper_bgcolor="white", plot_bgcolor="white").show()


show(plots.traffic(hours))

# %%
show(plots.heat_map(frame(log, "heat_map", zone=zone)))

# %% [markdown]
# ## Languages
# The figure on a bar is the share that was answered: a low one says where examples are missing.

# %%
languages = frame(log, "languages")
show(plots.languages(languages, language="ar"))
languages.round(3)

# %% [markdown]
# ## How sure is the bot?
# Answers should stand to the right of the threshold and silence to the left; what overlaps is worth reading.

# %%
confidences = frame(log, "confidences")
show(plots.confidences(confidences, threshold=threshold))

# %%
frame(log, "response_times").round(1)

# %% [markdown]
# ## What nobody answered
# The most frequent texts without an answer: each is a candidate for a new rule or one more example.

# %%
unmatched = frame(log, "unmatched", top=8)
unmatched[["text", "language", "nearest_rule", "times", "confidence"]].round(3)

# %% [markdown]
# ## Any other question is SQL

# %%
log.sql(
    """
    SELECT date_trunc('day', created) AS day, count(*) AS messages, count(DISTINCT chat_key) AS chats
    FROM messages GROUP BY ALL ORDER BY ALL
    """
)

# %%
if out:
    found = {
        **figures,
        "hours": len(hours),
        "decisions": len(confidences),
        "languages": dict(zip(languages["language"], (int(n) for n in languages["decided"]), strict=True)),
        "source": log.kind,
    }
    Path(out).write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")
log.close()
