"""Notifications: what a person should know, kept until read, counted at once, told live."""
