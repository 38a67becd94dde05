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
# # A campaign's report
#
# **Who got it, how fast, what failed and why, who answered, and which of two messages did better?**
#
# It is the Campaign report page for people who prefer Jupyter: the same figures by the same functions, read from the
# traffic log alone. Without a campaign of your own it makes a sample, so that it can be read and run anywhere.

# %% tags=["parameters"]
url = ""  # address of a sidecar; empty: wherever connect() finds one
path = ""  # a traffic.duckdb; empty: the one of the settings, or a sample
campaign = ""  # a campaign's id; empty: the latest
recipients = 3000  # size of the sample, if one is made
zone = "Asia/Riyadh"  # time zone of the hours
language = "en"  # of the figures: en or ar
out = ""  # where to write the report as JSON; empty: nowhere

# %%
import os
import shutil
import tempfile
from pathlib import Path

import pandas as pd
import plotly.io as pio

import waqtor
from waqtor.errors import NotFound
from waqtor.plots import campaigns as figures
from waqtor.storage.duck_sample import write_campaign_sample
from waqtor.storage.logged_campaigns import logged_campaigns, logged_report

# A picture beside the interactive figure: pages that run no scripts (code hosting) still show it.
pictures = any(shutil.which(name) for name in ("chromium", "google-chrome", "chrome"))
pio.renderers.default = os.environ.get("PLOTLY_RENDERER", "plotly_mimetype+png" if pictures else "plotly_mimetype")
pio.renderers["png"].width, pio.renderers["png"].height = 760, None


def open_log():
    """The log that was asked for, or a sample."""
    if url or path:
        return waqtor.connect(url=url or None, path=path or None)
    try:
        log = waqtor.connect()
    except NotFound:
        return waqtor.connect(path=write_campaign_sample(Path(tempfile.mkdtemp()) / "sample.duckdb", recipients))
    return log


def show(figure):
    """On white, so that the picture is readable everywhere."""
    figure.update_layout(paper_bgcolor="white", plot_bgcolor="white").show()


log = open_log()
latest = logged_campaigns(log)
latest[["campaign_id", "session", "status", "total", "started", "finished"]]

# %% [markdown]
# ## Where it stands
# Names and texts are not in the log: a campaign is known by its id, as the page's address and the API show it.

# %%
if latest.empty:
    raise SystemExit("The log knows no campaign yet.")
report = logged_report(log, campaign or latest["campaign_id"][0], timezone=zone)
counts = report.campaign.counts
pd.DataFrame(
    {
        "recipients": [counts.total],
        "sent": [counts.sent],
        "read": [counts.read],
        "failed": [counts.failed],
        "skipped": [counts.skipped],
        "in doubt": [counts.in_doubt],
        "reply rate": [report.reply_rate],
        "median wait for a reply, s": [report.reply_median_s],
    },
    index=[report.campaign.status],
).round(3)

# %% [markdown]
# ## The funnel

# %%
show(figures.funnel(report, language=language))

# %% [markdown]
# ## How fast it went
# A dip is a pause, quiet hours, a warm-up limit, or WhatsApp slowing the number down.

# %%
show(figures.speed(report, language=language))

# %% [markdown]
# ## Who did not get it, and why
# Those left out before sending (an empty variable, no consent, outside of the 24-hour window) are counted too.

# %%
show(figures.failures(report, language=language))

# %%
pd.DataFrame(report.failures, columns=["code", "reason", "status", "count"])

# %% [markdown]
# ## Which message did better
# Intervals are Wilson's at 95 %, that of the difference is Newcombe's: when it holds zero, nothing is proved yet.

# %%
show(figures.variants(report, language=language))

# %%
pd.DataFrame(
    [
        {
            "variant": one.variant,
            "sent": one.counts.sent,
            "read rate": one.read_rate,
            "replied": one.replied,
            "reply rate": one.reply_rate,
            "from": one.reply_low,
            "to": one.reply_high,
        }
        for one in report.variants
    ]
).round(4)

# %%
if report.difference:
    found = report.difference
    low, high = 100 * found["low"], 100 * found["high"]
    verdict = "a real difference" if low > 0 or high < 0 else "not proved: more recipients would tell"
    print(
        f"{found['variant']} against {found['against']}: {100 * found['value']:+.2f} points "
        f"({low:+.2f} … {high:+.2f}), {verdict}"
    )

# %% [markdown]
# ## When people read and answered
# For the hour of the next campaign, in your own time.

# %%
show(figures.hours(report, language=language))

# %%
if out:
    Path(out).write_text(report.model_dump_json(indent=1), encoding="utf-8")
log.close()
