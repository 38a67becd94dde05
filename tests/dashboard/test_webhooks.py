"""The webhooks page: endpoints, secrets, the delivery log, replay and statistics."""

from __future__ import annotations

import pytest

from dashboard.ui.i18n import catalogue
from tests.dashboard.conftest import Open, html
from tests.ui.fake_sidecar import FakeSidecar

LANGUAGES = pytest.mark.parametrize("lang", ["en", "ar"])


def every(lang: str, key: str) -> str:
    return catalogue(lang)[key]


@pytest.fixture
def first_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.ui.grids.select", lambda frame, **_: 0)


@LANGUAGES
class TestEndpoints:
    def test_all_are_listed_as_literal_cells(self, open_page: Open, sidecar: FakeSidecar, lang: str):
        at = open_page(sidecar, "webhooks", lang)
        assert list(at.dataframe[0].value[every(lang, "hooks.health")]) == [
            every(lang, "hooks.health.healthy"), every(lang, "hooks.health.disabled"),
        ]  # fmt: skip
        assert every(lang, "hooks.choose") in {caption.value for caption in at.caption}

    def test_one_is_made_and_its_secret_shown_once(self, open_page: Open, sidecar: FakeSidecar, lang: str):
        at = open_page(FakeSidecar(empty=True) if lang == "ar" else sidecar, "webhooks", lang)
        at.button(key="hook_new").click().run()
        at.text_input(key="hook_url_new").set_value("https://new.example/in")
        at.button(key="hook_save_new").click().run()
        assert not at.exception
        assert at.code[0].value == "whsec_1"
        at.button(key="hook_secret_done").click().run()
        assert not at.code
        assert "hook_url_new" not in {field.key for field in at.text_input}

    def test_without_a_url_nothing_is_sent(self, open_page: Open, sidecar: FakeSidecar, lang: str):
        at = open_page(sidecar, "webhooks", lang)
        at.button(key="hook_new").click().run()
        at.button(key="hook_save_new").click().run()
        assert at.warning[0].value == every(lang, "hooks.incomplete")
        assert ("POST", "/webhooks") not in {call[:2] for call in sidecar.calls}
        at.button(key="hook_cancel").click().run()
        assert not at.warning

    @pytest.mark.usefixtures("first_row")
    def test_switch_rotate_test_and_delete(self, open_page: Open, sidecar: FakeSidecar, lang: str):
        at = open_page(sidecar, "webhooks", lang)
        at.button(key="toggle_wh1").click().run()
        assert not sidecar.hooks.hooks["wh1"]["enabled"]
        at.button(key="toggle_wh1").click().run()
        assert sidecar.hooks.hooks["wh1"]["enabled"]
        at.button(key="rotate_wh1").click().run()
        assert "whsec_1" in {code.value for code in at.code}
        at.button(key="hook_secret_done").click().run()
        assert "whsec_1" not in {code.value for code in at.code}
        at.button(key="test_wh1").click().run()
        assert every(lang, "hooks.test.result") in html(at)
        at.button(key="hook_test_close").click().run()
        assert every(lang, "hooks.test.result") not in html(at)
        at.button(key="delete_wh1").click().run()
        assert "wh1" in sidecar.hooks.hooks
        at.button(key="delete_no_wh1").click().run()
        assert "delete_yes_wh1" not in {b.key for b in at.button}
        at.button(key="delete_wh1").click().run()
        at.button(key="delete_yes_wh1").click().run()
        assert not at.exception
        assert list(sidecar.hooks.hooks) == ["wh2"]


