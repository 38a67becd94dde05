"""What every page shares, in a real Chromium: places, keys, the menu, the way to the top, grids of Arabic pages."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.ui.test_dashboard import open_page

pytestmark = pytest.mark.ui
PHONE = {"width": 390, "height": 844}


@pytest.mark.parametrize(("lang", "said"), [("en", "There is no such page"), ("ar", "لا توجد صفحة كهذه")])
def test_an_unknown_address(page: Page, dashboard_url: str, lang: str, said: str) -> None:
    open_page(page, dashboard_url, "no-such-page", lang)
    expect(page.locator(".st-key-card_not_found")).to_contain_text(said)
    expect(page.locator(".st-key-card_not_found")).to_contain_text("/no-such-page")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.locator(".st-key-card_not_found a:visible").click()
    expect(page.locator(".st-key-overview_span")).to_be_visible()


def test_an_arabic_grid_opens_at_its_first_column(browser: Browser, dashboard_url: str) -> None:
    context = browser.new_context(viewport=PHONE, locale="ar")
    page = context.new_page()
    open_page(page, dashboard_url, "rules", "ar")
    scroller = page.locator("[data-testid=stDataFrame] .dvn-scroller")
    expect(scroller).to_be_visible()
    page.wait_for_function(
        "(s => s.scrollWidth > s.clientWidth + 50 && s.scrollLeft + s.clientWidth >= s.scrollWidth - 2)"
        "(document.querySelector('[data-testid=stDataFrame] .dvn-scroller'))"
    )
    scroller.evaluate("s => { s.dispatchEvent(new PointerEvent('pointerdown', {bubbles: true})); s.scrollLeft = 0; }")
    page.wait_for_timeout(300)
    assert scroller.evaluate("s => s.scrollLeft") == 0
    context.close()


def test_keys(page: Page, dashboard_url: str) -> None:
    open_page(page, dashboard_url, "rules", "en")
    expect(page.locator(".st-key-rules_search input")).to_be_visible()
    page.keyboard.press("/")
    expect(page.locator(".st-key-rules_search input")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".st-key-rules_search input")).not_to_be_focused()
    page.keyboard.press("Alt+2")
    expect(page.locator(".st-key-topbar h1")).to_have_text("Messages")


def test_the_menu_leads_on_by_keyboard(page: Page, dashboard_url: str) -> None:
    open_page(page, dashboard_url, "about", "en")
    page.locator(".st-key-profile_menu button").focus()
    page.keyboard.press("Enter")
    menu = page.locator("[data-testid=stPopoverBody]")
    expect(menu).to_contain_text("Quick actions")
    menu.get_by_role("link", name="Try the bot").press("Enter")
    expect(page.locator(".st-key-topbar h1")).to_have_text("Test bench")


def test_the_way_to_the_top(browser: Browser, dashboard_url: str) -> None:
    context = browser.new_context(viewport=PHONE, reduced_motion="reduce")
    page = context.new_page()
    open_page(page, dashboard_url, "gallery", "en")
    top = page.locator(".wq-top")
    expect(top).to_be_hidden()
    page.locator("[data-testid=stMain]").evaluate("e => e.scrollTo(0, 1500)")
    expect(top).to_be_visible()
    top.click()
    expect(top).to_be_hidden()
    assert page.locator("[data-testid=stMain]").evaluate("e => e.scrollTop") < 50
    context.close()
