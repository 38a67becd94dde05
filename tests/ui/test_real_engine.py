"""The test bench and the messages page of a real engine, in a real Chromium, in English and in Arabic."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.ui.real_engine import talk
from tests.ui.test_dashboard import ask, open_page
from waqtor.transports.simulator.control import SimulatorControl

pytestmark = [pytest.mark.ui, pytest.mark.slow]


@pytest.mark.parametrize(
    ("lang", "asked", "decision", "reply"),
    [
        ("en", "When do you open?", "Answers", "We open at nine."),
        ("ar", "متى تفتحووون؟", "يرد", "نفتح الساعة التاسعة."),
    ],
)
def test_the_bench_shows_what_the_engine_decides(
    page: Page, real_dashboard: str, lang: str, asked: str, decision: str, reply: str
) -> None:
    open_page(page, real_dashboard, "bench", lang)
    ask(page, asked)
    expect(page.locator(".wq-decision h3")).to_have_text(decision)
    expect(page.locator(".wq-phone .wq-row:not(.out) .wq-text").first).to_have_text(reply)
    expect(page.locator(".wq-step")).to_have_count(8)


def test_a_message_and_its_answer_appear(page: Page, real_dashboard: str, engine_folder: Path) -> None:
    message = {"text": "كم سعر المنتج", "from": "966500000001", "push_name": "سارة"}

    async def inject(control: SimulatorControl) -> None:
        await control.inject(message)
        await control.wait_idle()

    talk(engine_folder, inject)
    open_page(page, real_dashboard, "messages", "ar")
    expect(page.get_by_text("سارة").first).to_be_visible()
    expect(page.get_by_text("من ٢٠ ريالاً.").first).to_be_visible()


def test_a_chat_answered_on_the_phone_is_given_back_and_its_decision_judged(
    page: Page, real_dashboard: str, engine_folder: Path
) -> None:
    async def answered_on_the_phone(control: SimulatorControl) -> None:
        await control.inject({"text": "where is your shop", "from": "966500000077", "push_name": "Huda"})
        await control.wait_idle()
        await control.phone("966500000077", "I'll send you the map")

    talk(engine_folder, answered_on_the_phone)
    open_page(page, real_dashboard, "messages", "en")
    page.locator("[class*='st-key-chat_'][class*='966500000077'] button").first.click()
    thread = page.locator(".st-key-card_thread")
    expect(thread.get_by_text("I'll send you the map")).to_be_visible(timeout=30_000)
    expect(thread.locator("[aria-label='Typed on the phone']")).to_be_visible()
    expect(thread.locator(".st-key-chat_resume")).to_be_visible()
    shoot(page, "phone-en")
    open_page(page, real_dashboard, "history", "en")
    page.locator(".st-key-history_search input").fill("where is your shop")
    page.locator(".st-key-history_search input").press("Enter")
    expect(page.get_by_text("1 decisions, newest first")).to_be_visible(timeout=30_000)
    grid = page.locator("[data-testid=stDataFrame]")
    card = page.locator(".st-key-card_judge")
    grid.click(position={"x": 18, "y": 53})
    expect(card).to_be_visible(timeout=30_000)
    card.get_by_role("button", name="Right").click()
    expect(card.get_by_text("Judged right")).to_be_visible(timeout=30_000)
    # A click into a page that is still being redrawn can be lost.
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible(timeout=30_000)
    page.locator(".st-key-history_chat_resume button").locator("visible=true").first.click()
    expect(page.get_by_text("The bot answers in this chat.")).to_be_visible(timeout=30_000)
    shoot(page, "history-en")


def test_a_campaign_from_upload_to_report(page: Page, real_dashboard: str) -> None:
    open_page(page, real_dashboard, "campaigns", "en")
    rows = "\n".join(f"N{i},05000{i:05d}" for i in range(40))
    upload = {"name": "list.csv", "mimeType": "text/csv", "buffer": f"name,mobile\n{rows}\nX,12\n".encode()}
    page.locator(".st-key-wizard_file input[type=file]").set_input_files(upload)
    expect(page.locator(".st-key-wizard_phone")).to_be_visible(timeout=30_000)
    page.locator(".st-key-wizard_name input").fill("New branch")
    page.locator(".st-key-wizard_text textarea").fill("Hi {{name}}, we open a new branch!")
    page.locator(".st-key-wizard_text textarea").press("Control+Enter")
    page.locator(".st-key-wizard_ab label").first.click()
    page.locator(".st-key-wizard_text_b textarea").fill("{{name}}, come and see our new branch!")
    page.locator(".st-key-wizard_text_b textarea").press("Control+Enter")
    create = page.locator(".st-key-wizard_create button")
    expect(create).to_be_enabled(timeout=30_000)
    create.click()
    previews = page.locator(".st-key-wizard .wq-preview")
    expect(previews.get_by_text("we open a new branch!").first).to_be_visible(timeout=60_000)
    expect(previews.get_by_text("come and see our new branch!").first).to_be_visible()
    expect(page.locator(".st-key-wizard").get_by_text("40 recipients of 41 rows")).to_be_visible()
    expect(page.locator(".st-key-wizard").get_by_text("1 bad rows")).to_be_visible()
    page.locator(".st-key-wizard_execute button").click()
    card = page.locator(".st-key-card_campaign")
    expect(card.get_by_text("Completed")).to_be_visible(timeout=60_000)
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible(timeout=30_000)
    shoot(page, "campaigns-en")
    page.locator(".st-key-campaign_report_open button").click()
    expect(page.locator(".st-key-card_funnel .js-plotly-plot")).to_be_visible(timeout=30_000)
    expect(page.locator("[data-testid=stMetricValue]").first).to_have_text("40", timeout=30_000)
    shoot(page, "report-en")


def test_a_list_of_a_hundred_thousand_shows_its_progress(page: Page, real_dashboard: str, tmp_path: Path) -> None:
    listed = tmp_path / "large.csv"
    rows = "\n".join(f"N{i},05{i:08d}" for i in range(100_000))
    listed.write_text(f"name,mobile\n{rows}\nX,12\n", encoding="utf-8")
    open_page(page, real_dashboard, "campaigns", "en")
    if not page.locator(".st-key-wizard_file").is_visible():
        page.locator(".st-key-wizard summary").click()
    page.locator(".st-key-wizard_file input[type=file]").set_input_files(listed)
    expect(page.locator(".st-key-wizard_phone")).to_be_visible(timeout=60_000)
    page.locator(".st-key-wizard_name input").fill("Everybody")
    page.locator(".st-key-wizard_text textarea").fill("Hi {{name}}!")
    page.locator(".st-key-wizard_text textarea").press("Control+Enter")
    create = page.locator(".st-key-wizard_create button")
    expect(create).to_be_enabled(timeout=30_000)
    began = time.monotonic()
    create.click()
    wizard = page.locator(".st-key-wizard")
    expect(wizard.get_by_text("left").first).to_be_visible(timeout=30_000)
    shoot(page, "wizard-import-en")
    expect(wizard.get_by_text("recipients of 100,001 rows")).to_be_visible(timeout=60_000)
    assert time.monotonic() - began < 60
    expect(wizard.get_by_text("1 bad rows")).to_be_visible(timeout=60_000)
    expect(wizard.locator(".st-key-wizard_execute button")).to_be_visible(timeout=60_000)


def test_a_list_composed_on_the_page_reaches_whatsapp(page: Page, real_dashboard: str, engine_folder: Path) -> None:
    open_page(page, real_dashboard, "interactive", "ar")
    page.locator(".st-key-compose_kind button").nth(1).click()
    fields = {
        "header": "فروعنا",
        "list_button": "اختر",
        "section_0": "الرياض",
        "row_0_0": "العليا",
        "about_0_0": "من ٩",
    }
    for key, text in fields.items():
        page.locator(f".st-key-compose_{key} input").fill(text)
    page.locator(".st-key-compose_body textarea").fill("أي فرع *أقرب*؟")
    page.locator(".st-key-compose_body textarea").press("Control+Enter")
    page.locator(".st-key-compose_to input").fill("+966 50 000 0444")
    expect(page.locator(".wq-preview b", has_text="أقرب")).to_be_visible(timeout=30_000)
    expect(page.locator(".wq-sheet")).to_contain_text("العليا")
    assert page.locator(".wq-sheet .wq-text").first.evaluate("e => getComputedStyle(e).unicodeBidi") == "plaintext"
    send = page.locator(".st-key-compose_send button")
    expect(send).to_be_enabled(timeout=30_000)
    send.click()
    shown = page.locator(".st-key-card_send dd code")
    expect(shown).to_be_visible(timeout=30_000)
    message_id = shown.inner_text().strip()
    shoot(page, "interactive-ar")

    async def recorded() -> dict[str, Any] | None:
        async with SimulatorControl(engine_folder / "s.sock") as control:
            return await control.call(message_id)

    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(asyncio.run, recorded()).result(30)
    assert call is not None
    assert (call["count"], call["to"]) == (1, "966500000444")


def shoot(page: Page, name: str) -> None:
    """Keep a picture where ``WAQTOR_PICTURES`` says."""
    folder = os.environ.get("WAQTOR_PICTURES")
    if folder:
        page.wait_for_timeout(1500)
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)
