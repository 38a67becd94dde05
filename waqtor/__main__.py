"""``python -m waqtor`` is the ``waqtor`` command."""

from waqtor.cli import main

main()
