"""The workbench of the fake sidecar: tries by the shop's own judge, one real YAML file, a scripted replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.ui.fake_shop import HOSTILE, Shop, iso
from waqtor.contracts.workbench import RuleFileView, RuleIssue
from waqtor.smartbot.rule_files import _spans, text_revision
from waqtor.smartbot.rules_check import check
from waqtor.smartbot.rules_io import load_texts

NAME = "custom.yaml"
TEXT = """\
version: 1

rules:
  # asked at the counter every day
  - id: gift_wrap
    examples:
      en: [do you wrap gifts]   # keep short
    replies:
      en: [{text: "We do."}]
  - id: parking
    examples:
      en: [where can i park]
    replies:
      en: [{text: "Behind the shop."}]
"""
DIFF = "--- a/custom.yaml\n+++ b/custom.yaml\n@@ -1 +1,2 @@\n+  - id: parking\n"


class FakeBench:
    def __init__(self, shop: Shop, judge: Callable[[str], dict[str, Any]]) -> None:
        self.shop, self.judge = shop, judge
        self.texts = {} if shop.empty else {NAME: TEXT}
        self.saved: list[dict[str, Any]] = []
        self.replays: list[dict[str, Any]] = []
        self.conflict = False

    def route(self, method: str, path: list[str], query: dict[str, str], body: dict[str, Any]) -> Any:
        match [method, *path]:
            case ["POST", "test-many"]:
                return {"tried": [self._tried(text) for text in body["texts"]]}
            case ["POST", "explain"]:
                return self._explained(body)
            case ["POST", "cases"]:
                fault = {"file": "orders.tests.yaml", "line": 7, "say": HOSTILE, "fault": "expected x but got silence"}
                none = {"total": 0, "failed": 0}
                return none if self.shop.empty else {"total": 12, "failed": 1, "failures": [fault], "revision": "r2"}
            case ["GET", "files"]:
                return {"files": [{"name": n, "revision": text_revision(x), "rules": 2} for n, x in self.texts.items()]}
            case ["GET", "files", "text"] if query["name"] in self.texts:
                return self._view(query["name"], self.texts[query["name"]])
            case ["POST", "files", "check"]:
                return self._view(body["name"], body["text"])
            case ["PUT", "files"]:
                self.saved.append(body)
                held = self.texts.get(body["name"])
                if self.conflict or body.get("revision", "") != (text_revision(held) if held else ""):
                    raise RevisionConflictAnswer
                self.texts[body["name"]] = body["text"]
                commit = "c0ffee0123456789" if body.get("commit") else None
                return self._view(body["name"], body["text"]) | {"live": "r2", "commit": commit}
            case ["GET", "files", "log"]:
                return {
                    "commits": [
                        {
                            "commit": "a1b2c3d4e5f6a7b8",
                            "author": "Sara",
                            "created": iso(self.shop.now),
                            "subject": HOSTILE,
                        }
                    ]
                }
            case ["GET", "files", "diff"]:
                return {"name": query["name"], "diff": DIFF}
            case ["GET", "replays"]:
                return {"replays": self.replays}
            case ["POST", "replays"]:
                made = {
                    "id": f"R{len(self.replays)}", "state": "running", "before": "git HEAD", "after": "files",
                    "minutes": body["minutes"], "messages": 400, "done": 100, "gained": 1, "eta_s": 9.0,
                    "started": iso(self.shop.now),
                }  # fmt: skip
                self.replays.insert(0, made)
                return made
            case ["GET", "replays", replay_id]:
                return next(r for r in self.replays if r["id"] == replay_id)
            case ["POST", "replays", replay_id, "cancel"]:
                found = next(r for r in self.replays if r["id"] == replay_id)
                found["state"] = "cancelled"
                return found
            case ["GET", "replays", _, "changes"]:
                return self._changes(query)
        return None

    def finish(self) -> None:
        """The first replay ends."""
        self.replays[0].update(
            state="done", done=400, gained=2, lost=1, different=1, listed=4, seconds=12.5, eta_s=None
        )

    def _changes(self, query: dict[str, str]) -> dict[str, Any]:
        silent = {"decision": "silent", "confidence": 0.2}
        answer = {"decision": "answer", "rule_id": "gift_wrap", "confidence": 0.91, "reply": HOSTILE}
        other = {"decision": "answer", "rule_id": "parking", "confidence": 0.7, "reply": "Behind the shop."}
        rows = [
            ("gained", silent, answer),
            ("gained", silent, other),
            ("lost", answer, silent),
            ("different", answer, other),
        ]
        made = [
            {"number": n, "message_id": f"m{n}", "at": iso(self.shop.now), "text": f"=1+1 {n} {HOSTILE}",
             "language": "en", "kind": kind, "before": before, "after": after}
            for n, (kind, before, after) in enumerate(rows, 1)
        ]  # fmt: skip
        kind, search = query.get("kind"), query.get("search", "")
        found = [row for row in made if kind in (None, row["kind"]) and search in row["text"]]
        return {"changes": found, "next_cursor": None}

    def _tried(self, text: str) -> dict[str, Any]:
        trace = self.judge(text)
        ranked = trace["candidates"]
        return {
            "text": text, "language": trace["language"], "decision": trace["decision"],
            "rule_id": trace["rule_id"] if trace["decision"] != "silent" else None, "confidence": trace["confidence"],
            "threshold": trace["threshold"], "stage": trace["stage"], "top": ranked[0] if ranked else None,
            "next": ranked[1] if len(ranked) > 1 else None,
            "reply": trace["replies"][0]["text"] if trace["replies"] else None, "ms": trace["total_ms"],
        }  # fmt: skip

    def _explained(self, body: dict[str, Any]) -> dict[str, Any]:
        trace = self.judge(body["text"])
        grams = [{"gram": " de", "share": 0.2}, {"gram": "live", "share": 0.1}]
        examples = [near | {"characters": 0.4, "meaning": 0.6, "grams": grams} for near in trace["neighbours"]]
        words = [{"word": word, "effect": 0.3 - 0.2 * i} for i, word in enumerate(body["text"].split()[:6])]
        before = self.judge("hello") if body.get("before") else None
        return {"trace": trace, "examples": examples, "words": words, "before": before}

    def _view(self, name: str, text: str) -> dict[str, Any]:
        loaded = check(load_texts({name: text}), near=False)
        issues = [
            RuleIssue(file=i.file, line=i.line, column=i.column, message=i.message, warning=i.warning)
            for i in sorted(loaded.issues)
        ]
        view = RuleFileView(
            name=name, text=text, revision=text_revision(text), rules=tuple(_spans(loaded, name)), issues=tuple(issues)
        )
        return view.model_dump(mode="json")


class RevisionConflictAnswer(Exception):
    """The file changed underneath."""
