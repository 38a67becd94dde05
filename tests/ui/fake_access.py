"""API keys and the owner's profile of the fake sidecar."""

from __future__ import annotations

from typing import Any

from tests.ui.fake_shop import HOSTILE, Shop, iso
from waqtor.contracts.profile import Profile


class FakeAccess:
    """Answers under ``/keys`` and ``/profile``."""

    def __init__(self, shop: Shop) -> None:
        self.now = iso(shop.now)
        self.profile: dict[str, Any] = Profile().model_dump(mode="json")
        self.keys: dict[str, dict[str, Any]] = {}
        if not shop.empty:
            name = "Shop website" if shop.polite else HOSTILE
            self.keys["k0"] = {"id": "k0", "name": name, "prefix": "wq_1a2", "scopes": ["messages:send"],
                               "created": self.now, "last_used": self.now}  # fmt: skip

    def route(self, method: str, path: list[str], body: dict[str, Any]) -> Any:
        match [method, *path]:
            case ["GET", "keys"]:
                return {"keys": list(self.keys.values())}
            case ["POST", "keys"]:
                made = {"id": f"k{len(self.keys)}", "prefix": "wq_9f3", "created": self.now, **body}
                self.keys[made["id"]] = made
                return made | {"key": "wq_9f3_the_secret", "signing_secret": "sign_1"}
            case ["DELETE", "keys", key_id]:
                self.keys[key_id]["revoked"] = True
                return {"ok": True}
            case ["PATCH", "profile"]:
                self.profile.update(body)
        return self.profile
