"""The dashboard's process: it answers at once, and imports meanwhile what the first page would have to wait for.

``dashboard.launch`` makes its command line; what follows the file's name goes to ``streamlit run``.
"""

from __future__ import annotations

import importlib
import sys
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEAVY = ("pandas", "pyarrow", "waqtor.client", "waqtor.plots", "waqtor.analytics.catalog")
"""What pages import, in the order in which the first ones need it; seconds on a small machine."""


def warm() -> None:
    """Import what pages need; a page that is asked for meanwhile waits for its part alone."""
    for name in HEAVY:
        importlib.import_module(name)


def main() -> None:
    """Serve until stopped."""
    # As a script its folder comes first, where names of the standard library (profile) would be taken for ours.
    sys.path[:] = [str(HERE.parent), *(path for path in sys.path if Path(path or ".").resolve() != HERE)]
    threading.Thread(target=warm, name="warm", daemon=True).start()
    from streamlit.web import cli

    sys.argv = ["streamlit", "run", str(HERE / "app.py"), *sys.argv[1:]]
    cli.main()


if __name__ == "__main__":
    main()
