from __future__ import annotations

import pytest

from dashboard.ui.i18n import catalogue
from dashboard.ui.marks import esc
from tests.dashboard.conftest import Open, html
from tests.ui.fake_sidecar import FakeSidecar

READING = ("about", "privacy", "terms")


@pytest.mark.parametrize("lang", ["en", "ar"])
@pytest.mark.parametrize("name", READING)
@pytest.mark.parametrize("down", [False, True])
def test_they_can_be_read_even_without_a_sidecar(open_page: Open, name: str, lang: str, down: bool):
    sidecar = FakeSidecar()
    sidecar.down = down
    at = open_page(sidecar, name, lang)
    assert [title.value for title in at.title] == [catalogue(lang)[f"page.{name}"]]
    assert catalogue(lang)["blocked.down.title"] not in html(at)
    shown = html(at) + "".join(text.value for text in [*at.text, *at.caption, *at.subheader])
    wanted = {key: text for key, text in catalogue(lang).items() if key.startswith(f"{name}.")}
    assert len(wanted) >= 5
    for key, text in wanted.items():
        if key != "privacy.in_use":
            assert text in shown or esc(text) in shown, key


@pytest.mark.parametrize("lang", ["en", "ar"])
def test_end_to_end_is_claimed_for_whatsapp_web_alone(open_page: Open, sidecar: FakeSidecar, lang: str):
    said = html(open_page(sidecar, "privacy", lang))
    words = catalogue(lang)
    assert esc(words["privacy.in_use"].format(name=words["privacy.simulator"])) in said
    assert f'tone-success"><i></i>{esc(words["privacy.whatsapp_web.verdict"])}' in said
    assert f'tone-warning"><i></i>{esc(words["privacy.cloud_api.verdict"])}' in said
    assert said.count('class="wq-badge tone-success"') == 1
