"""Make the Node SDK's table of operations and its TypeScript types from the OpenAPI document.

``python sdk/node/generate.py [--check]``: with ``--check`` nothing is written, and exit code 1 says that files are old.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PREFIX = "/api/v1"
NOTE = "// Made by `make docs` from the OpenAPI document: edit the API, not this file.\n"
METHODS = ("get", "post", "put", "patch", "delete")
HIDDEN = frozenset({"callback"})
"""Tags that are no business of a client."""


def document() -> dict[str, Any]:
    """The OpenAPI document of an engine at its defaults."""
    from waqtor.api.app import create_app
    from waqtor.bootstrap.engine import Engine
    from waqtor.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Settings(_env_file=None, data_dir=Path(folder), encoder="hashing"))  # type: ignore[call-arg]
        return create_app(engine, manage_engine=False).openapi()


def method_name(tag: str, operation: str) -> str:
    """``list_messages`` of ``messages`` → ``list``; ``read_all_notifications`` → ``readAll``."""
    singular = tag.removesuffix("s")
    words = [word for word in operation.split("_") if word not in (tag, singular)] or operation.split("_")
    return words[0] + "".join(word.capitalize() for word in words[1:])


def operations(spec: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, Mapping[str, Any]]]:
    """Tag, method name, HTTP method, path and operation, in the document's order."""
    for path, item in spec["paths"].items():
        for method in METHODS:
            if method in item and item[method]["tags"][0] not in HIDDEN:
                operation = item[method]
                tag = operation["tags"][0]
                yield tag, method_name(tag, operation["operationId"]), method.upper(), path, operation


def table(spec: Mapping[str, Any]) -> str:
    """``src/operations.js``."""
    groups: dict[str, dict[str, Any]] = {}
    for tag, name, method, path, operation in operations(spec):
        entry: dict[str, Any] = {"method": method, "path": path}
        parameters = operation.get("parameters", [])
        query = [p["name"] for p in parameters if p["in"] == "query"]
        if query:
            entry["query"] = query
        if any(p["name"] == "Idempotency-Key" for p in parameters):
            entry["keyed"] = True
        content = operation.get("requestBody", {}).get("content", {})
        if content:
            entry["body"] = "json" if "application/json" in content else "raw"
        if content and _has(spec, content, "session"):
            entry["session"] = True
        if not _json_answer(operation):
            entry["text"] = True
        assert name not in groups.setdefault(tag, {}), f"{tag}.{name} twice"
        groups[tag][name] = entry
    lines = [NOTE, "export const OPERATIONS = {"]
    for tag, methods in groups.items():
        lines.append(f"  {tag}: {{")
        lines += [f"    {name}: {json.dumps(entry)}," for name, entry in methods.items()]
        lines.append("  },")
    return "\n".join([*lines, "};", ""])


def _has(spec: Mapping[str, Any], content: Mapping[str, Any], field: str) -> bool:
    """Whether a JSON body has a field."""
    schema = content.get("application/json", {}).get("schema", {})
    for one in schema.get("anyOf", [schema]):
        name = one.get("$ref", "").rpartition("/")[2]
        if field in spec["components"]["schemas"].get(name, one).get("properties", {}):
            return True
    return False


def types(spec: Mapping[str, Any]) -> str:
    """``types/api.d.ts``."""
    lines = [NOTE]
    for name, schema in spec["components"]["schemas"].items():
        lines += _comment(schema.get("description"), "")
        lines += [f"export type {name} = {_type(schema)};", ""]
    groups: dict[str, list[str]] = {}
    for tag, name, _, _, operation in operations(spec):
        group = groups.setdefault(tag, [])
        group += _comment(operation.get("description"), "  ")
        group.append(f"  {name}({_arguments(operation)}options?: CallOptions): Promise<{_answer(operation)}>;")
    lines += [
        "export interface CallOptions {",
        "  /** Makes repeating the call safe; made up where the route takes one and none is given. */",
        "  idempotencyKey?: string;",
        "  /** The revision that a change is based on (`If-Match`). */",
        "  ifMatch?: string;",
        "  signal?: AbortSignal;",
        "  headers?: Record<string, string>;",
        "}",
        "",
    ]
    for tag, methods in groups.items():
        lines += [f"export interface {tag.capitalize()}Api {{", *methods, "}", ""]
    lines += ["export interface Resources {", *(f"  {tag}: {tag.capitalize()}Api;" for tag in groups), "}", ""]
    return "\n".join(lines)


