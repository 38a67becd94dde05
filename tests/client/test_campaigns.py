"""Calls about campaigns carry an Idempotency-Key, so that they are repeated safely."""

from __future__ import annotations

import inspect

import httpx
import pytest

from tests.client.test_rest import _no_waiting, answering, problem
from waqtor.client import campaigns as calls
from waqtor.contracts.campaigns import AudienceView, CampaignView

__all__ = ["_no_waiting"]

VIEW = CampaignView(id="c", name="n", session="s", status="draft", created="t", updated="t").model_dump(mode="json")
LIST = AudienceView(id="a", name="n", source="list", state="ready", created="t", updated="t").model_dump(mode="json")
CHANGING = {
    "create": (("n",), {"recipients": ["+966501234567"], "template": "Hi"}, VIEW),
    "execute": (("c",), {}, VIEW),
    "pause": (("c", "why"), {}, VIEW),
    "resume": (("c",), {}, VIEW),
    "cancel": (("c", "why"), {}, VIEW),
    "retry_failed": (("c",), {}, VIEW),
    "clone": (("c",), {}, VIEW),
    "test_send": (("c", ["+966501234567"]), {}, {"sent": []}),
    "create_audience": (("n",), {"numbers": "0501234567"}, LIST),
}


@pytest.mark.parametrize("name", CHANGING)
def test_a_lost_answer_is_asked_for_again_under_the_same_key(name: str):

    args, more, body = CHANGING[name]
    client, asked = answering(problem(503), httpx.Response(200, json=body))
    with client:
        getattr(client.campaigns, name)(*args, **more)
        getattr(client.campaigns, name)(*args, **more, idempotency_key="mine")
    first, second, third = (request.headers["idempotency-key"] for request in asked)
    assert first == second
    assert first
    assert third == "mine"


def test_a_rehearsal_needs_no_key_and_is_repeated_all_the_same():

    client, asked = answering(
        problem(503), httpx.Response(200, json={"total": 1, "ready": 1, "skips": {}, "variants": {}})
    )
    assert client.campaigns.dry_run("c").ready == 1
    assert len(asked) == 2
    assert "idempotency-key" not in asked[0].headers


def test_every_call_that_changes_something_takes_a_key():
    for name in CHANGING:
        function = calls.try_out if name == "test_send" else getattr(calls, name)
        assert inspect.signature(function).parameters["idempotency_key"].kind is inspect.Parameter.KEYWORD_ONLY
