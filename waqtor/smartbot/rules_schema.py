"""The JSON Schema of rule files, for editors."""

from __future__ import annotations

import json

from waqtor.contracts.rules import RuleCaseFile, RuleFile

SCHEMA_FILE = "rules.schema.json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_text() -> str:
    """Return the schema of both kinds of file: rules and test cases, told apart by their keys."""
    rules = RuleFile.model_json_schema(ref_template="#/$defs/{model}")
    cases = RuleCaseFile.model_json_schema(ref_template="#/$defs/{model}")
    definitions = {**cases.pop("$defs", {}), **rules.pop("$defs", {})}
    schema = {
        "$schema": _DIALECT,
        "title": "WaQtor rules and their tests",
        "type": "object",
        "required": ["version"],
        "if": {"required": ["tests"]},
        "then": cases,
        "else": rules,
        "$defs": dict(sorted(definitions.items())),
    }
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
