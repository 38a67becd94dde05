from __future__ import annotations

import csv
import io

import pytest

from dashboard import reports
from dashboard.ui.i18n import catalogue
from tests.dashboard.conftest import Open, html
from tests.ui.fake_shop import HOSTILE
from tests.ui.fake_sidecar import FakeSidecar
from waqtor.contracts.views import QueryResult


def ask(at, sql: str):
    at.text_area(key="analytics_sql").set_value(sql)
    return at.button(key="analytics_run").click().run()


def queries(sidecar: FakeSidecar) -> list[dict]:
    return [body for _, path, body in sidecar.calls if path == "/analytics/query"]


@pytest.mark.parametrize("lang", ["en", "ar"])
class TestPage:
    def test_six_figures_are_drawn_for_the_period(self, open_page: Open, sidecar: FakeSidecar, lang: str):
        at = open_page(sidecar, "analytics", lang)
        assert len(at.get("plotly_chart")) == 6
        asked = len(queries(sidecar))
        at.segmented_control(key="analytics_period").set_value("all").run()
        assert not at.exception
        assert len(at.get("plotly_chart")) == 6
        assert all(body["params"]["since"] is None for body in queries(sidecar)[asked:])
        assert {body["params"]["bucket"] for body in queries(sidecar)[asked:] if "bucket" in body["params"]} == {"day"}

    def test_each_saved_query_runs_and_fills_its_places(self, open_page: Open, sidecar: FakeSidecar, lang: str):
        at = open_page(sidecar, "analytics", lang)
        assert catalogue(lang)["analytics.sql.empty"] in html(at)
        for name in reports.SAVED:
            at.selectbox(key="analytics_saved").set_value(name).run()
            at.button(key="analytics_run").click().run()
            assert not at.exception
            assert 'role="alert"' not in html(at), name
            assert at.dataframe or catalogue(lang)["analytics.no_rows"] in html(at)

    def test_what_customers_wrote_stays_in_cells(self, open_page: Open, sidecar: FakeSidecar, lang: str):
        at = ask(open_page(sidecar, "analytics", lang), "SELECT DISTINCT trigger FROM decisions ORDER BY 1")
        assert any(HOSTILE in text for text in at.dataframe[0].value["trigger"])
        assert "pixel.invalid" not in html(at)
        assert len(at.get("download_button")) == 1

    @pytest.mark.parametrize(
        ("sql", "title"),
        [
            ("DELETE FROM messages", "analytics.refused"),
            ("SELECT 1; SELECT 2", "analytics.refused"),
            ("SELECT * FROM read_csv('/etc/passwd')", "analytics.refused"),
            ("SELEC 1", "analytics.refused"),
            ("SELECT nothing FROM messages", "trouble.invalid_input.title"),
        ],
    )
    def test_errors_say_what_to_do(self, open_page: Open, sidecar: FakeSidecar, lang: str, sql: str, title: str):
        at = ask(open_page(sidecar, "analytics", lang), sql)
        assert not at.exception
        assert catalogue(lang)[title] in html(at)
        assert not at.dataframe

    def test_no_rows_and_an_empty_box_are_told(self, open_page: Open, sidecar: FakeSidecar, lang: str):
        at = ask(open_page(sidecar, "analytics", lang), "SELECT 1 AS n WHERE false")
        assert catalogue(lang)["analytics.no_rows"] in html(at)
        assert catalogue(lang)["analytics.sql.empty"] in html(ask(at, "  "))


def test_a_query_is_run_again_when_asked_again(open_page: Open, sidecar: FakeSidecar):
    at = open_page(sidecar, "analytics")
    for _ in range(2):
        ask(at, "SELECT 42 AS n")
    assert [body["sql"] for body in queries(sidecar)].count("SELECT 42 AS n") == 2


def result(*columns: str, rows: list[tuple]) -> QueryResult:
    return QueryResult(columns=columns, types=("X",) * len(columns), rows=tuple(rows), elapsed_ms=1.0)


def test_any_result_can_be_shown():
    frame = reports.grid(result("a", "a", "a_2", "b", rows=[(1, None, "x", 2**100), (None, [1, {"k": "v"}], "y", 1)]))
    assert list(frame.columns) == ["a", "a_2", "a_2_2", "b"]
    assert frame["a_2"][1] == "[1, {'k': 'v'}]"
    assert frame["b"][0] == str(2**100)
    assert reports.grid(result("n", rows=[])).empty


def test_csv_opens_in_spreadsheets_without_running_anything():
    made = reports.as_csv(result("text", "n", rows=[('=cmd|"/c calc"', -3), ("سلام, هلا\nسطر", None), ("+1", 1.5)]))
    assert made.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(made.decode("utf-8-sig"))))
    assert rows == [["text", "n"], ['\'=cmd|"/c calc"', "-3"], ["سلام, هلا\nسطر", ""], ["'+1", "1.5"]]
