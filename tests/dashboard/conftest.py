"""The dashboard's pages in AppTest, over the real SDK and a fake sidecar inside this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from dashboard import data
from tests.ui.fake_sidecar import KEY, FakeSidecar
from waqtor.client import WaqtorClient

APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"
Open = Callable[..., AppTest]


@pytest.fixture
def sidecar() -> FakeSidecar:
    return FakeSidecar()


def broken(error: Exception) -> None:
    raise error


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Open a page: ``open_page(sidecar, "bench", lang="ar")``."""
    clients: list[WaqtorClient] = []

    def start(sidecar: FakeSidecar, page: str = "overview", lang: str = "en", key: str = KEY) -> AppTest:
        st.cache_data.clear()
        st.cache_resource.clear()

        def open_client() -> WaqtorClient:
            clients.append(WaqtorClient("http://sidecar.invalid", key, retries=0, transport=sidecar.transport()))
            return clients[-1]

        monkeypatch.setattr(data, "open_client", open_client)
        # Every AppTest would look through all installed packages for components: a second each, and there are none.
        monkeypatch.setattr(manifest_scanner, "scan_component_manifests", list)
        monkeypatch.setattr(data, "address", lambda: "http://sidecar.invalid")
        # A page that breaks shows the page for that; a test shall see the fault itself.
        monkeypatch.setattr("dashboard.ui.places.broken", broken)
        at = AppTest.from_file(str(APP), default_timeout=30)
        at.query_params["lang"] = lang
        if page != "overview":
            at.switch_page(f"app_pages/{page}.py")
        at.run()
        assert not at.exception, at.exception[0].value
        return at

    yield start
    st.cache_data.clear()
    st.cache_resource.clear()
    for client in clients:
        client.close()


def html(at: AppTest) -> str:
    """All HTML of the page."""
    return "\n".join(element.value for element in at.html if not element.value.startswith("<style>"))
