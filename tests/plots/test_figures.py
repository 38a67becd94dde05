from __future__ import annotations

import json

import pandas as pd
import pytest

from waqtor import plots
from waqtor.plots.theme import PRIMARY, word

SWEPT = pd.DataFrame({"threshold": [0.9, 0.5, 0.2], "right": [0.3, 0.5, 0.6], "wrong": [0.0, 0.1, 0.3]})
FRAMES = {
    "attempts_by_event": pd.DataFrame({"event": ["a", "b"], "success": [3, 9], "failed": [1, 0]}),
    "attempts_by_hour": pd.DataFrame(
        {"hour": pd.to_datetime(["2026-01-01T10:00", "2026-01-01T11:00"]), "success": [4, 8], "failed": [1, 0]}
    ),
    "metric_lines": pd.DataFrame(
        {"at": pd.to_datetime(["2026-01-01T10:00", "2026-01-01T10:05"]), "mean": [1.0, None], "highest": [2.0, None]}
    ),
    "traffic": pd.DataFrame(
        {"bucket": pd.to_datetime(["2026-01-01", "2026-01-02"]), "received": [3, 0], "sent": [1, 2]}
    ),
    "answer_rate": pd.DataFrame(
        {
            "bucket": pd.to_datetime(["2026-01-01", "2026-01-02"]),
            "decided": [4, 3],
            "answered": [3, 1],
            "answer_rate": [0.75, 1 / 3],
        }
    ),
    "decisions": pd.DataFrame(
        {
            "bucket": pd.to_datetime(["2026-01-01", "2026-01-01", "2026-01-02"]),
            "decision": ["silent", "answer", "answer"],
            "decided": [1, 3, 2],
        }
    ),
    "languages": pd.DataFrame({"language": ["ar", "xx"], "decided": [5, 2], "answer_rate": [0.8, float("nan")]}),
    "top_rules": pd.DataFrame({"rule_id": ["<b>a</b>", "hours"], "answers": [9, 4], "confidence": [0.9, 0.7]}),
    "heat_map": pd.DataFrame({"weekday": [1, 7], "hour": [0, 23], "received": [4, 6]}),
    "confidences": pd.DataFrame(
        {"confidence": [0.0, 0.62, 0.64, 1.0, None], "decision": ["silent", "answer", "answer", "answer", "silent"]}
    ),
    "suggestions": pd.DataFrame(
        {
            "about": ["gift, <a href='https://pixel.invalid'>wrap</a>", "تغليف"],
            "rule": ["gift_wrap", "topic_1"],
            "customers": [11, 4],
            "gain": [1.2, None],
        }
    ),
    "threshold_sweep": SWEPT,
    "risk_coverage": SWEPT,
    "reliability": pd.DataFrame({"confidence": [0.1, 0.9], "right": [0.2, 0.8], "messages": [4, 16]}),
    "confusion_map": pd.DataFrame({"label": ["hours", "hours"], "predicted": ["price", None], "messages": [3, 1]}),
    "accuracy_by_language": pd.DataFrame(
        {"language": ["en"], "accuracy": [0.9], "low": [0.8], "high": [0.95], "messages": [50]}
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


def test_the_answer_rate_is_in_percent_and_tells_its_counts():
    (line,) = plots.answer_rate(FRAMES["answer_rate"]).data
    assert list(line.y) == [75.0, 33.33]
    assert [tuple(pair) for pair in line.customdata] == [(3, 4), (1, 3)]


def test_decisions_are_stacked_by_kind_in_a_fixed_order():
    figure = plots.decisions(FRAMES["decisions"])
    assert [(bar.name, list(bar.y)) for bar in figure.data] == [("Answered", [3, 2]), ("Silent", [1])]
    assert figure.layout.barmode == "stack"


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


def test_the_sweep_marks_the_chosen_thresholds_and_the_target():
    figure = plots.threshold_sweep(FRAMES["threshold_sweep"], points={"promise": 0.5}, target=0.05)
    right, wrong = figure.data
    assert list(right.x) == [0.2, 0.5, 0.9]
    assert list(wrong.y) == [0.3, 0.1, 0.0]
    assert [(line.x0, line.y0) for line in figure.layout.shapes] == [(0, 0.05), (0.5, 0)]
    assert figure.layout.annotations[0].text == "promise"


def test_a_chosen_point_stands_on_the_curve_of_risk_and_coverage():
    figure = plots.risk_coverage(FRAMES["risk_coverage"], points={"promise": 0.4, "never": 0.95})
    curve, point = figure.data
    assert list(curve.x) == pytest.approx([0.3, 0.6, 0.9])
    assert list(curve.y) == pytest.approx([0, 0.1 / 0.6, 0.3 / 0.9])
    assert (point.x[0], point.y[0]) == pytest.approx((0.6, 0.1 / 0.6))


def test_long_curves_are_thinned_and_keep_their_ends():
    n = 5000
    frame = pd.DataFrame({"threshold": [i / n for i in range(n)], "right": [0.5] * n, "wrong": [0.1] * n})
    right = plots.threshold_sweep(frame).data[0]
    assert len(right.x) <= 401
    assert (right.x[0], right.x[-1]) == (0, (n - 1) / n)


def test_a_message_that_no_rule_was_chosen_for_is_a_confusion_too():
    (cells,) = plots.confusion_map(FRAMES["confusion_map"]).data
    assert (list(cells.x), list(cells.y)) == (["(no rule)", "price"], ["hours"])
    assert [list(row) for row in cells.z] == [[1, 3]]


def test_the_interval_reaches_from_low_to_high():
    (bars,) = plots.accuracy_by_language(FRAMES["accuracy_by_language"]).data
    assert (bars.y[0] - bars.error_y.arrayminus[0], bars.y[0] + bars.error_y.array[0]) == pytest.approx((0.8, 0.95))


def test_the_most_frequent_event_is_on_top_and_failures_are_told_apart():
    good, bad = plots.attempts_by_event(FRAMES["attempts_by_event"]).data
    assert list(good.y) == list(bad.y) == ["a", "b"]
    assert (list(good.x), list(bad.x)) == ([3, 9], [1, 0])
