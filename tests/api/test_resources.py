from __future__ import annotations

import asyncio

import pyarrow as pa
import pytest

from tests.api.asserts import assert_error
from waqtor.api.answers import dumps
from waqtor.api.shapes import NewKey
from waqtor.api.tickets import LIFETIME_S, LIMIT, TicketStore
from waqtor.contracts.views import HistoryView, Trace
from waqtor.errors import QueryRefused, RateLimited, SendRefused, Timeout, Unavailable
from waqtor.kernel.access import SCOPES, Principal
from waqtor.kernel.clock import FakeClock

RULE = {"id": "hours", "examples": {"en": ["open?"], "ar": ["متى تفتحون؟"]}, "replies": {"en": [{"text": "9 to 22"}]}}
ARROW = "application/vnd.apache.arrow.stream"


# --- sessions


async def test_sessions_and_their_states(client):
    state = (await client.get("/api/v1/session/state")).json()
    assert (state["session"], state["status"]) == ("default", "qr")
    assert (await client.get("/api/v1/session/state", params={"session": "default"})).json() == state
    assert (await client.get("/api/v1/sessions")).json() == {"sessions": [state]}
    assert_error(await client.get("/api/v1/session/state", params={"session": "other"}), 404, "not_found")


@pytest.mark.parametrize("action", ["logout", "restart"])
async def test_session_actions(client, engine, action):
    assert (await client.post(f"/api/v1/session/{action}")).json() == {"session": "default", "action": action}
    assert (await client.post(f"/api/v1/session/{action}", json={})).status_code == 200
    assert (await client.post(f"/api/v1/session/{action}", json={"session": "default"})).status_code == 200
    assert engine.commands[-1][0].action == action
    other = await client.post(f"/api/v1/session/{action}", json={"session": "other"})
    assert_error(other, 404, "not_found")
    assert_error(await client.post(f"/api/v1/session/{action}", json={"force": 1}), 422, "invalid_input", field="force")


# --- the bot


async def test_the_bot_is_tried_and_shows_its_steps(client):
    given = {"text": "متى تفتحون؟", "contact": {"firstName": "س"}}
    body = (await client.post("/api/v1/smartbot/test", json=given)).json()
    assert Trace.model_validate(body).text == "متى تفتحون؟"
    assert body["steps"][0]["step"] == "normalise"
    same = await client.post("/api/smartbot/test", json={"message": "hi"})
    assert same.json()["traceId"]
    too_long = await client.post("/api/v1/smartbot/test", json={"text": "x" * 65_537})
    assert_error(too_long, 422, "invalid_input", field="text")


async def test_rules_are_made_read_changed_and_removed(client):
    made = await client.post("/api/v1/smartbot/rules", json=RULE)
    assert made.status_code == 201
    assert_error(await client.post("/api/v1/smartbot/rules", json=RULE), 409, "conflict")
    got = await client.get("/api/v1/smartbot/rules/hours")
    assert got.json() == made.json()
    assert got.headers["etag"] == f'"{got.json()["revision"]}"'
    changed = {**RULE, "description": "Opening hours"}
    put = await client.put("/api/v1/smartbot/rules/hours", json=changed, headers={"If-Match": got.headers["etag"]})
    assert put.json()["description"] == "Opening hours"
    stale = await client.put("/api/v1/smartbot/rules/hours", json=RULE, headers={"If-Match": got.headers["etag"]})
    assert_error(stale, 409, "revision_conflict")
    assert (await client.get("/api/v1/smartbot/rules/hours")).json() == put.json()
    stale = await client.delete("/api/v1/smartbot/rules/hours", headers={"If-Match": got.headers["etag"]})
    assert_error(stale, 409, "revision_conflict")
    assert [rule["id"] for rule in (await client.get("/api/v1/smartbot/rules")).json()["rules"]] == ["hours"]
    gone = await client.delete("/api/v1/smartbot/rules/hours", headers={"If-Match": put.headers["etag"]})
    assert gone.json() == {"id": "hours", "deleted": True}
    for method in ("GET", "DELETE"):
        assert_error(await client.request(method, "/api/v1/smartbot/rules/hours"), 404, "not_found")
    assert_error(await client.put("/api/v1/smartbot/rules/hours", json=RULE), 404, "not_found")


