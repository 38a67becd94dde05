"""A sidecar for the dashboard's tests: the REST answers of the contracts, over a small shop that commands change.

Here is the logic; :meth:`FakeSidecar.answer` is plain Python: AppTest reaches it through ``httpx.MockTransport``, a
browser's dashboard over HTTP (serving.py). Analytics queries run in a real DuckDB with the log's own tables and views.
"""

from __future__ import annotations

import json
import random
import threading
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from tests.ui.fake_access import FakeAccess
from tests.ui.fake_bench import FakeBench, RevisionConflictAnswer
from tests.ui.fake_campaigns import CAMPAIGN, FakeCampaigns
from tests.ui.fake_hooks import FakeHooks
from tests.ui.fake_hub import FakeHub
from tests.ui.fake_notices import FakeNotices
from tests.ui.fake_privacy import FakePrivacy
from tests.ui.fake_queries import TAKEN, FakeQueries
from tests.ui.fake_shop import HOSTILE, REVISION, RULES, SESSION, Shop, iso
from waqtor.contracts.views import RuleView, SessionView, Trace
from waqtor.errors import QueryRefused
from waqtor.storage import duck_guard, duck_quarters, duck_schema
from waqtor.storage.duck_query import plain

KEY = "wq_test_key_for_the_dashboard"
SECRET_CODES = {"unauthorized": 401, "not_found": 404, "query_refused": 400, "unavailable": 503, "invalid_input": 422,
                "revision_conflict": 409, "conflict": 409}  # fmt: skip


def similarity(a: str, b: str) -> float:
    def grams(text: str) -> set[str]:
        text = f"  {text.lower().strip(' ?؟!.')} "
        return {text[i : i + 3] for i in range(len(text) - 2)}

    x, y = grams(a), grams(b)
    return len(x & y) / len(x | y) if x | y else 0.0


