"""Webhooks of the fake sidecar: one healthy, one switched off, with deliveries, attempts and statistics."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from tests.ui.fake_shop import HOSTILE, Shop, iso
from waqtor.contracts import webhooks as w

EVENTS = ("message_received", "message_sent", "smartbot_reply")


class FakeHooks:
    """Answers under ``/webhooks``; ``None`` for a route that is not there."""

    def __init__(self, shop: Shop) -> None:
        self.now = shop.now
        self.hooks: dict[str, dict[str, Any]] = {}
        self.replayed: list[Any] = []
        self.secrets = 0
        self.deliveries: list[dict[str, Any]] = []
        if shop.empty:
            return
        self._add("wh1", url="https://crm.example/hooks/waqtor", name="CRM", events=EVENTS, pending=3)
        self._add("wh2", url=f"https://old.example/{HOSTILE}", name=HOSTILE, enabled=False, health="disabled",
                  disabled_reason="nothing but failures for 5 days")  # fmt: skip
        self.deliveries = [self._delivery(n) for n in range(70)]

    def _add(self, webhook_id: str, **given: Any) -> dict[str, Any]:
        values: dict[str, Any] = {
            "events": ("*",), "enabled": True, "health": "healthy", "attempts": 8, "delay_ms": 5000,
            "timeout_ms": 10_000, "concurrency": 8, "created": iso(self.now), "updated": iso(self.now),
        }  # fmt: skip
        given = {name: value for name, value in given.items() if value is not None}
        view = w.WebhookView.model_validate({"id": webhook_id, **values, **given})
        self.hooks[webhook_id] = view.model_dump(mode="json")
        return self.hooks[webhook_id]

    def _delivery(self, n: int) -> dict[str, Any]:
        dead = n % 10 == 3
        when = iso(self.now - timedelta(minutes=3 * n))
        event = EVENTS[n % 3]
        return w.DeliveryView(
            id=f"d{n}", webhook_id="wh1", event=event, event_type=event.replace("_", "."), offset=900 - n,
            state="dead" if dead else "pending" if n == 0 else "delivered", attempts=8 if dead else 1,
            status_code=500 if dead else 200, response_time_ms=18.0 + n, created=when, updated=when,
            error="The receiver answered 500." if dead else None,
        ).model_dump(mode="json")  # fmt: skip

    def _detail(self, d: dict[str, Any]) -> dict[str, Any]:
        good = d["state"] != "dead"
        attempts = [
            {"attempt": n + 1, "at": d["created"], "status": "success" if good else "failed",
             "status_code": d["status_code"], "response_time_ms": 21.4, "error": d["error"],
             "response": HOSTILE if not good else "ok"}
            for n in range(1 if good else 3)
        ]  # fmt: skip
        return {"delivery": d, "attempts": attempts, "body": json.dumps({"type": d["event_type"], "text": "<b>hi</b>"})}

    def _secret(self, hook: dict[str, Any]) -> dict[str, Any]:
        self.secrets += 1
        return {"webhook": hook | {"secret": f"whsec_{self.secrets}"}}

    def route(self, method: str, path: list[str], query: dict[str, str], body: dict[str, Any]) -> Any:
        if path and path[0] not in self.hooks:
            return None
        hook = self.hooks[path[0]] if path else {}
        mine = [d for d in self.deliveries if path and d["webhook_id"] == path[0]]
        match [method, *path[1:]] if path else [method, "all"]:
            case ["GET", "all"]:
                return {"webhooks": list(self.hooks.values())}
            case ["POST", "all"]:
                names = tuple(body.pop("headers", ()))
                return self._secret(self._add(f"wh{len(self.hooks) + 1}", headers=names, **body))
            case ["PATCH"]:
                if "headers" in body:
                    body = body | {"headers": list(body["headers"])}
                hook.update(body, health="healthy" if body.get("enabled", hook["enabled"]) else "disabled")
                return {"webhook": hook}
            case ["DELETE"]:
                del self.hooks[path[0]]
                return {"ok": True}
            case ["POST", "rotate"]:
                return self._secret(hook)
            case ["POST", "test"]:
                return self._detail(self._delivery(3) | {"id": "dtest", "webhook_id": path[0], "test": True})
            case ["POST", "replay"]:
                self.replayed.append(body.get("delivery_id"))
                dead = sum(d["state"] == "dead" for d in mine)
                return {"webhook_id": path[0], "replayed": 1 if body.get("delivery_id") else dead}
            case ["GET", "logs"]:
                found = [d for d in mine if query.get("state") in (None, d["state"])]
                found = [d for d in found if query.get("event") in (None, d["event"])]
                start, limit = int(query.get("cursor", 0)), int(query.get("limit", 50))
                more = str(start + limit) if start + limit < len(found) else None
                return {"logs": found[start : start + limit], "next_cursor": more}
            case ["GET", "logs", delivery_id]:
                return next((self._detail(d) for d in mine if d["id"] == delivery_id), None)
            case ["GET", "stats"]:
                return self._stats(path[0], int(query["hours"]), len(mine))
        return None

    def _stats(self, webhook_id: str, hours: int, count: int) -> dict[str, Any]:
        by_hour = [
            {"hour": iso((self.now - timedelta(hours=h)).replace(minute=0, second=0, microsecond=0)),
             "success": 40 + 7 * h % 30, "failed": h % 4}
            for h in range(min(hours, 24))
        ] if count else []  # fmt: skip
        return w.WebhookStats(
            webhook_id=webhook_id, hours=hours, attempts=count and 1240, success=count and 1203,
            failed=count and 37, dead=count and 7, success_rate=1203 / 1240 if count else None,
            p50_ms=23.0 if count else None, p95_ms=187.0 if count else None, pending=count and 3,
            by_event=tuple(w.EventStats(event=e, success=600 - 150 * n, failed=20 - 6 * n)
                           for n, e in enumerate(EVENTS)) if count else (),
            by_hour=tuple(by_hour),
        ).model_dump(mode="json")  # fmt: skip
