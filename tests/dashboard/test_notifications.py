"""The bell on every page, and the notifications page."""

from __future__ import annotations

from string import Formatter

import pytest

from dashboard.ui.i18n import catalogue
from tests.dashboard.conftest import Open, html
from tests.ui.fake_sidecar import FakeSidecar
from waqtor.notifications.rules import WORDINGS


def bell(at) -> str:
    return next(link.proto.label for link in at.get("page_link") if link.proto.page == "notifications")


@pytest.mark.parametrize("lang", ["en", "ar"])
class TestBothLanguages:
    @pytest.mark.parametrize("name", ["overview", "rules", "settings", "notifications"])
    def test_the_bell_counts_on_every_page(self, open_page: Open, sidecar: FakeSidecar, name: str, lang: str):
        assert bell(open_page(sidecar, name, lang)) == "5"

    def test_a_page_of_fifty_and_the_next(self, open_page: Open, sidecar: FakeSidecar, lang: str):
        at = open_page(sidecar, "notifications", lang)
        assert html(at).count('class="wq-notice ') == 50
        at.button(key="notifications_older").click().run()
        assert html(at).count('class="wq-notice ') == 10
        assert at.button(key="notifications_older").disabled
        at.button(key="notifications_newer").click().run()
        assert html(at).count('class="wq-notice ') == 50

    def test_all_are_read(self, open_page: Open, sidecar: FakeSidecar, lang: str):
        at = open_page(sidecar, "notifications", lang)
        at.button(key="notifications_read_all").click().run()
        assert sidecar.notices.unread == 0
        assert bell(at) == catalogue(lang)["bell.quiet"]

    def test_one_is_read_unread_and_deleted(self, open_page: Open, sidecar: FakeSidecar, lang: str):
        at = open_page(sidecar, "notifications", lang)
        at.button(key="mark_n0").click().run()
        assert (sidecar.notices.unread, bell(at)) == (4, "4")
        at.button(key="mark_n0").click().run()
        assert bell(at) == "5"
        at.button(key="delete_n0").click().run()
        assert "n0" not in {n["id"] for n in sidecar.notices.items}
        assert at.toast[0].value == catalogue(lang)["notifications.deleted"]


def test_texts_follow_the_language_of_the_reader(open_page: Open, sidecar: FakeSidecar):
    sidecar.notices.items[1].update(wording="of.a.newer.engine")
    shown = html(open_page(sidecar, "notifications", "ar"))
    assert catalogue("ar")["notice.session.disconnected"] in shown
    assert "أُرسل 480 من 480، وفشل 0." in shown
    assert "WhatsApp was disconnected" not in shown
    assert "Webhook deliveries were given up" in shown  # better in English than not at all


def test_every_wording_is_in_both_catalogues_with_the_same_places():
    for lang in ("en", "ar"):
        labels = catalogue(lang)
        known = {key.removeprefix("notice.") for key in labels if key.startswith("notice.")}
        assert {key for key in known if not key.endswith(".message")} == WORDINGS
        for key in WORDINGS:
            places = {name for _, name, _, _ in Formatter().parse(labels[f"notice.{key}.message"]) if name}
            english = {name for _, name, _, _ in Formatter().parse(catalogue("en")[f"notice.{key}.message"]) if name}
            assert places == english


def test_the_unread_filter_starts_at_its_first_page(open_page: Open, sidecar: FakeSidecar):
    at = open_page(sidecar, "notifications")
    at.button(key="notifications_older").click().run()
    at.segmented_control(key="notifications_filter").set_value("unread").run()
    assert html(at).count('class="wq-notice ') == 5
    at.button(key="notifications_read_all").click().run()
    assert catalogue("en")["notifications.none"] in html(at)
    assert not [b for b in at.button if b.key == "notifications_older"]


def test_links_lead_to_pages_that_exist_and_elsewhere(open_page: Open, sidecar: FakeSidecar):
    at = open_page(sidecar, "notifications")
    led = [link.proto.page for link in at.get("page_link") if link.proto.label == catalogue("en")["notifications.open"]]
    assert led[-1] == "messages"
    assert "suggestions" in led
    assert "" in led  # the overview
    sidecar.notices.items[0]["link"] = "/no-such-page"
    at = open_page(sidecar, "notifications")
    names = [
        link.proto.page for link in at.get("page_link") if link.proto.label == catalogue("en")["notifications.open"]
    ]
    assert names == led[1:]
    assert [link.proto.url for link in at.get("link_button")] == ["https://stock.example/items/7"]


def test_a_bell_that_cannot_count_does_not_break_a_page(open_page: Open, sidecar: FakeSidecar):
    sidecar.broken = {"/notifications"}
    at = open_page(sidecar, "rules")
    assert bell(at) == catalogue("en")["bell.quiet"]
    assert 'role="alert"' not in html(at)


def test_a_refused_command_is_told(open_page: Open, sidecar: FakeSidecar):
    at = open_page(sidecar, "notifications")
    sidecar.broken = {"/notifications/read-all"}
    at.button(key="notifications_read_all").click().run()
    assert catalogue("en")["trouble.unavailable.advice"] in html(at)
    assert sidecar.notices.unread == 5
