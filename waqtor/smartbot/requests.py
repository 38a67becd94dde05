"""What the pipeline is asked: a live message or a try at the test bench, in one form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from waqtor.contracts.messages import body_of
from waqtor.kernel.hooks import Incoming


@dataclass(frozen=True, slots=True)
class Request:
    """A message to decide on.

    Attributes:
        live: False at the test bench: nothing is counted and quiet hours do not apply.
        kind: Type of the content: text, choice, image, reaction, …
        choice: Id of a pressed button or chosen row.
        timestamp: When it was written, UTC microseconds.
    """

    text: str
    message_id: str = ""
    session: str = ""
    chat_id: str = ""
    sender: str = ""
    name: str = ""
    kind: str = "text"
    choice: str = ""
    timestamp: int = 0
    is_group: bool = False
    mentioned: bool = False
    live: bool = True
    contact: Mapping[str, str] = field(default_factory=dict)

    @property
    def chat(self) -> tuple[str, str]:
        """Session and chat: the key of everything remembered about a conversation."""
        return self.session, self.chat_id


def encodable(text: str) -> str:
    """Return the text without lone surrogates, which no database and no JSON can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def request_of(message: Incoming) -> Request:
    """Return the request that a received message makes."""
    content = message.content
    kind = str(content.get("type", "text"))
    if kind == "other":
        kind = str(content.get("kind", "other"))
    return Request(
        text=encodable(message.body or body_of(dict(content))),
        message_id=message.message_id,
        session=message.session,
        chat_id=message.chat_id,
        sender=message.sender,
        name=message.push_name,
        kind=kind,
        choice=str(content.get("id", "")) if kind == "choice" else "",
        timestamp=message.timestamp,
        is_group=message.is_group,
        mentioned=message.mentioned,
    )
