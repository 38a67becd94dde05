from __future__ import annotations

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
        for name in reports.OFFERED:
            at.selectbox(key="analytics_saved").set_value(name).run()
            at.button(key="analytics_run").click().run()
            assert not at.exception
            assert 'role="alert"' not in html(at), name
            assert at.dataframe or catalogue(lang)["analytics.no_rows"] in html(at)

    def test_what_customers_wrote_stays_in_cells(self, open_page: Open, sidecar: FakeSidecar, lang: str):
        at = ask(open_page(sidecar, "analytics", lang), "SELECT DISTINCT trigger FROM decisions ORDER BY 1")
        assert any(HOSTILE in text for text in at.dataframe[0].value["trigger"])
        assert "pixel.invalid" not in html(at)
        assert len(at.get("download_button")) == len(reports.FORMATS)

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


class TestSavedQueries:
    """What people keep in the box."""

    def test_a_query_is_kept_changed_renamed_and_deleted(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "analytics")
        at.text_area(key="analytics_sql").set_value("SELECT 1 AS n").run()
        at.text_input(key="analytics_name").set_value("  Mine ").run()
        at.button(key="analytics_keep_do").click().run()
        kept = next(query for query in sidecar.queries.held.values() if query["name"] == "Mine")
        assert kept["sql"] == "SELECT 1 AS n"
        assert at.selectbox(key="analytics_saved").value == kept["id"]
        at.text_area(key="analytics_sql").set_value("SELECT 2 AS n").run()
        at.button(key="analytics_rewrite").click().run()
        assert sidecar.queries.held[kept["id"]]["sql"] == "SELECT 2 AS n"
        at.text_input(key=f"analytics_name_{kept['id']}").set_value("Ours").run()
        at.button(key="analytics_rename_do").click().run()
        assert sidecar.queries.held[kept["id"]]["name"] == "Ours"
        at.button(key="analytics_delete_do").click().run()
        assert kept["id"] not in sidecar.queries.held
        assert at.selectbox(key="analytics_saved").value is None
        assert not at.exception

    def test_a_kept_query_is_taken_and_run(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "analytics")
        at.selectbox(key="analytics_saved").set_value("q0").run()
        at.button(key="analytics_run").click().run()
        assert list(at.dataframe[0].value.columns) == ["day", "n"]
        assert not [button for button in at.button if button.key == "analytics_rewrite"], "nothing was changed"

    def test_a_name_that_is_taken_is_told(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "analytics", "ar")
        at.text_area(key="analytics_sql").set_value("SELECT 1").run()
        at.text_input(key="analytics_name").set_value("Messages by day").run()
        at.button(key="analytics_keep_do").click().run()
        assert catalogue("ar")["trouble.conflict.title"] in html(at)
        assert len(sidecar.queries.held) == 1

    def test_built_in_ones_cannot_be_changed(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "analytics")
        at.selectbox(key="analytics_saved").set_value("kpis").run()
        keys = {button.key for button in at.button}
        assert not keys & {"analytics_rewrite", "analytics_rename_do", "analytics_delete_do"}


def test_a_file_of_the_result_comes_from_the_engine(open_page: Open, sidecar: FakeSidecar):
    open_page(sidecar, "analytics")
    reports.file("SELECT $top AS n, $since", "day", "UTC", "parquet")
    asked = queries(sidecar)[-1]
    assert asked["format"] == "parquet"
    assert set(asked["params"]) == {"top", "since"}
