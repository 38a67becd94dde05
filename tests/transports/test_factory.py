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
