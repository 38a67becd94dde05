from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from waqtor.errors import ConfigurationError
from waqtor.transports.simulator.endpoint import MAX_ADDRESS, Endpoint, address_of


def reachable(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(address_of(path))
        except OSError:
            return False
        return True


def long_path(tmp_path: Path) -> Path:
    folder = tmp_path / ("long" * 20) / "مجلد"
    folder.mkdir(parents=True)
    path = folder / "simulator.sock"
    assert len(os.fsencode(path)) > MAX_ADDRESS
    return path


@pytest.mark.parametrize("is_long", [False, True])
def test_two_cannot_listen_and_a_released_path_is_free(tmp_path: Path, is_long: bool) -> None:
    path = long_path(tmp_path) if is_long else tmp_path / "s.sock"
    first = Endpoint(path)
    assert reachable(path)
    with pytest.raises(ConfigurationError, match="already listening"):
        Endpoint(path)
    assert reachable(path)
    first.release()
    assert not path.exists()
    assert not Path(first.address).exists()
    assert not reachable(path)
    Endpoint(path).release()


@pytest.mark.parametrize("is_long", [False, True])
def test_what_a_killed_simulator_left_is_replaced(tmp_path: Path, is_long: bool) -> None:
    path = long_path(tmp_path) if is_long else tmp_path / "s.sock"
    dead = Endpoint(path)
    dead.socket.close()
    os.close(dead._lock)  # as the system does for a killed process; the files stay
    assert os.path.lexists(path)
    assert not reachable(path)
    alive = Endpoint(path)
    assert reachable(path)
    assert is_long or alive.address == dead.address
    assert not is_long or not Path(dead.address).exists()
    alive.release()


def test_only_the_owner_may_connect(tmp_path: Path) -> None:
    endpoint = Endpoint(tmp_path / "s.sock")
    assert stat.S_IMODE(os.stat(endpoint.address).st_mode) == 0o600
    endpoint.release()


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    path.write_text("precious")
    with pytest.raises(ConfigurationError, match="not a socket"):
        Endpoint(path)
    assert path.read_text() == "precious"


def test_a_forged_pointer_does_not_delete_other_files(tmp_path: Path) -> None:
    victim = tmp_path / "victim.txt"
    victim.write_text("precious")
    path = tmp_path / "s.sock"
    path.write_bytes(b"waqtor-simulator-socket\n" + os.fsencode(victim) + b"\n")
    Endpoint(path).release()
    assert victim.read_text() == "precious"


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises((ConfigurationError, OSError)):
        Endpoint(tmp_path / "file" / "s.sock")


def test_nothing_started_means_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        address_of(long_path(tmp_path))
