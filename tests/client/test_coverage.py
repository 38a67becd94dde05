"""Every route has a method in both clients, every method has a route, and each tells what it returns."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, get_type_hints

import pytest

from tests.api.fakes import FakeEngine
from waqtor.api.app import create_app
from waqtor.client import AsyncWaqtorClient, WaqtorClient
from waqtor.client.calls import AsyncResource, BlockingResource, Call

NO_METHOD = {
    "GET /api/v1/campaigns/{campaign_id}": "the same as …/status, which campaigns.get and campaigns.status ask",
    "GET /webhooks/whatsapp": "WhatsApp's servers call it",
    "POST /webhooks/whatsapp": "WhatsApp's servers call it",
}
"""Routes without a method of their own, and why."""

ARGUMENTS: dict[str, dict[str, Any]] = {
    "campaigns.create": {"name": "n", "recipients": ["966501234567"], "template": "hello"},
    "campaigns.create_audience": {"name": "n", "numbers": "966501234567"},
    "campaigns.test_send": {"campaign_id": "c", "recipients": ["966501234567"]},
    "campaigns.upload": {"source": b"phone\n966501234567\n", "filename": "list.csv"},
    "messages.upload": {"source": b"\x89PNG", "filename": "a.png"},
    "messages.resolve": {"message_id": "m", "outcome": "sent"},
    "messages.send_buttons": {"to": "966501234567", "body": "t", "buttons": ["yes"]},
    "messages.send_list": {
        "to": "966501234567", "body": "t", "button": "open", "sections": [{"rows": [{"id": "a", "title": "A"}]}],
    },
    "messages.send_location": {"to": "966501234567", "latitude": 24.7, "longitude": 46.7},
    "messages.send_media": {"to": "966501234567", "media_type": "image", "url": "https://example.com/a.png"},
    "messages.send_reaction": {"to": "966501234567", "message_id": "m", "emoji": "👍"},
    "notifications.create": {"title": "t"},
    "notifications.mute": {"kinds": ["disk"]},
    "notifications.update": {"notification_id": "n", "read": True},
    "privacy.consent_history": {"contact": "966501234567"},
    "privacy.erase": {"contact": "966501234567"},
    "privacy.export": {"contact": "966501234567"},
    "privacy.give_consent": {"contact": "966501234567", "source": "form"},
    "privacy.import_consents": {"source": b"phone\n966501234567\n"},
    "smartbot.rules.create": {"rule": {"id": "a"}},
    "smartbot.rules.update": {"rule_id": "a", "rule": {"id": "a"}},
    "suggestions.label": {"trace_id": "t", "right": True},
    "webhooks.create": {"url": "https://example.com/in", "events": ["*"]},
    "webhooks.update": {"webhook_id": "w", "enabled": False},
    "workbench.save_file": {"name": "custom.yaml", "text": "version: 1"},
}  # fmt: skip
"""Arguments of methods that do not take whatever text is put in the place of what they need."""

UNTYPED = {
    "smartbot.status", "smartbot.rebuild", "status.health", "status.metrics", "status.monitor", "status.logout",
    "status.restart", "messages.resolve", "messages.pause_chat", "messages.resume_chat", "campaigns.test_send",
    "suggestions.refresh", "suggestions.unlabel", "messages.delete_media",
}  # fmt: skip
"""Methods whose answer is an open object in the document too, or no more than a confirmation."""


def resources(holder: Any, kind: type) -> Iterator[tuple[str, Any]]:
    for name, value in vars(holder).items():
        if isinstance(value, kind):
            yield name, value
            for below, found in resources(value, kind):
                yield f"{name}.{below}", found


def methods(client: Any, kind: type) -> dict[str, Any]:
    """Name → builder of every method of a client's resources."""
    found = {}
    for path, resource in resources(client, kind):
        for name, method in inspect.getmembers(type(resource), inspect.isfunction):
            if not name.startswith("_"):
                found[f"{path}.{name}"] = inspect.unwrap(method)
    return found


@pytest.fixture(scope="module")
def blocking() -> dict[str, Any]:
    with WaqtorClient("http://localhost:9", "k") as client:
        return methods(client, BlockingResource)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(FakeEngine(), manage_engine=False).openapi()


def call_of(name: str, build: Any) -> Call[Any]:
    given = ARGUMENTS.get(name)
    if given is None:
        parameters = inspect.signature(build).parameters.values()
        needed = [p for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
        given = {p.name: "966501234567" if p.name in ("to", "chat_id") else "x" for p in needed}
        given |= {p.name: ["x"] for p in needed if "Sequence" in str(p.annotation)}
    call: Call[Any] = build(**given)
    return call


def route_of(call: Call[Any], paths: dict[str, Any]) -> str | None:
    path = call.path if call.rooted else f"/api/v1{call.path}"
    fits = [
        template
        for template, operations in paths.items()
        if call.method.lower() in operations
        and re.fullmatch(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(template)), path)
    ]
    best = min(fits, key=lambda template: template.count("{"), default=None)
    return None if best is None else f"{call.method} {best}"


async def test_both_clients_have_the_same_methods_made_of_the_same_builders(blocking):
    async with AsyncWaqtorClient("http://localhost:9", "k") as client:
        assert methods(client, AsyncResource) == blocking
    assert len(blocking) > 80


def test_every_route_has_a_method_and_every_method_a_route(blocking, document):
    routes = {
        f"{method.upper()} {path}"
        for path, operations in document["paths"].items()
        for method in operations
        if method in {"get", "post", "put", "patch", "delete"}
    }
    reached = {name: route_of(call_of(name, build), document["paths"]) for name, build in blocking.items()}
    assert [name for name, route in reached.items() if route is None] == []
    assert sorted(routes - set(reached.values()) - set(NO_METHOD)) == [], "routes without an SDK method"
    assert [route for route in NO_METHOD if route not in routes or route in reached.values()] == []


def test_every_method_says_what_it_returns(blocking):
    for name, build in blocking.items():
        result = str(get_type_hints(build)["return"])
        assert result.startswith("waqtor.client.calls.Call["), name
        assert ("dict[str, typing.Any]" in result) == (name in UNTYPED), f"{name}: {result}"
        assert inspect.getdoc(build), name


def test_what_may_be_repeated(blocking):
    """Sends and campaigns carry a key; what only reads or says what shall be is repeated too; nothing else is."""
    calls = {name: call_of(name, build) for name, build in blocking.items()}
    sends = {name for name in calls if name.startswith("messages.send")}
    verbs = ("create", "execute", "pause", "resume", "cancel", "retry_failed", "clone", "test_send", "create_audience")
    campaigns = {f"campaigns.{verb}" for verb in verbs}
    assert {name for name, call in calls.items() if call.keyed} == sends | campaigns | {"messages.upload"}
    safe = {name for name, call in calls.items() if call.safe}
    assert safe == {
        "analytics.queries.replace", "campaigns.dry_run", "keys.ticket", "notifications.mute", "notifications.read_all",
        "privacy.erase", "privacy.export", "privacy.give_consent", "privacy.import_consents", "privacy.opt_out",
        "smartbot.rebuild", "smartbot.test", "suggestions.label", "workbench.check_file", "workbench.explain",
        "workbench.run_cases", "workbench.try_many",
    }  # fmt: skip
    for name, call in calls.items():
        assert call.repeatable == (call.keyed or call.safe or call.method == "GET"), name
