"""Ways to reach WhatsApp: simulator, Cloud API, WhatsApp Web."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waqtor.errors import ConfigurationError

if TYPE_CHECKING:
    from waqtor.messaging.ports import MediaFiles, Transport
    from waqtor.settings import Settings


def make_transport(settings: Settings, session: str, files: MediaFiles | None = None) -> Transport:
    """Make the transport that ``settings`` name for ``session`` (not started yet).

    ``files`` are those that messages carry by their ``media_id``.

    Raises:
        ConfigurationError: If there is no such transport, or it lacks a setting.
    """
    if settings.transport == "simulator":
        from waqtor.transports.simulator.client import SimulatorTransport

        return SimulatorTransport(session, settings.simulator_path, timeout=settings.send_timeout_s)
    if settings.transport == "cloud_api":
        from waqtor.transports.cloud_api import make_cloud_api

        return make_cloud_api(settings, session, files)
    raise ConfigurationError(f"There is no transport called {settings.transport!r}.")
