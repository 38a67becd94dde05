"""What a control connection can ask: inject, script, configure, move the clock, count."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from waqtor.contracts.addresses import parse_address
from waqtor.errors import InvalidInput
from waqtor.transports.simulator.contacts import parse_contact, parse_habits
from waqtor.transports.simulator.delays import parse_delay
from waqtor.transports.simulator.protocol import Frame

if TYPE_CHECKING:
    from waqtor.transports.simulator.server import SimulatorServer


class Asker(Protocol):
    """The control connection, for answers that come later."""

    def result(self, request: Any, values: Frame) -> None:
        """Answer."""


class Controls:
    """The operations of a control connection by name; ``None`` means that the answer comes later."""

    def __init__(self, server: SimulatorServer) -> None:
        self._server = server
        self._world = server.world
        self._operations: dict[str, Callable[[Frame, Asker], Frame | None]] = {
            "inject": self._inject,
            "stats": lambda frame, asker: self.stats(),
            "calls": self._calls,
            "script": self._script,
            "configure": self._configure,
            "contact": self._contact,
            "clock": self._clock,
            "seed": self._seed,
            "login": self._login,
            "disconnect": self._disconnect,
            "stop": self._stop,
        }

    def handle(self, op: Any, frame: Frame, asker: Asker) -> Frame | None:
        """Do ``op``.

        Raises:
            InvalidInput: If there is no such operation or its fields are not right.
        """
        operation = self._operations.get(op) if isinstance(op, str) else None
        if operation is None:
            raise InvalidInput(f"There is no such operation; there are {', '.join(sorted(self._operations))}.")
        return operation(frame, asker)

    def _inject(self, frame: Frame, asker: Asker) -> Frame | None:
        raw = frame.get("messages")
        if not isinstance(raw, list) or not raw:
            raise InvalidInput("'messages' of inject is a list with at least one message.")
        payloads = [self._world.inbound(message) for message in raw]  # all or none
        ids = [payload["id"] for payload in payloads]
        if not frame.get("wait", True):
            for payload in payloads:
                self._world.write(payload)
            return {"ids": ids}
        request, left = frame.get("id"), len(raw)

        def acked() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                asker.result(request, {"ids": ids})

        for payload in payloads:
            self._world.write(payload, acked)
        return None

    def stats(self) -> Frame:
        """Everything countable."""
        world = self._world
        sessions = world.sessions.values()
        return {
            "accepted": world.calls.total,
            "unique": world.calls.unique,
            "repeated": world.calls.total - world.calls.unique,
            "refused": dict(world.refused),
            "injected": world.counts["injected"],
            "inbound_acked": sum(s.messages.acked for s in sessions),
            "inbound_waiting": sum(len(s.messages) for s in sessions),
            "inbound_redelivered": sum(s.messages.redelivered for s in sessions),
            "receipts": world.counts["receipts"],
            "receipts_acked": sum(s.receipts.acked for s in sessions),
            "receipts_waiting": sum(len(s.receipts) for s in sessions),
            "receipts_redelivered": sum(s.receipts.redelivered for s in sessions),
            "counts": dict(world.counts),
            "planned": len(world.timeline),
            "quiet_s": (world.timeline.now_us() - world.activity_us) / 1_000_000,
            "now_us": world.timeline.now_us(),
            "connected": self._server.connected,
            "faults": [{"kind": f.kind, "seen": f.seen, "struck": f.struck} for f in world.faults.faults],
        }

    def _calls(self, frame: Frame, asker: Asker) -> Frame:
        one = frame.get("message_id")
        if isinstance(one, str):
            call = self._world.calls.get(one)
            return {"calls": [] if call is None else [call.as_dict(one)], "next": None}
        after, limit = _count(frame, "after", 0), min(20_000, max(1, _count(frame, "limit", 20_000)))
        page = [call.as_dict(message_id) for message_id, call in self._world.calls.page(after, limit)]
        return {"calls": page, "next": after + limit if len(page) == limit else None}

    def _script(self, frame: Frame, asker: Asker) -> Frame:
        world, server = self._world, self._server
        faults = world.faults.install(
            frame.get("faults"), world.timeline.now_us(), append=bool(frame.get("append", False))
        )
        for fault in faults:
            if fault.kind == "outage":
                if fault.from_s <= 0:
                    server.disconnect(fault.session)
                else:
                    world.timeline.remind(fault.from_s, server.disconnect, fault.session)
        return {"faults": len(world.faults.faults)}

    def _configure(self, frame: Frame, asker: Asker) -> Frame:
        world = self._world
        values = {name: value for name, value in frame.items() if name not in ("op", "id")}
        unknown = set(values) - {"receipts", "limits", "accept_delay", "answer_delay", "redeliver_s", "qr"}
        if unknown:
            raise InvalidInput(f"Unknown settings: {', '.join(sorted(unknown))}.")
        habits = parse_habits(values["receipts"], world.habits) if "receipts" in values else world.habits
        accept = parse_delay(values.get("accept_delay", 0)) if "accept_delay" in values else world.accept_delay
        answer = parse_delay(values.get("answer_delay", 0)) if "answer_delay" in values else world.answer_delay
        redeliver = parse_delay(values.get("redeliver_s", world.redeliver_s)).a
        if redeliver < 0.02:
            raise InvalidInput("'redeliver_s' is at least 0.02 seconds.")
        if "limits" in values:
            world.limits.configure(values["limits"])
        world.habits, world.accept_delay, world.answer_delay, world.redeliver_s = habits, accept, answer, redeliver
        for session in world.sessions.values():
            session.messages.timeout = session.receipts.timeout = redeliver
        if "qr" in values:
            world.qr_mode = bool(values["qr"])
        return {}

    def _contact(self, frame: Frame, asker: Asker) -> Frame:
        address = frame.get("address")
        if not isinstance(address, str):
            raise InvalidInput("'address' of a contact is a text.")
        canonical = parse_address(address).canonical
        self._world.contacts[canonical] = parse_contact(
            {name: value for name, value in frame.items() if name not in ("op", "id", "address")}
        )
        return {"address": canonical}

    def _clock(self, frame: Frame, asker: Asker) -> Frame:
        timeline = self._world.timeline
        freeze, ran = frame.get("freeze"), 0
        if freeze is not None:
            if freeze is False:
                timeline.thaw()
            elif freeze is True or (type(freeze) is int and 0 <= freeze < 1 << 53):
                timeline.freeze(None if freeze is True else freeze)
            else:
                raise InvalidInput("'freeze' is true, false or UTC microseconds.")
        if "advance" in frame:
            ran = timeline.advance(parse_delay(frame["advance"]).a)
        self._server.rearm()
        return {"now_us": timeline.now_us(), "ran": ran}

    def _seed(self, frame: Frame, asker: Asker) -> Frame:
        self._world.rng.seed(_count(frame, "seed", 0))
        return {}

    def _login(self, frame: Frame, asker: Asker) -> Frame:
        change = frame.get("change")
        if change not in ("scan", "qr", "login", "logout", "auth_failure"):
            raise InvalidInput("'change' of a login is scan, qr, login, logout or auth_failure.")
        name = frame.get("session", "default")
        if not isinstance(name, str):
            raise InvalidInput("'session' is a text.")
        session = self._world.session(name)
        self._server.change_login(session, change)
        return {"login": session.login, "qr": session.qr if session.login == "qr" else None}

    def _disconnect(self, frame: Frame, asker: Asker) -> Frame:
        name = frame.get("session")
        if name is not None and not isinstance(name, str):
            raise InvalidInput("'session' is a text.")
        return {"cut": self._server.disconnect(name)}

    def _stop(self, frame: Frame, asker: Asker) -> Frame:
        self._server.stopping.set()
        return {}


def _count(frame: Frame, name: str, default: int) -> int:
    value = frame.get(name, default)
    if type(value) is not int or not 0 <= value < 1 << 53:
        raise InvalidInput(f"'{name}' is a whole number, not below 0.")
    return value
