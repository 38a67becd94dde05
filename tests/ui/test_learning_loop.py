"""The main promise in a real Chromium: not answered, suggested, accepted on the page, committed, answered."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.ui.real_engine import KEY, RULES, git, talk
from tests.ui.test_dashboard import open_page
from waqtor.client import WaqtorClient
from waqtor.transports.simulator.control import SimulatorControl

pytestmark = [pytest.mark.ui, pytest.mark.slow]
ASKED = {
    "en": ["can you wrap it as a gift", "gift wrap available?", "is gift wrap possible 🎁", "wrap my order as a gift",
           "i want gift wrap", "gift wrap for my order"],
    "ar": ["هل يوجد تغليف هدايا؟", "أبي تغليف هدايا للطلب", "تغليف هدايا لو سمحت 🎁", "كم سعر تغليف هدايا",
           "عندكم تغليف هدايا", "تغليف هدايا متوفر"],
}  # fmt: skip
ANSWER = {"en": "We wrap gifts for free.", "ar": "نغلّف الهدايا مجانًا."}
ACCEPTED = {"en": "Written into the rules", "ar": "كُتب في القواعد"}


def write(folder: Path, texts: list[str], first: int) -> None:
    """Each text from a customer of its own; returns when the engine has nothing left to do."""

    async def send(control: SimulatorControl) -> None:
        await control.inject_many([{"text": text, "from": f"9665011{first + n:05d}"} for n, text in enumerate(texts)])
        await control.wait_idle()

    talk(folder, send)


def settled(page: Page) -> None:
    """Wait until the page is drawn: a click into one that is being redrawn can be lost."""
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible(timeout=30_000)


@pytest.mark.parametrize("lang", ["ar", "en"])
def test_what_was_not_answered_is_answered_after_a_suggestion_is_accepted(
    page: Page, engine_url: str, engine_folder: Path, real_dashboard: str, lang: str
) -> None:
    asked, rules = ASKED[lang], engine_folder / "rules"
    first = 100 if lang == "ar" else 200
    before = git(rules, "rev-parse", "HEAD")
    write(engine_folder, asked, first)
    with WaqtorClient(api_url=engine_url, api_key=KEY) as client:
        (chat,) = client.messages.chats(search=f"9665011{first:05d}")
        assert [m.direction for m in client.messages.chat_messages(chat.chat_id)] == ["in"]

    open_page(page, real_dashboard, "suggestions", lang)
    page.locator(".st-key-suggestions_refresh button:visible").click()
    grid = page.locator("[data-testid=stDataFrame]")
    expect(grid).to_be_visible(timeout=30_000)
    settled(page)
    grid.click(position={"x": 18, "y": 53})
    review = page.locator(".st-key-card_review")
    expect(page.locator(".st-key-card_evidence .wq-chips")).to_contain_text(asked[0], timeout=30_000)
    review.locator("[class*=st-key-rule_] input").fill(f"gift_wrap_{lang}")
    review.locator(f"[class*=st-key-reply_{lang}_] textarea").fill(ANSWER[lang])
    review.locator("[class*=st-key-save_] button").click()
    expect(review.locator("[data-testid=stCode]")).to_contain_text(f"+  - id: gift_wrap_{lang}", timeout=30_000)
    settled(page)
    review.locator("[class*=st-key-commit_] label").click()
    message = review.locator("[class*=st-key-message_] input")
    expect(message).to_be_enabled(timeout=30_000)
    message.fill(f"Answer about gift wrapping ({lang})")
    review.locator("[class*=st-key-accept_] button").click()
    told = page.locator(".st-key-card_accepted")
    expect(told).to_contain_text(ACCEPTED[lang], timeout=60_000)

    assert git(rules, "log", "-1", "--format=%s").strip() == f"Answer about gift wrapping ({lang})"
    assert git(rules, "rev-parse", "HEAD~1") == before
    expect(told).to_contain_text(git(rules, "rev-parse", "HEAD")[:12])
    assert git(rules, "status", "--porcelain") == ""
    changed = [line.split("\t") for line in git(rules, "show", "--numstat", "--format=", "HEAD").splitlines()]
    assert [(removed, name) for _, removed, name in changed] == [("0", "custom.yaml")]
    assert f"id: gift_wrap_{lang}" in git(rules, "show", "HEAD")
    assert (rules / "shop.yaml").read_text(encoding="utf-8") == RULES

    write(engine_folder, [asked[0]], first)
    open_page(page, real_dashboard, "messages", lang)
    page.locator(f"[class*='st-key-chat_'][class*='9665011{first:05d}'] button").first.click()
    thread = page.locator(".st-key-card_thread")
    expect(thread.locator(".wq-row.out .wq-text")).to_have_text(ANSWER[lang], timeout=30_000)
    expect(thread.locator(".wq-row:not(.out) .wq-text")).to_have_count(2)
