"""The official WhatsApp Business Cloud API: sends by HTTPS to the Graph API, what comes in by Meta's callback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waqtor.errors import ConfigurationError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from waqtor.messaging.ports import MediaFiles
    from waqtor.settings import Settings
    from waqtor.transports.cloud_api.transport import CloudApiTransport

_NEEDED = ("cloud_phone_number_id", "cloud_access_token", "cloud_app_secret", "cloud_verify_token")


def make_cloud_api(settings: Settings, session: str, files: MediaFiles | None = None) -> CloudApiTransport:
    """Make the transport of ``session`` (not started yet).

    Raises:
        ConfigurationError: Names the settings that are missing.
    """
    from waqtor.transports.cloud_api.callback import Callback
    from waqtor.transports.cloud_api.graph import GraphClient
    from waqtor.transports.cloud_api.transport import CloudApiTransport

    missing = [f"WAQTOR_{name.upper()}" for name in _NEEDED if not getattr(settings, name)]
    if missing:
        raise ConfigurationError(f"The Cloud API needs {', '.join(missing)}; see docs/cloud-api.md.")
    graph = GraphClient(
        settings.cloud_api_url, settings.cloud_api_version, _shown(settings.cloud_access_token), settings.send_timeout_s
    )
    callback = Callback(_shown(settings.cloud_app_secret), _shown(settings.cloud_verify_token))
    return CloudApiTransport(session, settings.cloud_phone_number_id, graph, callback, files=files)


def _shown(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""
