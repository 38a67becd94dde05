from __future__ import annotations

import pytest

from dashboard.batches import MOST, Row, of_file, of_lines
from waqtor.errors import InvalidInput


def test_lines_and_text_files() -> None:
    assert of_lines(" a \n\n\tب\n") == [Row("a"), Row("ب")]
    assert of_file("x.txt", "\ufeffa\r\nb".encode()) == [Row("a"), Row("b")]


def test_csv_with_and_without_a_head() -> None:
    labelled = "label,text\nhours,متى تفتحون\n,zzz\n".encode()
    assert of_file("x.csv", labelled) == [Row("متى تفتحون", "hours", True), Row("zzz", None, True)]
    assert of_file("x.CSV", b'"a, b",1\nc,2\n') == [Row("a, b"), Row("c")]


def test_json_lines() -> None:
    lines = b'{"text": "a", "label": "hours"}\n\n{"text": "b", "label": null}\n{"text": "c"}\n"d"\n'
    assert of_file("x.jsonl", lines) == [Row("a", "hours", True), Row("b", None, True), Row("c"), Row("d")]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.txt", b"\xff\xfe", "UTF-8"),
        ("x.jsonl", b'{"text": 1}', "x.jsonl:1"),
        ("x.jsonl", b"\n{", "x.jsonl:2"),
        ("x.jsonl", b'{"text": "a", "label": 3}', "label"),
        ("x.jsonl", b"[" * 100_000, "not JSON"),
        ("x.csv", b"a\0b", "CSV"),
        ("x.csv", b"", "no messages"),
        ("x.txt", b"a\n" * (MOST + 1), "At most"),
    ],
)
def test_what_is_none_is_refused_by_name(name: str, content: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        of_file(name, content)
