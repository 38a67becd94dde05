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
# # Traffic
#
# **How did the last week go beside the one before: traffic, answers, languages, rules, hours, and what went wrong?**
#
# It is the Analytics page for people who prefer Jupyter: the same named queries and the same figures. Without a log of
# your own it makes a sample, so that it can be read and run anywhere.

# %% tags=["parameters"]
url = ""  # address of a sidecar; empty: wherever connect() finds one
path = ""  # a traffic.duckdb; empty: the one of the settings, or a sample
messages = 4000  # size of the sample, if one is made
days = 3  # length of the span that is looked at, and of the one before
zone = "Asia/Riyadh"  # time zone of hours and weekdays
language = "en"  # of the figures: en or ar
out = ""  # where to write the figures as JSON; empty: nowhere

# %%
import json
import os
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pandas as pd
import plotly.io as pio

import waqtor
from waqtor import plots
from waqtor.analytics.catalog import catalog
from waqtor.analytics.frames import frame, kpis
from waqtor.errors import NotFound
from waqtor.storage.duck_sample import write_sample

# A picture beside the interactive figure: pages that run no scripts (code hosting) still show it.
pictures = any(shutil.which(name) for name in ("chromium", "google-chrome", "chrome"))
pio.renderers.default = os.environ.get("PLOTLY_RENDERER", "plotly_mimetype+png" if pictures else "plotly_mimetype")
pio.renderers["png"].width, pio.renderers["png"].height = 760, None


def open_log():
    """The log that was asked for, or a sample."""
    if url or path:
        return waqtor.connect(url=url or None, path=path or None)
    try:
        return waqtor.connect()
    except NotFound:
        return waqtor.connect(path=write_sample(Path(tempfile.mkdtemp()) / "sample.duckdb", messages))


def show(figure):
    """On white, so that the picture is readable everywhere."""
    figure.update_layout(paper_bgcolor="white", plot_bgcolor="white").show()


log = open_log()
ends = pd.Timestamp(log.sql("SELECT max(created) AS at FROM messages")["at"][0])
ends = ends.tz_localize("UTC") if ends.tzinfo is None else ends.tz_convert("UTC")
ends = ends.floor("15min") + timedelta(minutes=15)  # long spans are counted by the quarter hour
span = {"since": (ends - timedelta(days=days)).isoformat(), "until": ends.isoformat()}
earlier = {"since": (ends - timedelta(days=2 * days)).isoformat(), "until": span["since"]}
print(f"{days} days up to {ends.tz_convert(zone):%Y-%m-%d %H:%M} ({zone}), read through the {log.kind}")

# %% [markdown]
# ## This span and the one before

# %%
now, before = kpis(log, **span), kpis(log, **earlier)
beside = pd.DataFrame({"this span": now, "the one before": before}, dtype=float)
beside["change"] = beside["this span"] - beside["the one before"]
beside.round(3)

# %% [markdown]
# ## Messages, and how many were answered
# Buckets are hours of your zone. A low stretch in the second figure is worth a look at the decisions below it.

# %%
traffic = frame(log, "traffic", zone=zone, bucket="hour", **span)
show(plots.traffic(traffic, language=language))

# %%
rate = frame(log, "answer_rate", zone=zone, bucket="hour", **span)
show(plots.answer_rate(rate, language=language))

# %%
kinds = frame(log, "decisions", zone=zone, bucket="hour", **span)
show(plots.decisions(kinds, language=language))

# %% [markdown]
# ## Which languages, and where examples are missing
# The figure on a bar is the share that was answered.

# %%
tongues = frame(log, "languages", **span)
show(plots.languages(tongues, language=language))

# %% [markdown]
# ## Which rules carry the work
# A rule with many answers and a low mean confidence wants more examples.

# %%
ranked = frame(log, "top_rules", top=12, **span)
show(plots.top_rules(ranked, language=language))

# %% [markdown]
# ## When people write
# For opening hours, quiet hours, and when to have a person at hand.

# %%
hours = frame(log, "heat_map", zone=zone, **span)
show(plots.heat_map(hours, language=language))

# %% [markdown]
# ## What went wrong
# Failed sends by reason, the slowest parts of the way, and the texts that nobody answered.

# %%
frame(log, "failures", **span)

# %%
frame(log, "response_times", **span).round(1)

# %%
unmatched = frame(log, "unmatched", top=10, **span)
unmatched[["text", "language", "nearest_rule", "times", "confidence"]].round(3)

# %% [markdown]
# ## Your own questions
# The named queries are a start; any single SELECT runs, and a frame leaves as CSV or Parquet.

# %%
pd.DataFrame([{"query": query.name, "about": query.why} for query in catalog().values()])

# %%
chats = log.sql(
    """
    SELECT CASE WHEN n = 1 THEN '1' WHEN n < 5 THEN '2-4' ELSE '5 and more' END AS messages, count(*) AS chats
    FROM (SELECT chat_key, count(*) AS n FROM messages WHERE created >= $since::TIMESTAMPTZ GROUP BY ALL)
    GROUP BY ALL ORDER BY ALL
    """,
    {"since": span["since"]},
)
chats

# %%
if out:
    figures = {
        "now": now,
        "before": before,
        "hours": len(traffic),
        "rules": list(ranked["rule_id"]),
        "decided": int(rate["decided"].sum()),
        "chats": int(chats["chats"].sum()),
        "source": log.kind,
    }
    Path(out).write_text(json.dumps(figures, ensure_ascii=False, indent=1), encoding="utf-8")
log.close()
