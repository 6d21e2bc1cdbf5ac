"""io.files.find: a word of the user gives photos or a one-line error, and the rest goes on."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthmatte.errors import InputError
from depthmatte.io.files import glob_patterns
from depthmatte.io.files.file_types import UNSUPPORTED_SUFFIXES, looks_like_photo
from depthmatte.io.files.find import STDIN, SearchResult, find_photos, search_photos
from depthmatte.io.files.resume_journal import Journal, make_journal_entry
from depthmatte.io.photo.photo_writer import write

needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX files")
KINDS = ("alpha", "cutout")


def photo(path: Path) -> Path:
    """A tiny real photo; JPEG where the suffix is none that can be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = write(np.full((4, 6, 3), 90, np.uint8), path.parent / "draft.jpg")
    return written.rename(path)


def listed(found: SearchResult) -> list[str]:
    return [one.path.name for one in found.photos]


def refusals(*paths: str) -> list[str]:
    return [str(one.error) for one in search_photos(paths).refused]


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a.jpg", "b [1].jpg", "sub/c.jpg", "sub/deep/d.jpg", ".hidden/e.jpg"):
        photo(tmp_path / name)
    (tmp_path / "notes.txt").write_text("hello")
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Invariant: one wrong path is one line, and every other photo is still found.


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("nothere.jpg", "nothere.jpg: cannot be found (no such file or directory); check the path"),
        ("*.heic", "*.heic: nothing matches the pattern; check it"),
        ("*.txt", "*.txt: nothing there is a photo; check it"),
        ("[", "[: nothing matches the pattern; check it"),
        ("", "'': is no path; name a photo or a folder"),
        (" ", "' ': is no path; name a photo or a folder"),
        ("https://example.com/a.jpg", "is a web address; download it first"),
        ("https://example.com/" + "a" * 5000, "is a web address; download it first"),
        ("http:/example.com/a.jpg?x=[1]", "is a web address; download it first"),
        ("a.jpg/b", "a.jpg/b: cannot be found (not a directory); check the path"),
        ("x" * 5000, "cannot be found (file name too long); check the path"),
        ("nul\0byte", "nul?byte: cannot be found (not a path); check the path"),
        ("two\nlines\x1b[2J", "two?lines?[2J: nothing matches the pattern; check it"),
    ],
)
def test_a_path_that_leads_nowhere_is_one_line(album: Path, path: str, says: str) -> None:
    found = search_photos(["a.jpg", path, "sub/c.jpg"])
    assert listed(found) == ["a.jpg", "c.jpg"]
    (refused,) = found.refused
    assert refused.path == path
    assert str(refused.error).endswith(says)
    assert str(refused.error).isprintable()
    with pytest.raises(InputError, match=re.escape(says)):
        find_photos(["a.jpg", path])


def test_an_empty_folder_is_one_line(album: Path) -> None:
    (album / "empty").mkdir()
    found = search_photos(["empty", "a.jpg"])
    assert listed(found) == ["a.jpg"]
    assert str(found.refused[0].error).startswith("empty: the folder holds no photos; give one")


# Invariant: a pattern finds what a shell's finds, except a file whose real name it is.


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.jpg", ["a.jpg", "b [1].jpg"]),
        ("?.jpg", ["a.jpg"]),
        ("[ac].jpg", ["a.jpg"]),
        ("b [[]1].jpg", ["b [1].jpg"]),
        ("b [1].jpg", ["b [1].jpg"]),
        ("**/*.jpg", ["a.jpg", "b [1].jpg", "c.jpg", "d.jpg"]),
        ("**/**/*.jpg", ["a.jpg", "b [1].jpg", "c.jpg", "d.jpg"]),
        ("**", ["a.jpg", "b [1].jpg", "c.jpg", "d.jpg"]),
        ("*", ["a.jpg", "b [1].jpg", "c.jpg", "d.jpg"]),
        ("s*", ["c.jpg", "d.jpg"]),
        ("*/c.jpg", ["c.jpg"]),
        ("**/deep/*", ["d.jpg"]),
        (".hid*/*", ["e.jpg"]),
        ("./*.jpg", ["a.jpg", "b [1].jpg"]),
    ],
)
def test_patterns(album: Path, pattern: str, names: list[str]) -> None:
    found = search_photos([pattern])
    assert sorted(listed(found)) == names
    assert found.refused == []
    whole = search_photos([str(album / pattern)])
    assert [one.path for one in whole.photos] == [album / one.path for one in found.photos]


def test_a_pattern_keeps_the_folders_below_its_fixed_part(album: Path) -> None:
    found = search_photos([str(album / "**" / "*.jpg")]).photos
    assert [one.folder.as_posix() for one in found] == [".", ".", "sub", "sub/deep"]


def test_a_pattern_leaves_the_results_folder_out(album: Path) -> None:
    for pattern in ("**/*.jpg", "*"):
        assert "c.jpg" not in listed(search_photos([pattern], skip_folder="sub"))
    assert "c.jpg" in listed(search_photos(["sub/*.jpg"], skip_folder="sub"))


@needs_posix
def test_circles_of_links_end(album: Path) -> None:
    for name in ("one", "two"):
        (album / "sub" / name).symlink_to(album)
    assert len(glob_patterns.expand_pattern(str(album / "**" / "*.jpg"))[1]) == 4


@given(st.text("ab*?[]!-./\\", max_size=12))
def test_any_pattern_ends_in_photos_or_one_line(tmp_path_factory, text: str) -> None:
    top = tmp_path_factory.getbasetemp() / "any"
    if not top.exists():
        photo(top / "a" / "b.jpg")
    found = search_photos([f"{top}/{text}*"])
    assert all(str(one.error).isprintable() for one in found.refused)
    assert found.photos or found.refused


