from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waqtor.privacy.traces import ERASED, Traces, blanked

NUMBER = "966501234567"
traces = Traces(NUMBER)


@pytest.mark.parametrize(
    "text", [f"call +{NUMBER}", f"00{NUMBER}", f"رقمي {NUMBER}.", f"{NUMBER}@c.us", f'{{"a": "{NUMBER}"}}']
)
def test_the_number_is_taken_out_of_texts(text):
    assert traces.named_in(text)
    assert NUMBER not in traces.redact(text)
    assert ERASED in traces.redact(text)


@pytest.mark.parametrize("text", [f"1{NUMBER}", f"{NUMBER}8", "966501234568", "سارة", ""])
def test_what_is_another_number_stays(text):
    assert not traces.named_in(text)
    assert traces.redact(text) == text


@pytest.mark.parametrize(
    ("cell", "is_it"),
    [("+966 50 123 4567", True), ("٠٥٠١٢٣٤٥٦٧", True), ("0501234567", True), ("00966-501234567", True),
     ("501234", False), ("966501234568", False), ("x", False)],
)  # fmt: skip
def test_spellings_in_lists_are_known(cell, is_it):
    assert traces.is_number(cell) is is_it


def test_whatsapps_own_ids_carry_the_number():
    inner = b"\x1c\x18\x0c" + NUMBER.encode() + b"\x15\x02\x00"
    assert traces.in_provider_id("wamid." + base64.b64encode(inner).decode().rstrip("="))
    assert not traces.in_provider_id("wamid." + base64.b64encode(b"\x1c\x18\x0c966507654321").decode())
    assert not traces.in_provider_id("wamid.%%%")


@pytest.mark.parametrize("name", ["from", "to", "chat_id", "contact"])
def test_a_payload_is_whose_address_it_has(name):
    assert traces.owns({name: NUMBER, "body": "x"})
    assert not traces.owns({name: "966507654321", "body": NUMBER})


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.just(NUMBER)
    | st.just(f"x{NUMBER}")
    | st.just(int(NUMBER)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just(NUMBER), inner),
)


@given(_JSON)
def test_json_stays_json_and_loses_the_number(value):
    text = json.dumps(value, ensure_ascii=False)
    clean = traces.redact(text)
    assert not traces.named_in(clean)
    json.loads(clean)


def test_public_data_loses_what_may_name_a_person():
    data = {
        "message_id": "m", "provider_id": "wamid.x", "error": {"code": "131026", "reason": f"+{NUMBER} is not there"},
        "choice": {"id": "yes", "title": "Sara"}, "quoted": "wamid.y", "status": "failed",
    }  # fmt: skip
    assert blanked(data, traces) == {
        "message_id": "m", "provider_id": "", "error": {"code": "131026", "reason": ""},
        "choice": {"id": "yes", "title": ""}, "quoted": "", "status": "failed",
    }  # fmt: skip
