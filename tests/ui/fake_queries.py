"""Saved queries of the fake sidecar."""

from __future__ import annotations

from typing import Any

from tests.ui.fake_shop import Shop, iso
from waqtor.analytics.catalog import catalog

TAKEN = "taken"
"""Answer for a name that another query has."""


class FakeQueries:
    """Answers under ``/analytics/queries``."""

    def __init__(self, shop: Shop) -> None:
        self.now = iso(shop.now)
        self.held: dict[str, dict[str, Any]] = {}
        if not shop.empty:
            self.put("q0", "Messages by day", "SELECT created::DATE AS day, sum(n) AS n FROM quarters GROUP BY 1", "")

    def put(self, query_id: str, name: str, sql: str, about: str) -> dict[str, Any] | str:
        if any(held["name"] == name for key, held in self.held.items() if key != query_id):
            return TAKEN
        self.held[query_id] = {
            "id": query_id, "name": name, "sql": sql, "about": about, "created": self.now, "updated": self.now,
        }  # fmt: skip
        return self.held[query_id]

    def route(self, method: str, path: list[str], body: dict[str, Any]) -> Any:
        match [method, *path]:
            case ["GET"]:
                builtin = [
                    {"id": name, "name": name, "sql": each.sql, "about": each.why, "builtin": True}
                    for name, each in catalog().items()
                ]
                return {"queries": [*self.held.values(), *builtin]}
            case ["POST"]:
                return self.put(f"q{len(self.held) + 1}", body["name"], body["sql"], body.get("about", ""))
            case ["PUT", query_id] if query_id in self.held:
                return self.put(query_id, body["name"], body["sql"], body.get("about", ""))
            case ["DELETE", query_id] if query_id in self.held:
                del self.held[query_id]
                return {"id": query_id, "deleted": True}
        return None
