from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import pytest

from dashboard import launch
from dashboard.ui import bubbles, decision, i18n, marks, qr, theme, times
from waqtor.contracts.event_data import Candidate
from waqtor.contracts.views import RenderedReply, Trace

DASHBOARD = Path(launch.__file__).parent
SOURCES = sorted(DASHBOARD.rglob("*.py"))


class TestCatalogues:
    def test_both_have_the_same_keys(self):
        assert i18n.catalogue("en").keys() == i18n.catalogue("ar").keys()

    def test_both_have_the_same_places(self):
        def places(text: str) -> set[str]:
            return {name for _, name, _, _ in string.Formatter().parse(text) if name}

        for key, text in i18n.catalogue("en").items():
            assert places(text) == places(i18n.catalogue("ar")[key]), key

    def test_arabic_is_arabic(self):
        same = {key for key, text in i18n.catalogue("ar").items() if not re.search("[\u0600-\u06ff]", text)}
        assert same == set()

    def test_every_label_in_the_code_exists_and_none_is_left_over(self):
        labels = i18n.catalogue("en").keys()
        used, prefixes = set(), set()
        for path in SOURCES:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in labels:
                    used.add(node.value)
                if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                    prefixes.add(str(node.values[0].value))
                if (
                    isinstance(node, ast.Call)
                    and getattr(node.func, "id", "") == "t"
                    and isinstance(node.args[0], ast.Constant)
                ):
                    assert node.args[0].value in labels, f"{path.name}: {node.args[0].value}"
        dynamic = {p for p in prefixes if re.fullmatch(r"[a-z_]+\.([a-z_]+\.)*", p)} | {
            "health.",
            "bot.",
            "qr.step",
            "step.",
            "terms.",
        }
        unused = {key for key in labels - used if not key.startswith(tuple(dynamic))}
        assert unused == set()


class TestEscaping:
    @pytest.mark.parametrize("text", ["<script>", "a & b", '"quoted"', "'", "</div><img src=x onerror=alert(1)>"])
    def test_markup_is_text(self, text: str):
        assert not set("<>\"'") & set(marks.esc(text))

    def test_direction_and_control_characters_go(self):
        assert marks.esc("\u202eabc\u2066\x00\x1b") == "abc\ufffd\ufffd"

    def test_lone_surrogates_can_be_sent(self):
        marks.esc("\ud800 text").encode("utf-8")

    def test_a_megabyte_is_cut(self):
        assert len(marks.esc("س" * 1_000_000)) < 2100

    def test_new_lines_and_emoji_stay(self):
        assert marks.esc("سطر\nline 👩‍👩‍👧") == "سطر\nline 👩‍👩‍👧"

    def test_whatever_a_message_contains_is_drawn(self):
        for content in (
            {"type": "buttons", "buttons": "no list"},
            {"type": "list", "sections": [{"rows": None}, 3]},
            {"type": "<b>"},
            {"type": "image", "caption": None, "filename": "<i>.png"},
            {"type": "text", "header": 5},
        ):
            drawn = bubbles.bubble(content, None, out=True)
            assert "<b>" not in drawn
            assert "<i>" not in drawn

    def test_percentages_do_not_round_to_certainty(self):
        assert [marks.percent(share) for share in (0, 0.001, 0.994, 0.999, 1, 0.625)] == [
            "0%",
            "1%",
            "99%",
            "99%",
            "100%",
            "62%",
        ]


def test_a_phone_shows_buttons_of_a_reply():
    content = {"type": "buttons", "body": "Sure?", "buttons": [{"id": "1", "title": "نعم <b>"}]}
    drawn = bubbles.phone("Shop", "hello", [RenderedReply(text="Sure?", language="en", content=content)], "silent")
    assert "نعم &lt;b&gt;" in drawn
    assert "silent" not in drawn


def test_an_exact_hit_is_the_chosen_rule_without_a_threshold():
    trace = Trace(
        trace_id="t",
        text="x",
        language="en",
        decision="answer",
        reason="exact hit",
        rule_id="hours",
        confidence=1.0,
        stage="exact",
        candidates=[Candidate(rule_id="hours", confidence=1.0), Candidate(rule_id="price", confidence=0.1)],
    )
    assert decision.why(trace) == i18n.catalogue("en")["why.words"].format(rule="hours")
    bars = decision.candidates(trace, {})
    assert bars.count("tone-success") == 1
    assert bars.count("tone-muted") == 1
    assert "<u " not in bars


