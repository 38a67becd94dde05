from __future__ import annotations

import pytest

from dashboard.ui.i18n import catalogue
from tests.dashboard.conftest import Open, html
from tests.ui.fake_shop import HOSTILE
from tests.ui.fake_sidecar import FakeSidecar

PAGES = (
    "overview",
    "messages",
    "bench",
    "rules",
    "suggestions",
    "history",
    "notifications",
    "webhooks",
    "settings",
    "campaigns",
    "campaign_report",
    "analytics",
    "ws_metrics",
    "replay",
)


@pytest.mark.parametrize("lang", ["en", "ar"])
@pytest.mark.parametrize("name", PAGES)
class TestEveryPage:
    def test_opens_with_its_title(self, open_page: Open, sidecar: FakeSidecar, name: str, lang: str):
        at = open_page(sidecar, name, lang)
        assert [title.value for title in at.title] == [catalogue(lang)[f"page.{name}"]]
        drawn = html(at).replace(alert_of_doubts(lang), "")
        assert ('role="alert"' in drawn) == (name == "ws_metrics")  # one of its clients is silent

    def test_opens_empty(self, open_page: Open, name: str, lang: str):
        at = open_page(FakeSidecar(empty=True), name, lang)
        assert 'role="alert"' not in html(at)
        if name not in ("settings", "overview"):
            assert "wq-empty" in html(at)

    def test_says_that_the_sidecar_is_away(self, open_page: Open, sidecar: FakeSidecar, name: str, lang: str):
        sidecar.down = True
        at = open_page(sidecar, name, lang)
        assert catalogue(lang)["blocked.down.title"] in html(at)
        assert "<code>waqtor up</code>" in html(at)
        assert not at.metric

    def test_shows_a_broken_part_and_the_rest(self, open_page: Open, name: str, lang: str):
        sidecar = FakeSidecar()
        sidecar.broken = {
            "/analytics", "/messages", "/chats", "/smartbot", "/campaigns", "/notifications", "/webhooks",
            "/ws-monitor", "/metrics",
        }  # fmt: skip
        at = open_page(sidecar, name, lang)
        if name == "bench":
            at.pills(key="bench_sample").set_value("wain talabi").run()
        assert not at.exception
        assert catalogue(lang)["trouble.unavailable.title"] in html(at)
        assert catalogue(lang)["trouble.unavailable.advice"] in html(at)
        assert "req_1" in html(at)

    def test_customer_text_is_never_markup(self, open_page: Open, sidecar: FakeSidecar, name: str, lang: str):
        at = open_page(sidecar, name, lang)
        drawn = html(at)
        assert "<img src=x" not in drawn
        assert "<b>James" not in drawn
        for element in [*at.markdown, *at.caption, *at.button, *at.subheader]:
            text = str(getattr(element, "value", "")) + str(getattr(element, "label", ""))
            assert "pixel.invalid" not in text
            assert "James" not in text


def alert_of_doubts(lang: str) -> str:
    title = catalogue(lang)["doubt.title"].format(n=1)
    return f'<div class="wq-trouble tone-warning" role="alert"><b>{title}</b>'


def test_a_refused_key_is_explained(open_page: Open, sidecar: FakeSidecar):
    at = open_page(sidecar, key="wq_wrong")
    assert catalogue("en")["blocked.locked.title"] in html(at)
    assert "WAQTOR_API_KEY" in html(at)


def test_comes_back_when_the_sidecar_does(open_page: Open, sidecar: FakeSidecar):
    sidecar.down = True
    at = open_page(sidecar)
    sidecar.down = False
    at.button(key="retry").click().run()
    assert len(at.metric) == 6


def test_says_why_the_engine_is_not_ready(open_page: Open):
    at = open_page(FakeSidecar(not_ready=("The index is being <built>.",)))
    assert "The index is being &lt;built&gt;." in html(at)
    assert at.metric


def test_the_language_switch_turns_the_page(open_page: Open, sidecar: FakeSidecar):
    at = open_page(sidecar)
    styles = next(element.value for element in at.html if element.value.startswith("<style>"))
    assert "direction: rtl" not in styles.split("unicode-bidi: plaintext; text-align: start !important;")[1]
    at.segmented_control(key="lang").set_value("ar").run()
    assert at.title[0].value == "نظرة عامة"
    assert at.query_params["lang"] in ("ar", ["ar"])
    styles = next(element.value for element in at.html if element.value.startswith("<style>"))
    assert "direction: rtl" in styles.split("unicode-bidi: plaintext; text-align: start !important;")[1]


