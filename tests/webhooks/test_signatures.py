"""Our signatures, the vectors of Standard Webhooks and its reference library agree, both ways."""

from __future__ import annotations

import base64
import json
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from waqtor.client.webhooks import WebhookRefused, verify
from waqtor.signing import new_webhook_secret, standard_key, standard_signature, webhook_hex

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"event":"test","timestamp":"2026-01-01T00:00:00.000Z","data":{"a":1}}'
NOW = 1_700_000_000


def signed(secret=SECRET, *, message_id="msg_1", stamp=NOW, body=BODY):
    signature = standard_signature(standard_key(secret), message_id, stamp, body)
    return {"webhook-id": message_id, "webhook-timestamp": str(stamp), "webhook-signature": signature}


@pytest.mark.shared
def test_the_published_vectors():
    folder = Path(os.environ.get("WAQTOR_SHARED_DIR", "../shared")) / "fixtures" / "standard_webhooks"
    if not folder.is_dir():
        pytest.skip("no shared fixtures: set WAQTOR_SHARED_DIR")
    vectors = json.loads((folder / "vectors.json").read_text())
    symmetric = [v for v in vectors["positive"] if v["scheme"] == "v1"]
    assert len(symmetric) == 2
    for v in symmetric:
        body = v["payload"].encode()
        assert standard_signature(standard_key(v["secret"]), v["msg_id"], v["timestamp"], body) == v["signature"]
        headers = {
            "Webhook-Id": v["msg_id"], "Webhook-Timestamp": str(v["timestamp"]), "Webhook-Signature": v["signature"],
        }  # fmt: skip
        assert verify(v["secret"], headers, body, now=v["timestamp"]).id == v["msg_id"]


def test_the_reference_library_takes_ours_and_we_take_its():
    for _ in range(20):
        secret, now = new_webhook_secret(), int(datetime.now(UTC).timestamp())
        reference = Webhook(secret)
        assert reference.verify(BODY, signed(secret, stamp=now)) == json.loads(BODY)
        theirs = reference.sign("msg_2", datetime.fromtimestamp(now, UTC), BODY.decode())
        headers = {"webhook-id": "msg_2", "webhook-timestamp": str(now), "webhook-signature": theirs}
        assert verify(secret, headers, BODY).event == "test"
        with pytest.raises(WebhookVerificationError):
            reference.verify(BODY + b" ", signed(secret, stamp=now))


@pytest.mark.parametrize("secret", [SECRET[6:], SECRET[6:-1], SECRET[6:] + "Br", "just a pass phrase of mine"])
def test_secrets_with_and_without_prefix_and_padding(secret):
    assert verify(secret, signed(secret), BODY, now=NOW).data == {"a": 1}


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!", ()])
def test_no_secret_is_an_error_of_the_caller(secret):
    with pytest.raises(ValueError):
        verify(secret, signed(), BODY, now=NOW)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_missing_headers(name):
    headers = signed()
    del headers[name]
    with pytest.raises(WebhookRefused):
        verify(SECRET, headers, BODY, now=NOW)


@pytest.mark.parametrize("off", [-301, 301])
def test_times_that_are_off(off):
    with pytest.raises(WebhookRefused):
        verify(SECRET, signed(stamp=NOW + off), BODY, now=NOW)
    verify(SECRET, signed(stamp=NOW + off - off // abs(off)), BODY, now=NOW)


@pytest.mark.parametrize("stamp", ["hello", "", "-1", "1.5", "١٢٣"])
def test_times_that_are_none(stamp):
    with pytest.raises(WebhookRefused):
        verify(SECRET, {**signed(), "webhook-timestamp": stamp}, BODY, now=NOW)


@pytest.mark.parametrize("signature", ["v1,", "v1,g0hM9", "v1,dawfeoifkpqwoekfpqoekf", "v2,x", "é", "v1a,AAAA", " "])
def test_wrong_signatures(signature):
    with pytest.raises(WebhookRefused):
        verify(SECRET, {**signed(), "webhook-signature": signature}, BODY, now=NOW)


def test_any_of_several_signatures_and_unknown_versions():
    good = signed()["webhook-signature"]
    noise = "v1," + base64.b64encode(secrets.token_bytes(32)).decode()
    assert verify(SECRET, {**signed(), "webhook-signature": f"{noise} v2,x {good} {noise}"}, BODY, now=NOW)


def test_header_names_in_any_case_and_an_empty_body():
    headers = {name.upper(): value for name, value in signed(body=b"").items()}
    assert verify(SECRET, headers, b"", now=NOW).data is None


def test_the_older_scheme_and_its_rotation():
    new = new_webhook_secret()
    headers = {
        "X-Waqtor-Signature": "sha256=" + webhook_hex(new, BODY),
        "X-Waqtor-Signature-Previous": "sha256=" + webhook_hex(SECRET, BODY),
    }
    assert verify(new, headers, BODY).event == "test"
    assert verify(SECRET, headers, BODY).event == "test"
    with pytest.raises(WebhookRefused):
        verify(new_webhook_secret(), headers, BODY)
    with pytest.raises(WebhookRefused):
        verify(new, headers, BODY + b" ")
