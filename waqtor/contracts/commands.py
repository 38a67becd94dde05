"""Every request to do something. A command is validated here, once, whoever sends it.

:data:`COMMANDS` names each with its REST route, SDK method and CLI form; a test proves that all three exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, ValidationInfo, field_validator, model_validator

from waqtor.contracts import learning, limits
from waqtor.contracts import messages as m
from waqtor.contracts import notifications as n
from waqtor.contracts import privacy as p
from waqtor.contracts import webhooks as w
from waqtor.contracts import workbench as b
from waqtor.contracts.base import Model
from waqtor.contracts.campaigns import CampaignAction, CreateAudience, CreateCampaign, DeleteAudience, TestSend
from waqtor.contracts.media import DeleteMedia, FileName, MediaType, WebAddress
from waqtor.contracts.messages import OutgoingContent

Recipient = Annotated[
    str,
    Field(
        min_length=3,
        max_length=200,
        validation_alias=AliasChoices("to", "chat_id", "chatId"),
        serialization_alias="to",
        description="Phone number, chat id or group id in any usual spelling.",
        examples=["+966501234567"],
    ),
]


class _Send(Model):
    """What every send has: a recipient, optionally a session and a quoted message."""

    to: Recipient
    session: str | None = None
    quoted_message_id: Annotated[str, Field(max_length=256)] | None = None


class SendText(_Send):
    """Send plain text."""

    text: Annotated[m.Text4096, Field(validation_alias=AliasChoices("text", "body", "message"))]
    mentions: m.Mentions = ()
    preview_url: bool = False


class SendMedia(_Send):
    """Send an image, video, audio file or document by URL, earlier upload or base64."""

    media_type: Annotated[MediaType, Field(validation_alias=AliasChoices("media_type", "mediaType", "type"))]
    url: WebAddress | None = None
    media_id: Annotated[str, Field(max_length=128)] | None = None
    base64: Annotated[str | None, Field(description="The file itself; a `data:` address is taken too.")] = None
    mime_type: Annotated[str, Field(max_length=127)] | None = None
    caption: m.Caption | None = None
    filename: FileName | None = None

    @model_validator(mode="after")
    def _one_source(self) -> SendMedia:
        if sum(source is not None for source in (self.url, self.media_id, self.base64)) != 1:
            raise ValueError("give exactly one of url, media_id and base64")
        return self

    @field_validator("mime_type")
    @classmethod
    def _type(cls, value: str | None, info: ValidationInfo) -> str | None:
        return m.fitting_type(value, info.data.get("media_type"))

    @field_validator("caption")
    @classmethod
    def _captioned(cls, value: str | None, info: ValidationInfo) -> str | None:
        return m.fitting_caption(value, info.data.get("media_type"))


class SendButtons(_Send):
    """Send text with one to three reply buttons."""

    body: Annotated[m.Body1024, Field(validation_alias=AliasChoices("body", "text"))]
    buttons: m.Buttons
    header: m.Short60 | None = None
    footer: m.Short60 | None = None


class SendList(_Send):
    """Send text with a list of at most ten rows."""

    body: Annotated[m.Body1024, Field(validation_alias=AliasChoices("body", "text"))]
    button: Annotated[str, Field(min_length=1, max_length=limits.LIST_BUTTON)]
    sections: m.Sections
    header: m.Short60 | None = None
    footer: m.Short60 | None = None


class SendTemplate(_Send):
    """Send an approved template."""

    name: m.TemplateName
    language: m.TemplateLanguage = "en"
    variables: m.TemplateValues = Field(default_factory=dict)
    components: m.Components = ()


class SendLocation(_Send):
    """Send a point on the map (degrees)."""

    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    name: Annotated[str, Field(max_length=limits.PLACE)] | None = None
    address: Annotated[str, Field(max_length=limits.PLACE)] | None = None


class SendReaction(_Send):
    """React to a message with an emoji; an empty one removes the reaction."""

    message_id: Annotated[str, Field(min_length=1, max_length=256)]
    emoji: m.Emoji = ""


class Send(Model):
    """The general form that all sends become, and what plugins return to answer a message."""

    to: str
    content: OutgoingContent
    session: str | None = None
    quoted_message_id: str | None = None


class PauseChat(Model):
    """Keep the bot quiet in a chat; without ``minutes`` until it is resumed."""

    chat_id: Recipient
    session: str | None = None
    minutes: Annotated[float, Field(gt=0, le=525_600)] | None = None
    reason: Annotated[str, Field(max_length=200)] = "paused by a person"


class ResumeChat(Model):
    """Let the bot answer in a chat again."""

    chat_id: Recipient
    session: str | None = None


class OptOut(Model):
    """Send this contact no more campaigns; ``source`` says how we know (message, import, person)."""

    contact: str
    session: str | None = None
    source: Annotated[str, Field(max_length=100)] = "message"


class OptIn(Model):
    """End an opt-out."""

    contact: str
    session: str | None = None
    source: Annotated[str, Field(max_length=100)] = "message"


class ResolveMessage(Model):
    """Say what became of a message in doubt: it was ``sent``, or it was ``not_sent`` (and may be sent again)."""

    message_id: str
    outcome: Literal["sent", "not_sent"]
    resend: bool = False


class SessionAction(Model):
    """Log a session out or restart it."""

    session: str | None = None
    action: Literal["logout", "restart"]


class TestMessage(Model):
    """Ask the bot what it would answer; nothing is sent or stored."""

    __test__ = False
    text: Annotated[str, Field(max_length=65_536, validation_alias=AliasChoices("text", "message"))]
    session: str | None = None
    contact: Annotated[dict[str, str], Field(max_length=20)] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """Where a command is found: model, ``METHOD path``, SDK method, CLI form, needed scope."""

    name: str
    model: type[Model]
    route: str
    sdk: str
    cli: str
    scope: str


_M = "/messages"
_W, _WM = "/webhooks", "webhooks:manage"
_C = "campaigns:manage"
_S = "/smartbot/suggestions"
_ONE = f"{_S}/{{suggestion_id}}"
_SPECS = (
    CommandSpec("send_text", SendText, f"POST {_M}/send-text", "messages.send", "send text", "messages:send"),
    CommandSpec("send_media", SendMedia, f"POST {_M}/send-media", "messages.send_media", "send media", "messages:send"),
    CommandSpec(
        "send_buttons", SendButtons, f"POST {_M}/send-buttons", "messages.send_buttons", "send buttons", "messages:send"
    ),
    CommandSpec("send_list", SendList, f"POST {_M}/send-list", "messages.send_list", "send list", "messages:send"),
    CommandSpec(
        "send_template",
        SendTemplate,
        f"POST {_M}/send-template",
        "messages.send_template",
        "send template",
        "messages:send",
    ),
    CommandSpec(
        "send_location",
        SendLocation,
        f"POST {_M}/send-location",
        "messages.send_location",
        "send location",
        "messages:send",
    ),
    CommandSpec(
        "send_reaction",
        SendReaction,
        f"POST {_M}/send-reaction",
        "messages.send_reaction",
        "send reaction",
        "messages:send",
    ),
    CommandSpec(
        "resolve_message",
        ResolveMessage,
        f"POST {_M}/{{message_id}}/resolve",
        "messages.resolve",
        "send resolve",
        "messages:send",
    ),
    CommandSpec(
        "delete_media",
        DeleteMedia,
        "DELETE /media/{media_id}",
        "messages.delete_media",
        "send delete-media",
        "messages:send",
    ),
    CommandSpec(
        "pause_chat", PauseChat, "POST /chats/{chat_id}/pause", "messages.pause_chat", "chats pause", "messages:send"
    ),
    CommandSpec(
        "resume_chat",
        ResumeChat,
        "POST /chats/{chat_id}/resume",
        "messages.resume_chat",
        "chats resume",
        "messages:send",
    ),
    CommandSpec("create_campaign", CreateCampaign, "POST /campaigns/create", "campaigns.create", "campaign create", _C),
    *(
        CommandSpec(
            f"{name}_campaign",
            CampaignAction,
            f"POST /campaigns/{{campaign_id}}/{path}",
            f"campaigns.{name}",
            f"campaign {path}",
            _C,
        )
        for name, path in (
            ("execute", "execute"),
            ("pause", "pause"),
            ("resume", "resume"),
            ("cancel", "cancel"),
            ("clone", "clone"),
            ("retry_failed", "retry-failed"),
            ("dry_run", "dry-run"),
        )
    ),
    CommandSpec(
        "test_send",
        TestSend,
        "POST /campaigns/{campaign_id}/test-send",
        "campaigns.test_send",
        "campaign test-send",
        _C,
    ),
    CommandSpec(
        "create_audience", CreateAudience, "POST /audiences", "campaigns.create_audience", "campaign audience", _C
    ),
    CommandSpec(
        "delete_audience",
        DeleteAudience,
        "DELETE /audiences/{audience_id}",
        "campaigns.delete_audience",
        "campaign delete-audience",
        _C,
    ),
    CommandSpec("logout", SessionAction, "POST /session/logout", "status.logout", "session logout", "admin"),
    CommandSpec("restart", SessionAction, "POST /session/restart", "status.restart", "session restart", "admin"),
    CommandSpec("test_message", TestMessage, "POST /smartbot/test", "smartbot.test", "test", "smartbot:read"),
    CommandSpec("create_webhook", w.CreateWebhook, f"POST {_W}", "webhooks.create", "webhooks create", _WM),
    CommandSpec(
        "update_webhook", w.UpdateWebhook, f"PATCH {_W}/{{webhook_id}}", "webhooks.update", "webhooks update", _WM
    ),
    CommandSpec(
        "delete_webhook", w.DeleteWebhook, f"DELETE {_W}/{{webhook_id}}", "webhooks.delete", "webhooks delete", _WM
    ),
    CommandSpec("test_webhook", w.TestWebhook, f"POST {_W}/{{webhook_id}}/test", "webhooks.test", "webhooks test", _WM),
    CommandSpec(
        "rotate_webhook", w.RotateWebhook, f"POST {_W}/{{webhook_id}}/rotate", "webhooks.rotate", "webhooks rotate", _WM
    ),
    CommandSpec(
        "replay_webhook", w.ReplayWebhook, f"POST {_W}/{{webhook_id}}/replay", "webhooks.replay", "webhooks replay", _WM
    ),
    *(
        CommandSpec(name, model, route, f"suggestions.{word}", f"suggestions {word}", "smartbot:write")
        for name, model, route, word in (
            ("refresh_suggestions", learning.RefreshSuggestions, f"POST {_S}/refresh", "refresh"),
            ("edit_suggestion", learning.EditSuggestion, f"PATCH {_ONE}", "edit"),
            ("accept_suggestion", learning.AcceptSuggestion, f"POST {_ONE}/accept", "accept"),
            ("reject_suggestion", learning.RejectSuggestion, f"POST {_ONE}/reject", "reject"),
            ("snooze_suggestion", learning.SnoozeSuggestion, f"POST {_ONE}/snooze", "snooze"),
            ("reopen_suggestion", learning.ReopenSuggestion, f"POST {_ONE}/reopen", "reopen"),
            ("label_decision", learning.LabelDecision, "PUT /smartbot/labels/{trace_id}", "label"),
            ("unlabel_decision", learning.UnlabelDecision, "DELETE /smartbot/labels/{trace_id}", "unlabel"),
        )
    ),
)

_N = "/notifications"
_NOTIFICATION_SPECS = (
    CommandSpec(
        "create_notification", n.CreateNotification, f"POST {_N}", "notifications.create", "notifications create",
        "notifications",
    ),
    CommandSpec(
        "update_notification", n.UpdateNotification, f"PATCH {_N}/{{notification_id}}", "notifications.update",
        "notifications update", "notifications",
    ),
    CommandSpec(
        "delete_notification", n.DeleteNotification, f"DELETE {_N}/{{notification_id}}", "notifications.delete",
        "notifications delete", "notifications",
    ),
    CommandSpec(
        "read_all_notifications", n.ReadAllNotifications, f"POST {_N}/read-all", "notifications.read_all",
        "notifications read-all", "notifications",
    ),
)  # fmt: skip

_WORKBENCH_SPECS = (
    CommandSpec(
        "start_replay", b.StartReplay, "POST /smartbot/replays", "workbench.start_replay", "replay-jobs start",
        "smartbot:write",
    ),
    CommandSpec(
        "cancel_replay", b.CancelReplay, "POST /smartbot/replays/{replay_id}/cancel", "workbench.cancel_replay",
        "replay-jobs cancel", "smartbot:write",
    ),
    CommandSpec(
        "save_rule_file", b.SaveRuleFile, "PUT /smartbot/files", "workbench.save_file", "rules save", "smartbot:write"
    ),
)  # fmt: skip

_P = "/privacy"
_PRIVACY_SPECS = tuple(
    CommandSpec(name, model, f"{verb} {_P}/{path}", f"privacy.{sdk}", f"privacy {cli}", "privacy")
    for name, model, verb, path, sdk, cli in (
        ("export_person", p.ExportPerson, "POST", "export", "export", "export"),
        ("erase_person", p.ErasePerson, "POST", "erase", "erase", "erase"),
        ("give_consent", p.GiveConsent, "POST", "consents", "give_consent", "consent"),
        ("withdraw_consent", p.WithdrawConsent, "DELETE", "consents", "withdraw_consent", "withdraw"),
        ("opt_out", OptOut, "POST", "opt-outs", "opt_out", "opt-out"),
        ("opt_in", OptIn, "DELETE", "opt-outs", "opt_in", "opt-in"),
    )
)

COMMANDS: Mapping[str, CommandSpec] = MappingProxyType(
    {spec.name: spec for spec in (*_SPECS, *_NOTIFICATION_SPECS, *_WORKBENCH_SPECS, *_PRIVACY_SPECS)}
)
"""Commands that the engine carries out today, by name (campaign commands join with their feature)."""
