from __future__ import annotations

import json

import pytest

from waqtor.errors import Forbidden, InvalidInput
from waqtor.transports.cloud_api.callback import Callback

# Meta's scheme on a body of ours, computed with: openssl dgst -sha256 -hmac my-app-secret
BODY = b'{"object":"whatsapp_business_account","entry":[]}'
SIGNATURE = "sha256=6181ffb07e99b650e7cd9a132e3f66127ec8827e9bab6e8df0feba5a07ea4c64"
CALLBACK = Callback("my-app-secret", "a word")


def test_the_handshake_answers_the_challenge_to_who_knows_the_word():
    assert CALLBACK.challenge("subscribe", "a word", "1158201444") == "1158201444"
    for mode, token in (("subscribe", "another"), ("unsubscribe", "a word"), ("", ""), ("subscribe", "كلمة")):
        with pytest.raises(Forbidden):
            CALLBACK.challenge(mode, token, "1")


def test_a_signed_delivery_is_opened():
    assert CALLBACK.opened(BODY, SIGNATURE) == json.loads(BODY)


@pytest.mark.parametrize("signature", ["", "sha256=", SIGNATURE.removeprefix("sha256="), SIGNATURE[:-1] + "5", "é"])
def test_an_unsigned_one_is_refused_before_it_is_parsed(signature: str):
    with pytest.raises(Forbidden):
        CALLBACK.opened(b"{", signature)
    with pytest.raises(Forbidden):
        CALLBACK.opened(BODY, signature)


def test_signed_garbage_is_refused():
    import hashlib
    import hmac

    for body in (b"", b"{", b"\xff\xfe", b"[" * 100_000):
        signature = "sha256=" + hmac.new(b"my-app-secret", body, hashlib.sha256).hexdigest()
        with pytest.raises(InvalidInput):
            CALLBACK.opened(body, signature)
