from __future__ import annotations

import ast

import pytest

from dashboard.ui import preview, snippets
from dashboard.ui.composer import Attached, Composed
from tests.dashboard.conftest import Open, html
from tests.ui.fake_sidecar import FakeSidecar

HOSTILE = "<img src=x onerror=alert(1)>"


def test_buttons_are_composed_seen_and_sent_once(open_page: Open, sidecar: FakeSidecar) -> None:
    at = open_page(sidecar, "interactive")
    send = at.button(key="compose_send")
    assert send.disabled
    asked = "هل *وصل* الطلب؟"
    at.text_area(key="compose_body").set_value(asked).run()
    at.text_input(key="compose_button_0").set_value("نعم").run()
    at.button(key="compose_n_buttons_add").click().run()
    at.text_input(key="compose_button_1").set_value("لا").run()
    at.text_input(key="compose_to").set_value("٠٠٩٦٦ 50-123-4567").run()
    drawn = html(at)
    assert "هل <b>وصل</b> الطلب؟" in drawn
    assert f"{len(asked)} / 1,024" in drawn
    at.button(key="compose_send").click().run()
    assert not at.exception
    calls = [call for call in sidecar.calls if call[1] == "/messages/send-buttons"]
    buttons = [{"id": "نعم", "title": "نعم"}, {"id": "لا", "title": "لا"}]
    assert [call[2] for call in calls] == [{"to": "966501234567", "body": asked, "buttons": buttons}]
    assert at.button(key="compose_send").disabled  # the same again only when asked for
    at.button(key="compose_again").click().run()
    assert not at.button(key="compose_send").disabled


def test_equal_titles_cannot_be_sent(open_page: Open, sidecar: FakeSidecar) -> None:
    at = open_page(sidecar, "interactive", lang="ar")
    at.text_area(key="compose_body").set_value("?").run()
    at.button(key="compose_n_buttons_add").click().run()
    for n in range(2):
        at.text_input(key=f"compose_button_{n}").set_value("Yes").run()
    at.text_input(key="compose_to").set_value("966501234567").run()
    assert at.button(key="compose_send").disabled


@pytest.mark.parametrize("kind", ["list", "media", "location", "template", "text"])
def test_every_kind_has_its_fields_and_preview(open_page: Open, sidecar: FakeSidecar, kind: str) -> None:
    at = open_page(sidecar, "interactive", lang="ar")
    at.segmented_control(key="compose_kind").set_value(kind).run()
    assert not at.exception
    assert "wq-preview" in html(at)


def test_a_message_is_literal_but_for_its_marks() -> None:
    assert preview.formatted(f"*{HOSTILE}*") == "<b>&lt;img src=x onerror=alert(1)&gt;</b>"
    assert preview.formatted("2*3*4 a_b_c ~~ ** ``` ```") == "2*3*4 a_b_c ~~ ** <code> </code>"
    sections = [{"title": HOSTILE, "rows": [{"id": "1", "title": HOSTILE, "description": HOSTILE}]}]
    content = {"type": "list", "body": HOSTILE, "button": HOSTILE, "header": HOSTILE, "sections": sections}
    assert "<img" not in preview.phone(HOSTILE, content)
    place = {"type": "location", "latitude": 1.0, "longitude": 2.0, "name": HOSTILE, "address": HOSTILE}
    assert "<img" not in preview.phone("Shop", place)
    # An address is never loaded, and bytes are drawn only when they are a picture.
    assert "<img" not in preview.phone("Shop", {"type": "image", "filename": "https://example.com/a.png"}, b"<svg>")
    assert "data:image/png;base64," in preview.phone("Shop", {"type": "image"}, b"\x89PNG....")


def test_the_code_is_code() -> None:
    fields = {"media_type": "document", "caption": 'it\'s "هنا"\n$(rm)'}
    made = Composed("send_media", "send-media", fields, {}, True, Attached("a'b.pdf", b"%PDF-"))
    ast.parse(snippets.python(made, "966501234567"))
    shell = snippets.rest(made, "966501234567", "http://localhost:8080")
    assert "--data-binary @'a'\"'\"'b.pdf'" in shell
    assert "'\"'\"'s" in shell  # a quote in the text cannot end the argument