class TestQr:
    # ISO/IEC 18004 places these modules in every symbol: finders, timing, the dark module.
    @pytest.mark.parametrize("length", [1, 14, 15, 120, 213, 240, 666])
    def test_fixed_patterns(self, length: int):
        grid = qr.matrix("a" * length)
        size = len(grid)
        finder = [[1] * 7, [1, 0, 0, 0, 0, 0, 1], *[[1, 0, 1, 1, 1, 0, 1]] * 3, [1, 0, 0, 0, 0, 0, 1], [1] * 7]
        for row, col in ((0, 0), (0, size - 7), (size - 7, 0)):
            assert [line[col : col + 7] for line in grid[row : row + 7]] == finder
        assert [grid[6][n] for n in range(8, size - 8)] == [1 - n % 2 for n in range(8, size - 8)]
        assert grid[size - 8][8] == 1

    def test_the_smallest_version_is_taken(self):
        assert [len(qr.matrix("a" * n)) for n in (14, 15, 26, 27)] == [21, 25, 25, 29]

    def test_blocks_are_codewords_of_the_generator(self):
        words = qr._codewords(b"2@abc", 1)
        generator = qr._generator(10)
        assert qr._remainder(words[:16], generator) == words[16:]
        assert generator == (216, 194, 159, 111, 199, 94, 95, 113, 157, 193)

    def test_a_known_symbol(self):
        assert qr._codewords(b"hello", 1)[:16] == [0x40, 0x56, 0x86, 0x56, 0xC6, 0xC6, 0xF0, *[0xEC, 0x11] * 4, 0xEC]

    def test_too_long(self):
        with pytest.raises(ValueError, match="666"):
            qr.matrix("a" * 667)


class TestLaunch:
    def test_command(self):
        line = launch.command(8501, "0.0.0.0")
        assert line[1:4] == ["-m", "streamlit", "run"]
        assert Path(line[4]).is_file()
        assert {"--server.port=8501", "--server.address=0.0.0.0", "--browser.gatherUsageStats=false"} <= set(line)

    def test_fonts_and_licence_are_shipped(self):
        config = (DASHBOARD / ".streamlit" / "config.toml").read_text()
        fonts = re.findall(r'url = "app/static/([^"]+)"', config)
        assert len(fonts) == 3
        for font in fonts:
            assert (theme.STATIC / font).read_bytes()[:4] == b"wOF2"
        assert "SIL OPEN FONT LICENSE" in (theme.STATIC / "OFL.txt").read_text()

    def test_colours_are_the_brands(self):
        config = (DASHBOARD / ".streamlit" / "config.toml").read_text()
        for colour in (theme.PRIMARY, theme.SUCCESS, theme.WARNING, theme.DANGER, theme.INFO):
            assert f'"{colour}"' in config

    def test_spacing_and_radii_are_tokens(self):
        sheet = (DASHBOARD / "ui" / "style.css").read_text()
        assert [int(n) for n in re.findall(r"--wq-\d: (\d+)px", sheet)] == list(theme.SPACING)
        assert [int(n) for n in re.findall(r"--wq-r\d: (\d+)px", sheet)] == list(theme.RADII)


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0.02, "20 µs"), (3.61, "3.6 ms"), (254, "254 ms"), (1500, "1.5 s"), (90_000, "1.5 min"), (7.2e6, "2.0 h")],
)
def test_durations(ms: float, text: str):
    assert times.duration(ms) == text


def test_bad_times_are_a_dash():
    assert times.clock("yesterday") == times.full("") == "–"


def test_customer_text_never_meets_markdown():
    """Pages give st.markdown, st.write and chat_message nothing at all: customer text goes through st.html and esc."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "st":
                assert node.attr not in {"markdown", "write", "chat_message", "latex", "table"}, path


def test_every_widget_has_a_key():
    widgets = {
        "button",
        "text_input",
        "text_area",
        "selectbox",
        "segmented_control",
        "pills",
        "toggle",
        "popover",
        "chat_input",
        "tabs",
        "form_submit_button",
        "dataframe",
        "plotly_chart",
        "checkbox",
        "radio",
        "slider",
    }
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in widgets:
                assert any(keyword.arg == "key" for keyword in node.keywords), f"{path.name}:{node.lineno}"


class TestContrast:
    """WCAG 2.2 AA: 4.5 for words, on the grounds that they stand on, light and dark."""

    GROUNDS = (("#ffffff", "#f6f9f8", "#f1f5f4"), ("#0b1413", "#0e1a18", "#14211f"))
    TONES = ("primary", "success", "warning", "danger", "info", "muted")

    @staticmethod
    def channels(colour: str) -> list[float]:
        return [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]

    @classmethod
    def ratio(cls, one: list[float], two: list[float]) -> float:
        def luminance(parts: list[float]) -> float:
            linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
            return sum(weight * v for weight, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

        low, high = sorted((luminance(one), luminance(two)))
        return (high + 0.05) / (low + 0.05)

    @pytest.mark.parametrize("tone", TONES)
    @pytest.mark.parametrize("dark", [False, True])
    def test_words_in_a_tone_are_readable_on_every_ground_and_on_their_tint(self, tone: str, dark: bool):
        sheet = (DASHBOARD / "ui" / "style.css").read_text()
        pair = re.search(rf"--wq-{tone}: light-dark\((#\w+), (#\w+)\)", sheet)
        assert pair is not None
        ink = self.channels(pair.group(1 + dark))
        for ground in map(self.channels, self.GROUNDS[dark]):
            tint = [0.14 * a + 0.86 * b for a, b in zip(ink, ground, strict=True)]
            assert self.ratio(ink, ground) >= 4.5
            assert self.ratio(ink, tint) >= 4.5

    def test_the_grounds_are_those_of_the_theme(self):
        config = (DASHBOARD / ".streamlit" / "config.toml").read_text()
        for ground in (*self.GROUNDS[0], *self.GROUNDS[1]):
            assert f'"{ground}"' in config
