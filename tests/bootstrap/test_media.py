from __future__ import annotations

import asyncio
import base64

import pytest

from tests.messaging.media_samples import PDF, PNG
from waqtor.bootstrap import Engine
from waqtor.bootstrap.media import settle_campaign, settle_media
from waqtor.contracts.campaigns import CreateCampaign
from waqtor.contracts.commands import SendMedia, SendText
from waqtor.errors import InvalidInput, NotFound
from waqtor.settings import Settings
from waqtor.storage.media import MediaStore
from waqtor.transports.simulator.process import SimulatorProcess

TO = "966501234567"


def encoded(data):
    return base64.b64encode(data).decode()


@pytest.fixture
async def media(sqlite, tmp_path):
    async with sqlite.opened() as store:
        yield MediaStore(store, tmp_path / "media")


async def test_base64_becomes_a_kept_file_and_repeating_it_the_same(media):
    content = {"type": "document", "base64": encoded(PDF), "filename": "a.pdf", "caption": "فاتورة"}
    first = await settle_media(media, content)
    assert first == await settle_media(media, content)
    assert "base64" not in first
    assert (first["mime_type"], first["filename"], first["caption"]) == ("application/pdf", "a.pdf", "فاتورة")
    assert (await media.file(first["media_id"]))[1].read_bytes() == PDF


async def test_a_data_address_says_its_type(media):
    settled = await settle_media(media, {"type": "image", "base64": f"data:image/png;base64,{encoded(PNG)}"})
    assert settled["mime_type"] == "image/png"
    with pytest.raises(InvalidInput, match="says image/jpeg, but the file is image/png"):
        await settle_media(media, {"type": "image", "base64": f"data:image/jpeg;base64,{encoded(PNG)}"})


@pytest.mark.parametrize("wrong", ["%%%", "iVBOR", "data:image/png,plain", "data:,", "é"])
async def test_what_is_no_base64_is_refused_by_field(media, wrong):
    with pytest.raises(InvalidInput) as caught:
        await settle_media(media, {"type": "image", "base64": wrong})
    assert caught.value.details["issues"][0]["field"] == "base64"


async def test_an_upload_must_be_there_and_fit(media):
    kept = (await settle_media(media, {"type": "image", "base64": encoded(PNG)}))["media_id"]
    assert (await settle_media(media, {"type": "image", "media_id": kept}))["mime_type"] == "image/png"
    with pytest.raises(InvalidInput, match="video takes"):
        await settle_media(media, {"type": "video", "media_id": kept})
    with pytest.raises(NotFound):
        await settle_media(media, {"type": "image", "media_id": "med_none"})


async def test_addresses_and_other_kinds_pass_as_they_are(media):
    for content in ({"type": "image", "url": "https://example.com/a.png"}, {"type": "text", "body": "x"}):
        assert await settle_media(media, content) == content


@pytest.mark.slow
async def test_media_sent_twice_under_one_key_is_one_send(tmp_path):
    async with SimulatorProcess(tmp_path / "s.sock") as simulator:
        settings = Settings(
            _env_file=None, data_dir=tmp_path / "run", rules_dir=tmp_path / "rules", encoder="hashing",
            simulator_socket=str(tmp_path / "s.sock"),
        )  # fmt: skip
        (tmp_path / "rules").mkdir()
        engine = Engine(settings)
        await engine.start()
        try:
            await simulator.control.wait_connected()
            order = SendMedia(to=TO, media_type="document", base64=encoded(PDF), filename="فاتورة.pdf")
            made = [await engine.dispatch(order, key="api:k:1") for _ in range(2)]
            assert [receipt.duplicate for receipt in made] == [False, True]
            assert made[0].message_id == made[1].message_id
            async with asyncio.timeout(10):
                while not (calls := (await simulator.control.calls())):
                    await asyncio.sleep(0.02)
            assert {message_id: call["count"] for message_id, call in calls.items()} == {made[0].message_id: 1}
            view = await engine.archive.message(made[0].message_id)
            assert (view.type, view.content["filename"]) == ("document", "فاتورة.pdf")
            assert "base64" not in view.content
            with pytest.raises(NotFound):
                await engine.dispatch(SendMedia(to=TO, media_type="image", media_id="med_gone"))
            text = SendText(to=TO, text="@966500000001 مرحبا", mentions=["+966 50 000 0001"])
            sent = await engine.dispatch(text)
            view = await engine.archive.message(sent.message_id)
            assert view.content["mentions"] == ["966500000001"]
            with pytest.raises(InvalidInput):
                await engine.dispatch(SendText(to=TO, text="x", mentions=["nobody"]))
        finally:
            await engine.stop()


async def test_a_campaign_carries_ids_and_never_files(media):
    command = CreateCampaign(
        name="x", recipients=[TO],
        variants=[
            {"name": "A", "content": {"type": "image", "base64": encoded(PNG), "caption": "{{name}}"}},
            {"name": "B", "template": "Hi"},
        ],
    )  # fmt: skip
    settled = await settle_campaign(media, command)
    picture = settled.variants[0].content
    assert picture.base64 is None
    assert (await media.get(picture.media_id)).mime_type == "image/png"
    assert picture.caption == "{{name}}"
    assert settled.variants[1] == command.variants[1]
    gone = CreateCampaign(name="x", recipients=[TO], content={"type": "image", "media_id": "med_gone"})
    with pytest.raises(NotFound):
        await settle_campaign(media, gone)
