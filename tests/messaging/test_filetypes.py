from __future__ import annotations

import pytest

from tests.messaging.media_samples import OLE, PDF, PNG, REFUSED, TAKEN, office
from waqtor.contracts.media import EXTENSIONS, KINDS, kind_of
from waqtor.errors import InvalidInput, TooLarge
from waqtor.messaging.filetypes import HEAD, check_size, settle_type, sniff


@pytest.mark.parametrize("mime", TAKEN)
def test_what_whatsapp_takes_is_known_by_its_first_bytes(mime, tmp_path):
    file = tmp_path / "f"
    file.write_bytes(TAKEN[mime])
    assert sniff(TAKEN[mime][:HEAD], file)[0] == mime
    assert settle_type(TAKEN[mime][:HEAD], f"{mime}; codecs=opus", None, file) == mime


@pytest.mark.parametrize("name", REFUSED)
def test_everything_else_is_refused_whatever_it_is_called(name, tmp_path):
    file = tmp_path / "f"
    file.write_bytes(REFUSED[name])
    for declared in (None, "image/png", "application/octet-stream", "text/plain"):
        with pytest.raises(InvalidInput):
            settle_type(REFUSED[name][:HEAD], declared, "photo.png", file)


def test_a_lying_type_is_named_with_what_the_file_is():
    with pytest.raises(InvalidInput, match="says image/png, but the file is application/pdf") as caught:
        settle_type(PDF, "image/png", "photo.png")
    assert caught.value.details["issues"][0]["field"] == "mime_type"


def test_where_the_content_leaves_it_open_the_name_decides():
    assert settle_type(OLE, None, "prices.XLS") == EXTENSIONS["xls"]
    assert settle_type(OLE, None, "prices.pdf") == EXTENSIONS["doc"]  # the name lies: the likeliest
    assert settle_type(TAKEN["video/mp4"], None, "voice.m4a") == "audio/mp4"


def test_an_office_document_is_what_lies_in_its_archive(tmp_path):
    file = tmp_path / "f"
    file.write_bytes(office("xl/workbook.xml"))
    assert settle_type(file.read_bytes()[:HEAD], None, "x.docx", file) == EXTENSIONS["xlsx"]


def test_text_may_be_cut_through_a_character_and_be_utf_16():
    text = ("س" * HEAD).encode()
    assert sniff(b"a" + text[: HEAD - 1]) == ("text/plain",)
    assert sniff("نص".encode("utf-16")) == ("text/plain",)
    assert sniff("نص".encode("windows-1256")) == ()


def test_the_limit_of_the_kind_is_named():
    check_size("image/png", KINDS["image"].size)
    with pytest.raises(TooLarge, match="at most 5,242,880 bytes") as caught:
        check_size("image/png", KINDS["image"].size + 1)
    assert caught.value.details["limit"] == KINDS["image"].size
    with pytest.raises(InvalidInput, match="sticker takes image/webp; the file is image/png"):
        check_size("image/png", len(PNG), "sticker")


def test_every_type_belongs_to_one_kind():
    every = [mime for kind in KINDS.values() for mime in kind.types]
    assert len(set(every)) == len(every)
    assert set(EXTENSIONS.values()) == set(every)
    assert all(kind_of(mime) for mime in every)
