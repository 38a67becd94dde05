"""Notifications of the fake sidecar: two pages of them, marked and removed by commands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.ui.fake_shop import HOSTILE, Shop, iso
from waqtor.contracts.notifications import NotificationView


def _made(shop: Shop) -> list[dict[str, Any]]:
    told = (
        ("session", "error", "WhatsApp was disconnected", "Session default. the connection was lost", "/", 3,
         "session.disconnected", {"session": "default", "reason": "the connection was lost"}),
        ("webhook", "warning", "Webhook deliveries were given up", "They can be replayed from the webhook's log.",
         "/webhooks", 12, "webhook.dead", {}),
        ("campaign", "success", "A campaign has finished", "480 of 480 sent, 0 failed.", "/campaigns", 1,
         "campaign.completed", {"sent": 480, "total": 480, "failed": 0, "reason": ""}),
        ("suggestion", "info", "Suggestions are ready for review", "4 wait.", "/suggestions", 1, "suggestions",
         {"count": 4}),
        ("custom", "info", HOSTILE, "![x](https://pixel.invalid/a.png)", "https://stock.example/items/7", 1,
         None, {}),
        *((("handoff", "info", "A customer waits for a person", "Session default.", "/messages", 1, "handoff",
            {"session": "default"}),) * 55),
    )  # fmt: skip
    return [
        NotificationView(
            id=f"n{n}", user="owner", type=level, kind=kind, title=title, message=message, link=link, count=count,
            read=n >= 5, created=iso(shop.now - timedelta(minutes=7 * n)),
            updated=iso(shop.now - timedelta(minutes=7 * n)), wording=wording, params=params,
        ).model_dump(mode="json")
        for n, (kind, level, title, message, link, count, wording, params) in enumerate(told)
    ]  # fmt: skip


class FakeNotices:
    """Answers under ``/notifications``; ``None`` for a route that is not there."""

    def __init__(self, shop: Shop) -> None:
        self.items = [] if shop.empty else _made(shop)

    @property
    def unread(self) -> int:
        return sum(not item["read"] for item in self.items)

    def route(self, method: str, path: list[str], query: dict[str, str], body: dict[str, Any]) -> Any:
        match [method, *path]:
            case ["GET"]:
                found = [n for n in self.items if query.get("filter") != "unread" or not n["read"]]
                start, limit = int(query.get("cursor", 0)), int(query.get("limit", 50))
                more = str(start + limit) if start + limit < len(found) else None
                return {"notifications": found[start : start + limit], "next_cursor": more, "unread": self.unread}
            case ["GET", "count"]:
                return {"total": len(self.items), "unread": self.unread}
            case ["POST", "read-all"]:
                marked = self.unread
                for item in self.items:
                    item["read"] = True
                return {"marked": marked, "unread": 0}
            case ["PATCH", item_id]:
                found = [n for n in self.items if n["id"] == item_id]
                found[0].update(body)
                return {"notification": found[0]}
            case ["DELETE", item_id]:
                self.items = [n for n in self.items if n["id"] != item_id]
                return {"ok": True}
        return None
