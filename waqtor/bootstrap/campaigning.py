"""Campaigns wired to an engine: its store, its sessions, its traffic log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from waqtor.bootstrap.session import SessionRuntime
from waqtor.campaigns.imports import Audiences
from waqtor.campaigns.ports import Requests
from waqtor.campaigns.runner import CampaignRunner
from waqtor.campaigns.service import Campaigns
from waqtor.contracts import campaigns as c
from waqtor.contracts.commands import Send
from waqtor.errors import NotFound
from waqtor.messaging.ports import Pending
from waqtor.storage.audiences import SqlAudiences
from waqtor.storage.campaigns import SqlCampaigns

if TYPE_CHECKING:
    from waqtor.bootstrap.engine import Engine


class EngineNumbers:
    """The :class:`waqtor.campaigns.ports.Numbers` of an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def known(self, session: str | None) -> str:
        """The session's name."""
        return self._engine.session_state(session).session

    def holds(self, session: str) -> bool:
        """Whether this engine sends for the session now."""
        runtime = self._runtime(session)
        return runtime is not None and runtime.lease.held

    def connected(self, session: str) -> bool:
        """Whether the session's transport is ready."""
        runtime = self._runtime(session)
        return runtime is not None and runtime.view.status == "ready"

    def offer(self, pending: Pending) -> None:
        """Hand a queued send to the session's sender."""
        runtime = self._runtime(pending.session)
        if runtime is not None:
            runtime.sender.offer(pending)

    def has(self, session: str, message_id: str) -> bool:
        """Whether the sender holds the send."""
        runtime = self._runtime(session)
        return runtime is not None and runtime.sender.queue.holds(message_id)

    def rate(self, session: str) -> float:
        """Messages per second of the number; 0 means unlimited."""
        runtime = self._runtime(session)
        return runtime.sender.bucket.rate if runtime is not None else 0.0

    def window_s(self, session: str) -> float:
        """Seconds after a person's last message in which more than templates may be sent; 0: always."""
        runtime = self._runtime(session)
        return runtime.transport.window_s if runtime is not None else 0.0

    def _runtime(self, session: str) -> SessionRuntime | None:
        return self._engine.runtime(session)


def make_campaigns(engine: Engine) -> tuple[Campaigns, CampaignRunner]:
    """The campaign commands and their runner; the engine starts and stops them."""
    settings = engine.settings
    store, numbers = SqlCampaigns(engine.store), EngineNumbers(engine)

    async def query(sql: str, session: str | None) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        found = await engine.log.query(sql, (), texts=True, session=session)
        return found.columns, found.rows

    async def send(order: Send, key: str) -> Any:
        return await engine.dispatch(order, key=key)

    audiences = Audiences(
        SqlAudiences(engine.store), engine.clock, settings.data_dir / "uploads", query, region=settings.default_region
    )
    runner = CampaignRunner(
        store, audiences.store, numbers, engine.bus, engine.clock, timezone=settings.timezone, shop=settings.shop_name,
        doubt_s=settings.send_timeout_s + 2 * settings.settle_s,
    )  # fmt: skip
    engine.store.journal.observe(runner.observe)
    service = Campaigns(
        store, audiences, runner, numbers, engine.clock, send, timezone=settings.timezone, shop=settings.shop_name
    )
    return service, runner


async def carry_out(
    campaigns: Campaigns, command: Any, *, key: str | None = None, requests: Requests | None = None
) -> dict[str, Any]:
    """Carry out a campaign command, once per ``key``.

    Raises:
        NotFound: It is none, or what it is about does not exist.
    """
    if key is not None and requests is not None and not isinstance(command, c.DeleteAudience):
        return await campaigns.once(command, key, requests)
    if isinstance(command, c.CreateCampaign):
        return dict((await campaigns.create(command)).model_dump(mode="json"))
    if isinstance(command, c.CampaignAction):
        return await campaigns.act(command)
    if isinstance(command, c.TestSend):
        return await campaigns.test_send(command)
    if isinstance(command, c.CreateAudience):
        return dict((await campaigns.audiences.create(command)).model_dump(mode="json"))
    if isinstance(command, c.DeleteAudience):
        await campaigns.audiences.delete(command.audience_id)
        return {"id": command.audience_id, "deleted": True}
    raise NotFound(f"No handler for the command {type(command).__name__}.")


COMMANDS = (c.CreateCampaign, c.CampaignAction, c.TestSend, c.CreateAudience, c.DeleteAudience)
"""The commands that :func:`carry_out` takes."""
