"""The page of the WebSocket metrics: now, alerts, clients, refusals, and over time."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from dashboard import hubwatch
from dashboard.ui.hublive import size
from dashboard.ui.i18n import catalogue
from tests.dashboard.conftest import Open, html
from tests.ui.fake_hub import FakeHub
from tests.ui.fake_shop import HOSTILE, Shop
from tests.ui.fake_sidecar import FakeSidecar
from waqtor.realtime.stats import REASONS

LANGUAGES = pytest.mark.parametrize("lang", ["en", "ar"])


@LANGUAGES
class TestNow:
    def test_figures_and_clients(self, open_page: Open, sidecar: FakeSidecar, lang: str):
        at, labels = open_page(sidecar, "ws_metrics", lang), catalogue(lang)
        shown = {metric.label: metric.value for metric in at.metric}
        assert shown[labels["ws.clients"]] == "9"
        assert shown[labels["ws.dropped"]] == "3"
        assert shown[labels["ws.sent"]] == "0 B/s"
        assert shown[labels["ws.buffered"]] == shown[labels["ws.most"]] == "625.0 KB"
        table = at.dataframe[0].value
        assert len(table) == 9
        assert table[labels["ws.column.buffered"]][0] == "625.0 KB", "the longest backlog comes first"
        assert table[labels["ws.column.state"]][0] == labels["ws.dead"]
        assert HOSTILE in set(table[labels["ws.column.key"]]), "names stay what they are, in literal cells"
        assert table[labels["ws.column.sent_bytes"]][0] == "555.1 KB"
        assert set(table[labels["ws.column.address"]]) >= {"2001:db8::7", "10.0.0.2"}

    def test_rates_come_from_two_looks(self, open_page: Open, sidecar: FakeSidecar, lang: str):
        at, labels = open_page(sidecar, "ws_metrics", lang), catalogue(lang)
        assert {m.label: m.value for m in at.metric}[labels["ws.frames"]] == "0"
        hubwatch.now.clear()
        at.run()
        assert not at.exception
        shown = {metric.label: metric.value for metric in at.metric}
        assert (shown[labels["ws.frames"]], shown[labels["ws.events"]]) == ("35", "4.0")
        assert (shown[labels["ws.sent"]], shown[labels["ws.received"]]) == ("15.0 KB/s", "48 B/s")

    def test_refusals_and_the_last_error(self, open_page: Open, sidecar: FakeSidecar, lang: str):
        sidecar.hub.error = {"time": "2026-01-01T00:00:00.000Z", "message": "<b>odd</b>", "source": "tail"}
        drawn, labels = html(open_page(sidecar, "ws_metrics", lang)), catalogue(lang)
        assert drawn.index(labels["ws.refused.rate"]) < drawn.index(labels["ws.refused.origin"])
        assert all(labels[f"ws.refused.{reason}"] in drawn for reason in REASONS)
        assert "&lt;b&gt;odd&lt;/b&gt;" in drawn
        assert "<b>odd" not in drawn

    def test_alerts_follow_the_limits(self, open_page: Open, sidecar: FakeSidecar, lang: str):
        at, labels = open_page(sidecar, "ws_metrics", lang), catalogue(lang)
        assert labels["ws.alert"].format(n=1) in html(at)
        at.number_input(key="ws_limit_connections").set_value(5).run()
        assert labels["ws.alert"].format(n=2) in html(at)
        at.number_input(key="ws_limit_dead").set_value(1).run()
        at.number_input(key="ws_limit_connections").set_value(9).run()
        assert 'role="alert"' not in html(at)

    def test_nobody_is_connected(self, open_page: Open, lang: str):
        drawn, labels = html(open_page(FakeSidecar(empty=True), "ws_metrics", lang)), catalogue(lang)
        assert labels["ws.nobody"] in drawn
        assert labels["ws.no_history"] in drawn


class TestOverTime:
    @LANGUAGES
    def test_nine_charts_and_the_chosen_span(self, open_page: Open, sidecar: FakeSidecar, lang: str):
        at = open_page(sidecar, "ws_metrics", lang)
        assert len(at.get("plotly_chart")) == 9
        assert any(catalogue(lang)["ws.history.note"].split("{")[0] in c.value for c in at.caption)
        for span in hubwatch.SPANS:
            at.segmented_control(key="ws_span").set_value(span).run()
            assert not at.exception
            assert len(at.get("plotly_chart")) == 9

    @LANGUAGES
    def test_what_went_over_the_sockets(self, open_page: Open, sidecar: FakeSidecar, lang: str):
        drawn, labels = html(open_page(sidecar, "ws_metrics", lang)), catalogue(lang)
        assert labels["ws.types"] in drawn
        assert drawn.index("message.received") < drawn.index("smartbot.reply") < drawn.index("control")
        assert "4,210" in drawn
        assert labels["ws.in"] in drawn

    def test_gaps_and_restarts_are_drawn(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "ws_metrics")
        figure = json.loads(at.get("plotly_chart")[0].proto.spec)
        assert None in figure["data"][0]["y"]
        assert not figure["data"][0]["connectgaps"]
        assert len(figure["layout"]["shapes"]) == 1

    def test_refusals_have_a_line_each_and_none_is_a_line_at_zero(self, open_page: Open, monkeypatch):
        sidecar = FakeSidecar()
        at = open_page(sidecar, "ws_metrics")
        figure = json.loads(at.get("plotly_chart")[6].proto.spec)
        assert [line["name"] for line in figure["data"]] == ["Wrong key", "Too fast"]
        import tests.ui.fake_hub as fake

        without = tuple(s for s in fake._SERIES if s[0] != "waqtor_security_total")
        monkeypatch.setattr(fake, "_SERIES", without)
        at = open_page(FakeSidecar(), "ws_metrics")
        figure = json.loads(at.get("plotly_chart")[6].proto.spec)
        assert {value for line in figure["data"] for value in line["y"]} == {0.0, None}

    def test_a_log_that_is_away_leaves_the_rest(self, open_page: Open, sidecar: FakeSidecar):
        sidecar.broken = {"/metrics"}
        at = open_page(sidecar, "ws_metrics")
        assert at.metric
        assert catalogue("en")["trouble.unavailable.title"] in html(at)


class TestLook:
    def test_a_restart_between_two_looks_gives_no_rates(self):
        hub = FakeHub(Shop())
        first = hubwatch.look(hub._monitor(), None)
        found = hub._monitor() | {"server": {"uptime": 1}}
        found["messages"] = found["messages"] | {"frames": 5, "broadcasts": 1, "dropped": 0}
        second = hubwatch.look(found, first)
        assert (second.frames, second.events, second.dropped) == (0, 0, 0)

    def test_the_heartbeat_is_the_95th_percentile(self):
        hub = FakeHub(Shop())
        hub.clients = [hub._client(1) | {"pong_ms": float(n)} for n in range(100)]
        assert hubwatch.look(hub._monitor(), None).pong_ms == 95.0
        hub.clients = [hub._client(0)]
        assert hubwatch.look(hub._monitor(), None).pong_ms is None

    def test_spans_are_of_growing_length(self):
        assert list(hubwatch.SPANS.values()) == sorted(hubwatch.SPANS.values())
        assert min(hubwatch.SPANS.values()) == timedelta(hours=1)

    @pytest.mark.parametrize(("bytes_", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KB"), (5 << 20, "5.0 MB")])
    def test_sizes(self, bytes_: int, text: str):
        assert size(bytes_) == text
