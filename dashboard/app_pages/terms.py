"""Terms: the licence, and what whoever runs WaQtor answers for."""

from __future__ import annotations

from dashboard.ui import prose

prose.part("terms.licence")
prose.part("terms.yours", ("consent", "whatsapp", "answers"))
prose.part("terms.warranty")
