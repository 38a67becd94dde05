"""Webhooks: events of the journal, delivered to other systems at least once, signed, logged and replayable."""
