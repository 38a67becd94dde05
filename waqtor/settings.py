"""All settings, in one place: the only reader of the environment and of ``.env``.

Every field has a default and a description; docs/settings.md and ``.env.example`` are made from them.
Environment names are ``WAQTOR_<NAME>``; the older names listed in ``LEGACY`` are accepted, in their old units.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

LOCKABLE = ("campaigns", "messages", "smartbot", "reports", "interactive")
"""Parts of the dashboard that can be put behind the access code."""
LEGACY: dict[str, str] = {
    "ws_max_frame_bytes": "WEBSOCKET_MAX_PAYLOAD",
    "ws_compression_threshold": "WEBSOCKET_COMPRESSION_THRESHOLD",
    "ws_buffer_bytes": "WEBSOCKET_BUFFER_LIMIT",
    "ws_heartbeat_ms": "WEBSOCKET_HEARTBEAT_INTERVAL",
    "ws_stats_interval_ms": "WEBSOCKET_STATS_INTERVAL",
    "ws_compression_level": "WEBSOCKET_COMPRESSION_LEVEL",
    "handshake_max_age_ms": "HANDSHAKE_MAX_AGE",
    "message_max_size": "MESSAGE_MAX_SIZE",
    "message_max_string_length": "MESSAGE_MAX_STRING_LENGTH",
    "allowed_origins": "ALLOWED_ORIGINS",
    "allowed_ips": "ALLOWED_IPS",
    "webhook_attempts": "WEBHOOK_RETRY_ATTEMPTS",
    "webhook_delay_ms": "WEBHOOK_RETRY_DELAY",
    "webhook_timeout_ms": "WEBHOOK_TIMEOUT",
    "secret_key": "SERVER_SECRET",
    "rate_limit_connection_burst": "RATE_LIMIT_CONNECTION_BURST",
    "rate_limit_client_messages": "RATE_LIMIT_MESSAGES",
}
"""Field → the older environment name that is an alias of it."""

PLACEHOLDERS = frozenset({"changeme", "change-me", "secret", "your-secret", "your_api_key", "test", "admin"})


def _setting(default: Any, description: str, name: str | None = None, **more: Any) -> Any:
    aliases = more.pop("aliases", ())
    if name is not None:
        more["validation_alias"] = AliasChoices(f"WAQTOR_{name.upper()}", name, *aliases)
    return Field(default=default, description=description, **more)


def _old(field: str, default: Any, description: str, **more: Any) -> Any:
    return _setting(default, description, field, aliases=(LEGACY[field],), **more)


CommaList = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """The engine's settings; immutable once read."""

    model_config = SettingsConfigDict(
        env_prefix="WAQTOR_",
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    # --- where things are
    data_dir: Path = _setting(Path("data/run"), "Folder of all runtime data; one engine at a time holds it.")
    database_url: str = _setting("", "Empty: SQLite in the data folder; or postgresql://… for a shared store.")
    rules_dir: Path = _setting(Path("rules"), "Folder of the YAML rules.")
    shared_dir: Path | None = _setting(None, "Folder with shared data sets and fixtures, for evaluation and tests.")

    # --- the server
    host: str = _setting("127.0.0.1", "Address to listen on; stays on loopback until an owner exists.")
    port: int = _setting(8080, "Port of REST and WebSocket.", ge=0, le=65535)
    dashboard_port: int = _setting(8501, "Port of the Streamlit dashboard.", ge=0, le=65535)
    api_key: SecretStr | None = _setting(
        None,
        "Used as the admin key at first start (otherwise one is made); clients read it too.",
        "api_key",
        aliases=("API_KEY",),
    )
    api_url: str = _setting("http://localhost:8080", "Where clients find the sidecar.")
    allowed_origins: CommaList = _old("allowed_origins", (), "Further allowed browser origins, comma-separated.")
    allowed_ips: CommaList = _old("allowed_ips", (), "If set, only these addresses or CIDR ranges may connect.")
    trusted_proxies: CommaList = _setting(
        (), "Addresses or CIDR ranges of proxies whose X-Forwarded-For is believed, comma-separated."
    )
    max_body_bytes: int = _setting(1_048_576, "Largest request body.", ge=1024)
    max_media_bytes: int = _setting(104_857_600, "Largest uploaded file of a message.", ge=1024)
    max_base64_bytes: int = _setting(
        23_068_672, "Largest body of send-media, which may hold a file in base64; larger files are uploaded.", ge=1024
    )
    media_dir: str = _setting("", "Folder of the files of messages; empty: media in the data folder.")
    stop_grace_s: float = _setting(
        15.0, "Seconds that an orderly stop may take; what is not finished then is taken up at the next start.", ge=1
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting("info", "Least level that is logged.")
    log_format: Literal["console", "json"] = _setting("console", "How log lines look.")

    # --- sessions and transports
    session: str = _setting("default", "Name of the session to run.")
    transport: Literal["simulator", "cloud_api"] = _setting("simulator", "How the session reaches WhatsApp.")
    simulator_socket: str = _setting("", "Socket of the simulator; empty: simulator.sock in the data folder.")
    cloud_phone_number_id: str = _setting("", "Cloud API: Meta's id of the number.")
    cloud_access_token: SecretStr | None = _setting(None, "Cloud API: access token of a system user.")
    cloud_app_secret: SecretStr | None = _setting(None, "Cloud API: the app's secret, which signs what Meta sends us.")
    cloud_verify_token: SecretStr | None = _setting(
        None, "Cloud API: a word of your choice, entered at Meta with the callback address."
    )
    cloud_api_version: str = _setting("v23.0", "Cloud API: version of the Graph API.", pattern=r"^v[0-9]+\.[0-9]+$")
    cloud_api_url: str = _setting("https://graph.facebook.com", "Cloud API: where the Graph API is.")
    send_rate: float = _setting(80.0, "Messages per second and number (Cloud API default: 80); 0 = unlimited.", ge=0)
    send_concurrency: int = _setting(64, "Sends of one number in flight at once.", ge=1, le=4096)
    send_timeout_s: float = _setting(20.0, "Longest wait for a provider's answer, seconds.", gt=0)
    settle_s: float = _setting(25.0, "After a crash, wait this long after the last possible send before asking.", ge=0)
    send_max_attempts: int = _setting(5, "Attempts at a send whose refusals are retryable.", ge=1)
    reply_expiry_s: float = _setting(600.0, "A reply not sent within this time is skipped and listed.", gt=0)
    stale_message_s: float = _setting(900.0, "A message older than this is not answered but listed.", gt=0)

    # --- campaigns
    default_region: str = _setting("SA", "ISO country whose numbers may be listed without a country code.")
    max_upload_bytes: int = _setting(104_857_600, "Largest uploaded list of recipients.", ge=1024)

    # --- the bot
    encoder: str = _setting(
        "minilm", "minilm, mpnet, hashing (light, no torch), or any sentence-transformers path or hub name."
    )
    encoder_threads: int = _setting(
        0, "Threads that encode a batch of messages; 0: two, or one on one core.", ge=0, le=64
    )
    bot_enabled: bool = _setting(True, "Whether the bot answers at all.")
    bot_groups: bool = _setting(False, "Whether the bot answers in groups, when addressed.")
    bot_threshold: float = _setting(0.6, "Least confidence where neither rule nor file names one.", ge=0, le=1)
    bot_margin: float = _setting(0.05, "Two rules closer than this: ask 'did you mean …?'.", ge=0, le=1)
    bot_rate_per_chat: float = _setting(20.0, "Most automatic answers per chat and minute.", gt=0)
    bot_loop_limit: int = _setting(5, "Equal messages in a row within a minute that are taken for a loop.", ge=2)
    bot_handoff_minutes: float = _setting(
        0.0, "Minutes the bot stays quiet in a chat handed over or answered on the phone; 0: until resumed.", ge=0
    )
    quiet_hours: str = _setting("", "Local HH:MM-HH:MM in which the bot stays silent; empty: none.")
    timezone: str = _setting("Asia/Riyadh", "IANA zone of quiet hours and reports.")
    rules_writable: bool = _setting(True, "Whether the API may change rule files.")
    plugins_disabled: CommaList = _setting((), "Names of plugins that are not loaded, comma-separated.")
    trace_plugins: bool = _setting(False, "Log every plugin call with arguments and results.")
    locked_pages: CommaList = _setting(
        (),
        "Dashboard pages behind the access code, comma-separated: campaigns, messages, smartbot, reports, interactive.",
    )
    access_code: SecretStr | None = _setting(None, "The code that opens locked pages of the dashboard.")
    shop_name: str = _setting("WaQtor Shop", "The brand shown in the dashboard and as {{shop.name}}.")

    suggestions_every_hours: float = _setting(
        24.0, "Hours between two looks for suggestions; 0: only when asked.", ge=0, le=8760
    )

    # --- the WebSocket
    ws_max_frame_bytes: int = _old("ws_max_frame_bytes", 1_048_576, "Largest frame.", ge=1024)
    ws_compression_threshold: int = _old("ws_compression_threshold", 1024, "Compress from this size, bytes.", ge=0)
    ws_compression_level: int = _old("ws_compression_level", 6, "zlib level 1–9.", ge=1, le=9)
    ws_buffer_bytes: int = _old("ws_buffer_bytes", 524_288, "Drop ordinary messages above this backlog.", ge=1024)
    ws_heartbeat_ms: int = _old("ws_heartbeat_ms", 30_000, "Ping interval, ms.", ge=100)
    ws_stats_interval_ms: int = _old(
        "ws_stats_interval_ms",
        60_000,
        "Interval of the stats line, and of the events session.stats and metrics, ms.",
        ge=1000,
    )
    ws_max_connections: int = _setting(10_000, "Connections at once.", ge=1)
    ws_recovery_limit: int = _setting(10_000, "Most events recovered in one subscribe.", ge=1)
    ws_require_signature: bool = _setting(False, "Whether a bare key in a WebSocket handshake is refused.")
    ws_trusted: CommaList = _setting((), "Key ids and addresses or CIDR ranges without rate limits, comma-separated.")
    handshake_max_age_ms: int = _old("handshake_max_age_ms", 60_000, "Oldest signed handshake, ms.", ge=1000)
    message_max_size: int = _old("message_max_size", 10_240, "Largest client message, bytes.", ge=256)
    message_max_string_length: int = _old("message_max_string_length", 1000, "Longest string in one.", ge=16)
    rate_limit_connection_burst: int = _old("rate_limit_connection_burst", 60, "WebSocket messages per address.", ge=1)
    rate_limit_client_messages: int = _old("rate_limit_client_messages", 10, "Client messages per second.", ge=1)

    # --- webhooks
    webhook_attempts: int = _old("webhook_attempts", 3, "Attempts of a delivery.", ge=1, le=20)
    webhook_delay_ms: int = _old("webhook_delay_ms", 1000, "Wait before the second attempt, ms; doubles.", ge=0)
    webhook_timeout_ms: int = _old("webhook_timeout_ms", 10_000, "Time-out of one attempt, ms.", ge=100)
    webhook_concurrency: int = _setting(16, "Deliveries of one webhook under way at once.", ge=1, le=256)
    webhook_private_hosts: CommaList = _setting(
        (), "Private hosts, addresses or CIDR ranges that webhooks may reach all the same, comma-separated."
    )
    webhook_disable_days: float = _setting(
        5.0, "A webhook that only failed for so many days is switched off; 0: never.", ge=0
    )
    webhook_log_days: int = _setting(30, "Days that ended deliveries and their attempts are kept.", ge=1)
    notification_days: int = _setting(30, "Days that notifications are kept.", ge=1)
    media_days: float = _setting(
        90.0, "Days that files of messages are kept after their last upload, longer while something that is to be sent "
        "names them; 0: for ever.", ge=0,
    )  # fmt: skip
    upload_hours: float = _setting(24.0, "Hours that an uploaded list waits to be imported.", gt=0)
    secret_key: SecretStr | None = _old(
        "secret_key",
        None,
        "Key under which secrets are encrypted at rest; empty: secret.key in the data folder. Engines that share a "
        "store need the same one.",
    )

    # --- the log
    duckdb_path: str = _setting("", "Traffic log; empty: traffic.duckdb in the data folder.")
    duckdb_memory: str = _setting("1GB", "Memory limit of DuckDB.")
    log_flush_ms: int = _setting(500, "Longest wait before the log is flushed, ms.", ge=10)
    log_flush_rows: int = _setting(1000, "Rows that trigger a flush.", ge=1)
    log_days: int = _setting(365, "Days the traffic log is kept.", ge=1)
    metrics_interval_s: float = _setting(
        300.0, "Seconds between snapshots of the metrics into the traffic log; 0: none.", ge=0
    )
    metrics_days: int = _setting(365, "Days those snapshots are kept.", ge=1)
    query_timeout_s: float = _setting(10.0, "Longest analytics query, seconds.", gt=0)
    query_max_rows: int = _setting(100_000, "Most rows an analytics query returns.", ge=1)
    journal_days: int = _setting(30, "Days the journal is kept; what a reader has not read yet is kept longer.", ge=1)
    audit_days: int = _setting(730, "Days the audit log is kept.", ge=1)

    @field_validator(
        "allowed_origins",
        "allowed_ips",
        "trusted_proxies",
        "plugins_disabled",
        "ws_trusted",
        "webhook_private_hosts",
        "locked_pages",
        mode="before",
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("locked_pages")
    @classmethod
    def _lockable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(value) - set(LOCKABLE))
        if unknown:
            raise ValueError(f"cannot be locked: {', '.join(unknown)}; choose from {', '.join(LOCKABLE)}")
        return value

    @model_validator(mode="after")
    def _code_for_locks(self) -> Self:
        code = self.access_code.get_secret_value().strip() if self.access_code else ""
        if self.locked_pages and len(code) < 6:
            raise ValueError("locked_pages needs an access_code of at least 6 characters")
        return self

    @field_validator("api_key", "secret_key", "cloud_access_token", "cloud_app_secret", "cloud_verify_token")
    @classmethod
    def _no_placeholder(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value().strip():
            return None
        if value.get_secret_value().strip().lower() in PLACEHOLDERS:
            raise ValueError("is a placeholder; make a real one, for example with: openssl rand -hex 32")
        return value

    @property
    def sqlite_path(self) -> Path:
        """The embedded database."""
        return self.data_dir / "waqtor.sqlite"

    @property
    def duckdb_file(self) -> Path:
        """The traffic log."""
        return Path(self.duckdb_path) if self.duckdb_path else self.data_dir / "traffic.duckdb"

    @property
    def media_folder(self) -> Path:
        """The files of messages."""
        return Path(self.media_dir) if self.media_dir else self.data_dir / "media"

    @property
    def simulator_path(self) -> Path:
        """The simulator's socket."""
        return Path(self.simulator_socket) if self.simulator_socket else self.data_dir / "simulator.sock"

    @property
    def secret_key_file(self) -> Path:
        """Where the key that encrypts secrets is kept when the settings name none (mode 0600)."""
        return self.data_dir / "secret.key"

    @property
    def key_file(self) -> Path:
        """Where the first admin key is kept for local clients (mode 0600)."""
        return self.data_dir / "admin.key"
