from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.thresholds import Labelled
from dashboard.ui.i18n import catalogue
from tests.dashboard.conftest import Open, html
from tests.ui.fake_bench import NAME, TEXT
from tests.ui.fake_sidecar import FakeSidecar
from waqtor.contracts.workbench import TriedMessage


def pick(at: AppTest, key: str, value: str) -> None:
    """Choose in a widget by its key, whatever the language of its labels."""
    at.session_state[key] = value
    at.run()


LANGS = pytest.mark.parametrize("lang", ["en", "ar"])


@LANGS
def test_a_decision_is_explained_and_compared(open_page: Open, sidecar: FakeSidecar, lang: str):
    at = open_page(sidecar, "bench", lang)
    at.pills(key="bench_sample").set_value("where are your branches").run()
    assert not at.exception
    drawn = html(at)
    assert "wq-grams" in drawn
    assert "␣de" in drawn
    assert "wq-words" in drawn
    assert drawn.count("wq-lat") > 8
    pick(at, "compare_kind", "git")
    assert not at.exception
    assert any(path.endswith("/explain") and body.get("before") == {"kind": "git", "ref": "HEAD"}
               for _, path, body in sidecar.calls)  # fmt: skip
    assert catalogue(lang)["bench.compare.differ"] in [c.value for c in at.caption]


@LANGS
def test_many_messages_are_tried_and_tabled(open_page: Open, sidecar: FakeSidecar, lang: str):
    at = open_page(sidecar, "bench", lang)
    pick(at, "bench_view", "many")
    assert at.button(key="many_go").disabled
    at.text_area(key="many_text").set_value("where are your branches\n\nوين طلبي\nzzz").run()
    at.button(key="many_go").click().run()
    assert not at.exception
    (table,) = at.dataframe
    assert len(table.value) == 3
    assert at.metric[0].value == "3"


@LANGS
def test_thresholds_answer_for_judged_messages(open_page: Open, sidecar: FakeSidecar, lang: str):
    texts = ["where are your branches", "وين طلبي", "agent please", "zzz"]
    for i, text in enumerate(texts):
        sidecar.shop.labels[f"t{i}"] = {
            "trace_id": f"t{i}", "message_id": "m", "session": "s", "created": "2026-01-01T00:00:00.000Z", "text": text,
            "right": i != 3, "decided": sidecar.judge(text)["rule_id"], "rule_id": None,
        }  # fmt: skip
    at = open_page(sidecar, "bench", lang)
    pick(at, "bench_view", "tune")
    assert "wq-empty" in html(at)
    at.button(key="tune_go").click().run()
    assert not at.exception
    assert at.metric[0].value == "4"
    asked = len(sidecar.calls)
    at.toggle(key="tune_general_on").set_value(True).run()
    at.slider(key="tune_general").set_value(0.0).run()
    loose = [m.value for m in at.metric]
    at.slider(key="tune_general").set_value(1.0).run()
    assert [m.value for m in at.metric] != loose
    assert not [path for _, path, _ in sidecar.calls[asked:] if path.endswith("test-many")], "counted in the page"


def test_nothing_labelled_is_told(open_page: Open, sidecar: FakeSidecar):
    at = open_page(sidecar, "bench")
    pick(at, "bench_view", "tune")
    at.button(key="tune_go").click().run()
    assert catalogue("en")["tune.no_labels"] in html(at)


def test_the_effect_of_thresholds_is_counted():
    def tried(rule: str, confidence: float, **more: object) -> TriedMessage:
        fields = {"text": "x", "language": "en", "decision": "answer", "threshold": 0.6, **more}
        return TriedMessage(top={"rule_id": rule, "confidence": confidence}, **fields)

    held = Labelled(
        [tried("a", 0.9), tried("b", 0.7), tried("a", 0.4), tried("quiet", 0.9), tried("a", 0.8, decision="clarify"),
         tried("a", 1.0, stage="exact", rule_id="a", language="ar")],
        ["a", "a", "a", None, "a", "a"],
        frozenset({"quiet"}),
    )  # fmt: skip
    now = held.effect(held.held)
    assert (now.answered, now.right, now.wrong, now.due) == (3, 2, 1, 5)
    assert (now.coverage, now.false_share, now.recall) == (0.5, pytest.approx(1 / 3), 0.4)
    assert held.effect(held.at(0.95, {}, None)).answered == 1, "what is hit outright is answered at any threshold"
    assert held.effect(held.at(None, {"en": 0.0}, ("b", 1.0))).right == 3
    sweep = held.sweep()
    assert sweep["right"].is_monotonic_decreasing
    assert sweep.iloc[0]["right"] == pytest.approx(3 / 6)


