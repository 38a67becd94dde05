"""The webhook service of an engine: settings and adapters put together."""

from __future__ import annotations

from waqtor import __version__
from waqtor.kernel.clock import Clock
from waqtor.kernel.ports import Cursors
from waqtor.settings import Settings
from waqtor.storage.lease import SqlLease
from waqtor.storage.store import SqlStore
from waqtor.storage.vault import Vault
from waqtor.storage.webhook_log import SqlWebhookLog
from waqtor.storage.webhooks import SqlWebhooks
from waqtor.webhooks.guard import Guard
from waqtor.webhooks.service import Defaults, WebhookService


def make_webhooks(settings: Settings, store: SqlStore, cursors: Cursors, clock: Clock) -> WebhookService:
    """The service, not yet started.

    Raises:
        ConfigurationError: The key file can be read by others, or a private host is no host.
    """
    secret = settings.secret_key.get_secret_value() if settings.secret_key is not None else ""
    adapter = SqlWebhooks(store, lambda: Vault.of(secret, settings.secret_key_file))
    defaults = Defaults(
        settings.webhook_attempts, settings.webhook_delay_ms, settings.webhook_timeout_ms,
        settings.webhook_concurrency, settings.webhook_disable_days, settings.webhook_log_days,
    )  # fmt: skip
    return WebhookService(
        adapter, adapter, SqlWebhookLog(store, adapter), store.journal, cursors, clock,
        Guard(settings.webhook_private_hosts), defaults, agent=f"WaQtor-Webhook/{__version__}",
        lease=SqlLease(store, "@webhooks").acquire, shared=not store.exclusive,
    )  # fmt: skip
