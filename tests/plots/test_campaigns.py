from __future__ import annotations

import pytest

from tests.ui.fake_campaigns import REPORT
from waqtor.contracts.campaigns import CampaignReport
from waqtor.plots import campaigns as figures

FIGURES = (figures.funnel, figures.speed, figures.failures, figures.variants, figures.hours)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("draw", FIGURES, ids=lambda draw: draw.__name__)
def test_every_figure_has_a_title_and_named_axes(draw, language, theme):
    figure = draw(CampaignReport.model_validate(REPORT), language=language, theme=theme)
    assert figure.layout.title.text
    if draw is not figures.funnel:
        assert figure.layout.xaxis.title.text
        assert figure.layout.yaxis.title.text or draw is figures.failures  # the reasons name themselves


@pytest.mark.parametrize("draw", FIGURES[1:], ids=lambda draw: draw.__name__)
def test_nothing_to_show_is_said(draw):
    empty = {**REPORT, "speed": [], "failures": [], "hours": [], "variants": []}
    figure = draw(CampaignReport.model_validate(empty))
    assert figure.layout.annotations[0].text == "Nothing here yet"


def test_reasons_are_text_and_equal_beginnings_stay_apart():
    reason = "<a href='https://example.com'>x</a> the number is not on WhatsApp, says the provider"
    rows = [{"code": "1", "reason": f"{reason} {n}", "status": "failed", "count": n} for n in (3, 2)]
    figure = figures.failures(CampaignReport.model_validate({**REPORT, "failures": rows}))
    assert list(figure.data[0].x) == [2, 3]
    assert len(figure.layout.yaxis.ticktext) == 2
    assert not any("<" in text for text in [*figure.layout.yaxis.ticktext, *figure.data[0].customdata])