class TestRules:
    @pytest.fixture
    def edit(self, monkeypatch: pytest.MonkeyPatch, sidecar: FakeSidecar, open_page: Open):
        def opened(lang: str = "en"):
            at = open_page(sidecar, "rules", lang)
            pick(at, "rules_view", "files")
            at.button(key="file_edit").click().run()
            assert not at.exception
            return at

        return opened

    @LANGS
    def test_errors_stand_at_their_line_and_nothing_is_saved(self, edit, sidecar: FakeSidecar, lang: str):
        at = edit(lang)
        assert at.text_area(key="editor_text").value == TEXT
        assert at.button(key="editor_save").disabled
        at.text_area(key="editor_text").set_value(TEXT.replace("id: parking", "id: Par king")).run()
        drawn = html(at)
        assert f"{NAME}:10:" in drawn
        assert "^" in drawn
        assert at.button(key="editor_save").disabled
        assert sidecar.bench.saved == []

    @LANGS
    def test_a_change_is_saved_committed_and_seen_live(self, edit, sidecar: FakeSidecar, lang: str):
        at = edit(lang)
        changed = TEXT.replace("Behind the shop.", "Next door.")
        at.text_area(key="editor_text").set_value(changed).run()
        assert '+      en: [{text: "Next door."}]' in at.code[0].value
        at.checkbox(key="editor_commit").check().run()
        at.text_input(key="editor_message").set_value("Say where to park").run()
        at.button(key="editor_save").click().run()
        assert not at.exception
        (body,) = sidecar.bench.saved
        assert (body["text"], body["commit"], body["message"]) == (changed, True, "Say where to park")
        assert catalogue(lang)["editor.live"].format(revision="r2") in html(at)
        assert "c0ffee012345" in html(at)

    def test_what_changed_underneath_is_told_and_the_text_stays(self, edit, sidecar: FakeSidecar):
        at = edit()
        changed = TEXT + "# mine\n"
        at.text_area(key="editor_text").set_value(changed).run()
        sidecar.bench.conflict = True
        at.button(key="editor_save").click().run()
        assert catalogue("en")["editor.conflict"] in html(at)
        assert at.text_area(key="editor_text").value == changed

    def test_one_rule_is_edited_without_its_neighbours(self, open_page: Open, sidecar: FakeSidecar, monkeypatch):
        rules = [dict(sidecar._rule(0))]
        rules[0].update(id="gift_wrap", file=NAME, line=5)
        monkeypatch.setattr(sidecar, "_rule", lambda n: rules[0])
        monkeypatch.setattr("tests.ui.fake_sidecar.RULES", rules)
        monkeypatch.setattr("dashboard.ui.grids.select", lambda frame, **_: 0)
        at = open_page(sidecar, "rules")
        at.button(key="rule_edit").click().run()
        assert not at.exception
        text = at.text_area(key="editor_text").value
        assert text.startswith("- id: gift_wrap\n  examples:\n    en: [do you wrap gifts]   # keep short\n")
        assert "parking" not in text
        at.text_area(key="editor_text").set_value(text.replace("We do.", "Of course.")).run()
        at.button(key="editor_save").click().run()
        assert sidecar.bench.saved[0]["text"] == TEXT.replace("We do.", "Of course.")

    def test_a_new_rule_goes_to_the_end(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "rules")
        at.button(key="rules_new").click().run()
        at.button(key="editor_save").click().run()
        assert not at.exception
        assert sidecar.bench.saved[0]["text"].startswith(TEXT)
        assert "\n  - id: new_rule\n" in sidecar.bench.saved[0]["text"]

    def test_a_first_rule_makes_the_file(self, open_page: Open):
        sidecar = FakeSidecar(empty=True)
        at = open_page(sidecar, "rules")
        at.button(key="rules_new").click().run()
        at.button(key="editor_save").click().run()
        assert not at.exception
        (body,) = sidecar.bench.saved
        assert (body["name"], body["revision"]) == (NAME, "")
        assert "rules:\n  - id: new_rule\n" in body["text"]

    def test_the_past_of_a_file_and_the_tests_of_the_rules(self, open_page: Open, sidecar: FakeSidecar, monkeypatch):
        monkeypatch.setattr("dashboard.ui.grids.select", lambda frame, **_: 0)
        at = open_page(sidecar, "rules")
        pick(at, "rules_view", "files")
        assert any("+  - id: parking" in code.value for code in at.code)
        pick(at, "rules_view", "tests")
        at.button(key="cases_run").click().run()
        assert not at.exception
        assert catalogue("en")["cases.failed"].format(failed=1, n=12) in html(at)


class TestReplay:
    @LANGS
    def test_runs_with_a_bar_and_lists_what_would_change(self, open_page: Open, sidecar: FakeSidecar, lang: str):
        at = open_page(sidecar, "replay", lang)
        assert "wq-empty" in html(at)
        at.button(key="replay_start").click().run()
        assert not at.exception
        assert at.button(key="replay_start").disabled
        assert [m.value for m in at.metric] == ["100", "1", "0", "0", "99"]
        sidecar.bench.finish()
        at.run()
        assert not at.exception
        assert [m.value for m in at.metric] == ["400", "2", "1", "1", "396"]
        assert len(at.dataframe[0].value) == 4
        pick(at, "replay_kind", "lost")
        assert len(at.dataframe[0].value) == 1
        at.text_input(key="replay_search").set_value("nowhere").run()
        assert catalogue(lang)["replay.unfit"] in html(at)

    def test_can_be_cancelled(self, open_page: Open, sidecar: FakeSidecar):
        at = open_page(sidecar, "replay")
        at.button(key="replay_start").click().run()
        at.button(key="replay_cancel").click().run()
        assert not at.exception
        assert sidecar.bench.replays[0]["state"] == "cancelled"

    def test_one_is_opened_with_both_answers(self, open_page: Open, sidecar: FakeSidecar, monkeypatch):
        monkeypatch.setattr("dashboard.ui.grids.select", lambda frame, **_: 3)
        at = open_page(sidecar, "replay")
        at.button(key="replay_start").click().run()
        sidecar.bench.finish()
        at.run()
        assert "Behind the shop." in [text.value for text in at.text]
