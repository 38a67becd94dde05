from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from waqtor.cli import webhooks as cli
from waqtor.contracts.webhooks import CreateWebhook, Filters, UpdateWebhook

runner = CliRunner(env={"COLUMNS": "200"})
# What the REST body calls otherwise: one option per filter, and names of one thing for options that repeat.
OPTIONS = {"events": {"event"}, "headers": {"header"}, "filters": {"session", "chat", "rule"}}


class Resource:
    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def get(self, webhook_id: str) -> Any:
        return SimpleNamespace(filters=Filters(sessions=("shop",), chats=("966500000001",)))

    def create(self, url: str, events: Any, **options: Any) -> dict[str, Any]:
        self.calls.append(CreateWebhook(url=url, events=events, **options).model_dump(exclude_unset=True))
        return {}

    def update(self, webhook_id: str, **changes: Any) -> dict[str, Any]:
        self.calls.append({"id": webhook_id, **UpdateWebhook(**changes).model_dump(exclude_unset=True)})
        return {}


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    resource = Resource()

    class Client:
        webhooks = resource

        def __enter__(self) -> Client:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(cli, "client", Client)
    return resource.calls


def run(*arguments: str) -> str:
    result = runner.invoke(cli.app, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_everything_that_the_api_takes_can_be_given(called: list[dict[str, Any]]) -> None:
    run(
        "create", "https://a.example/h", "-e", "message_received", "-e", "message_sent", "--name", "CRM",
        "--secret", "top-secret", "--session", "shop", "--chat", "966501234567", "--rule", "hours", "--rule", "price",
        "--header", "Authorization: Bearer a:b", "--header", "X-One:1", "--schedule", "5,60,300", "--attempts", "4",
        "--delay-ms", "500", "--timeout-ms", "2000", "--concurrency", "8", "--ordered", "--disabled",
    )  # fmt: skip
    (made,) = called
    assert made == {
        "url": "https://a.example/h", "events": ("message_received", "message_sent"), "name": "CRM",
        "secret": "top-secret", "enabled": False, "ordered": True, "schedule": (5.0, 60.0, 300.0), "attempts": 4,
        "delay_ms": 500, "timeout_ms": 2000, "concurrency": 8,
        "headers": {"Authorization": "Bearer a:b", "X-One": "1"},
        "filters": {"sessions": ("shop",), "chats": ("966501234567",), "rules": ("hours", "price")},
    }  # fmt: skip
    assert set(made) == set(CreateWebhook.model_fields)


@pytest.mark.parametrize(("command", "model"), [("create", CreateWebhook), ("update", UpdateWebhook)])
def test_no_field_of_the_api_is_missing(command: str, model: Any) -> None:
    told = run(command, "--help")
    for field in set(model.model_fields) - ({"url"} if command == "create" else set()):
        for option in OPTIONS.get(field, {field}):
            assert f"--{option.replace('_', '-')}" in told


def test_an_update_changes_what_is_given(called: list[dict[str, Any]]) -> None:
    run("update", "w1", "--unordered", "--schedule", "long")
    run("update", "w1", "--chat", "", "--rule", "hours", "--header", "")
    run("update", "w1", "--url", "https://b.example/h", "-e", "*")
    assert called == [
        {"id": "w1", "ordered": False, "schedule": "long"},
        {"id": "w1", "headers": {}, "filters": {"sessions": ("shop",), "chats": (), "rules": ("hours",)}},
        {"id": "w1", "url": "https://b.example/h", "events": ("*",)},
    ]


@pytest.mark.parametrize("given", [("--header", "no colon"), ("--header", ": x"), ("--schedule", "soon")])
def test_what_makes_no_sense_is_refused(called: list[dict[str, Any]], given: tuple[str, str]) -> None:
    result = runner.invoke(cli.app, ["create", "https://a.example/h", *given])
    assert result.exit_code == 2
    assert not called