@pytest.mark.parametrize("tag", ["", '""', '"a", "b"', '"é"'.encode()])
async def test_a_revision_that_is_none_is_refused(client, tag):
    await client.post("/api/v1/smartbot/rules", json=RULE)
    response = await client.put("/api/v1/smartbot/rules/hours", json=RULE, headers={"If-Match": tag})
    assert_error(response, 422, "invalid_input", field="If-Match")


async def test_a_star_or_a_bare_revision_is_taken(client):
    made = (await client.post("/api/v1/smartbot/rules", json=RULE)).json()
    for tag in ("*", made["revision"], f'W/"{made["revision"]}"'):
        response = await client.put("/api/v1/smartbot/rules/hours", json=RULE, headers={"If-Match": tag})
        assert response.status_code == 200


async def test_a_rule_keeps_its_id(client):
    await client.post("/api/v1/smartbot/rules", json=RULE)
    response = await client.put("/api/v1/smartbot/rules/hours", json={**RULE, "id": "other"})
    assert_error(response, 422, "invalid_input", field="id")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "Big Id"}, "id"),
        ({"examples": {"fr": ["bonjour"]}}, "examples.fr.[key]"),
        ({"replies": {}}, ""),
        ({"threshold": 2}, "threshold.constrained-float"),
        ({"conditions": {"timezone": "Mars/Phobos"}}, "conditions.timezone"),
    ],
)
async def test_a_wrong_rule_names_its_field(client, engine, change, field):
    response = await client.post("/api/v1/smartbot/rules", json={**RULE, **change})
    error = assert_error(response, 422, "invalid_input")
    assert any(issue["field"].startswith(field.split(".")[0]) for issue in error["details"]["issues"])
    assert not engine.bot.held


async def test_history_and_its_traces(client, engine):
    for n in range(3):
        trace_id = f"01M85ABAQWFSADRK4KHY9P4P{n:02}"
        engine.archive.all_history.append(
            HistoryView(
                trace_id=trace_id, message_id="m", session="default", chat_id="966501234567",
                created="2026-01-01T00:00:00.000Z", decision="answer" if n else "silent", rule_id="hours",
            )
        )  # fmt: skip
        engine.archive.traces[trace_id] = {"trace_id": trace_id, "steps": []}
    page = (await client.get("/api/v1/smartbot/history", params={"limit": 2})).json()
    assert len(page["history"]) == 2
    rest = (await client.get("/api/v1/smartbot/history", params={"cursor": page["next_cursor"]})).json()
    assert [entry["decision"] for entry in rest["history"]] == ["silent"]
    params = {"decision": "answer", "rule_id": "hours", "chat_id": "+966501234567"}
    assert len((await client.get("/api/v1/smartbot/history", params=params)).json()["history"]) == 2
    trace_id = page["history"][0]["trace_id"]
    assert (await client.get(f"/api/v1/smartbot/history/{trace_id}")).json()["trace_id"] == trace_id
    assert_error(await client.get("/api/v1/smartbot/history/none"), 404, "not_found")
    bad = await client.get("/api/v1/smartbot/history", params={"decision": "guess"})
    assert_error(bad, 422, "invalid_input", field="decision")


async def test_the_state_of_the_bot(client):
    assert (await client.get("/api/v1/smartbot/status")).json()["encoder"] == "hashing"
    assert (await client.post("/api/v1/smartbot/rebuild", json={})).json()["rules"] == 0
    assert (await client.post("/api/v1/smartbot/rebuild")).status_code == 200


# --- analytics


async def test_a_query_answers_in_json(client, engine):
    body = {"sql": "SELECT ?", "params": [1], "session": "default"}
    found = (await client.post("/api/v1/analytics/query", json=body)).json()
    assert found["rows"] == [[1, 2**70, None, "نص"]]
    assert engine.log.asked[-1] == ("SELECT ?", [1], "default")
    old = (await client.post("/api/analytics/query", json=body)).json()
    assert old["rows"] == [[1, 2**70, None, "نص"]]
    assert old["columns"][0] == "n_rows"
    assert "elapsedMs" in old


