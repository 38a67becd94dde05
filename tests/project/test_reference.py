"""The reference pages say what the code says; nothing is undocumented."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = runpy.run_path(str(ROOT / "docs" / "generate.py"))["pages"]()


@pytest.mark.parametrize("path", sorted(PAGES), ids=lambda path: path.name)
def test_reference_pages_are_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == PAGES[path], f"{path.name} is stale: run make docs"


def test_every_event_is_documented() -> None:
    from waqtor.contracts.events import EVENTS

    page = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    assert [name for name in EVENTS if f"## `{name}`" not in page] == []


def test_every_hook_is_documented_with_its_arguments() -> None:
    import inspect

    from waqtor.kernel.hooks import HookSpecs

    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    for name, hook in vars(HookSpecs).items():
        if not name.startswith("_"):
            assert f"### `{name}(" in page
            for argument in inspect.signature(hook).parameters:
                assert argument == "self" or argument in page


def test_every_setting_has_a_description() -> None:
    from waqtor.settings import LEGACY, Settings

    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
    assert set(LEGACY) <= set(Settings.model_fields)


def test_links_between_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    broken = []
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            if "://" not in target and not target.startswith("mailto:") and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)} → {target}")
    assert broken == []
