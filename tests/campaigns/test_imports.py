"""Lists of recipients as people really have them."""

from __future__ import annotations

import asyncio
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from tests.campaigns.conftest import Bench, people
from waqtor.campaigns.phones import BadNumber, contact_of
from waqtor.campaigns.tables import lines, look
from waqtor.contracts.campaigns import AudienceView, CreateAudience
from waqtor.errors import Conflict, InvalidInput, NotFound


@pytest.mark.parametrize(
    ("cell", "contact"),
    [
        ("+966 50 123 4567", "966501234567"),
        ("00966501234567", "966501234567"),
        ("966501234567", "966501234567"),
        ("0501234567", "966501234567"),
        ("٠٥٠١٢٣٤٥٦٧", "966501234567"),
        ("۰۵۰۱۲۳۴۵۶۷", "966501234567"),
        ("\u202a+966501234567\u202c", "966501234567"),
        ("966501234567@c.us", "966501234567"),
        ('="0501234567"', "966501234567"),
        ("966501234567.0", "966501234567"),
        ("9.66501234567E+11", "966501234567"),
        ("+1 (212) 555-0123", "12125550123"),
        ("'+966501234567", "966501234567"),
    ],
)
def test_spellings_of_a_number(cell: str, contact: str):
    assert contact_of(cell, "SA") == contact


@pytest.mark.parametrize(
    ("cell", "word"),
    [
        ("", "empty"),
        ("9.66501E+11", "scientific"),
        ("=A2&B2", "formula"),
        ('=HYPERLINK("http://x")', "formula"),
        ("#N/A", "error"),
        ("12345", "no such number"),
        ("hello", "no phone number"),
        ("123456@g.us", "groups"),
    ],
)
def test_bad_cells_say_why(cell: str, word: str):
    with pytest.raises(BadNumber, match=word):
        contact_of(cell, "SA")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1256"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters(tmp_path: Path, encoding: str, delimiter: str):
    path = tmp_path / "list"
    text = f"الاسم{delimiter}الجوال\nنورة{delimiter}0501234567\nعمر{delimiter}0501234568\n"
    path.write_bytes(text.encode(encoding))
    layout = look(path)
    assert layout.columns == ("الاسم", "الجوال")
    assert [cells[0] for _, cells in lines(layout)] == ["نورة", "عمر"]


def test_lines_are_those_of_the_file(tmp_path: Path):
    path = tmp_path / "list.csv"
    path.write_text('name,phone\n"two\nlines",0501234567\n\nlast,1\n', encoding="utf-8")
    assert [(line, cells[1]) for line, cells in lines(look(path))] == [(2, "0501234567"), (5, "1")]


def test_a_broken_byte_is_refused_with_its_place(tmp_path: Path):
    path = tmp_path / "list.csv"
    path.write_bytes(b"name,phone\n" + "نورة,0501234567\n".encode() * 30_000 + b"\xff\xfe,1\n")
    with pytest.raises(InvalidInput, match="utf-8"):
        list(lines(look(path)))


def workbook(path: Path, rows: str) -> Path:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
            f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/></Types>',
        )
        book.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{rel}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        book.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{rel}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets>'
            "</workbook>",
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{rel}/worksheet" '
            'Target="worksheets/sheet1.xml"/></Relationships>',
        )
        book.writestr(
            "xl/worksheets/sheet1.xml", f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'
        )
    return path


def test_spreadsheets_give_values_also_of_formulas(tmp_path: Path):
    text = '<c r="{}" t="inlineStr"><is><t>{}</t></is></c>'
    rows = (
        f'<row r="1">{text.format("A1", "phone")}{text.format("B1", "name")}</row>'
        f'<row r="2"><c r="A2"><v>966501234567</v></c>{text.format("B2", "N")}</row>'
        f'<row r="3"><c r="A3"><f>A2+1</f><v>966501234568</v></c>{text.format("B3", "O")}</row>'
        f'<row r="4"><c r="A4"><f>A3+1</f></c>{text.format("B4", "P")}</row>'
        f'<row r="6"><c r="A6" t="e"><v>#N/A</v></c>{text.format("B6", "Q")}</row>'
    )
    layout = look(workbook(tmp_path / "list.xlsx", rows))
    assert layout.format == "xlsx"
    assert layout.columns == ("phone", "name")
    found = {line: cells[0] for line, cells in lines(layout)}
    assert contact_of(found[2], "SA") == "966501234567"
    assert contact_of(found[3], "SA") == "966501234568"
    for line in (4, 6):
        with pytest.raises(BadNumber):
            contact_of(found[line], "SA")


def test_what_is_no_table_is_refused(tmp_path: Path):
    for content in (b"", b"PK\x03\x04 not really"):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(InvalidInput):
            look(tmp_path / "x")


