"""Privacy of the fake sidecar: one person who is known, erasures, consents, retention, the audit log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.ui.fake_shop import HOSTILE, Shop, iso
from waqtor.contracts.privacy import AUDITED

KNOWN = "966501234567"
_COUNTS = {
    "messages": 42, "decisions": 21, "events": 126, "media": 3, "notifications": 1, "labels": 2, "suggestions": 1,
    "chats": 1, "campaigns": 4, "audiences": 2, "tags": 1, "consents": 1, "consent_changes": 3, "log_messages": 21,
    "log_send_changes": 63, "log_decisions": 21,
}  # fmt: skip
_DAYS = {
    "journal": 30, "log": 365, "metrics": 365, "webhook_log": 30, "notifications": 30, "audit": 730, "forgotten": 30,
}  # fmt: skip


class FakePrivacy:
    """Answers under ``/privacy`` and ``/audit``; ``None`` for a route that is not there."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.out = False
        self.erasures: list[dict[str, Any]] = []
        self.consents = {"marketing": {"source": f"Web form {HOSTILE}", "since": self._at(40)}}
        self.changes = [("given", "web form", 40), ("withdrawn", "message", 90), ("given", "paper", 200)]
        if not shop.empty:
            self.erasures = [self._erasure(1, "done", "done"), self._erasure(2, "done", "done")]

    def _at(self, days: float) -> str:
        return iso(self.shop.now - timedelta(days=days))

    def _erasure(self, n: int, state: str, step: str) -> dict[str, Any]:
        done = state == "done"
        return {
            "id": f"01JD3ZK5T0M7Q8X9Y2B4C6D8E{n}", "pseudonym": f"p:{n}f3c09a17be4", "state": state, "step": step,
            "counts": {"messages": 42 * n, "log_rows": 105 * n} if done else {}, "error": None,
            "created": self._at(n), "updated": self._at(n), "finished": self._at(n) if done else None,
        }  # fmt: skip

    def route(self, method: str, path: list[str], query: dict[str, str], body: dict[str, Any]) -> Any:
        if path == ["audit"]:
            return self._audit(query)
        match [method, *path[1:]]:
            case ["GET", "person"]:
                return self._person("".join(filter(str.isdigit, query["contact"])))
            case ["POST", "erase"]:
                self.erasures.insert(0, self._erasure(3, "running", "log"))
                return self.erasures[0]
            case ["GET", "erasures"]:
                return {"erasures": self.erasures}
            case ["GET", "consents", "history"]:
                return {
                    "changes": [
                        {"contact": KNOWN, "purpose": "marketing", "change": change, "source": source,
                         "at": self._at(days), "key_id": "k"}
                        for change, source, days in self.changes
                    ]
                }  # fmt: skip
            case ["POST", "consents"]:
                self.consents[body["purpose"]] = {"source": body["source"], "since": self._at(0)}
                return {"contact": KNOWN, "purpose": body["purpose"], "consents": True, "changed": True}
            case ["DELETE", "consents"]:
                self.consents.pop(query["purpose"], None)
                return {"contact": KNOWN, "purpose": query["purpose"], "consents": False, "changed": True}
            case ["POST" | "DELETE" as verb, "opt-outs"]:
                self.out = verb == "POST"
                return {"contact": KNOWN, "opted_out": self.out, "changed": True}
            case ["GET", "retention"]:
                return {
                    "kinds": [
                        {"kind": kind, "days": days, "rows": 1000 * n + 17, "oldest": self._at(days - 1)}
                        for n, (kind, days) in enumerate(_DAYS.items())
                    ]
                }
        return None

    def _person(self, contact: str) -> dict[str, Any]:
        known = contact == KNOWN and not self.shop.empty
        running = [e["id"] for e in self.erasures if e["state"] == "running"]
        return {
            "contact": contact, "known": known, "names": ["سارة القحطاني", HOSTILE] if known else [],
            "sessions": ["default"] if known else [], "first": self._at(300) if known else None,
            "last": self._at(0.1) if known else None, "counts": _COUNTS if known else {"messages": 0},
            "consents": [
                {"contact": contact, "purpose": purpose, **consent} for purpose, consent in self.consents.items()
            ] if known else [],
            "opted_out": self.out, "erasure": running[0] if running else None,
        }  # fmt: skip

    def _audit(self, query: dict[str, str]) -> dict[str, Any]:
        actions = [] if self.shop.empty else list(AUDITED)
        entries = [
            {"id": f"a{n}", "at": self._at(n / 6), "action": action,
             "subject": "p:1f3c09a17be4d5" if action.startswith(("privacy", "consent", "c")) else f"id-{n}",
             "key_id": f"key{n}", "key_name": HOSTILE if n == 2 else "dashboard", "request_id": f"req-{n}",
             "details": {"purpose": "marketing"} if action.startswith("consent") else {}}
            for n, action in enumerate(actions) if query.get("action") in (None, action)
        ]  # fmt: skip
        return {"entries": entries, "next_cursor": None}
