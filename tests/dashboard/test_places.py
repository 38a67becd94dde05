"""Pages in place of a page, the lock, the profile and its menu, the "New" marks, welcome and components."""

from __future__ import annotations

import logging

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard import locks, news
from dashboard.ui import keyring, places, theme
from dashboard.ui.i18n import catalogue
from dashboard.ui.marks import esc
from tests.dashboard.conftest import Open, html
from tests.ui.fake_sidecar import FakeSidecar
from waqtor.kernel import access
from waqtor.settings import LOCKABLE

CODE = "رمز-2468"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class TestLock:
    def test_every_lockable_part_has_its_pages(self):
        assert set(locks.PAGES) == set(LOCKABLE)

    def test_a_fresh_install_locks_nothing(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.delenv("WAQTOR_LOCKED_PAGES", raising=False)
        monkeypatch.delenv("WAQTOR_ACCESS_CODE", raising=False)
        st.cache_resource.clear()
        assert locks.lock().pages == frozenset()

    def test_guessing_is_braked_for_all(self):
        clock = Clock()
        lock = locks.Lock(("reports",), CODE, clock)
        assert not any(lock.opens(f"guess{n}") for n in range(locks.TRIES))
        assert lock.wait() == locks.WAIT_S
        assert not lock.opens(CODE)
        clock.now += locks.WAIT_S
        assert lock.wait() == 0
        assert lock.opens(f" {CODE} ")

    def test_hostile_codes_are_wrong_codes(self):
        lock = locks.Lock(("reports",), CODE)
        assert not any(lock.opens(text) for text in ("", "\ud800", "\x00", "x" * 1_000_000))


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAQTOR_LOCKED_PAGES", "smartbot,reports")
    monkeypatch.setenv("WAQTOR_ACCESS_CODE", CODE)


@pytest.mark.usefixtures("locked")
class TestLockedPages:
    @pytest.mark.parametrize("lang", ["en", "ar"])
    @pytest.mark.parametrize("page", [*locks.PAGES["smartbot"], *locks.PAGES["reports"]])
    def test_nothing_of_them_is_shown_or_read(self, open_page: Open, sidecar: FakeSidecar, page: str, lang: str):
        at = open_page(sidecar, page, lang)
        assert esc(catalogue(lang)["place.locked"]) in html(at)
        assert not at.dataframe
        assert not [path for _, path, _ in sidecar.calls if path.startswith(("/smartbot", "/campaigns", "/analytics"))]

    def test_the_code_opens_them_for_the_visit(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "rules")
        at.text_input(key="lock_code").set_value("wrong-code")
        at.button(key="lock_open").click().run()
        assert [error.value for error in at.error] == [catalogue("en")["place.code.wrong"]]
        at.button(key="lock_enter").click().run()
        at.text_input(key="lock_code").set_value(CODE)
        at.button(key="lock_open").click().run()
        assert len(at.dataframe[0].value) == 9
        at.switch_page("app_pages/history.py").run()
        assert len(at.dataframe[0].value) == 9

    def test_other_pages_stay_open(self, open_page: Open, sidecar: FakeSidecar):
        assert esc(catalogue("en")["place.locked"]) not in html(open_page(sidecar, "messages"))


class TestFaults:
    @pytest.mark.parametrize("lang", ["en", "ar"])
    def test_a_broken_page_says_so_and_the_log_has_the_reason(
        self, open_page: Open, sidecar: FakeSidecar, monkeypatch: pytest.MonkeyPatch, caplog, lang: str
    ):
        shown = places.broken
        at = open_page(sidecar, "about", lang)
        monkeypatch.setattr("dashboard.ui.places.broken", shown)
        monkeypatch.setattr("dashboard.ui.encryption.card", lambda: 1 / 0)
        with caplog.at_level(logging.ERROR, logger="dashboard"):
            at.switch_page("app_pages/privacy.py").run()
        assert not at.exception
        assert esc(catalogue(lang)["place.broken"]) in html(at)
        assert "ZeroDivisionError" not in html(at)
        (record,) = (each for each in caplog.records if each.name == "dashboard")
        reference = record.getMessage().split()[-1]
        assert f">{reference}<" in html(at)
        assert record.exc_info is not None
        assert record.exc_info[0] is ZeroDivisionError

    def test_an_unknown_address_is_told(self, open_page: Open, sidecar: FakeSidecar, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("dashboard.ui.places.asked_for", lambda: "<b>nowhere")
        at = open_page(sidecar)
        assert [title.value for title in at.title] == [catalogue("en")["place.not_found"]]
        assert "/&lt;b&gt;nowhere" in html(at)


class TestProfile:
    def test_it_is_kept_on_the_server(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "profile")
        at.text_input(key="profile_name").set_value("نورة <b>")
        at.radio(key="profile_brand").set_value("text")
        at.selectbox(key="profile_language").set_value("ar")
        at.button(key="profile_keep").click().run()
        assert not at.exception
        kept = {name: sidecar.access.profile[name] for name in ("name", "brand", "language", "gravatar")}
        assert kept == {"name": "نورة <b>", "brand": "text", "language": "ar", "gravatar": False}
        assert [title.value for title in at.title] == [catalogue("ar")["page.profile"]]
        assert "نورة &lt;b&gt;" in html(at)

    def test_an_address_that_is_none_is_refused(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "profile")
        at.text_input(key="profile_email").set_value("no address")
        at.button(key="profile_keep").click().run()
        assert sidecar.access.profile["email"] == ""
        assert 'class="wq-trouble' in html(at)

    def test_gravatar_is_asked_only_when_switched_on(self, open_page: Open, sidecar: FakeSidecar):
        sidecar.access.profile["email"] = "me@example.com"
        assert "gravatar.com/avatar" not in html(open_page(sidecar, "profile"))
        sidecar.access.profile["gravatar"] = True
        assert "https://gravatar.com/avatar/" in html(open_page(sidecar, "profile"))

    def test_pages_do_without_a_profile(self, open_page: Open, sidecar: FakeSidecar):
        sidecar.broken = {"/profile"}
        assert catalogue("en")["menu.owner"] in html(open_page(sidecar))

    def test_a_chosen_language_is_remembered(self, open_page: Open, sidecar: FakeSidecar):
        open_page(sidecar).segmented_control(key="lang").set_value("ar").run()
        assert sidecar.access.profile["language"] == "ar"


def styles(at: AppTest) -> str:
    return "\n".join(element.value for element in at.html if element.value.startswith("<style>"))


def test_a_new_mark_goes_when_the_page_was_opened(open_page: Open, sidecar: FakeSidecar):
    page = news.NEW[0]
    link = f'a[href$="/{page}"]::after'
    assert link in styles(open_page(sidecar))
    assert link not in styles(open_page(sidecar, page))
    assert sidecar.access.profile["seen"] == [page]
    assert link not in styles(open_page(sidecar))


@pytest.mark.parametrize("name", ['"; } body { display: none', "</style><script>", "متجر العطور", "a\\b"])
def test_names_end_neither_a_css_string_nor_the_style(name: str):
    inner = theme.quoted(name)[1:-1]
    assert not set(inner) & set("\"'<>;{}()")
    assert all(len(part) > 1 for part in inner.split("\\")[1:])


@pytest.mark.parametrize("lang", ["en", "ar"])
def test_all_components_are_in_the_gallery(open_page: Open, sidecar: FakeSidecar, lang: str):
    at = open_page(sidecar, "gallery", lang)
    shown = [part.value for part in at.subheader]
    for name in ("badge", "tag", "chip", "avatar", "button", "chart", "file", "form", "input", "message", "table"):
        assert catalogue(lang)[f"gallery.{name}"] in shown


@pytest.mark.parametrize("lang", ["en", "ar"])
@pytest.mark.parametrize("down", [False, True])
def test_welcome_says_what_is_encrypted_and_that_data_stays(open_page: Open, lang: str, down: bool):
    sidecar = FakeSidecar()
    sidecar.down = down
    said = html(open_page(sidecar, "welcome", lang))
    for key in ("welcome.stays", "privacy.cloud_api.text", "privacy.whatsapp_web.text"):
        assert esc(catalogue(lang)[key]) in said


class TestKeys:
    def test_a_key_is_shown_once_and_can_be_ended(
        self, open_page: Open, sidecar: FakeSidecar, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("dashboard.ui.grids.select", lambda frame, **_: 0)
        at = open_page(sidecar, "settings")
        at.button(key="key_make").click().run()
        assert [warning.value for warning in at.warning] == [catalogue("en")["keyring.incomplete"]]
        at.text_input(key="key_name").set_value("website")
        at.multiselect(key="key_scopes").set_value(["messages:send", "analytics:read"])
        at.button(key="key_make").click().run()
        assert sidecar.access.keys["k1"]["scopes"] == ["messages:send", "analytics:read"]
        assert [code.value for code in at.code] == ["wq_9f3_the_secret", "sign_1"]
        at.button(key="key_shown_done").click().run()
        assert not at.code
        at.button(key="key_revoke_k0").click().run()
        assert sidecar.access.keys["k0"]["revoked"]
        assert not [button for button in at.button if button.key == "key_revoke_k0"]

    def test_every_scope_can_be_given(self):
        assert set(keyring.SCOPES) == set(access.SCOPES)
        assert {keyring.scope_name(scope) for scope in access.SCOPES} <= set(catalogue("en").values())
