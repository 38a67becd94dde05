from __future__ import annotations

import inspect
import re

import pytest

from dashboard.ui import reasons
from dashboard.ui.i18n import catalogue
from tests.dashboard.conftest import Open, html
from tests.ui.fake_sidecar import FakeSidecar
from waqtor.campaigns import progress, runner
from waqtor.transports.simulator import client
from waqtor.webhooks import dispatcher

SAYERS = {
    "gone": dispatcher, "failing": dispatcher, "unreachable": client, "lost": client, "replaced": client,
    "missed": runner, "warm_up": runner, "budget": progress,
}  # fmt: skip


@pytest.mark.parametrize("key", reasons.PATTERNS)
def test_the_engine_still_says_so(key: str):
    source = re.sub(r'"\s+f?"', "", inspect.getsource(SAYERS[key]))
    parts = re.split(r"\(\?P<\w+>[^)]*\)", reasons.PATTERNS[key])
    place = 0
    for part in parts:
        plain = re.sub(r"\\(.)", r"\1", part)
        place = source.find(plain, place)
        assert place >= 0, plain


def test_every_pattern_has_its_label():
    for lang in ("en", "ar"):
        labels = {key.removeprefix("reason.") for key in catalogue(lang) if key.startswith("reason.")}
        assert labels == set(reasons.PATTERNS)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("nothing but failures for 5 days", "Nothing but failures for 5 days."),
        ("its start was missed by 90 minutes; resume it to send now", "Its start was missed by 90 minutes; resume it"),
        ("11 of the last 100 sends failed (budget 10%), most often (9) with: 131026: gone", "11 of the last 100 sends"),
        ("(#190) Error validating access token", "(#190) Error validating access token"),
        ("", ""),
    ],
)
def test_reasons_in_words(reason: str, said: str):
    assert reasons.said(reason).startswith(said)


def test_a_notification_gives_its_reason_in_the_language_of_the_page(open_page: Open, sidecar: FakeSidecar):
    sidecar.notices.items[0].update(
        wording="webhook.disabled", params={"host": "crm.example", "reason": "the endpoint answered 410 Gone"}
    )
    shown = html(open_page(sidecar, "notifications", "ar"))
    assert catalogue("ar")["reason.gone"] in shown
    assert "the endpoint answered" not in shown
