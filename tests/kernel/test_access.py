from __future__ import annotations

import pytest

from waqtor.errors import Forbidden
from waqtor.kernel.access import SCOPES, Principal


def test_a_scope_is_had_or_missed_by_name():
    clerk = Principal("k", "clerk", frozenset({"messages:send"}))
    clerk.require("messages:send")
    with pytest.raises(Forbidden, match=r"analytics:read, smartbot:write") as refused:
        clerk.require("smartbot:write", "messages:send", "analytics:read")
    assert refused.value.details == {"missing": ["analytics:read", "smartbot:write"]}


def test_admin_may_everything():
    Principal("k", "owner", frozenset({"admin"})).require(*SCOPES)
