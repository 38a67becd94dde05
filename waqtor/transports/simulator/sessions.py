"""A WhatsApp number as the simulator sees it: is it logged in, and what is on its way to the engine."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from waqtor.transports.simulator.mailbox import Mailbox

Login = Literal["ready", "qr", "logged_out", "auth_failure"]
QR_LIFE_S: Final = 20.0
"""A QR code is replaced after this many seconds, as in WhatsApp."""

PHONE: Final = "966500000000"
"""The number of every simulated session."""


@dataclass(slots=True)
class SimulatedSession:
    """One session. ``last_inbound`` holds, by chat, when its person last wrote (µs)."""

    name: str
    login: Login = "ready"
    qr: str = ""
    messages: Mailbox = field(default_factory=lambda: Mailbox(window=512))
    receipts: Mailbox = field(default_factory=lambda: Mailbox(window=4096))
    last_inbound: dict[str, int] = field(default_factory=dict)

    def state(self) -> dict[str, Any]:
        """The frame that tells the transport how the login stands."""
        if self.login == "ready":
            info = {"platform": "simulator", "phone_number": PHONE, "name": f"Simulator {self.name}"}
            return {"op": "state", "status": "ready", "client_info": info}
        if self.login == "qr":
            return {"op": "state", "status": "qr", "qr": self.qr}
        if self.login == "auth_failure":
            return {"op": "state", "status": "auth_failure", "reason": "the login was revoked"}
        return {"op": "state", "status": "disconnected", "reason": "logged out"}

    def renew_qr(self) -> None:
        """Make a new code, in the form of WhatsApp Web's: a reference and three keys."""
        parts = (base64.b64encode(os.urandom(size)).decode() for size in (48, 32, 32, 16))
        self.qr = "2@" + ",".join(parts)
