"""Outgoing webhooks: subscriptions and durable deliveries."""
