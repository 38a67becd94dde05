from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from smartbot_samples import SHOP

from waqtor.settings import Settings
from waqtor.smartbot.service import BotService


@pytest.fixture
def rules_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "shop.yaml").write_text(SHOP, encoding="utf-8")
    return folder


@pytest.fixture
def make_settings(tmp_path: Path, rules_dir: Path) -> Callable[..., Settings]:
    def make(**changes: object) -> Settings:
        base = {"encoder": "hashing", "rules_dir": rules_dir, "data_dir": tmp_path / "data", "shop_name": "Rose"}
        return Settings(_env_file=None, **{**base, **changes})  # type: ignore[arg-type]

    return make


@pytest.fixture
async def bot(make_settings: Callable[..., Settings]) -> AsyncIterator[BotService]:
    service = BotService(make_settings())
    await service.start(watch=False)
    yield service
    await service.stop()
