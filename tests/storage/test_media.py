from __future__ import annotations

import asyncio

import pytest

from tests.messaging.media_samples import PDF, PNG
from waqtor.errors import InvalidInput, NotFound, TooLarge
from waqtor.storage.media import MediaStore


async def parts(data, size=7):
    for start in range(0, len(data), size):
        yield data[start : start + size]


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def media(store, tmp_path):
    return MediaStore(store, tmp_path / "media")


async def test_a_file_comes_back_as_it_was(media):
    made = await media.keep(parts(PDF), mime_type="application/pdf", filename="فاتورة ١.pdf")
    assert (made.kind, made.size, made.filename) == ("document", len(PDF), "فاتورة ١.pdf")
    view, path = await media.file(made.media_id)
    assert view == made
    assert path.read_bytes() == PDF
    assert path.stat().st_mode & 0o777 == 0o600


async def test_the_same_file_is_kept_once_and_goes_with_its_last_name(media, tmp_path):
    first = await media.keep(parts(PNG), filename="a.png")
    again = await media.keep(parts(PNG), filename="a.png")
    other = await media.keep(parts(PNG), filename="b.png")
    assert first == again
    assert other.media_id != first.media_id
    assert len(files(tmp_path / "media")) == 1
    await media.delete(first.media_id)
    assert (await media.file(other.media_id))[1].is_file()
    await media.delete(other.media_id)
    assert files(tmp_path / "media") == []
    with pytest.raises(NotFound):
        await media.delete(other.media_id)


async def test_two_at_once_of_the_same_file(media, tmp_path):
    made = await asyncio.gather(*(media.keep(parts(PNG), filename=f"{n % 3}.png") for n in range(12)))
    assert len({view.media_id for view in made}) == 3
    assert len(files(tmp_path / "media")) == 1


@pytest.mark.parametrize(
    ("data", "kind", "error"),
    [(b"", None, InvalidInput), (b"MZ" + b"\0" * 50, None, InvalidInput), (PNG, "audio", InvalidInput),
     (PNG + b"\0" * 6_000_000, None, TooLarge)],
)  # fmt: skip
async def test_what_is_refused_leaves_nothing(media, store, tmp_path, data, kind, error):
    with pytest.raises(error):
        await media.keep(parts(data, 1_000_000), kind=kind)
    assert files(tmp_path / "media") == []
    assert await store.rows("SELECT id FROM media") == []


async def test_an_upload_that_breaks_off_leaves_nothing(media, tmp_path):
    async def broken():
        yield PNG
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await media.keep(broken())
    assert files(tmp_path / "media") == []


async def test_what_a_crash_left_is_swept_and_kept_files_stay(media, tmp_path):
    made = await media.keep(parts(PNG))
    (tmp_path / "media" / "abc.part").write_bytes(b"half")
    media.sweep()
    assert [path.name for path in files(tmp_path / "media")] == [made.sha256]


async def test_bytes_that_are_gone_are_said_to_be(media):
    made = await media.keep(parts(PNG))
    (await media.file(made.media_id))[1].unlink()
    with pytest.raises(NotFound, match="gone"):
        await media.file(made.media_id)