# Invariant: standard input is a token; no path is mistaken for it.


def test_a_dash_is_standard_input(album: Path) -> None:
    assert search_photos(["-", "a.jpg"]).photos[0] == STDIN
    photo(album / "-")
    for path in ("./-", str(album / "-")):
        (found,) = search_photos([path]).photos
        assert found != STDIN
        assert found.path.is_absolute()


# Invariant: only regular files are opened: nothing blocks.


@needs_posix
def test_pipes_sockets_and_devices_never_block(album: Path) -> None:
    os.mkfifo(album / "pipe.jpg")
    os.mkfifo(album / "pipe")
    with socket.socket(socket.AF_UNIX) as door:
        door.bind("door.png")
        found = search_photos(["."])
        assert len(found.photos) == 4
        assert found.notes == ["skipped: 2 names of pipes, sockets or devices"]
        for path, what in (("pipe.jpg", "a pipe"), ("door.png", "a socket"), (os.devnull, "a dev")):
            (line,) = refusals(path)
            assert f"{path}: is {what}" in line
            assert "standard input" in line


@needs_posix
def test_a_broken_link_is_told_of(album: Path) -> None:
    (album / "gone.jpg").symlink_to("nowhere")
    assert "gone.jpg" in listed(search_photos(["."]))
    (album / "circle.jpg").symlink_to("circle.jpg")
    found = search_photos(["."])
    assert len(found.photos) == 5
    assert "circle.jpg: cannot be found" in str(found.refused[0].error)


# Invariant: in a folder, photos count by content where the suffix says nothing; photos of a
# kind that is not read are told of; everything else is quiet.


def test_files_of_a_mixed_folder(tmp_path: Path) -> None:
    for name in ("IMG_0001", "a.jpg", "d.jpg_large", "cut.of.jpg.2", "thumb.THM", "a.jpg.bak"):
        photo(tmp_path / name)
    for name in ("c.CR2", "c2.cr2", "e.NEF"):
        (tmp_path / name).write_bytes(b"II*\0\x10\0\0\0CR\2\0" + bytes(40))
    (tmp_path / "b.jxl").write_bytes(b"\xff\x0a" + bytes(30))
    for name in ("notes.txt", "README", "data.json", "film.mp4"):
        (tmp_path / name).write_bytes(b"BM is no bitmap, P3 is no picture")
    (tmp_path / "empty").touch()
    found = search_photos([tmp_path])
    assert listed(found) == ["IMG_0001", "a.jpg", "cut.of.jpg.2", "d.jpg_large"]
    assert found.notes == [
        "1 file skipped: .jxl JPEG XL; export as JPEG or PNG first",
        "3 files skipped: .CR2 .NEF .cr2 camera raw; develop to JPEG or TIFF first",
    ]
    assert found.refused == []
    assert refusals(str(tmp_path / "c.CR2")) == [
        f"{tmp_path / 'c.CR2'}: is a camera raw file; develop to JPEG or TIFF first"
    ]
    photo(tmp_path / "really.raw")
    assert listed(search_photos([tmp_path / "really.raw"])) == ["really.raw"]


def test_the_reported_mixed_folder(shared: Path) -> None:
    found = search_photos([shared / "faults" / "mixed"])
    assert listed(found) == ["IMG_0001", "a.jpg", "d.jpg_large"]
    assert [note.split(":")[0] for note in found.notes] == ["1 file skipped"] * 2


@given(st.binary(max_size=32))
def test_first_bytes_of_any_kind(start: bytes) -> None:
    """Text is never taken for a photo."""
    assert isinstance(looks_like_photo(start), bool)
    assert not looks_like_photo(b"The " + start[:28])


def test_read_and_unread_kinds_are_apart() -> None:
    assert not set(UNSUPPORTED_SUFFIXES) & {".jpg", ".png", ".tif", ".heic"}


# Invariant: own results are never photos, and what only looks like one is never overwritten.


def wrote(folder: Path, source: Path, *results: str) -> None:
    made = [photo(folder / name) for name in results]
    one = make_journal_entry(folder, source, "options", made)
    assert one is not None
    Journal(folder).add(one)


def test_results_in_the_journal_are_no_photos(album: Path) -> None:
    wrote(album, album / "a.jpg", "odd name of a.png", "sub/a.cutout.png")
    found = search_photos([album, album / "sub"], kinds=KINDS)
    assert listed(found) == ["a.jpg", "b [1].jpg", "c.jpg", "d.jpg"]
    assert {Path(path).name for path in found.results} == {"odd name of a.png", "a.cutout.png"}
    assert found.lookalikes == []
    named = search_photos(sorted(str(path) for path in album.glob("*.*g")))
    assert listed(named) == ["a.jpg", "b [1].jpg"]
    assert named.notes == ["skipped: 1 file is a result of an earlier run"]
    alone = search_photos([album / "odd name of a.png"])
    assert listed(alone) == ["odd name of a.png"], "named alone it is wanted"
    write(np.zeros((30, 30, 3), np.uint8), album / "odd name of a.png")
    assert "odd name of a.png" in listed(search_photos([album])), "edited since: the user's own"


def test_names_of_results_beside_their_photo_are_no_photos(album: Path) -> None:
    for name in ("a.cutout.png", "a.alpha-2.png", "x.cutout.png", "a.other.png"):
        photo(album / name)
    found = search_photos([album], kinds=KINDS)
    assert {"x.cutout.png", "a.other.png"} <= set(listed(found))
    assert [path.name for path in found.lookalikes] == ["a.alpha-2.png", "a.cutout.png"]
    assert found.results == set()
