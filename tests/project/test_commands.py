"""Each command is reachable by REST, by the SDK (both clients) and by the command line."""

from __future__ import annotations

import pytest
import typer.main

from waqtor.contracts.commands import COMMANDS, CommandSpec

SPECS = list(COMMANDS.values())


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_has_a_cli_form(spec: CommandSpec) -> None:
    from waqtor.cli.application import app

    command = typer.main.get_command(app)
    for word in spec.cli.split():
        command = command.commands[word]  # type: ignore[attr-defined]
    assert command.help


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_has_an_sdk_method_in_both_clients(spec: CommandSpec) -> None:
    from waqtor.client import AsyncWaqtorClient, WaqtorClient

    resource, method = spec.sdk.split(".")
    for kind in (WaqtorClient, AsyncWaqtorClient):
        client = kind(api_url="http://localhost:1", api_key="k" * 32)
        assert callable(getattr(getattr(client, resource), method))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_has_a_route(spec: CommandSpec) -> None:
    from waqtor.api.app import create_app
    from waqtor.bootstrap import Engine
    from waqtor.settings import Settings

    document = create_app(Engine(Settings(encoder="hashing")), manage_engine=False).openapi()
    method, path = spec.route.split()
    assert method.lower() in document["paths"][f"/api/v1{path}"]