async def imported(bench: Bench, audience: AudienceView) -> AudienceView:
    store = bench.engine.campaigns.audiences.store
    async with asyncio.timeout(60):
        while (found := await store.get(audience.id)).state == "importing":
            await asyncio.sleep(0.02)
    return found


def uploaded(bench: Bench, content: bytes) -> str:
    upload_id, path = bench.engine.campaigns.audiences.new_upload()
    path.write_bytes(content)
    return upload_id


class TestAudiences:
    async def test_a_file_with_bad_and_double_rows(self, bench: Bench):
        audiences = bench.engine.campaigns.audiences
        rows = "\n".join(f"N{i},{to}" for i, to in enumerate(people(3000)))
        upload_id = uploaded(bench, f"First name,Mobile\n{rows}\nX,12\nY,{people(1)[0]}\n".encode())
        view = await audiences.inspect(upload_id, "list.csv")
        assert (view.phone, view.columns, view.encoding) == ("Mobile", ("First name", "Mobile"), "utf-8")
        made = await audiences.create(CreateAudience(name="L", upload_id=upload_id))
        ready = await imported(bench, made)
        assert (ready.state, ready.total, ready.bad, ready.duplicates, ready.rows) == ("ready", 3000, 1, 1, 3002)
        assert ready.fields == ("First_name",)
        issues = await audiences.store.issues(ready.id, 0, 10)
        assert [(i.line, i.kind) for i in issues] == [(3002, "bad"), (3003, "duplicate")]
        assert "line 2" in issues[1].message
        with pytest.raises(NotFound):  # an upload is used once
            await audiences.inspect(upload_id, "list.csv")
        campaign = await bench.create(recipients=(), audience_id=ready.id, template="Hi {{First_name}}")
        with pytest.raises(Conflict):
            await audiences.delete(ready.id)
        await bench.act(campaign, "execute")
        done = await bench.until(campaign, "completed")
        assert done.counts.sent == 3000
        await audiences.delete(ready.id)  # the plan is frozen: nothing of the campaign goes with it
        assert (await bench.status(campaign)).counts.sent == 3000

    async def test_a_file_that_breaks_off_leaves_no_members(self, bench: Bench):
        audiences = bench.engine.campaigns.audiences
        rows = "\n".join(f"N,{to}" for to in people(20_000))
        upload_id = uploaded(bench, b"name,phone\n" + rows.encode() + b"\n\xff\xff,1\n")
        failed = await imported(bench, await audiences.create(CreateAudience(name="L", upload_id=upload_id)))
        assert (failed.state, failed.total) == ("failed", 0)
        assert "utf-8" in str(failed.reason)
        assert await audiences.store.members(failed.id, 0, 10) == []
        with pytest.raises(Conflict):
            await bench.create(recipients=(), audience_id=failed.id)

    async def test_pasted_tagged_and_asked_for(self, bench: Bench):
        create = bench.engine.campaigns.audiences.create
        pasted = await create(
            CreateAudience(name="P", numbers="٠٥٠١٢٣٤٥٦٧، 0501234568\n+966501234567", tag_as=("vip",))
        )
        assert (pasted.total, pasted.duplicates) == (2, 1)
        tagged = await create(CreateAudience(name="T", tags=("vip",)))
        assert tagged.total == 2
        sql = "SELECT '966501234567' AS phone, 'Noura' AS name UNION ALL SELECT '12', 'X' ORDER BY 2"
        asked = await create(CreateAudience(name="Q", query=sql))
        assert (asked.total, asked.bad, asked.fields) == (1, 1, ("name",))
        with pytest.raises(InvalidInput):
            await create(CreateAudience(name="Q", query="DELETE FROM messages"))

    async def test_columns_that_do_not_exist(self, bench: Bench):
        create = bench.engine.campaigns.audiences.create
        upload_id = uploaded(bench, b"a,b\n1,2\n")
        for more in ({"phone": "c"}, {"phone": "a", "columns": {"z": "z"}}, {"phone": "a", "columns": {"b": "no way"}}):
            with pytest.raises(InvalidInput):
                await create(CreateAudience.model_validate({"name": "L", "upload_id": upload_id, **more}))
        assert await bench.engine.campaigns.audiences.store.list(9) == []


