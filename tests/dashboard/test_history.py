from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.ui.i18n import catalogue
from tests.dashboard.conftest import Open, html
from tests.ui.fake_sidecar import FakeSidecar


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch, sidecar: FakeSidecar, open_page: Open):
    """Open the page with the first decision of a kind selected."""

    def opened(kind: str, lang: str = "en") -> tuple[AppTest, dict]:
        place = next(n for n, entry in enumerate(sidecar.shop.history) if entry["decision"] == kind)
        monkeypatch.setattr("dashboard.ui.grids.select", lambda frame, **_: place)
        return open_page(sidecar, "history", lang), sidecar.shop.history[place]

    return opened


@pytest.mark.parametrize("lang", ["en", "ar"])
def test_a_decision_is_judged_right_and_the_judgement_taken_back(choose, sidecar: FakeSidecar, lang: str):
    at, entry = choose("answer", lang)
    key = entry["trace_id"]
    at.button(key=f"judge_right_{key}").click().run()
    assert not at.exception
    assert sidecar.shop.labels[key]["right"] is True
    assert catalogue(lang)["judge.is_right"] in html(at)
    assert not [b for b in at.button if b.key == f"judge_right_{key}"]
    at.button(key=f"unjudge_{key}").click().run()
    assert sidecar.shop.labels == {}
    assert [b for b in at.button if b.key == f"judge_right_{key}"]


@pytest.mark.parametrize("lang", ["en", "ar"])
def test_silence_is_judged_wrong_with_the_rule_that_should_have_answered(choose, sidecar: FakeSidecar, lang: str):
    at, entry = choose("silent", lang)
    key = entry["trace_id"]
    assert at.button(key=f"judge_wrong_{key}").disabled
    chooser = at.selectbox(key=f"judge_rule_{key}")
    assert catalogue(lang)["judge.none"] not in chooser.options, "it was silent"
    chooser.set_value("order_track").run()
    at.button(key=f"judge_wrong_{key}").click().run()
    kept = sidecar.shop.labels[key]
    assert (kept["right"], kept["rule_id"]) == (False, "order_track")
    assert catalogue(lang)["judge.should_be"].format(rule="order_track") in html(at)


def test_an_answer_can_be_one_too_many(choose, sidecar: FakeSidecar):
    at, entry = choose("answer")
    key = entry["trace_id"]
    chooser = at.selectbox(key=f"judge_rule_{key}")
    assert entry["rule_id"] not in chooser.options
    chooser.set_value("").run()
    at.button(key=f"judge_wrong_{key}").click().run()
    assert sidecar.shop.labels[key]["right"] is False
    assert "rule_id" not in sidecar.shop.labels[key]
    assert catalogue("en")["judge.should_be_none"] in html(at)


def test_a_refused_judgement_is_told(choose, sidecar: FakeSidecar):
    at, entry = choose("answer")
    sidecar.broken = {"/smartbot/labels"}
    at.button(key=f"judge_right_{entry['trace_id']}").click().run()
    assert not at.exception
    assert catalogue("en")["trouble.unavailable.title"] in html(at)
    assert at.button(key=f"judge_right_{entry['trace_id']}"), "the rest of the page stands"
    assert sidecar.shop.labels == {}


def test_the_chat_is_taken_over_and_given_back(choose, sidecar: FakeSidecar):
    at, entry = choose("answer")
    chat = sidecar.shop.chats[entry["chat_id"]]
    at.button(key="history_pause_30m").click().run()
    assert chat["bot_paused"]
    assert any(body.get("minutes") == 30 for _, path, body in sidecar.calls if path.endswith("/pause"))
    at.button(key="history_chat_resume").click().run()
    assert not chat["bot_paused"]
