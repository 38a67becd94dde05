"""What was composed, as code that sends the same: a REST call and a few lines of Python."""

from __future__ import annotations

import json
import shlex

from dashboard.ui.composer import Composed

_UPLOAD = "PUT_THE_MEDIA_ID_HERE"


def rest(composed: Composed, to: str, url: str) -> str:
    """The request with curl; a file is uploaded first."""
    body = {"to": to, **composed.fields}
    lines = []
    if composed.file is not None:
        kind = composed.fields["media_type"]
        lines += [
            f"curl -s {shlex.quote(f'{url}/api/v1/media?media_type={kind}')} \\",
            '  -H "X-API-Key: $WAQTOR_API_KEY" \\',
            f"  --data-binary @{shlex.quote(composed.file.name)}   # answers with the media_id",
            "",
        ]
        body["media_id"] = _UPLOAD
    lines += [
        f"curl -s {shlex.quote(f'{url}/api/v1/messages/{composed.route}')} \\",
        '  -H "X-API-Key: $WAQTOR_API_KEY" -H "Content-Type: application/json" \\',
        '  -H "Idempotency-Key: name-the-cause" \\',
        f"  -d {shlex.quote(json.dumps(body, ensure_ascii=False, indent=2))}",
    ]
    return "\n".join(lines)


def python(composed: Composed, to: str) -> str:
    """The call with the SDK."""
    lines = ["from waqtor import WaqtorClient", "", "with WaqtorClient() as client:"]
    if composed.file is not None:
        kind = composed.fields["media_type"]
        lines.append(f"    kept = client.messages.upload({composed.file.name!r}, media_type={kind!r})")
    lines.append(f"    receipt = client.messages.{composed.method}(")
    lines += [f"        {name}={value!r}," for name, value in {"to": to, **composed.fields}.items()]
    if composed.file is not None:
        lines.append("        media_id=kept.media_id,")
    return "\n".join([*lines, '        idempotency_key="name-the-cause",', "    )", "    print(receipt.message_id)"])
