from __future__ import annotations

import json

import pandas as pd
import pytest

from waqtor import plots
from waqtor.plots.theme import PRIMARY, word

FRAMES = {
    "traffic": pd.DataFrame(
        {"bucket": pd.to_datetime(["2026-01-01", "2026-01-02"]), "received": [3, 0], "sent": [1, 2]}
    ),
    "languages": pd.DataFrame({"language": ["ar", "xx"], "decided": [5, 2], "answer_rate": [0.8, float("nan")]}),
    "top_rules": pd.DataFrame({"rule_id": ["<b>a</b>", "hours"], "answers": [9, 4], "confidence": [0.9, 0.7]}),
    "heat_map": pd.DataFrame({"weekday": [1, 7], "hour": [0, 23], "received": [4, 6]}),
    "confidences": pd.DataFrame(
        {"confidence": [0.0, 0.62, 0.64, 1.0, None], "decision": ["silent", "answer", "answer", "answer", "silent"]}
    ),
}


def test_every_figure_has_a_frame_here():
    assert sorted(FRAMES) == plots.__all__


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", plots.__all__)
def test_figures_have_titles_in_both_languages_and_are_json(name, theme, language):
    figure = getattr(plots, name)(FRAMES[name], language=language, theme=theme)
    assert figure.layout.title.text == word(name, language) != name
    assert figure.layout.title.x == (1.0 if language == "ar" else 0.0)
    text = figure.to_json()
    json.loads(text)
    assert "bdata" not in text  # plain lists, readable in a diff


@pytest.mark.parametrize("name", plots.__all__)
def test_an_empty_frame_says_so(name):
    figure = getattr(plots, name)(FRAMES[name].iloc[:0], language="ar")
    assert not figure.data
    assert figure.layout.annotations[0].text == word("empty", "ar")


def test_traffic_draws_what_came_and_went():
    figure = plots.traffic(FRAMES["traffic"])
    assert [(trace.name, list(trace.y)) for trace in figure.data] == [("Received", [3, 0]), ("Sent", [1, 2])]
    assert figure.data[0].line.color == PRIMARY


def test_languages_show_their_rate_and_survive_an_unknown_one():
    (bars,) = plots.languages(FRAMES["languages"]).data
    assert list(bars.x) == ["Arabic", "xx"]
    assert list(bars.text) == ["80 %", ""]


def test_the_first_rule_is_on_top():
    (bars,) = plots.top_rules(FRAMES["top_rules"]).data
    assert list(bars.y)[-1] == "<b>a</b>"


def test_the_heat_map_has_every_hour_of_the_week():
    (cells,) = plots.heat_map(FRAMES["heat_map"]).data
    assert len(cells.z) == 7
    assert {len(row) for row in cells.z} == {24}
    assert cells.z[0][0] == 4
    assert cells.z[6][23] == 6
    assert sum(map(sum, cells.z)) == 10


def test_confidences_are_counted_in_steps_and_the_threshold_is_marked():
    figure = plots.confidences(FRAMES["confidences"], threshold=0.6)
    answered, silent = figure.data
    assert answered.name == "Answered"
    assert (answered.y[12], answered.y[19], silent.y[0]) == (2, 1, 1)
    assert sum(answered.y) + sum(silent.y) == 4
    assert figure.layout.shapes[0].x0 == 0.6