class TestHostileFiles:
    """What people, and those who wish them ill, call a list of numbers."""

    def rows(self, path: Path) -> list[list[str]]:
        return [cells for _, cells in lines(look(path))]

    def test_ten_thousand_columns_are_cut(self, tmp_path: Path):
        path = tmp_path / "wide.csv"
        header = ",".join(f"c{i}" for i in range(10_000))
        path.write_text(f"{header}\n{','.join(['0501234567'] * 10_000)}\n", encoding="utf-8")
        layout = look(path)
        assert len(layout.columns) == 200
        assert [len(cells) for cells in self.rows(path)] == [200]

    def test_one_endless_line_is_refused_without_reading_it(self, tmp_path: Path):
        path = tmp_path / "endless.csv"
        with path.open("wb") as file:
            for _ in range(100):
                file.write(b"0" * 1_000_000)
        tracemalloc.start()
        try:
            with pytest.raises(InvalidInput, match="Line 1 has more than"):
                look(path)
            assert tracemalloc.get_traced_memory()[1] < 30_000_000
        finally:
            tracemalloc.stop()

    def test_an_endless_line_further_down_is_refused_by_its_number(self, tmp_path: Path):
        path = tmp_path / "list.csv"
        path.write_text("phone\n" + "0501234567\n" * 20 + "1" * 2_000_000, encoding="utf-8")
        with pytest.raises(InvalidInput, match="Line 22"):
            self.rows(path)

    def test_an_unclosed_quote_is_refused(self, tmp_path: Path):
        path = tmp_path / "list.csv"
        path.write_text('phone,name\n0501234567,"open' + "\nmore" * 300_000, encoding="utf-8")
        with pytest.raises(InvalidInput, match="CSV"):
            self.rows(path)

    def test_nul_bytes_and_marks_are_no_part_of_a_number(self, tmp_path: Path):
        path = tmp_path / "list.csv"
        path.write_bytes("\ufeffphone,name\n\ufeff050\x00123\u200f4567,N\x00\n".encode())
        layout = look(path)
        assert layout.columns == ("phone", "name")
        ((cell, name),) = self.rows(path)
        assert (contact_of(cell, "SA"), name) == ("966501234567", "N")

    def test_a_program_is_no_list(self, tmp_path: Path):
        path = tmp_path / "x.csv"
        path.write_bytes(b"\x7fELF\x02\x01\x01\0" + bytes(range(256)) * 400)
        try:
            found = self.rows(path)
        except InvalidInput:
            return
        for cells in found:
            for cell in cells:
                with pytest.raises(BadNumber):
                    contact_of(cell, "SA")

    @pytest.mark.parametrize(
        "rows", ['<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>']
    )
    def test_a_sheet_as_large_as_can_be_is_refused(self, tmp_path: Path, rows: str):
        # Two cells at opposite corners: a reader that makes room for all between asks for half a terabyte.
        with pytest.raises(InvalidInput, match="too large"):
            look(workbook(tmp_path / "bomb.xlsx", rows))

    def test_a_zip_bomb_is_refused(self, tmp_path: Path):
        path = tmp_path / "bomb.xlsx"
        cell = '<c t="inlineStr"><is><t>' + "0" * 1000 + "</t></is></c>"
        with zipfile.ZipFile(workbook(tmp_path / "small.xlsx", "")) as small:
            parts = {name: small.read(name) for name in small.namelist() if "sheet1" not in name}
        main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book:
            for name, content in parts.items():
                book.writestr(name, content)
            with book.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
                sheet.write(f'<worksheet xmlns="{main}"><sheetData>'.encode())
                row = f"<row>{cell * 100}</row>".encode()
                for _ in range(24_000):  # 2.5 GB of cells in 20 MB
                    sheet.write(row)
                sheet.write(b"</sheetData></worksheet>")
        assert path.stat().st_size < 30_000_000
        with pytest.raises(InvalidInput, match="too large"):
            look(path)

    async def test_what_breaks_half_way_leaves_nothing_and_the_engine_goes_on(self, bench: Bench):
        audiences = bench.engine.campaigns.audiences
        text = "phone\n" + "".join(f"{to}\n" for to in people(6000)) + "9" * 1_200_000
        failed = await imported(bench, await audiences.create(
            CreateAudience(name="L", upload_id=uploaded(bench, text.encode()))
        ))  # fmt: skip
        assert (failed.state, failed.total) == ("failed", 0)
        assert "Line 6002" in str(failed.reason)
        assert await audiences.store.members(failed.id, 0, 10) == []

    async def test_progress_says_how_many_rows_there_likely_are(self, bench: Bench, monkeypatch: pytest.MonkeyPatch):
        store = bench.engine.campaigns.audiences.store
        seen: list[tuple[int, int | None]] = []
        add = store.add

        async def watched(audience_id, members, issues, rows, expected=None):
            await add(audience_id, members, issues, rows, expected)
            view = await store.get(audience_id)
            seen.append((view.rows, view.expected))
            assert view.state == "importing"
            with pytest.raises(Conflict):
                await bench.engine.campaigns.audiences.usable(audience_id)

        monkeypatch.setattr(store, "add", watched)
        text = "phone\n" + "".join(f"{to}\n" for to in people(9000))
        made = await bench.engine.campaigns.audiences.create(
            CreateAudience(name="L", upload_id=uploaded(bench, text.encode()))
        )
        ready = await imported(bench, made)
        assert (ready.state, ready.total, ready.expected) == ("ready", 9000, None)
        assert [rows for rows, _ in seen] == [2000, 4000, 6000, 8000, 9000]
        assert all(6000 < (expected or 0) < 12_000 for _, expected in seen)
