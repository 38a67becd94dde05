from __future__ import annotations

import re
from pathlib import Path

import pytest

from waqtor.api.aliases import PREFIX
from waqtor.api.app import SPECS
from waqtor.api.routing import ANY, LOCAL, OPEN
from waqtor.contracts.commands import COMMANDS
from waqtor.kernel.access import SCOPES

DOC = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([A-Z]+) (/\S+)`([^|]*)\| ([^|]+?) \|", re.MULTILINE)
HIDDEN_ALIAS = f"POST {PREFIX}/messages/send-button"


def shown(spec) -> str:
    return f"{spec.method} {spec.path.replace(':path', '')}"


def test_the_page_lists_exactly_the_routes_with_their_access():
    documented = {}
    for method, path, remark, access in ROW.findall(DOC):
        prefix = "" if "without `/api/v1`" in remark else PREFIX
        documented[f"{method} {prefix}{path}"] = access.strip("`")
    real = {shown(spec): spec.access for spec in SPECS if shown(spec) != HIDDEN_ALIAS}
    assert documented == real


def test_the_page_lists_the_scopes():
    assert set(re.findall(r"^\| `([a-z:]+)` \|", DOC, re.MULTILINE)) >= set(SCOPES)


def test_every_access_is_a_scope_or_a_word():
    assert {spec.access for spec in SPECS} <= {*SCOPES, OPEN, ANY, LOCAL}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_its_route_and_scope(name):
    spec = COMMANDS[name]
    method, path = spec.route.split()
    assert {f"{method} {PREFIX}{path}": spec.scope}.items() <= {shown(s): s.access for s in SPECS}.items()


async def test_the_document_is_complete(client):
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert set(document["components"]["securitySchemes"]) == {"ApiKey", "Bearer"}
    operations = {
        f"{verb.upper()} {path}": operation
        for path, item in document["paths"].items()
        for verb, operation in item.items()
    }
    assert set(operations) == {shown(spec) for spec in SPECS if not spec.hidden}
    ids = [operation["operationId"] for operation in operations.values()]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z_]+", name) for name in ids)
    assert {"send_text", "list_messages", "test_message", "query_analytics"} <= set(ids)
    for name, operation in operations.items():
        assert operation["description"], name
        assert "500" in operation["responses"], name
        for status, response in operation["responses"].items():
            if int(status) >= 400 and not (name == "GET /readyz" and status == "503"):
                ref = response["content"]["application/json"]["schema"]["$ref"]
                assert ref == "#/components/schemas/ErrorBody", name
        if "requestBody" in operation and not name.endswith(("/pause", "/resume", "/logout", "/restart", "/resolve")):
            content = operation["requestBody"]["content"]
            assert "application/octet-stream" in content or "example" in content["application/json"], name
    assert operations["POST /api/v1/messages/send-text"]["security"] == [
        {"ApiKey": ["messages:send"]},
        {"Bearer": ["messages:send"]},
    ]


async def test_every_example_is_accepted(client):
    document = (await client.get("/openapi.json")).json()
    tried = 0
    for path, item in document["paths"].items():
        body = item.get("post", {}).get("requestBody", {})
        media = body.get("content", {}).get("application/json", {})
        if "example" not in media or "{" in path:  # what is about one thing needs that thing first
            continue
        response = await client.post(path, json=media["example"])
        # A path about something that is not there: the example fits, and there is nothing to do it to.
        assert response.status_code in ({404} if "{" in path else {200, 201, 202}), (path, response.text)
        tried += 1
    assert tried >= 11


async def test_every_reference_leads_somewhere(client):
    text = (await client.get("/openapi.json")).text
    schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]
    assert set(re.findall(r"#/components/schemas/(\w+)", text)) <= set(schemas)


@pytest.mark.parametrize("page", ["/docs", "/ws-monitor.html"])
async def test_the_pages_load_nothing_from_elsewhere(client, page):
    response = await client.get(page)
    assert response.headers["content-type"].startswith("text/html")
    assert not re.search(r"https?://", response.text.replace("http://www.w3.org/2000/svg", ""))
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "innerHTML" not in response.text
    assert len(response.content) < 20_000
