"""photo_writer to bytes and open files: the file's content, or a one-line error."""

import io

import pytest

import fixtures
from depthmatte.errors import InputError
from depthmatte.io.photo.photo_writer import encode_picture, write, write_file_bytes, write_to_file
from depthmatte.photo import Meta
from fixtures import scene


def refused(*arguments, **options) -> str:
    with pytest.raises(InputError) as caught:
        write(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("format", ["png", "jpg", "webp", "tiff"])
def test_bytes_and_open_files_hold_what_the_file_holds(tmp_path, format):
    meta = Meta(exif=fixtures.exif(1), icc=fixtures.icc(), dpi=(300.0, 300.0))
    path = write(scene(), tmp_path / f"out.{format}", meta)
    content = path.read_bytes()
    assert (
        encode_picture(scene(), format, meta)
        == content
        == encode_picture(scene(), f".{format}", meta)
    )
    stream = io.BytesIO(b"before")
    stream.seek(6)
    assert write(scene(), stream, meta, format=format) is stream
    assert stream.getvalue() == b"before" + content
    with (tmp_path / "open").open("wb", buffering=0) as file:
        assert write_to_file(scene(), file, format, meta) is file
    assert (tmp_path / "open").read_bytes() == content
    named = write(scene(), tmp_path / "odd.name", meta, format=format)
    assert named.read_bytes() == content


class Slow(io.RawIOBase):
    """A file that takes a few bytes at a time, and after `room` of them nothing."""

    def __init__(self, room: int) -> None:
        self.taken, self.room = b"", room

    def writable(self) -> bool:
        return True

    def write(self, content) -> int:
        piece = bytes(content[: min(1000, self.room - len(self.taken))])
        self.taken += piece
        return len(piece)


def test_open_files_that_take_little_or_nothing():
    whole = encode_picture(scene())
    slow = Slow(len(whole))
    write(scene(), slow)
    assert slow.taken == whole
    for file in (Slow(len(whole) - 1), io.StringIO(), object(), closed()):
        message = refused(scene(), file)
        assert message.startswith("stream: ")
    assert "use png, webp, jpg, tiff, avif or exr" in refused(scene(), io.BytesIO(), format="heic")


def closed() -> io.BytesIO:
    stream = io.BytesIO()
    stream.close()
    return stream


def test_bytes_are_written_whole_and_never_onto_an_input(tmp_path):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"photo")
    with pytest.raises(InputError, match="is not overwritten"):
        write_file_bytes(b"x", photo, forbid=photo)
    assert write_file_bytes(b"new", tmp_path / "a" / "b.jpg", forbid=photo).read_bytes() == b"new"
