"""Privacy policy: where data is, what leaves this machine, and what is end-to-end encrypted on each transport."""

from __future__ import annotations

from dashboard.ui import encryption, prose

prose.part("privacy.here")
prose.part("privacy.leaves", ("whatsapp", "webhooks", "keys"))
encryption.card()
prose.part("privacy.kept")
prose.part("privacy.rights", ("export", "erase", "consent", "out"))
