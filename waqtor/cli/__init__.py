"""The ``waqtor`` command; its groups are added by :mod:`waqtor.cli.main`."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from waqtor.cli.main import app

    app()
