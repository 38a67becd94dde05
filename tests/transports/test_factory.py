from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from waqtor.errors import ConfigurationError
from waqtor.settings import Settings
from waqtor.transports import make_transport


def test_the_simulator_is_made_from_settings(tmp_path: Path) -> None:
    transport = make_transport(Settings(data_dir=tmp_path, send_timeout_s=3.0), "shop")
    assert (transport.kind, transport.session) == ("simulator", "shop")


def test_an_unknown_transport_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="pigeon"):
        make_transport(SimpleNamespace(transport="pigeon"), "shop")  # type: ignore[arg-type]


def test_the_cloud_api_names_what_it_lacks(tmp_path: Path) -> None:
    given = {
        "transport": "cloud_api",
        "data_dir": tmp_path,
        "cloud_phone_number_id": "1",
        "cloud_access_token": "token",
    }
    with pytest.raises(ConfigurationError, match="WAQTOR_CLOUD_APP_SECRET, WAQTOR_CLOUD_VERIFY_TOKEN"):
        make_transport(Settings(_env_file=None, **given), "shop")  # type: ignore[arg-type]
    whole = Settings(_env_file=None, **given, cloud_app_secret="s3cr3t-of-app", cloud_verify_token="word")  # type: ignore[arg-type]
    transport = make_transport(whole, "shop")
    assert (transport.kind, transport.session) == ("cloud_api", "shop")
