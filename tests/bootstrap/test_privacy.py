"""Erasing and exporting a person on the whole engine."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.bootstrap.test_engine import _calls, _settings
from tests.messaging.media_samples import PNG
from waqtor.bootstrap import Engine
from waqtor.contracts import campaigns as k
from waqtor.contracts import commands as c
from waqtor.contracts.notifications import CreateNotification
from waqtor.contracts.privacy import GiveConsent
from waqtor.contracts.wire import Since
from waqtor.errors import InvalidInput
from waqtor.privacy.ports import Asked, AuditQuery
from waqtor.realtime.recovery import unrecoverable
from waqtor.transports.simulator.process import SimulatorProcess

NUMBER, NAME = "966501234567", "سارة القحطاني"
TEXT = "أين طلبي السرّي رقم ٤٢؟"
OTHER, OTHER_TEXT = "966507654321", "متى تفتحون"
ASKED = Asked("key", "tests", "request")
TRACES = {
    "number": NUMBER.encode(), "name": NAME.encode(), "text": TEXT.encode(),
    "name escaped": json.dumps(NAME)[1:-1].encode(), "text escaped": json.dumps(TEXT)[1:-1].encode(),
    "variable": "بطاقة سارة الذهبية".encode(), "sent": "شحنتك يا سارة في الطريق".encode(),
}  # fmt: skip


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[SimulatorProcess]:
    async with SimulatorProcess(tmp_path / "s.sock") as process:
        yield process


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("postgres_url")) if request.param == "postgresql" else ""


@pytest.fixture
async def engine(tmp_path: Path, simulator: SimulatorProcess, url: str) -> AsyncIterator[Engine]:
    made = Engine(_settings(tmp_path, database_url=url))
    await made.start()
    await simulator.control.wait_connected()
    yield made
    await made.stop()


async def plant(engine: Engine, simulator: SimulatorProcess) -> None:
    """Leave traces of the person wherever the engine keeps something."""
    await simulator.control.inject({"text": TEXT, "from": NUMBER, "id": "m1", "push_name": NAME})
    await simulator.control.inject({"text": OTHER_TEXT, "from": OTHER, "id": "m2", "push_name": "خالد"})
    await simulator.control.inject(
        {"text": "i want to talk to a person", "from": NUMBER, "id": "m3", "push_name": NAME}
    )
    await _calls(simulator, 2)
    await engine.dispatch(c.SendText(to=NUMBER, text="شحنتك يا سارة في الطريق"), key=f"api:k:order-{NUMBER}")
    await engine.dispatch(c.SendText(to=OTHER, text=f"اتصل على +{NUMBER} من فضلك"))
    await engine.media.keep(_whole(PNG), filename="a.png")
    media = await engine.media.keep(_whole(PNG + b"\0"), filename=f"{NUMBER}.png")
    await engine.dispatch(c.SendMedia(to=NUMBER, media_type="image", media_id=media.media_id, caption="لك"))
    await engine.notifications.create("owner", CreateNotification(title="Call back", message=f"{NAME} +{NUMBER}"))
    await engine.privacy.give(GiveConsent(contact=f"+{NUMBER}", source="نموذج"), ASKED)
    made: Any = await engine.dispatch(
        k.CreateAudience.model_validate(
            {"name": "VIP", "recipients": [
                {"to": NUMBER, "card": "بطاقة سارة الذهبية"}, {"to": OTHER, "card": "x"}, "0501234567",
                "nobody 966501234567",
            ]}
        )
    )  # fmt: skip
    campaign: Any = await engine.dispatch(
        k.CreateCampaign.model_validate(
            {"name": "Sale", "audience_id": made["id"], "content": {"type": "text", "body": "عرض {{card}}"}}
        )
    )
    await engine.dispatch(k.CampaignAction(campaign_id=campaign["id"], action="execute"))
    async with asyncio.timeout(20):
        while (await engine.campaigns.status(campaign["id"])).status != "completed":
            await asyncio.sleep(0.05)
    await engine.dispatch(c.OptOut(contact=NUMBER, source="message"))
    folder = engine.settings.data_dir
    (folder / "uploads").mkdir(exist_ok=True)
    (folder / "uploads" / "01ARZ3NDEKTSV4RRFFQ69G5FAV.upload").write_text(f"phone,name\n+{NUMBER},{NAME}\n")
    (folder / "cache" / "traffic").mkdir(parents=True, exist_ok=True)
    (folder / "cache" / "traffic" / "messages-x.keys").write_bytes(b"k" * 20)
    await engine.log.flush()


async def _whole(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def erased(engine: Engine, contact: str = NUMBER) -> Any:
    view = await engine.privacy.erase(contact, ASKED)
    async with asyncio.timeout(40):
        while (view := await engine.privacy.erasure(view.id)).state != "done":
            await asyncio.sleep(0.05)
    return view


def left(folder: Path) -> dict[str, list[str]]:
    """Which files hold which trace."""
    found: dict[str, list[str]] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            for name, needle in TRACES.items():
                if needle in data or needle.decode().encode("utf-16-le") in data:
                    found.setdefault(name, []).append(path.name)
    return found


async def everything(engine: Engine) -> str:
    """All rows of the store and of the traffic log as one text."""
    from waqtor.storage.schema import metadata

    parts = []
    for table in metadata.tables:
        parts += [str(row) for row in await engine.store.rows(f"SELECT * FROM {table}")]
    for table in ("messages", "send_changes", "decisions", "events", "problems"):
        parts += [str(row) for row in (await engine.log.query(f"SELECT * FROM {table}", texts=True)).rows]
    return "\n".join(parts)


async def test_after_an_erasure_no_byte_of_the_person_is_left_and_the_others_are_whole(
    engine: Engine, simulator: SimulatorProcess, tmp_path: Path, url: str
) -> None:
    await plant(engine, simulator)
    folder = engine.settings.data_dir
    assert "number" in left(folder), "a search that finds nothing before proves nothing after"
    before = await engine.archive.counts()
    log_rows = (await engine.log.query("SELECT count(*) FROM events")).rows
    view = await erased(engine)
    assert left(folder) == {}
    text = await everything(engine)
    assert [name for name, needle in TRACES.items() if needle.decode() in text] == []
    assert view.counts["messages"] >= 4
    assert view.counts["log_rows"] >= 4
    assert view.counts["media"] == 1
    # What counts something counts it still, and other people keep what is theirs.
    after = await engine.archive.counts()
    assert {name: n for name, n in after.items() if ":" in name and "event" not in name} == {
        name: n for name, n in before.items() if ":" in name and "event" not in name
    }
    assert (await engine.log.query("SELECT count(*) FROM events")).rows[0][0] >= log_rows[0][0]
    assert OTHER_TEXT in text
    (message,) = [m for m in await engine.archive.messages(chat_id=OTHER) if (m.body or "").startswith("اتصل")]
    assert message.body == "اتصل على [erased] من فضلك"
    (report,) = (await engine.campaigns.list(None, None, None, 10))[0:1]
    assert report.counts.total == 2
    assert not (await engine.privacy.summary(NUMBER)).counts["messages"]


async def test_an_erased_person_who_writes_again_is_new_and_an_old_message_does_not_come_back(
    engine: Engine, simulator: SimulatorProcess
) -> None:
    await simulator.control.inject({"text": OTHER_TEXT, "from": NUMBER, "id": "old", "push_name": NAME})
    await _calls(simulator, 1)
    await erased(engine)
    await simulator.control.inject({"text": OTHER_TEXT, "from": NUMBER, "id": "old", "push_name": NAME})
    await simulator.control.wait_idle()
    assert await engine.archive.chats() == []
    await simulator.control.inject({"text": OTHER_TEXT, "from": NUMBER, "id": "new", "push_name": "س"})
    await _calls(simulator, 2)
    (chat,) = await engine.archive.chats()
    assert (chat.chat_id, chat.name) == (NUMBER, "س")
    assert [m.direction for m in await engine.archive.messages(chat_id=NUMBER)] == ["out", "in"]
    assert (await engine.privacy.summary(NUMBER)).counts["messages"] == 2


async def test_who_opted_out_stays_out_of_campaigns_after_an_erasure(
    engine: Engine, simulator: SimulatorProcess
) -> None:
    await engine.dispatch(c.OptOut(contact=NUMBER, source="message"))
    await erased(engine)
    assert (await engine.privacy.summary(NUMBER)).opted_out
    campaign: Any = await engine.dispatch(
        k.CreateCampaign.model_validate(
            {"name": "Again", "recipients": [NUMBER, OTHER], "content": {"type": "text", "body": "hello"}}
        )
    )
    dry: Any = await engine.dispatch(k.CampaignAction(campaign_id=campaign["id"], action="dry_run"))
    assert dry["skips"] == {"opted_out": 1}
    await engine.dispatch(k.CampaignAction(campaign_id=campaign["id"], action="execute"))
    async with asyncio.timeout(20):
        while (await engine.campaigns.status(campaign["id"])).status != "completed":
            await asyncio.sleep(0.05)
    assert [call["to"] for call in await _calls(simulator, 1)] == [OTHER]
    done: Any = await engine.dispatch(c.OptIn(contact=NUMBER, source="person"))
    assert done["changed"]
    assert not (await engine.privacy.summary(NUMBER)).opted_out


async def test_two_people_are_erased_at_once(engine: Engine, simulator: SimulatorProcess) -> None:
    await plant(engine, simulator)
    await asyncio.gather(erased(engine), erased(engine, OTHER))
    assert await engine.archive.chats() == []
    text = await everything(engine)
    assert NUMBER not in text
    assert OTHER not in text
    actions = [entry.action for entry in await engine.privacy.entries(AuditQuery())]
    assert actions.count("privacy.erased") == 2


async def test_asking_twice_is_one_erasure(engine: Engine) -> None:
    first, second = await asyncio.gather(engine.privacy.erase(NUMBER, ASKED), engine.privacy.erase("+" + NUMBER, ASKED))
    assert first.id == second.id


async def test_an_export_holds_every_trace(engine: Engine, simulator: SimulatorProcess) -> None:
    await plant(engine, simulator)
    data = b"".join([piece async for piece in await engine.privacy.export(f"+{NUMBER}", ASKED)])
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        assert packed.testzip() is None
        texts = {name: packed.read(name) for name in packed.namelist()}
    manifest = json.loads(texts["manifest.json"])["rows"]
    for part in (
        "chats", "messages", "events", "decisions", "audiences", "campaigns", "consents", "consent-history",
        "opt-outs", "notifications", "log-messages", "log-send_changes", "log-decisions", "log-events", "audit",
        "media",
    ):  # fmt: skip
        assert manifest[part] >= 1, part
    assert TEXT.encode() in texts["messages.jsonl"]
    assert "شحنتك يا سارة في الطريق".encode() in texts["messages.jsonl"]
    assert "بطاقة سارة الذهبية".encode() in texts["campaigns.jsonl"]
    assert TEXT.encode() in texts["log-messages.jsonl"]
    assert OTHER_TEXT.encode() not in texts["messages.jsonl"]
    assert [content for name, content in texts.items() if name.startswith("media/")] == [PNG + b"\0"]
    latest = await engine.privacy.entries(AuditQuery(limit=1), NUMBER)
    assert [(e.action, e.key_id, e.request_id) for e in latest] == [("privacy.exported", "key", "request")]


async def test_the_journal_is_trimmed_when_all_have_read_it_and_a_client_is_told(
    engine: Engine, simulator: SimulatorProcess
) -> None:
    for n in range(3):
        await simulator.control.inject({"text": OTHER_TEXT, "from": OTHER, "id": f"m{n}"})
    await _calls(simulator, 3)
    await engine.log.flush()
    await engine.store.write(lambda tx: tx.many("UPDATE journal SET created = ?", [(1,)]))
    gone = 0
    async with asyncio.timeout(20):
        while not gone:  # cursors are saved a moment after they moved
            await asyncio.sleep(0.1)
            gone = await engine.retention.once()
    head = engine.journal.head
    assert await unrecoverable(engine.journal, Since(epoch=engine.journal.epoch, offset=0), head) == "too_old"
    assert [event.offset for event in await engine.journal.read(head - 1, 5)] == [head]
    kinds = {view.kind: view for view in await engine.privacy.retention()}
    assert (kinds["journal"].days, kinds["audit"].days) == (30, 730)
    assert kinds["log"].rows is not None
    await simulator.control.inject({"text": OTHER_TEXT, "from": OTHER, "id": "later"})
    await _calls(simulator, 4)
    await engine.log.flush()
    assert (await engine.log.query("SELECT count(*) FROM gaps")).rows[0][0] == 0


async def test_a_group_is_no_person(engine: Engine) -> None:
    with pytest.raises(InvalidInput, match="group"):
        await engine.privacy.erase("120363041234567890@g.us", ASKED)
