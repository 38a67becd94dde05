"""Ways to reach WhatsApp: simulator, Cloud API, WhatsApp Web."""
