from __future__ import annotations

import pytest

from waqtor.errors import InvalidInput, NotFound
from waqtor.kernel.clock import FakeClock
from waqtor.storage.keys import SqlKeys


async def test_a_key_is_shown_once_and_known_by_its_digest(store):
    keys = SqlKeys(store)
    assert not await keys.exist()
    made = await keys.create("shop", ["messages:send", "messages:read", "messages:send"])
    assert made.key.startswith("wq_")
    assert made.scopes == ("messages:read", "messages:send")
    assert await keys.exist()
    who = await keys.verify(made.key)
    assert (who.key_id, who.name, who.scopes) == (made.id, "shop", frozenset(made.scopes))
    assert who.may("messages:send")
    assert not who.may("admin")
    rows = str(await store.rows("SELECT * FROM api_keys"))
    assert made.key not in rows
    [listed] = await keys.list()
    assert (listed.key, listed.signing_secret) == (None, None)
    assert listed.prefix == made.key[:8]
    assert await keys.signing_secret(made.id) == made.signing_secret


@pytest.mark.parametrize("token", ["", "wq_", "x" * 10_000, "مفتاح", "\0", "' OR 1=1 --"])
async def test_what_is_no_key_is_nobody(store, token):
    keys = SqlKeys(store)
    await keys.create("shop", ["admin"])
    assert await keys.verify(token) is None


async def test_a_revoked_key_ends_at_once(store):
    keys = SqlKeys(store)
    made = await keys.create("shop", ["admin"])
    assert await keys.verify(made.key)
    await keys.revoke(made.id)
    assert await keys.verify(made.key) is None
    assert await keys.signing_secret(made.id) is None
    assert (await keys.list())[0].revoked
    with pytest.raises(NotFound):
        await keys.revoke("01UNKNOWN")


async def test_an_expired_key_ends_in_time(database):
    clock = FakeClock()
    async with database.opened(clock=clock) as store:
        keys = SqlKeys(store)
        made = await keys.create("shop", ["admin"], expires=clock.now_us() + 1_000_000)
        assert await keys.verify(made.key)
        await clock.advance(1)
        assert await keys.verify(made.key) is None
        assert await keys.signing_secret(made.id) is None


async def test_unknown_scopes_and_known_tokens_are_refused(store):
    keys = SqlKeys(store)
    for scopes in ([], ["messages:send", "fly"]):
        with pytest.raises(InvalidInput):
            await keys.create("shop", scopes)
    await keys.create("one", ["admin"], token="a-token-of-ones-own-choosing")
    with pytest.raises(InvalidInput, match="already"):
        await keys.create("two", ["admin"], token="a-token-of-ones-own-choosing")
    assert [k.name for k in await keys.list()] == ["one"]


async def test_the_last_use_is_kept(store):
    keys = SqlKeys(store)
    made = await keys.create("shop", ["admin"])
    assert (await keys.list())[0].last_used is None
    await keys.verify(made.key)
    await store.write(lambda tx: None)
    assert (await keys.list())[0].last_used is not None