@pytest.mark.parametrize(("form", "accept"), [("arrow", None), (None, ARROW), ("arrow", "application/json")])
async def test_a_query_answers_in_arrow(client, form, accept):
    body = {"sql": "SELECT 1", **({"format": form} if form else {})}
    response = await client.post("/api/v1/analytics/query", json=body, headers={"Accept": accept} if accept else {})
    assert response.headers["content-type"] == ARROW
    table = pa.ipc.open_stream(response.content).read_all()
    assert table.to_pydict() == {"n": [1, 2], "body": ["نص", None]}


async def test_texts_need_their_own_scope(engine, connect):
    for scopes, text in ((("analytics:read",), None), (("analytics:read", "analytics:texts"), "نص")):
        key = f"wq_{len(scopes)}_0123456789"
        engine.keys.add(key, "analyst", *scopes)
        found = await connect(engine, key).post("/api/v1/analytics/query", json={"sql": "SELECT body"})
        assert found.json()["rows"][0][3] == text


@pytest.mark.parametrize("sql", ["DELETE FROM messages", "ATTACH 'x'", ""])
async def test_what_is_no_select_is_refused(client, sql):
    response = await client.post("/api/v1/analytics/query", json={"sql": sql})
    assert response.status_code == 422
    for accept in ({}, {"Accept": ARROW}):
        response = await client.post("/api/v1/analytics/query", json={"sql": "DROP TABLE x"}, headers=accept)
        assert_error(response, 422, "query_refused")


# --- keys and tickets


async def test_keys_are_made_shown_once_and_revoked(client, engine, connect):
    made = await client.post("/api/v1/keys", json={"name": "crm", "scopes": ["messages:send"]})
    assert made.status_code == 201
    key = made.json()["key"]
    assert (await connect(engine, key).get("/api/v1/ws/whoami")).json()["scopes"] == ["messages:send"]
    listed = await client.get("/api/v1/keys")
    assert key not in listed.text
    assert [view["name"] for view in listed.json()["keys"]] == ["crm", "admin"]
    gone = await client.delete(f"/api/v1/keys/{made.json()['id']}")
    assert gone.json() == {"id": made.json()["id"], "revoked": True}
    assert_error(await connect(engine, key).get("/api/v1/ws/whoami"), 401, "unauthorized")
    assert_error(await client.delete("/api/v1/keys/none"), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "", "scopes": ["admin"]}, "name"),
        ({"name": "  ", "scopes": ["admin"]}, "name"),
        ({"scopes": ["admin"]}, "name"),
        ({"name": "x", "scopes": ["admin"], "expires": "2020-01-01T00:00:00Z"}, "expires"),
        ({"name": "x", "scopes": ["admin"], "expires": "2099-01-01T00:00:00"}, "expires"),
        ({"name": "x", "scopes": ["admin"], "expires": "0001-01-01T00:00:00+23:59"}, "expires"),
        ({"name": "x", "scopes": ["admin"], "expires": "soon"}, "expires"),
    ],
)
async def test_a_wrong_key_is_not_made(client, engine, body, field):
    assert_error(await client.post("/api/v1/keys", json=body), 422, "invalid_input", field=field)
    assert len(engine.keys.rows) == 1


async def test_an_unknown_scope_is_refused(client):
    response = await client.post("/api/v1/keys", json={"name": "x", "scopes": ["everything"]})
    assert_error(response, 422, "invalid_input")


async def test_an_expiry_is_kept(client):
    body = {"name": "x", "scopes": ["admin"], "expires": "2099-01-01T03:00:00+03:00"}
    assert (await client.post("/api/v1/keys", json=body)).json()["expires"] == "2099-01-01T00:00:00.000Z"


async def test_the_last_admin_key_cannot_be_revoked(client, engine):
    only = next(iter(engine.keys.rows))
    assert_error(await client.delete(f"/api/v1/keys/{only}"), 409, "conflict")
    other = (await client.post("/api/v1/keys", json={"name": "second", "scopes": ["admin"]})).json()
    assert (await client.delete(f"/api/v1/keys/{other['id']}")).status_code == 200
    assert_error(await client.delete(f"/api/v1/keys/{only}"), 409, "conflict")


