from __future__ import annotations

from waqtor.contracts.sheets import as_csv


def test_no_cell_begins_like_a_formula() -> None:
    made = as_csv(["=a", "b"], [["+1", None], [2.5, "سلام"]]).decode("utf-8-sig")
    assert made == "'=a,b\r\n'+1,\r\n2.5,سلام\r\n"
