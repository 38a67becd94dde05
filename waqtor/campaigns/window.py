"""The window after a person's last message: later WhatsApp takes only templates, so others are left out up front."""

from __future__ import annotations

from collections.abc import Iterable

from waqtor.campaigns.message import Message
from waqtor.campaigns.ports import CampaignStore, Numbers
from waqtor.kernel.clock import Clock

OUTSIDE = "outside_window"


class Windows:
    """Tells who may not get a campaign's free text now."""

    def __init__(self, store: CampaignStore, numbers: Numbers, clock: Clock) -> None:
        self._store = store
        self._numbers = numbers
        self._clock = clock

    def reason(self, session: str) -> str:
        """The reason as people read it."""
        hours = self._numbers.window_s(session) / 3600
        return f"no message from this person within {hours:.0f} hours: WhatsApp takes only a template"

    def applies(self, session: str, message: Message) -> bool:
        """Whether the number has a window, and a variant is subject to it."""
        return self._numbers.window_s(session) > 0 and any(message.free(v.name) for v in message.variants)

    async def outside(self, session: str, message: Message, people: Iterable[tuple[str, str]]) -> set[str]:
        """Contacts (of ``(contact, variant)``) whose variant is no template and who have not written in time."""
        seconds = self._numbers.window_s(session)
        if seconds <= 0:
            return set()
        asked = [contact for contact, variant in people if message.free(variant)]
        if not asked:
            return set()
        return await self._store.silent_since(session, asked, self._clock.now_us() - int(seconds * 1_000_000))