class TestOverview:
    def test_shows_the_figures_of_the_log(self, open_page: Open, sidecar: FakeSidecar):
        from datetime import timedelta

        at = open_page(sidecar)
        shop_now = sidecar.shop.now
        assert shop_now - timedelta(1) < shop_now
        within = [kind for minutes, kind in sidecar.shop.minutes() if minutes < 55]
        at.segmented_control(key="overview_span").set_value("hour").run()
        shown = {metric.label: metric.value for metric in at.metric}
        received = int(shown["Messages in"].replace(",", ""))
        assert len(within) <= received <= len([m for m, _ in sidecar.shop.minutes() if m < 61])
        unmatched = int(shown["Unmatched"])
        assert abs(unmatched - within.count("silent")) <= received - len(within)
        assert shown["In doubt"] == "1"
        assert shown["Median reply"].endswith("ms")
        assert 60 <= int(shown["Answer rate"].removesuffix("%")) <= 95

    def test_shows_the_code_to_scan(self, open_page: Open):
        at = open_page(FakeSidecar(status="qr"))
        assert "data:image/svg+xml;base64," in html(at)
        assert at.subheader[0].value == catalogue("en")["session.qr"]

    def test_a_lost_session_says_what_happens_to_messages(self, open_page: Open):
        at = open_page(FakeSidecar(status="disconnected"), lang="ar")
        assert "The phone is offline." in html(at)
        assert catalogue("ar")["session.disconnected.hint"] in html(at)


class TestBench:
    @pytest.mark.parametrize("lang", ["en", "ar"])
    def test_an_answer(self, open_page: Open, sidecar: FakeSidecar, lang: str):
        at = open_page(sidecar, "bench", lang)
        at.text_area(key="bench_text").set_value("كم سعر التوصيل؟")
        at.button(key="bench_go").click().run()
        drawn, labels = html(at), catalogue(lang)
        assert labels["decision.answer"] in drawn
        assert drawn.count('class="wq-cand ') == 3
        assert drawn.count('class="wq-step"') == 8
        assert drawn.count('title="' + labels["bench.threshold_at"].format(value="62%")) == 3
        assert "التوصيل 20 ريالًا" in drawn
        assert "delivery_cost" in drawn

    def test_silence_says_why(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "bench")
        at.pills(key="bench_sample").set_value("اكتب لي قصيدة عن القمر").run()
        assert "Stays silent" in html(at)
        assert "is below the threshold 62% of the nearest rule" in html(at)
        assert catalogue("en")["bench.no_reply"] in html(at)

    def test_lists_and_buttons_are_drawn(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "bench")
        at.pills(key="bench_sample").set_value("where are your branches").run()
        assert "Red Sea Mall" in html(at)
        at.pills(key="bench_sample").set_value("أبي أرجع المنتج").run()
        assert "أبدأ الإرجاع" in html(at)

    def test_hostile_text_is_shown_as_it_is(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "bench")
        at.text_area(key="bench_text").set_value(HOSTILE + "\u202e\x00\x07")
        at.button(key="bench_go").click().run()
        assert "<img src=x" not in html(at)
        assert "&lt;img src=x" in html(at)
        assert "\u202e" not in html(at)

    def test_a_long_text_is_cut_for_show_only(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "bench")
        at.text_area(key="bench_text").set_value("سلام " * 13_000)
        at.button(key="bench_go").click().run()
        assert not at.exception
        assert "… (+62,999)" in html(at)
        assert len(sidecar.calls[-1][2].get("text", "")) == 64_999 or any(
            len(c[2].get("text", "")) == 64_999 for c in sidecar.calls
        )

    def test_nothing_is_asked_for_an_empty_text(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "bench")
        at.text_area(key="bench_text").set_value("  \n ")
        at.button(key="bench_go").click().run()
        assert not any(path in ("/smartbot/test", "/smartbot/explain") for _, path, _ in sidecar.calls)
        assert catalogue("en")["bench.empty"] in html(at)