@pytest.mark.usefixtures("first_row")
class TestDeliveries:
    @LANGUAGES
    def test_an_attempt_in_detail_and_replays(self, open_page: Open, sidecar: FakeSidecar, lang: str):
        sidecar.hooks.deliveries = [d for d in sidecar.hooks.deliveries if d["state"] == "dead"]
        at = open_page(sidecar, "webhooks", lang)
        assert len(at.dataframe[-1].value) == 3
        assert "<img src=x" not in html(at)
        assert any("<img src=x" in text.value for text in at.text)  # what the receiver answered, as plain text
        at.button(key="replay_d3").click().run()
        at.button(key="hooks_replay_failed_wh1").click().run()
        assert sidecar.hooks.replayed == ["d3", None]
        assert at.toast[0].value == every(lang, "hooks.replayed").format(n=7)

    def test_filters_and_pages(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "webhooks")
        at.button(key="hooks_log_older").click().run()
        assert [c[2].get("cursor") for c in sidecar.calls if c[1].endswith("/logs")][-1] == "50"
        at.selectbox(key="hooks_state").set_value("dead").run()
        at.selectbox(key="hooks_event").set_value("message_received").run()
        asked = [c[2] for c in sidecar.calls if c[1].endswith("/logs")][-1]
        assert asked == {"state": "dead", "event": "message_received", "limit": "50"}
        at.selectbox(key="hooks_state").set_value("replaced").run()
        assert every("en", "hooks.log.none") in html(at)

    def test_statistics(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "webhooks")
        at.segmented_control(key="hooks_part").set_value("stats").run()
        assert {m.label: m.value for m in at.metric}[every("en", "hooks.stats.rate")] == "97.0%"
        assert len(at.get("plotly_chart")) == 2

    def test_it_is_changed(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "webhooks")
        at.segmented_control(key="hooks_part").set_value("edit").run()
        at.text_input(key="hook_chats_wh1").set_value("966501234567, 966507771100")
        at.button(key="hook_save_wh1").click().run()
        body = next(body for method, _, body in sidecar.calls if method == "PATCH")
        assert body["filters"]["chats"] == ["966501234567", "966507771100"]
        assert body["timeout_ms"] == 10_000
        assert "secret" not in body


@LANGUAGES
@pytest.mark.usefixtures("first_row")
def test_schedule_and_headers(open_page: Open, sidecar: FakeSidecar, lang: str):
    at = open_page(sidecar, "webhooks", lang)
    at.segmented_control(key="hooks_part").set_value("edit").run()
    at.selectbox(key="hook_plan_wh1").set_value("own")
    at.text_input(key="hook_waits_wh1").set_value("soon")
    at.button(key="hook_save_wh1").click().run()
    assert at.warning[0].value == every(lang, "hooks.waits.wrong")
    at.text_input(key="hook_waits_wh1").set_value("5، 60, 300.5")
    at.text_area(key="hook_headers_wh1").set_value("no header")
    at.button(key="hook_save_wh1").click().run()
    assert at.warning[0].value == every(lang, "hooks.headers.wrong")
    assert "PATCH" not in {call[0] for call in sidecar.calls}
    at.text_area(key="hook_headers_wh1").set_value("X-Team: north\nX-Url: https://a.example")
    at.number_input(key="hook_delay_wh1").set_value(2500)
    at.button(key="hook_save_wh1").click().run()
    assert not at.exception
    body = next(body for method, _, body in sidecar.calls if method == "PATCH")
    assert body["schedule"] == [5, 60, 300.5]
    assert body["headers"] == {"X-Team": "north", "X-Url": "https://a.example"}
    assert body["delay_ms"] == 2500
    at.segmented_control(key="hooks_part").set_value("edit").run()
    assert at.selectbox(key="hook_plan_wh1").value == "own"
    at.text_area(key="hook_headers_wh1").set_value("")
    at.button(key="hook_save_wh1").click().run()
    assert "headers" not in [body for method, _, body in sidecar.calls if method == "PATCH"][-1], "empty keeps them"


@pytest.mark.usefixtures("first_row")
def test_a_switched_off_one_says_why(open_page: Open, sidecar: FakeSidecar):
    del sidecar.hooks.hooks["wh1"]
    at = open_page(sidecar, "webhooks", "ar")
    assert every("ar", "reason.failing").format(days=5) in html(at), "in the language of the page"
    assert every("ar", "hooks.switched_off.hint") in html(at)


@pytest.mark.usefixtures("first_row")
def test_a_refused_command_is_told(open_page: Open, sidecar: FakeSidecar):
    at = open_page(sidecar, "webhooks")
    sidecar.broken = {"/webhooks/wh1/test"}
    at.button(key="test_wh1").click().run()
    assert every("en", "trouble.unavailable.advice") in html(at)
