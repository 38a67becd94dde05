from __future__ import annotations

import asyncio

from waqtor.contracts.learning import RefreshSuggestions
from waqtor.errors import InvalidInput
from waqtor.smartbot.suggestion_rounds import SuggestionRounds


async def test_rounds_go_on_after_a_failure_and_only_for_the_holder_of_the_lease() -> None:
    asked: list[RefreshSuggestions] = []
    leases = iter([True, False, True, True])

    async def refresh(command: RefreshSuggestions) -> None:
        asked.append(command)
        if len(asked) == 1:
            raise InvalidInput("The rules do not compile.")

    async def mine() -> bool:
        return next(leases)

    rounds = SuggestionRounds(refresh, 0.001 / 3600, mine)
    task = asyncio.create_task(rounds.run())
    async with asyncio.timeout(10):
        while len(asked) < 3:
            await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert asked == [RefreshSuggestions()] * 3


async def test_no_interval_means_never() -> None:
    async def never(*_: object) -> bool:
        raise AssertionError("nobody asked")

    await SuggestionRounds(never, 0, never).run()
