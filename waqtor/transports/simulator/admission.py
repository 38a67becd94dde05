"""One send from its arrival to its answer, through faults, delays, limits and acceptance."""

from __future__ import annotations

from typing import Any, Protocol

from waqtor.transports.error_codes import meaning
from waqtor.transports.simulator.faults import CLEAN, Fault
from waqtor.transports.simulator.protocol import Frame
from waqtor.transports.simulator.sessions import SimulatedSession
from waqtor.transports.simulator.world import World


class Caller(Protocol):
    """The connection that a send came over; answering one that has ended does nothing."""

    session: SimulatedSession | None

    def accepted(self, request: Any, provider_id: str) -> None:
        """Answer with the provider's id."""

    def refused(self, request: Any, code: str, message: str, retry_after: float | None = None) -> None:
        """Answer with a refusal."""

    def abort(self) -> None:
        """End the connection without an answer."""


class Admission:
    """Decides what becomes of sends."""

    def __init__(self, world: World) -> None:
        self._world = world

    def send(self, caller: Caller, session: SimulatedSession, frame: Frame) -> None:
        """Take a ``send`` frame."""
        request, message_id, to = frame.get("id"), frame.get("message_id"), frame.get("to")
        content = frame.get("content")
        if (
            type(message_id) is not str
            or not 0 < len(message_id) <= 256
            or type(to) is not str
            or not 0 < len(to) <= 200
            or type(content) is not dict
            or type(content.get("type")) is not str
        ):
            self._world.refused["100"] += 1
            caller.refused(request, "100", "a send has message_id, to and content with a type")
            return
        world = self._world
        strike = world.faults.on_send(session.name, to, content["type"], world.rng, world.timeline.now_us())
        if strike is CLEAN and world.accept_delay.is_zero:
            self._decide(caller, session, request, message_id, to, content, None)
            return
        wait = strike.wait + world.accept_delay.draw(world.rng)
        if wait > 0:
            world.timeline.at(wait, self._decide, caller, session, request, message_id, to, content, strike.fault)
        else:
            self._decide(caller, session, request, message_id, to, content, strike.fault)

    def _decide(
        self,
        caller: Caller,
        session: SimulatedSession,
        request: Any,
        message_id: str,
        to: str,
        content: dict[str, Any],
        fault: Fault | None,
    ) -> None:
        world = self._world
        kind = fault.kind if fault is not None else ""
        if fault is not None:
            world.counts[f"fault_{kind}"] += 1
        if kind == "error" and fault is not None:
            self._refuse(caller, request, fault.code, fault.reason, fault.retry_after)
            return
        if kind == "swallow":
            return
        if kind == "drop_before":
            caller.abort()
            return
        refusal = world.screen(session, to, content)
        if refusal is not None:
            self._refuse(caller, request, refusal.code, refusal.reason, refusal.retry_after)
            return
        if kind == "late" and fault is not None:
            world.denied[message_id] = fault.lookup
            world.timeline.at(fault.delay.draw(world.rng), self._accept_late, session, message_id, to, content)
            return
        provider_id = world.accept(session, message_id, to, content, fault if kind == "fail" else None)
        if kind == "drop_after":
            caller.abort()
        elif kind != "hang":
            delay = world.answer_delay.draw(world.rng)
            if delay > 0:
                world.timeline.at(delay, caller.accepted, request, provider_id)
            else:
                caller.accepted(request, provider_id)

    def _accept_late(self, session: SimulatedSession, message_id: str, to: str, content: dict[str, Any]) -> None:
        self._world.denied.pop(message_id, None)
        self._world.accept(session, message_id, to, content)

    def _refuse(self, caller: Caller, request: Any, code: str, reason: str, retry_after: float | None) -> None:
        self._world.refused[code] += 1
        caller.refused(request, code, reason or meaning(code).title, retry_after)
