from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def _load():
    """Make ``fakes`` importable for these tests, whatever way pytest was started."""
    if "waqtor_fakes" not in sys.modules:
        path = Path(__file__).with_name("fakes.py")
        spec = importlib.util.spec_from_file_location("waqtor_fakes", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules["waqtor_fakes"] = module
        spec.loader.exec_module(module)
    return sys.modules["waqtor_fakes"]


_load()
