"""The privacy part of the settings: a person is looked up, and erased only when the number was typed again."""

from __future__ import annotations

import pytest

from tests.ui.fake_privacy import KNOWN


def shown(at):
    return " ".join(str(html.body if hasattr(html, "body") else html.value) for html in at.get("html"))


@pytest.mark.parametrize("lang", ["en", "ar"])
def test_a_person_is_looked_up(open_page, sidecar, lang):
    at = open_page(sidecar, "settings", lang=lang)
    at.text_input(key="person_number").set_value("+966 50 123 4567")
    at.button(key="person_find").click().run()
    assert not at.exception
    values = [metric.value for metric in at.metric]
    assert "42" in values
    assert "105" in values, "rows of the log, all tables"


def test_erasing_needs_the_number_once_more(open_page, sidecar):
    at = open_page(sidecar, "settings")
    at.text_input(key="person_number").set_value(KNOWN)
    at.button(key="person_find").click().run()
    assert at.button(key="person_erase").disabled
    at.text_input(key="person_typed").set_value("966507654321").run()
    assert at.button(key="person_erase").disabled
    at.text_input(key="person_typed").set_value("+966 50 123 4567").run()
    assert not at.button(key="person_erase").disabled
    at.button(key="person_erase").click().run()
    assert [e["state"] for e in sidecar.privacy.erasures].count("running") == 1
    assert at.session_state["person_number"] == ""


def test_a_consent_is_recorded_and_withdrawn(open_page, sidecar):
    at = open_page(sidecar, "settings")
    at.text_input(key="person_number").set_value(KNOWN)
    at.button(key="person_find").click().run()
    at.text_input(key="consent_purpose").set_value("news")
    at.text_input(key="consent_source").set_value("paper")
    at.button(key="consent_give").click().run()
    assert sidecar.privacy.consents["news"]["source"] == "paper"
    at.button(key="consent_end_news").click().run()
    assert "news" not in sidecar.privacy.consents
    at.button(key="person_opt").click().run()
    assert sidecar.privacy.out


def test_the_audit_log_is_narrowed_by_action(open_page, sidecar):
    at = open_page(sidecar, "settings")
    at.selectbox(key="audit_action").set_value("webhook.rotated").run()
    assert not at.exception
    tables = [frame.value for frame in at.dataframe if "Request" in frame.value.columns]
    assert [len(table) for table in tables] == [1]


def test_nobody_known_and_nothing_done(open_page):
    from tests.ui.fake_sidecar import FakeSidecar

    at = open_page(FakeSidecar(empty=True), "settings")
    at.text_input(key="person_number").set_value("966507654321")
    at.button(key="person_find").click().run()
    assert not at.exception
    assert not [b for b in at.button if b.key == "person_erase"]
