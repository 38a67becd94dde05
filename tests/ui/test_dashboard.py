"""The dashboard in a real Chromium: the test bench in Arabic and in English, safety, right-to-left, phone width."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.ui.fake_shop import HOSTILE

pytestmark = pytest.mark.ui

BENCH = {
    "en": {
        "title": "Test bench",
        "ask": "how much is delivery",
        "decision": "Answers",
        "reply": "20",
        "steps": "The eight steps",
    },
    "ar": {
        "title": "منصة الاختبار",
        "ask": "كم سعر التوصيل؟",
        "decision": "يرد",
        "reply": "20",
        "steps": "الخطوات الثماني",
    },
}


def open_page(page: Page, url: str, path: str, lang: str) -> None:
    page.goto(f"{url}/{path}?lang={lang}")
    expect(page.locator(".st-key-topbar h1")).to_be_visible(timeout=30_000)
    expect(page.locator(".wq-badge").first).to_be_visible()
    # What is typed or clicked while a page is still being drawn can be lost.
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible(timeout=30_000)


def ask(page: Page, text: str) -> None:
    box = page.locator(".st-key-bench_text textarea")
    box.fill(text)
    box.press("Control+Enter")
    page.locator(".st-key-bench_go button").click()


@pytest.mark.parametrize("lang", ["en", "ar"])
def test_the_bench(page: Page, dashboard_url: str, lang: str) -> None:
    words = BENCH[lang]
    open_page(page, dashboard_url, "bench", lang)
    expect(page.get_by_role("heading", name=words["title"], exact=True)).to_be_visible()
    ask(page, words["ask"])
    expect(page.locator(".wq-decision h3")).to_have_text(words["decision"])
    expect(page.locator(".st-key-card_candidates .wq-cand")).to_have_count(3)
    expect(page.locator(".st-key-card_evidence .wq-grams").first).to_be_visible()
    expect(page.locator(".wq-phone .wq-row:not(.out) .wq-text").first).to_contain_text(words["reply"])
    expect(page.get_by_role("heading", name=words["steps"])).to_be_visible()
    steps = page.locator(".wq-step")
    expect(steps).to_have_count(8)
    step = steps.nth(4)
    expect(step.locator("table")).to_be_hidden()
    step.locator("summary").click()
    expect(step.locator("table")).to_be_visible()
    expect(step.locator("table")).to_contain_text("delivery_cost")


def test_silence_is_explained(page: Page, dashboard_url: str) -> None:
    open_page(page, dashboard_url, "bench", "en")
    ask(page, "which phone would you buy")
    expect(page.locator(".wq-decision h3")).to_have_text("Stays silent")
    expect(page.locator(".wq-decision")).to_contain_text("is below the threshold")
    expect(page.locator(".wq-phone .wq-note")).to_be_visible()
    expect(page.locator(".wq-cand u").first).to_be_visible()


def test_customer_text_loads_and_runs_nothing(page: Page, dashboard_url: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append("dialog " + dialog.message))
    open_page(page, dashboard_url, "bench", "en")
    ask(page, HOSTILE)
    expect(page.locator(".wq-phone .wq-row.out .wq-text")).to_have_text(HOSTILE)
    open_page(page, dashboard_url, "messages", "en")
    page.locator(".st-key-chat_default_447700900123 button").click()
    expect(page.locator(".st-key-thread_scroll .wq-text").first).to_have_text(HOSTILE)
    open_page(page, dashboard_url, "", "en")
    expect(page.locator(".st-key-card_latest")).to_contain_text("<b>James")
    outside = [url for url in asked if not url.startswith(dashboard_url) and not url.startswith(("data:", "blob:"))]
    assert outside == []


def test_arabic_stands_on_the_right(page: Page, dashboard_url: str) -> None:
    open_page(page, dashboard_url, "bench", "ar")
    ask(page, "do you take mada")
    reply = page.locator(".wq-phone .wq-row:not(.out) .wq-text").first
    expect(reply).to_contain_text("mada")
    width = page.viewport_size["width"]
    sidebar = page.locator("[data-testid=stSidebar]").bounding_box()
    assert sidebar["x"] + sidebar["width"] >= width - 2
    assert page.locator(".st-key-topbar").evaluate("e => getComputedStyle(e).direction") == "rtl"
    assert page.locator(".st-key-bench_text textarea").evaluate("e => getComputedStyle(e).unicodeBidi") == "plaintext"
    assert reply.evaluate("e => getComputedStyle(e).unicodeBidi") == "plaintext"
    assert page.evaluate("document.fonts.check('16px Cairo', 'سلام')")
    loaded = page.evaluate(
        "[...document.fonts].filter(f => f.family.includes('Cairo') && f.status === 'loaded').length"
    )
    assert loaded >= 2


def test_the_language_switch(page: Page, dashboard_url: str) -> None:
    open_page(page, dashboard_url, "rules", "en")
    page.locator(".st-key-lang").get_by_text("العربية").click()
    expect(page.locator(".st-key-topbar h1")).to_have_text("القواعد")
    expect(page).to_have_url(f"{dashboard_url}/rules?lang=ar")
    page.get_by_role("link", name="السجل").click()
    expect(page.locator(".st-key-topbar h1")).to_have_text("السجل")


def test_sending_from_a_thread(page: Page, dashboard_url: str) -> None:
    open_page(page, dashboard_url, "messages", "en")
    page.locator(".st-key-chat_default_966555010203 button").click()
    box = page.locator(".st-key-messages_text textarea")
    box.fill("وصلت الشحنة؟")
    box.press("Enter")
    last = page.locator(".st-key-thread_scroll .wq-row.out").last
    expect(last).to_contain_text("وصلت الشحنة؟")
    expect(last.locator("[role=img][title=Delivered]")).to_be_visible()


def test_nothing_sticks_out_on_a_phone(browser: Browser, dashboard_url: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark", has_touch=True)
    page = context.new_page()
    for lang, path in (("en", ""), ("ar", "bench"), ("ar", "messages")):
        open_page(page, dashboard_url, path, lang)
        main = page.locator("[data-testid=stMain]")
        assert main.evaluate("e => e.scrollWidth - e.clientWidth") <= 1
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 1
        box = page.locator("[data-testid=stSidebar]").bounding_box()
        assert box is None or box["width"] == 0
    context.close()
