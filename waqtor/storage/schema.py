"""The tables as SQLAlchemy metadata, for cold queries; a test holds it equal to the migrations on both databases."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, Table, Text, text

metadata = MetaData()


def _text(name: str, *, null: bool = False, key: bool = False) -> Column[str]:
    return Column(name, Text, nullable=null, primary_key=key)


def _big(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null)


def _int(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, Integer, nullable=null)


def _place() -> Column[int]:
    return Column("place", BigInteger, primary_key=True, autoincrement=False)


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


meta = Table("meta", metadata, _text("name", key=True), _text("value"))

journal = Table(
    "journal", metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    _text("id"), _text("type"), _int("version"), _big("created"), _text("session"), _text("correlation_id"),
    _text("dedup_key", null=True), _int("lane"), _text("subject"), _text("data"),
    _partial("journal_dedup", "dedup_key", where="dedup_key IS NOT NULL", unique=True),
)  # fmt: skip

payloads = Table("payloads", metadata, _text("id", key=True), _text("data"))

cursors = Table("cursors", metadata, _text("reader", key=True), _text("epoch"), _big("position"), _big("updated"))

dead_letters = Table(
    "dead_letters", metadata,
    _text("reader", key=True), Column("position", BigInteger, primary_key=True), _text("event_id"),
    _text("event_type"), _int("attempts"), _text("error"), _text("state"), _big("created"),
)  # fmt: skip

messages = Table(
    "messages", metadata,
    _text("message_id", key=True), _text("session"), _text("direction"), _text("chat_id"), _text("kind"),
    _text("state"), _text("provider_id", null=True), _text("key", null=True), _text("body_hash", null=True),
    _int("priority"), _text("cause"), _text("cause_id"), _text("correlation_id"), _text("quoted_id", null=True),
    _int("is_group"), _int("attempt"), _text("owner", null=True), _big("created"), _big("updated"),
    _int("open", null=True), _big("due_at", null=True), _big("not_after", null=True), _big("sending_at", null=True),
    _text("error_code", null=True), _text("error_reason", null=True), _int("retryable", null=True),
    _partial("messages_inbound", "session", "provider_id", where="direction = 'in'", unique=True),
    _partial("messages_key", "session", "key", where="key IS NOT NULL", unique=True),
    _partial("messages_provider", "provider_id", where="direction = 'out' AND provider_id IS NOT NULL"),
    _partial("messages_open", "session", "priority", "message_id", where="open = 1"),
    Index("messages_chat", "session", "chat_id", "message_id"),
)  # fmt: skip

chats = Table(
    "chats", metadata,
    _text("session", key=True), _text("chat_id", key=True), _text("name", null=True), _int("is_group"),
    _text("last_message_id"), _text("last_direction"), _big("last_at"), _big("last_inbound_at", null=True),
    _int("unread"), _big("paused_at", null=True), _big("paused_until", null=True), _text("paused_reason", null=True),
    Index("chats_recent", "last_at"),
)  # fmt: skip

contacts = Table("contacts", metadata, _text("id", key=True), _big("created"))

identities = Table(
    "identities", metadata,
    _text("session", key=True), _text("kind", key=True), _text("value", key=True), _text("contact_id"),
    Index("identities_contact", "contact_id"),
)  # fmt: skip

opt_outs = Table("opt_outs", metadata, _text("contact", key=True), _text("source"), _big("created"))

answers = Table(
    "answers", metadata,
    _text("message_id", key=True), _text("plugin", key=True), _text("session"), _text("chat_id"), _int("parts"),
    _text("trace_id"), _text("decision"), _text("rule_id", null=True), Column("confidence", Float(53), nullable=False),
    _text("language"), _text("reason"), _text("revision"), _big("created"),
    _partial("answers_winner", "message_id", where="parts > 0", unique=True),
    Index("answers_trace", "trace_id"),
)  # fmt: skip

sessions = Table(
    "sessions", metadata,
    _text("session", key=True), _text("transport"), _text("status"), _text("client_info", null=True),
    _text("reason", null=True), _big("updated"),
)  # fmt: skip

leases = Table("leases", metadata, _text("session", key=True), _text("owner"), _big("generation"), _big("expires"))

api_keys = Table(
    "api_keys", metadata,
    _text("id", key=True), _text("name"), _text("prefix"), _text("digest"), _text("scopes"), _text("signing_secret"),
    _big("created"), _big("expires", null=True), _big("last_used", null=True), _big("revoked", null=True),
    Index("api_keys_digest", "digest", unique=True),
)  # fmt: skip

webhooks = Table(
    "webhooks", metadata,
    _text("id", key=True), _text("url"), _text("name"), _int("enabled"), _text("sealed"), _text("options"),
    _big("since"), _big("failing_since", null=True), _text("disabled_reason", null=True), _big("created"),
    _big("updated"),
)  # fmt: skip

webhook_deliveries = Table(
    "webhook_deliveries", metadata,
    _text("id", key=True), _text("webhook_id"), _text("name"), _text("type"), _big("seq"), _int("lane"),
    _text("session"), _text("state"), _int("attempts"), _big("due_at"), _int("status_code", null=True),
    Column("ms", Float(53)), _text("error", null=True), _text("body", null=True), _text("replace_key", null=True),
    _int("test"), _big("created"), _big("updated"),
    _partial("webhook_deliveries_waiting", "webhook_id", "due_at", "seq", where="state = 'pending'"),
    Index("webhook_deliveries_log", "webhook_id", "id"),
)  # fmt: skip

webhook_attempts = Table(
    "webhook_attempts", metadata,
    _text("delivery_id", key=True), Column("attempt", Integer, primary_key=True, autoincrement=False),
    _text("webhook_id"), _text("name"), _big("at"), _int("ok"), _int("status_code", null=True),
    Column("ms", Float(53), nullable=False), _text("error", null=True), _text("response"),
    Index("webhook_attempts_time", "webhook_id", "at"),
)  # fmt: skip

audiences = Table(
    "audiences", metadata,
    _text("id", key=True), _text("name"), _text("source"), _text("state"), _text("fields"), _big("total"), _big("seen"),
    _big("duplicates"), _big("bad"), _text("reason", null=True), _big("created"), _big("updated"),
    _big("expected", null=True),
)  # fmt: skip

audience_members = Table(
    "audience_members", metadata,
    _text("audience_id", key=True), _place(), _text("contact"), _text("variables"),
)  # fmt: skip

audience_issues = Table(
    "audience_issues", metadata,
    _text("audience_id", key=True), _place(), _big("line"), _text("kind"), _text("value"), _text("message"),
)  # fmt: skip

contact_tags = Table("contact_tags", metadata, _text("tag", key=True), _text("contact", key=True), _big("created"))

consents = Table(
    "consents", metadata,
    _text("contact", key=True), _text("purpose", key=True), _text("source"), _big("created"),
    Index("consents_purpose", "purpose", "created"),
)  # fmt: skip

consent_changes = Table(
    "consent_changes", metadata,
    _text("id", key=True), _text("contact"), _text("purpose"), _text("change"), _text("source"), _big("at"),
    _text("key_id"),
    Index("consent_changes_contact", "contact", "id"),
)  # fmt: skip

audit = Table(
    "audit", metadata,
    _text("id", key=True), _big("at"), _text("action"), _text("subject"), _text("key_id"), _text("key_name"),
    _text("request_id"), _text("details"),
    Index("audit_subject", "subject", "id"),
    Index("audit_action", "action", "id"),
    Index("audit_at", "at"),
)  # fmt: skip

erasures = Table(
    "erasures", metadata,
    _text("id", key=True), _text("pseudonym"), _text("state"), _text("step"), _text("sealed", null=True),
    _text("counts"), _text("error", null=True), _text("key_id"), _big("created"), _big("updated"),
    _big("finished", null=True),
    _partial("erasures_running", "pseudonym", where="state = 'running'", unique=True),
)  # fmt: skip

erasure_subjects = Table("erasure_subjects", metadata, _text("erasure_id", key=True), _text("subject", key=True))

forgotten = Table(
    "forgotten", metadata, _text("digest", key=True), _big("created"), Index("forgotten_created", "created")
)

campaigns = Table(
    "campaigns", metadata,
    _text("id", key=True), _text("name"), _text("session"), _text("status"), _text("reason", null=True),
    _text("hold", null=True), _int("halted"), _int("consent"), _text("audience_id"), _text("spec"), _big("total"),
    _big("planned"), _big("fed"), _text("counts"), _big("created"), _big("updated"), _big("due_at", null=True),
    _big("held_until", null=True), _big("started", null=True), _big("finished", null=True),
    _partial("campaigns_live", "status", where="status IN ('scheduled', 'running', 'held')"),
)  # fmt: skip

campaign_recipients = Table(
    "campaign_recipients", metadata,
    _text("campaign_id", key=True), _place(), _text("contact"), _text("variant"), _text("variables"),
    _int("attempt"), _int("superseded"), _text("skip_code", null=True), _text("skip_reason", null=True),
)  # fmt: skip

early_receipts = Table(
    "early_receipts", metadata, _text("session", key=True), _text("provider_id", key=True), _text("status", key=True),
    _big("at"), _text("error_code"), _text("error_reason"), _big("received"),
    Index("early_receipts_received", "received"),
)  # fmt: skip

requests = Table(
    "requests", metadata, _text("key", key=True), _text("body_hash"), _text("subject"), _int("done"), _big("created"),
    Index("requests_created", "created"),
)  # fmt: skip

number_days = Table("number_days", metadata, _text("session", key=True), _text("day", key=True), _big("queued"))

media = Table(
    "media", metadata,
    _text("id", key=True), _text("sha256"), _text("mime_type"), _big("size"), _text("filename", null=True),
    _big("created"), _big("used"),
    Index("media_file", "sha256"), Index("media_used", "used"),
)  # fmt: skip

suggestions = Table(
    "suggestions", metadata,
    _text("id", key=True), _text("kind"), _text("status"), _text("language"), _text("rule_id"), _int("messages"),
    _int("customers"), _big("snoozed_until", null=True), _big("created"), _big("updated"), _text("data"),
    Index("suggestions_status", "status", "customers"),
)  # fmt: skip

suggestion_members = Table(
    "suggestion_members", metadata,
    _text("suggestion_id", key=True), _text("message_id", key=True),
    Index("suggestion_members_message", "message_id"),
)  # fmt: skip

labels = Table(
    "labels", metadata,
    _text("trace_id", key=True), _text("message_id"), _text("session"), _int("was_right"), _text("rule_id", null=True),
    _text("note"), _text("labelled_by"), _big("created"),
    Index("labels_message", "message_id"),
)  # fmt: skip

notifications = Table(
    "notifications", metadata,
    _text("id", key=True), _text("owner"), _big("seq"), _text("type"), _text("kind"), _text("title"),
    _text("message"), _text("icon", null=True), _text("link", null=True), _int("is_read", null=True),
    _int("is_seen"), _int("amount"), _text("dedupe_key", null=True), _text("source", null=True), _big("created"),
    _big("updated"), _text("wording", null=True), _text("params", null=True),
    Index("notifications_order", "owner", "seq", unique=True),
    _partial("notifications_open", "owner", "seq", where="is_read IS NULL"),
    _partial("notifications_unread_again", "owner", "seq", where="is_read = 0"),
    _partial("notifications_key", "owner", "dedupe_key", "seq", where="dedupe_key IS NOT NULL"),
    Index("notifications_age", "created"),
)  # fmt: skip

notification_marks = Table(
    "notification_marks", metadata,
    _text("owner", key=True), _big("last_seq"), _big("read_upto"), _big("unread"), _big("total"), _text("muted"),
)  # fmt: skip

queries = Table(
    "queries", metadata,
    _text("id", key=True), _text("name"), _text("name_key"), _text("statement"), _text("about"), _big("created"),
    _big("updated"),
    Index("queries_name", "name_key", unique=True),
)  # fmt: skip
