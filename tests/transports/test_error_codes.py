from __future__ import annotations

import pytest

from waqtor.transports.error_codes import CODES, meaning, refusal


@pytest.mark.parametrize(
    ("code", "disposition"),
    [
        ("131056", "retry"), ("130429", "retry"), ("500", "retry"), ("599", "retry"), ("not_connected", "retry"),
        ("131047", "fail"), ("131026", "fail"), ("100", "fail"), ("424242", "fail"), ("", "fail"), ("5xx", "fail"),
        ("131048", "hold"), ("190", "hold"),
    ],
)  # fmt: skip
def test_disposition_and_retryable_agree(code: str, disposition: str) -> None:
    assert meaning(code).disposition == disposition
    error = refusal(code, retry_after=4.0)
    assert error.retryable is (disposition == "retry")
    assert (error.error_code, error.retry_after) == (code, 4.0)
    assert error.message


def test_every_code_knows_itself() -> None:
    assert all(code == entry.code and entry.title for code, entry in CODES.items())


def test_the_providers_words_win() -> None:
    assert refusal("131056", "slow down").message == "slow down"