def test_the_document_names_all_scopes():
    assert NewKey.model_json_schema()["properties"]["scopes"]["items"]["enum"] == list(SCOPES)


async def test_a_ticket_stands_for_its_key_once(client, engine):
    body = (await client.post("/api/v1/ws/tickets")).json()
    assert body["expires_in"] == LIFETIME_S
    assert body["expires"].endswith("Z")
    assert body["ticket"].startswith("wt_")


async def test_tickets_end_after_use_and_after_thirty_seconds():
    clock = FakeClock()
    store = TicketStore(clock)
    me = Principal("k", "me", frozenset({"admin"}))
    first, second = store.issue(me), store.issue(me)
    assert store.redeem(first.value) == me
    assert store.redeem(first.value) is None
    assert store.redeem("wt_unknown") is None
    assert store.redeem("é\x00") is None
    await clock.advance(LIFETIME_S)
    assert store.redeem(second.value) is None


async def test_outstanding_tickets_are_bounded():
    clock = FakeClock()
    store = TicketStore(clock)
    me = Principal("k", "me", frozenset())
    for _ in range(LIMIT):
        store.issue(me)
    with pytest.raises(RateLimited):
        store.issue(me)
    await clock.advance(LIFETIME_S + 1)
    store.issue(me)
    assert len(store) == 1


async def test_whoami_tells_the_address(engine, connect):
    body = (await connect(engine, address="203.0.113.5").get("/api/v1/ws/whoami")).json()
    assert (body["address"], body["name"], body["scopes"]) == ("203.0.113.5", "admin", ["admin"])


# --- the system


async def test_health_readiness_and_metrics(client, engine):
    assert (await client.get("/healthz")).json()["status"] == "ok"
    ready = await client.get("/readyz")
    assert ready.json() == {"ready": True, "reasons": [], "warnings": ["traffic log: waiting"]}
    engine.reasons = ["the engine is starting"]
    error = assert_error(await client.get("/readyz"), 503, "unavailable")
    assert error["details"]["reasons"] == ["the engine is starting"]
    metrics = await client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert "waqtor_http_seconds_bucket" in metrics.text
    body = (await client.get("/api/v1/metrics")).json()
    assert body["engine"]["counts"] == {"in:received": 0, "journal": 0}
    assert set(body) >= {"metrics", "websocket", "topics", "buffer", "security", "timestamp"}


async def test_security_counters_reach_the_metrics(engine, connect):
    await connect(engine, "wrong").get("/api/v1/sessions")
    body = (await connect(engine).get("/api/v1/metrics")).json()
    assert body["security"]["unauthorized_attempts"] == 1


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Unavailable("starting", retry_after=2), 503, "unavailable"),
        (Timeout("slow"), 504, "timeout"),
        (SendRefused("no", error_code="131047"), 502, "send.refused"),
        (QueryRefused("no"), 422, "query_refused"),
        (RateLimited("slow down", retry_after=0.2), 429, "rate_limited"),
    ],
)
async def test_each_error_of_the_tree_has_its_status(client, engine, error, status, code):
    engine.failing = error
    response = await client.post("/api/v1/messages/send-text", json={"to": "966501234567", "text": "x"})
    assert_error(response, status, code)
    if "retry_after" in error.details:
        assert int(response.headers["retry-after"]) >= 1


async def test_a_part_that_breaks_is_a_500(client, engine):
    engine.bot.failing = asyncio.InvalidStateError("secret")
    assert_error(await client.post("/api/v1/smartbot/test", json={"text": "x"}), 500, "internal")


def test_what_json_cannot_say_is_said_otherwise():
    assert dumps({"a": float("nan"), "b": 2**80, "c": b"\x01", "d": (1,)}) == (
        b'{"a":null,"b":1208925819614629174706176,"c":"01","d":[1]}'
    )
    assert dumps({"a": float("inf"), "t": Trace}).startswith(b'{"a":null,"t":"')
