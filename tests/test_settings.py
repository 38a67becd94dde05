"""Settings that lean on each other."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from waqtor.settings import Settings


def settings(**given: str) -> Settings:
    return Settings(_env_file=None, **given)  # type: ignore[arg-type]


def test_locked_pages_need_a_code_worth_the_name() -> None:
    assert settings(locked_pages="campaigns, reports", access_code="246810").locked_pages == ("campaigns", "reports")
    for code in ({}, {"access_code": ""}, {"access_code": " 12345 "}):
        with pytest.raises(ValidationError, match="access_code of at least 6"):
            settings(locked_pages="campaigns", **code)


def test_what_cannot_be_locked_is_named() -> None:
    with pytest.raises(ValidationError, match="cannot be locked: overview"):
        settings(locked_pages="overview", access_code="246810")
