"""Consent, export, erasure, retention, audit."""
