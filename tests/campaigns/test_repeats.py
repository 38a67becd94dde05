"""Requests that come again under their Idempotency-Key make and change nothing a second time."""

from __future__ import annotations

import asyncio

import pytest

from tests.campaigns.conftest import Bench, people
from waqtor.contracts.campaigns import CampaignAction, CreateAudience, CreateCampaign, TestSend
from waqtor.errors import Conflict, IdempotencyConflict, InvalidInput

SPEC = {"name": "Sale", "template": "Hello", "recipients": people(20)}


async def test_a_campaign_is_made_once_also_by_two_requests_at_once(bench: Bench):
    engine = bench.engine
    command = CreateCampaign.model_validate(SPEC)
    made = await asyncio.gather(*(engine.dispatch(command, key="api:k:1") for _ in range(3)))
    assert len({one["id"] for one in made}) == 1
    assert len(await engine.campaigns.list(None, None, None, 10)) == 1
    assert len(await engine.campaigns.audiences.store.list(10)) == 1
    assert (await engine.dispatch(command, key="api:other:1"))["id"] != made[0]["id"]
    with pytest.raises(IdempotencyConflict):
        await engine.dispatch(command.model_copy(update={"name": "Other"}), key="api:k:1")


async def test_what_was_refused_may_be_mended_under_a_new_key_and_repeated_under_the_old(bench: Bench):
    command = CreateCampaign.model_validate({**SPEC, "template": "Hi {{nmae}}"})
    for _ in range(2):
        with pytest.raises(InvalidInput, match="nmae"):
            await bench.engine.dispatch(command, key="api:k:1")
    assert await bench.engine.campaigns.list(None, None, None, 10) == []


async def test_actions_clones_tests_and_audiences(bench: Bench):
    dispatch = bench.engine.dispatch
    campaign = await bench.create(recipients=people(20))
    execute = CampaignAction(campaign_id=campaign.id, action="execute")
    assert (await dispatch(execute, key="api:k:x"))["status"] == "running"
    await bench.until(campaign, "completed")
    assert (await dispatch(execute, key="api:k:x"))["status"] == "completed"
    with pytest.raises(Conflict):
        await dispatch(execute)
    with pytest.raises(IdempotencyConflict):
        await dispatch(CampaignAction(campaign_id=campaign.id, action="cancel"), key="api:k:x")
    clone = CampaignAction(campaign_id=campaign.id, action="clone")
    clones = [(await dispatch(clone, key="api:k:c"))["id"] for _ in range(2)]
    assert clones[0] == clones[1] != campaign.id
    test = TestSend(campaign_id=campaign.id, recipients=("+966509999999",))
    sent = [(await dispatch(test, key="api:k:t"))["sent"][0]["message_id"] for _ in range(2)]
    assert sent[0] == sent[1]
    listed = CreateAudience(name="P", numbers="+966501234567")
    assert len({(await dispatch(listed, key="api:k:a"))["id"] for _ in range(2)}) == 1
    assert set((await bench.accepted()).values()) <= {1}


async def test_a_request_whose_engine_died_before_it_was_carried_out_is_carried_out_under_the_same_id(bench: Bench):
    command = CreateCampaign.model_validate(SPEC)
    requests = bench.engine._requests
    claim = await requests.claim("api:k:1", ["CreateCampaign", command.model_dump(mode="json")])
    assert claim.fresh
    assert (await bench.engine.dispatch(command, key="api:k:1"))["id"] == claim.subject
