from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
import pytest

from waqtor.plots import metric_lines

AT = [datetime(2026, 11, 23, 12) + timedelta(minutes=5 * n) for n in range(4)]


def framed(**series: list[float | None]) -> pd.DataFrame:
    return pd.DataFrame({"at": AT, **series})


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lines_with_gaps_and_restarts(language, theme):
    series = {"mean": [1.0, None, 2.0, 3.0], "highest": [2.0, None, 4.0, 4.0]}
    figure = metric_lines(
        framed(**series), title="ws_clients", unit="connections", restarts=[AT[1]], language=language, theme=theme
    )
    assert [list(line.y) for line in figure.data] == list(series.values())
    assert all(line.connectgaps is False for line in figure.data)
    assert len(figure.layout.shapes) == 1
    assert figure.layout.showlegend
    assert figure.layout.title.text in ("Connections", "الاتصالات")


def test_a_value_between_two_gaps_is_a_point():
    assert metric_lines(framed(a=[None, 5.0, None, None]), title="t", unit="u").data[0].mode == "lines+markers"
    assert metric_lines(framed(a=[1.0, 5.0, None, None]), title="t", unit="u").data[0].mode == "lines"


def test_nothing_known_says_so():
    figure = metric_lines(framed(a=[None] * 4), title="ws_clients", unit="u")
    assert not figure.data
    assert figure.layout.annotations[0].text == "Nothing here yet"
