"""Inbox, outbox ledger, sender, receipts, chats and contacts, with the ports that transports and storage fill."""
