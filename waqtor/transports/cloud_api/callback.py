"""Meta's callback: the handshake that proves the address is ours, and the signature that proves a delivery is Meta's.

Source: "Webhooks – getting started" of the Graph API; ``X-Hub-Signature-256`` is ``sha256=`` and the hex
HMAC-SHA256 of the raw body under the app's secret.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from waqtor.errors import Forbidden, InvalidInput
from waqtor.signing import same


class Callback:
    """Who may speak to the callback address.

    Args:
        app_secret: The app's secret.
        verify_token: The word entered at Meta with the address.
    """

    def __init__(self, app_secret: str, verify_token: str) -> None:
        self._secret = app_secret.encode()
        self._token = verify_token

    def challenge(self, mode: str, token: str, challenge: str) -> str:
        """The answer to Meta's handshake: the challenge itself.

        Raises:
            Forbidden: Another mode or word.
        """
        if mode != "subscribe" or not same(token, self._token):
            raise Forbidden("The verify token is not the one of WAQTOR_CLOUD_VERIFY_TOKEN.")
        return challenge

    def opened(self, body: bytes, signature: str) -> Any:
        """The JSON of a delivery whose signature is good; nothing is parsed before that.

        Raises:
            Forbidden: No signature, or another one.
            InvalidInput: Signed, but no JSON.
        """
        expected = "sha256=" + hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        if not same(signature, expected):
            raise Forbidden("The signature does not fit WAQTOR_CLOUD_APP_SECRET.")
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise InvalidInput("The delivery is no JSON.") from None