def _arguments(operation: Mapping[str, Any]) -> str:
    parts: list[str] = []
    fields, needed = [], False
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "header":
            continue
        required = bool(parameter.get("required"))
        needed |= required
        fields.append(f"{parameter['name']}{'' if required else '?'}: {_type(parameter['schema'])}")
    if fields:
        parts.append("{ " + "; ".join(fields) + " }")
    body = operation.get("requestBody")
    raw = False
    if body:
        schema = body["content"].get("application/json", {}).get("schema")
        raw = schema is None
        if schema is not None:
            needed |= bool(body.get("required"))
            parts.append(_type(schema) if body.get("required") else f"Partial<{_type(schema)}>")
    arguments = f"input{'' if needed else '?'}: {' & '.join(parts)}, " if parts else "input?: Record<string, never>, "
    if raw:
        arguments = f"content: Uint8Array | string, {arguments}"
    return arguments


def _json_answer(operation: Mapping[str, Any]) -> bool:
    contents = [r.get("content", {}) for code, r in operation["responses"].items() if code < "300"]
    shaped = any("$ref" in c.get("application/json", {}).get("schema", {}) for c in contents)
    kinds = {kind for c in contents for kind in c}
    # A file may be offered beside JSON that has a shape; FastAPI writes down JSON without one for everything.
    return "application/json" in kinds and (shaped or not any(kind.startswith("text/") for kind in kinds))


def _answer(operation: Mapping[str, Any]) -> str:
    if not _json_answer(operation):
        return "string"
    good = next(r for code, r in operation["responses"].items() if code < "300")
    return _type(good["content"]["application/json"].get("schema", {}))


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " | ".join(dict.fromkeys(_type(each) for each in schema[word]))
    if "allOf" in schema:
        return " & ".join(_type(each) for each in schema["allOf"])
    kind = schema.get("type")
    if kind == "array":
        if "prefixItems" in schema:
            return "[" + ", ".join(_type(each) for each in schema["prefixItems"]) + "]"
        return f"Array<{_type(schema.get('items', {}))}>"
    if kind == "object":
        return _object(schema)
    simple = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
    return simple.get(str(kind), "unknown")


def _object(schema: Mapping[str, Any]) -> str:
    if "properties" not in schema:
        more = schema.get("additionalProperties")
        return f"Record<string, {_type(more) if isinstance(more, dict) else 'unknown'}>"
    required = set(schema.get("required", ()))
    lines = ["{"]
    for name, field in schema["properties"].items():
        lines += _comment(field.get("description"), "  ")
        lines.append(f"  {name}{'' if name in required else '?'}: {_type(field)};".replace("\n", "\n  "))
    return "\n".join([*lines, "}"])


def _comment(text: str | None, indent: str) -> list[str]:
    if not text:
        return []
    rows = text.replace("*/", "*\\/").strip().splitlines()
    if len(rows) == 1:
        return [f"{indent}/** {rows[0]} */"]
    return [f"{indent}/**", *(f"{indent} * {row}".rstrip() for row in rows), f"{indent} */"]


def files() -> dict[Path, str]:
    """What the files should hold."""
    spec = document()
    return {HERE / "src/operations.js": table(spec), HERE / "types/api.d.ts": types(spec)}


def main() -> int:
    """Write the files, or with ``--check`` say which are old."""
    old = [path for path, text in files().items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        for path in old:
            sys.stderr.write(f"{path.relative_to(HERE.parent.parent)} is old: run `make docs`.\n")
        return 1 if old else 0
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