class Refused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class FakeSidecar:
    """Answers the dashboard; ``down`` and ``broken`` make it fail in the usual ways."""

    def __init__(
        self, *, empty: bool = False, status: str = "ready", not_ready: tuple[str, ...] = (), polite: bool = False
    ) -> None:
        self.shop = Shop(empty=empty, status=status, polite=polite)
        self.notices, self.hooks = FakeNotices(self.shop), FakeHooks(self.shop)
        self.campaigns = FakeCampaigns(empty=empty, polite=polite)
        self.hub = FakeHub(self.shop)
        self.privacy = FakePrivacy(self.shop)
        self.bench = FakeBench(self.shop, self.judge)
        self.not_ready = not_ready
        self.down = False
        self.broken: set[str] = set()
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.lock = threading.Lock()
        asked = ["do you wrap gifts", "gift wrap available?", "is wrapping free" if polite else HOSTILE,
                 "can you wrap it as a gift"]  # fmt: skip
        self.suggestion: dict[str, Any] = {
            "id": "01SUGGESTION", "kind": "new_rule", "status": "open", "title": "gift, wrap", "language": "en",
            "words": ["gift", "wrap"], "rule_id": "gift_wrap", "examples": {"en": asked}, "replies": {}, "messages": 14,
            "customers": 11, "created": iso(self.shop.now), "updated": iso(self.shop.now),
            "evidence": [{"message_id": f"m{i}", "text": text, "times": 4 - i} for i, text in enumerate(asked)],
            "nearest": [{"rule_id": "returns", "confidence": 0.31}],
            "effect": {"before": 0.71, "after": 0.74, "answered": 0.86, "lost": 0, "messages": 420},
        }  # fmt: skip
        self.access, self.queries = FakeAccess(self.shop), FakeQueries(self.shop)
        self._log: Any = None

    # --- the ways in
    def transport(self) -> httpx.MockTransport:
        def handle(request: httpx.Request) -> httpx.Response:
            if self.down:
                raise httpx.ConnectError("refused", request=request)
            status, body = self.answer(
                request.method,
                str(request.url.raw_path.decode()),
                request.content,
                request.headers.get("x-api-key", ""),
            )
            return httpx.Response(status, json=body)

        return httpx.MockTransport(handle)

    def answer(self, method: str, target: str, content: bytes, key: str) -> tuple[int, Any]:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = json.loads(content) if content else {}
        path = parts.path.removeprefix("/api/v1")
        with self.lock:
            self.calls.append((method, path, body or query))
            try:
                if path == "/healthz":
                    return 200, {"ok": True, "version": "0.1.0", "uptime": 5025.0}
                if path == "/readyz":
                    return (
                        (503, {"ok": False, "reasons": list(self.not_ready)}) if self.not_ready else (200, {"ok": True})
                    )
                if key != KEY:
                    raise Refused("unauthorized", "This API key is unknown.")
                if any(path.startswith(prefix) for prefix in self.broken):
                    raise Refused("unavailable", "This part is stopping.")
                return 200, self._route(method, [unquote(p) for p in path.strip("/").split("/")], query, body)
            except Refused as error:
                detail = {"code": error.code, "message": error.message, "details": {}, "request_id": "req_1"}
                return SECRET_CODES[error.code], {"ok": False, "error": detail}

    def _route(self, method: str, path: list[str], query: dict[str, str], body: dict[str, Any]) -> Any:
        shop, limit = self.shop, int(query.get("limit", 50))
        match [method, *path]:
            case ["GET", "sessions"]:
                return {"items": [self._session()]}
            case ["GET", "session", "state"]:
                return self._session()
            case ["GET", "campaigns"]:
                return {"campaigns": self.campaigns.all, "next_cursor": None}
            case ["GET", "campaigns", one, "status"]:
                return self.campaigns.one(one)
            case ["GET", "campaigns", one, "report"]:
                return self.campaigns.report(one)
            case ["GET", "campaigns", _, "recipients"]:
                return {"recipients": self.campaigns.recipients(query.get("status")), "next_cursor": None}
            case ["POST", "campaigns", _, action]:
                return CAMPAIGN | {"status": {"pause": "paused"}.get(action, "running")}
            case ["GET", "messages"]:
                found = [m for m in reversed(shop.messages) if query.get("status") in (None, m["status"])]
                return {"items": sorted(found, key=lambda m: m["timestamp"], reverse=True)[:limit], "next_cursor": None}
            case ["GET", "chats"]:
                wanted = query.get("search", "").casefold()
                found = [
                    c
                    for c in shop.chats.values()
                    if wanted in f"{c['name']} {c['chat_id']} {c['last_message']}".casefold()
                ]
                return {
                    "items": sorted(found, key=lambda c: c["last_timestamp"], reverse=True)[:limit],
                    "next_cursor": None,
                }
            case ["GET", "chats", chat_id, "messages"]:
                found = [m for m in shop.messages if m["chat_id"] == chat_id]
                return {"items": sorted(found, key=lambda m: m["timestamp"], reverse=True)[:limit], "next_cursor": None}
            case ["POST", "chats", chat_id, "pause" | "resume" as what]:
                shop.chats[chat_id].update(
                    bot_paused=what == "pause", bot_paused_reason=body.get("reason", "paused by a person")
                )
                return {"ok": True}
            case ["POST", "messages", "send-text"]:
                message = shop.add(body["to"], "", 0, "out", body["text"], "delivered")
                message["timestamp"] = iso(datetime.now().astimezone())
                return {"message_id": message["message_id"], "timestamp": message["timestamp"], "status": "pending"}
            case ["POST", "messages", "send-buttons" | "send-list" | "send-location"]:
                message = shop.add(body["to"], "", 0, "out", body.get("body", ""), "delivered")
                return {"message_id": message["message_id"], "timestamp": message["timestamp"], "status": "pending"}
            case ["GET", "messages", message_id]:
                found = [m for m in shop.messages if m["message_id"] == message_id]
                if not found:
                    raise Refused("not_found", "There is no such message.")
                return found[0]
            case ["POST", "messages", message_id, "resolve"]:
                message = next((m for m in shop.messages if m["message_id"] == message_id), None)
                if message is None:
                    raise Refused("not_found", "There is no such message.")
                message["status"] = (
                    "sent" if body["outcome"] == "sent" else "queued" if body.get("resend") else "failed"
                )
                return {"ok": True}
            case ["GET", "smartbot", "rules"]:
                return {"items": [self._rule(n) for n in range(0 if shop.empty else len(RULES))]}
            case ["GET", "smartbot", "status"]:
                return {
                    "state": "ready", "revision": REVISION, "rules": len(RULES), "examples": 214,
                    "languages": {"ar": 98, "en": 97, "arabizi": 19}, "encoder": "minilm", "encoder_loaded": True,
                    "index": "exact", "built_at": iso(shop.now), "build_ms": 812.4, "writable": True,
                    "last_error": "", "errors": [],
                }  # fmt: skip
            case ["POST", "smartbot", "rebuild"]:
                return {"ok": True}
            case ["GET", "smartbot", "history"]:
                found = [
                    h
                    for h in shop.history
                    if query.get("decision") in (None, h["decision"])
                    and query.get("rule_id") in (None, h["rule_id"])
                    and query.get("language") in (None, h["language"])
                    and float(query.get("min_confidence", 0))
                    <= h["confidence"]
                    <= float(query.get("max_confidence", 1))
                    and query.get("search", "").casefold()
                    in f"{h['trigger']} {h['response']} {h['chat_id']}".casefold()
                ]
                return {"items": found[:limit], "next_cursor": None}
            case ["GET", "smartbot", "history", trace_id]:
                entry = next((h for h in shop.history if h["trace_id"] == trace_id), None)
                if entry is None:
                    raise Refused("not_found", "There is no such trace.")
                return self.judge(entry["trigger"])
            case ["POST", "smartbot", "test"]:
                return self.judge(body["text"])
            case ["GET", "smartbot", "labels"]:
                return {"labels": list(shop.labels.values()), "next_cursor": None}
            case ["PUT", "smartbot", "labels", trace_id]:
                shop.labels[trace_id] = {"trace_id": trace_id, "message_id": "m", "session": SESSION,
                                         "created": iso(shop.now), **body}  # fmt: skip
                return shop.labels[trace_id]
            case ["DELETE", "smartbot", "labels", trace_id]:
                return {"trace_id": trace_id, "removed": shop.labels.pop(trace_id, None) is not None}
            case ["GET", "smartbot", "suggestions"]:
                found = [] if shop.empty else [self.suggestion]
                return {"suggestions": [s for s in found if query.get("status") in (None, s["status"])]}
            case ["GET", "smartbot", "suggestions", _]:
                return self.suggestion
            case ["GET", "smartbot", "suggestions", suggestion_id, "diff"]:
                if self.suggestion["kind"] == "new_rule" and not self.suggestion["replies"]:
                    raise Refused("invalid_input", "Write what the new rule answers first.")
                diff = "--- a/custom.yaml\n+++ b/custom.yaml\n@@ -1 +1,2 @@\n+  - id: gift_wrap\n"
                return {"suggestion_id": suggestion_id, "file": "custom.yaml", "diff": diff, "revision": "r1"}
            case ["POST", "smartbot", "suggestions", "refresh"]:
                return {"messages": 0, "answered": 0, "unanswered": 0, "suggestions": {}}
            case ["PATCH", "smartbot", "suggestions", _]:
                self.suggestion.update(body, edited=True)
                return self.suggestion
            case ["POST", "smartbot", "suggestions", suggestion_id, "accept"]:
                self.suggestion["status"] = "accepted"
                return {"suggestion_id": suggestion_id, "rule_id": "gift_wrap", "file": "custom.yaml", "diff": "",
                        "revision": "r2"}  # fmt: skip
            case ["POST", "smartbot", "suggestions", _, "reject" | "snooze" | "reopen" as what]:
                self.suggestion["status"] = {"reject": "rejected", "snooze": "snoozed", "reopen": "open"}[what]
                return self.suggestion
            case ["POST", "analytics", "query"]:
                return self._query(body)
            case [_, "analytics", "queries", *rest]:
                found = self.queries.route(method, rest, body)
                if found is TAKEN:
                    raise Refused("conflict", "There is a query of that name already.")
                if found is not None:
                    return found
        if path[0] in ("keys", "profile"):
            return self.access.route(method, path, body)
        if path[0] in ("privacy", "audit"):
            answered = self.privacy.route(method, path, query, body)
            if answered is not None:
                return answered
        part: Any = {"notifications": self.notices, "webhooks": self.hooks, "smartbot": self.bench}.get(path[0])
        try:
            answered = part.route(method, path[1:], query, body) if part is not None else None
        except RevisionConflictAnswer:
            raise Refused("revision_conflict", "The file changed.") from None
        if answered is None:
            answered = self.hub.route(method, path, query, body)
        if answered is None:
            raise Refused("not_found", "No such route.")
        return answered

    def _session(self) -> dict[str, Any]:
        ready = self.shop.status == "ready"
        info = {"platform": "simulator", "phone_number": "966112003000", "name": "Oud & Rose"}
        return SessionView(
            session=SESSION,
            transport="simulator",
            status=self.shop.status,
            client_info=info if ready else None,
            qr="2@Zk3xP0q9Vd1sB7yQmC5tW8nR4uJ6hL2,fA9eT0gK1oI3bX5vN7zM8cS4pD6rY2w=,Q1j3U5l7H9"
            if self.shop.status == "qr"
            else None,
            reason=None if ready else "The phone is offline.",
            since=iso(self.shop.now - timedelta(hours=1, minutes=24)),
            queued=0,
            in_doubt=sum(m["status"] == "in_doubt" for m in self.shop.messages),
        ).model_dump(mode="json")

    def _rule(self, n: int) -> dict[str, Any]:
        rule = RULES[n]
        family = rule["id"].split("_")[0]
        return RuleView(
            id=rule["id"],
            file=f"{family}.yaml",
            line=12 + 31 * n,
            revision=REVISION,
            enabled=True,
            action=rule["action"],
            description=rule["description"],
            rule=rule,
        ).model_dump(mode="json")

    def judge(self, text: str) -> dict[str, Any]:
        """Decide as the bot would, by trigrams: answer, ask back, hand over or stay silent."""
        arabic = any("\u0600" <= c <= "\u06ff" for c in text)
        arabizi = not arabic and any(similarity(text, e) > 0.5 for r in RULES for e in r["examples"]["arabizi"])
        language = "ar" if arabic else "arabizi" if arabizi else "en"
        near = sorted(
            ((max((similarity(text, e), e) for es in r["examples"].values() for e in es), r) for r in RULES),
            key=lambda pair: -pair[0][0],
        )
        scored = [(min(0.99, 0.05 + 1.6 * s), r, e, s) for (s, e), r in near[:3]]
        confidence, best, _, _ = scored[0]
        threshold = best["threshold"]
        decision = "silent" if confidence < threshold else "handoff" if best["action"] == "handoff" else "answer"
        replies = []
        if decision != "silent":
            reply_language = "en" if language == "en" else "ar"
            reply = best["replies"][reply_language][0]
            content: dict[str, Any] = {"type": "text", "body": reply["text"]}
            if "buttons" in reply:
                content = {"type": "buttons", "body": reply["text"], "buttons": reply["buttons"]}
            elif "sections" in reply:
                content = {
                    "type": "list",
                    "body": reply["text"],
                    "button": reply["list_button"],
                    "sections": reply["sections"],
                }
            replies = [{"text": reply["text"], "language": reply_language, "content": content}]
        steps = [
            ("normalise", 0.08, "Unified letters and digits.", {"text": text[:200].lower().strip("؟?! ")}),
            (
                "language",
                0.03,
                f"Written in {language}.",
                {"language": language, "arabic_share": 1.0 if arabic else 0.0},
            ),
            (
                "guard",
                0.05,
                "Nothing forbids an answer.",
                {"checked": ["opt-out words", "loop", "paused chat", "quiet hours", "rate"]},
            ),
            (
                "retrieve",
                3.61,
                "Found 12 examples near the message.",
                {"exact": 0, "keyword": 1, "semantic": 8, "lexical": 3},
            ),
            (
                "score",
                0.42,
                f"Best: {best['id']} at {confidence:.2f}.",
                {r["id"]: round(c, 3) for c, r, _, _ in scored},
            ),
            (
                "decide",
                0.02,
                f"{decision}: {confidence:.2f} against a threshold of {threshold:.2f}.",
                {"threshold": threshold, "margin": 0.05},
            ),
            ("render", 0.11, f"Filled {len(replies)} reply.", {"variables": {"shop.name": "Oud & Rose"}}),
            (
                "check",
                0.04,
                "The outgoing text is fine." if replies else "Nothing to send.",
                {"length": len(replies[0]["text"]) if replies else 0},
            ),
        ]
        return Trace(
            trace_id="tr_test",
            text=text,
            language=language,
            decision=decision,
            rule_id=best["id"] if replies else None,
            reason=f"{confidence:.2f} reaches the threshold {threshold:.2f}."
            if replies
            else f"{confidence:.2f} is below the threshold {threshold:.2f}.",
            confidence=round(confidence, 4),
            threshold=threshold,
            stage="semantic",
            revision=REVISION,
            replies=replies,
            candidates=[{"rule_id": r["id"], "confidence": round(c, 4)} for c, r, _, _ in scored],
            neighbours=[
                {"rule_id": r["id"], "example": e, "similarity": round(s, 3), "source": "semantic"}
                for _, r, e, s in scored
            ],
            steps=[{"step": n, "ms": ms, "summary": s, "details": d} for n, ms, s, d in steps],
            total_ms=sum(s[1] for s in steps),
        ).model_dump(mode="json")

    def _query(self, body: dict[str, Any]) -> dict[str, Any]:
        import duckdb

        self.warm()
        try:
            statement, _ = duck_guard.check(body["sql"], self._log)
            cursor = self._log.execute(statement, body.get("params") or [])
        except QueryRefused as error:
            raise Refused("query_refused", error.message) from None
        except duckdb.Error as error:
            raise Refused("invalid_input", str(error)) from None
        columns = [d[0] for d in cursor.description]
        types = [str(d[1]) for d in cursor.description]
        return {"columns": columns, "types": types, "rows": plain(cursor.fetchall()), "truncated": False,
                "elapsed_ms": 1.4}  # fmt: skip

    def warm(self) -> None:
        """Fill the traffic log now rather than at the first query."""
        import duckdb

        if self._log is None:
            self._log = self._fill(duckdb.connect())

    def _fill(self, log: Any) -> Any:
        import pandas

        log.execute("CREATE SCHEMA log; CREATE SCHEMA meta; SET TimeZone = 'UTC'")
        duck_quarters.prepare(log)
        for table in duck_schema.TABLES:
            log.execute(table.create())
        for table in duck_schema.TABLES:
            log.execute(
                f"CREATE VIEW main.{table.name} AS {duck_schema.view_sql(table.name, texts=True, session=None)}"
            )
        log.execute(f"CREATE VIEW main.sends AS {duck_schema.view_sql('sends', texts=True, session=None)}")
        draw, offset, rows = random.Random(3), 0, self.shop.minutes()
        messages: list[Any] = []
        sends: list[Any] = []
        decisions: list[Any] = []
        for n, (minutes, kind) in enumerate(sorted(rows, reverse=True)):
            when = self.shop.now - timedelta(minutes=minutes)
            chat, rule = f"chat{draw.randrange(90)}", draw.choices(RULES, [30, 16, 22, 9, 7, 8, 12, 4, 15])[0]["id"]
            messages.append((offset := offset + 1, f"in{n}", SESSION, when, "text", chat))
            decisions.append(
                (
                    offset := offset + 1,
                    f"in{n}",
                    SESSION,
                    when,
                    kind,
                    rule if kind != "silent" else None,
                    draw.uniform(0.7, 0.99),
                    chat,
                    draw.choices(["ar", "en", "arabizi"], [60, 30, 10])[0],
                    f"{HOSTILE} {n % 3}" if kind == "silent" and not self.shop.polite else "هل تغلفون الهدايا؟",
                )
            )
            if kind != "silent":
                sent = when + timedelta(milliseconds=draw.lognormvariate(5.6, 0.4))
                for status in ("sent", "delivered"):
                    sends.append((offset := offset + 1, f"out{n}", SESSION, sent, status, "reply", chat))
            elif draw.random() < 0.3:
                sends.append(
                    (offset := offset + 1, f"out{n}", SESSION, when + timedelta(seconds=50), "sent", "api", chat)
                )
        for table, columns, values in (
            ("messages", "journal_offset, message_id, session, created, type, chat_key", messages),
            (
                "decisions",
                "journal_offset, message_id, session, created, decision, rule_id, confidence, chat_key, language, "
                "trigger",
                decisions,
            ),
            ("send_changes", "journal_offset, message_id, session, created, status, cause, chat_key", sends),
            ("ws_frames", "created, session, direction, type, frames, bytes", self.hub.frames()),
        ):
            if values:
                rows = pandas.DataFrame(values, columns=columns.split(", "))
                log.register("rows", rows)
                log.execute(f"INSERT INTO log.{table} ({columns}) SELECT {columns} FROM rows")
                log.unregister("rows")
        return log