class TestMessages:
    def chat(self, open_page: Open, sidecar: FakeSidecar, chat_id: str):
        at = open_page(sidecar, "messages")
        at.button(key=f"chat_default_{chat_id}").click().run()
        return at

    def test_a_thread_with_ticks(self, open_page: Open, sidecar: FakeSidecar):
        at = self.chat(open_page, sidecar, "966501234567")
        assert html(at).count('class="wq-bubble"') == 6
        assert 'title="Read"' in html(at)
        assert 'title="Delivered"' in html(at)

    def test_a_failure_says_why(self, open_page: Open, sidecar: FakeSidecar):
        at = self.chat(open_page, sidecar, "966507771100")
        assert "Failed: The number is not on WhatsApp." in html(at)

    def test_sends(self, open_page: Open, sidecar: FakeSidecar):
        at = self.chat(open_page, sidecar, "966555010203")
        at.chat_input(key="messages_text").set_value("وصلت الشحنة؟").run()
        assert (
            "POST",
            "/messages/send-text",
            {"to": "966555010203", "text": "وصلت الشحنة؟", "session": "default"},
        ) in sidecar.calls
        assert "وصلت الشحنة؟" in html(at)

    def test_a_refused_send_is_told(self, open_page: Open, sidecar: FakeSidecar):
        at = self.chat(open_page, sidecar, "966555010203")
        sidecar.broken = {"/messages/send"}
        at.chat_input(key="messages_text").set_value("hello").run()
        assert catalogue("en")["trouble.unavailable.title"] in html(at)

    def test_pauses_and_resumes_the_bot(self, open_page: Open, sidecar: FakeSidecar):
        at = self.chat(open_page, sidecar, "966501234567")
        at.button(key="pause_30m").click().run()
        assert sidecar.shop.chats["966501234567"]["bot_paused"]
        at.button(key="chat_resume").click().run()
        assert not sidecar.shop.chats["966501234567"]["bot_paused"]

    @pytest.mark.parametrize(("button", "status"), [("sent", "sent"), ("again", "queued"), ("lost", "failed")])
    def test_doubts_are_settled(self, open_page: Open, sidecar: FakeSidecar, button: str, status: str):
        doubt = next(m for m in sidecar.shop.messages if m["status"] == "in_doubt")
        at = self.chat(open_page, sidecar, doubt["chat_id"])
        at.button(key=f"resolve_thread_{button}_{doubt['message_id']}").click().run()
        assert doubt["status"] == status
        assert catalogue("en")["doubt.meaning"] not in html(at)

    def test_doubts_of_all_chats_are_listed_before_one_is_chosen(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "messages")
        assert catalogue("en")["doubt.meaning"] in html(at)

    def test_searches(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "messages")
        at.text_input(key="messages_search").set_value("omar").run()
        assert [b.key for b in at.button if b.key.startswith("chat_")] == ["chat_default_966555010203"]
        at.text_input(key="messages_search").set_value("zzz").run()
        assert catalogue("en")["chats.none"] in html(at)


class TestRulesAndHistory:
    def test_rules_are_found_by_an_example(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "rules")
        assert len(at.dataframe[0].value) == 9
        at.text_input(key="rules_search").set_value("وين طلبي").run()
        assert list(at.dataframe[0].value["Rule"]) == ["order_track"]

    def test_columns_run_from_the_right_in_arabic(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "rules", "ar")
        assert list(at.dataframe[0].value.columns)[-1] == catalogue("ar")["rules.id"]

    def test_rules_are_read_again(self, open_page: Open, sidecar: FakeSidecar):
        open_page(sidecar, "rules").button(key="rules_rebuild").click().run()
        assert any(call[:2] == ("POST", "/smartbot/rebuild") for call in sidecar.calls)

    def test_history_is_filtered(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "history")
        assert len(at.dataframe[0].value) == 9
        at.selectbox(key="history_decision").set_value("silent").run()
        assert set(at.dataframe[0].value["Decision"]) == {"Stays silent"}
        at.selectbox(key="history_language").set_value("ar").run()
        assert len(at.dataframe[0].value) == 1
        at.text_input(key="history_search").set_value("no such text").run()
        assert catalogue("en")["history.none"] in html(at)


class TestSuggestions:
    @pytest.mark.parametrize("lang", ["en", "ar"])
    def test_a_suggestion_is_completed_and_accepted(
        self, open_page: Open, sidecar: FakeSidecar, monkeypatch: pytest.MonkeyPatch, lang: str
    ):
        monkeypatch.setattr("dashboard.ui.grids.select", lambda frame, **_: 0)
        at = open_page(sidecar, "suggestions", lang)
        key = sidecar.suggestion["id"]
        assert "&lt;img src=x" in html(at)
        assert not [b for b in at.button if b.key == f"accept_{key}"]
        at.text_area(key=f"reply_ar_{key}").set_value("نعم")
        at.text_area(key=f"reply_en_{key}").set_value("Yes, for free.")
        at.button(key=f"save_{key}").click().run()
        assert sidecar.suggestion["replies"] == {"ar": "نعم", "en": "Yes, for free."}
        assert "+  - id: gift_wrap" in at.code[0].value
        at.checkbox(key=f"commit_{key}").set_value(True).run()
        at.button(key=f"accept_{key}").click().run()
        assert not at.exception
        body = next(body for method, path, body in sidecar.calls if path.endswith("/accept"))
        assert (body["revision"], body["commit"]) == ("r1", True)
        assert catalogue(lang)["suggestions.empty"] in html(at)

    def test_a_rejection_keeps_its_reason(self, open_page: Open, sidecar: FakeSidecar, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("dashboard.ui.grids.select", lambda frame, **_: 0)
        at = open_page(sidecar, "suggestions")
        key = sidecar.suggestion["id"]
        at.text_input(key=f"reason_{key}").set_value("not ours").run()
        at.button(key=f"reject_{key}").click().run()
        assert sidecar.suggestion["status"] == "rejected"
        assert any(body.get("reason") == "not ours" for _, path, body in sidecar.calls if path.endswith("/reject"))
