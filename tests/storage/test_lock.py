"""The data folder belongs to one engine, and is free again when that one is gone, however it went."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys

import pytest

from waqtor.errors import ConfigurationError
from waqtor.storage.sqlite import SqliteDriver

HOLDER = """
import sys, time
from pathlib import Path
from waqtor.storage.sqlite import SqliteDriver
driver = SqliteDriver(Path(sys.argv[1]))
driver.open()
print("open", flush=True)
time.sleep(60)
"""


def test_a_second_engine_is_refused_with_the_holders_process_id(tmp_path):
    first, second = SqliteDriver(tmp_path / "w.sqlite"), SqliteDriver(tmp_path / "w.sqlite")
    first.open()
    try:
        with pytest.raises(ConfigurationError, match=rf"process {os.getpid()}\).*WAQTOR_DATA_DIR"):
            second.open()
    finally:
        first.close()
    second.open()
    second.close()


@pytest.mark.chaos
def test_the_folder_is_free_after_its_holder_was_killed(tmp_path):
    path = tmp_path / "w.sqlite"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "open\n"
            driver = SqliteDriver(path)
            with pytest.raises(ConfigurationError, match=f"process {holder.pid}"):
                driver.open()
        finally:
            os.kill(holder.pid, signal.SIGKILL)
            holder.wait()
    driver.open()
    driver.close()


def test_files_are_for_their_owner_alone(tmp_path):
    driver = SqliteDriver(tmp_path / "w.sqlite")
    driver.open()
    try:
        tx = driver.begin(0, "o")
        tx.many("INSERT INTO meta (name, value) VALUES (?, ?)", [("a", "b")])
        driver.commit()
        for path in tmp_path.glob("w.sqlite*"):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    finally:
        driver.close()


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "w.sqlite"
    path.write_bytes(b"this is not a database, it is a letter" * 100)
    driver = SqliteDriver(path)
    with pytest.raises(Exception, match="not a database"):
        driver.open()
    assert path.read_bytes().startswith(b"this is not")
    path.unlink()
    driver.open()
    driver.close()


def test_commits_are_synced_in_full(tmp_path):
    driver = SqliteDriver(tmp_path / "w.sqlite")
    driver.open()
    try:
        tx = driver.begin(0, "o")
        assert tx.one("SELECT * FROM pragma_synchronous") == (2,)
        assert tx.one("SELECT * FROM pragma_journal_mode") == ("wal",)
        assert tx.one("SELECT * FROM pragma_secure_delete") == (1,)
        driver.rollback()
        with driver.reader.connect() as reader, pytest.raises(Exception, match="readonly"):
            reader.exec_driver_sql("DELETE FROM meta")
    finally:
        driver.close()
