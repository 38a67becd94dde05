"""Adapters of journal, ledger and logs on SQLite, PostgreSQL and DuckDB."""
