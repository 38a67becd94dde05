from __future__ import annotations

from pathlib import Path

import pytest

from waqtor.benchmarks.soak import run


@pytest.mark.slow
def test_every_client_gets_every_event_once_in_order_over_a_kill(tmp_path: Path) -> None:
    (told,) = run(clients=40, minutes=0.1, kills=1, rate=20, keep=tmp_path)
    assert (told["missing"], told["doubled"]) == (0, 0)
    assert told["reconnects"] >= 40
    assert told["events"] > 50
    assert told["ok"]
