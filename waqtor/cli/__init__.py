"""The ``waqtor`` command: one module a group, put together in :mod:`waqtor.cli.application`."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from waqtor.cli.application import run

    run()
