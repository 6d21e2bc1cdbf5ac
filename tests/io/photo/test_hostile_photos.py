"""What lies beside a photo's pixels may be made to explode: it costs no photo, no gigabytes, no
line on stderr. Files below 5 MB, bound 2 GB (as the whole process, its imports included)."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import depthmatte
import phone_files as phones
from depthmatte.io import damage
from depthmatte.io.damage import CorruptFileError
from depthmatte.io.embedded import heif_boxes, xmp
from depthmatte.io.photo.photo_reader import read
from fixtures import encode

resource = pytest.importorskip("resource")

BOUND = 2_000_000_000

READ = """
import resource, sys
from depthmatte.io.photo.photo_reader import read
photo = read(sys.argv[1])
try:  # what getrusage says begins with the parent's own memory on Linux
    with open("/proc/self/status") as status:
        peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
except FileNotFoundError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(photo.evidence.embedded_depth is None, peak)
"""

OPEN, CLOSE = '<x:xmpmeta xmlns:x="adobe:ns:meta/">', "</x:xmpmeta>"


def laughs(encoding: str) -> bytes:
    """Eleven times eleven times ... of forty letters."""
    rows = [f'<!ENTITY a "{"x" * 40}">']
    rows += [f'<!ENTITY {b} "{f"&{a};" * 11}">' for a, b in zip("abcde", "bcdef", strict=True)]
    return f"<!DOCTYPE z [{''.join(rows)}]>{OPEN}&f;{CLOSE}".encode(encoding)


def with_packet(packet: bytes, times: int = 1) -> bytes:
    return phones.inserted(phones.jpeg(phones.photo()), [phones.standard(packet)] * times)


def planes() -> bytes:
    """The largest planes that are read, depth and confidence."""
    plane = encode(np.full((4896, 6528), 99, np.uint16), "PNG")
    return phones.gdepth(
        phones.jpeg(phones.photo()),
        plane,
        'GDepth:Format="RangeInverse" GDepth:Near="1" GDepth:Far="3" GDepth:Units="m"',
        f'GDepth:Confidence="{phones.text(plane)}"',
    )


FILES: dict[str, Callable[[], bytes]] = {
    "laughs in UTF-16": lambda: with_packet(laughs("utf-16"), 100),
    "laughs in UTF-8": lambda: with_packet(laughs("utf-8"), 100),
    "elements": lambda: with_packet((OPEN + "<a/>" * 15_000 + CLOSE).encode(), 75),
    "attributes": lambda: with_packet(
        (OPEN[:-1] + "".join(f' a{n:x}=""' for n in range(6000)) + ">" + CLOSE).encode(), 75
    ),
    "planes": planes,
}


@pytest.mark.parametrize("name", list(FILES))
def test_memory_is_bounded(name: str, tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(FILES[name]())
    assert file.stat().st_size < 5_000_000
    run = subprocess.run(
        [sys.executable, "-c", READ, str(file)],
        env={"PYTHONPATH": str(Path(depthmatte.__file__).parent.parent)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (3 * BOUND, 3 * BOUND)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    found, peak = run.stdout.rsplit(maxsplit=1)
    assert (found == "True") == (name != "planes")
    assert int(peak) * 1024 < BOUND / 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_no_encoding_hides_a_document_type(encoding: str) -> None:
    with pytest.raises(CorruptFileError):
        xmp.parse_xmp(laughs(encoding))


@pytest.mark.parametrize("said", ["utf-7", "utf-16", "cp037", "nonsense"])
def test_what_a_packet_says_of_its_encoding_does_not_count(said: str) -> None:
    found = xmp.parse_xmp(f'<?xml version="1.0" encoding="{said}"?><a b="ü"/>'.encode())
    assert found.text("", "b") is None
    assert found.roots[0].get("b") == "ü"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_every_encoding_that_xmp_may_have_is_read(encoding: str) -> None:
    about = phones.packet({"GDepth": phones.GOOGLE["GDepth"]}, 'GDepth:Format="RangeLinear"')
    text = about.decode()
    found = xmp.parse_xmp(text.encode(encoding))
    assert found.text(phones.GOOGLE["GDepth"], "Format") == "RangeLinear"


def test_descriptions_inside_descriptions() -> None:
    inside = "<Description>" * 20_000 + "</Description>" * 20_000
    (fields,) = xmp.parse_xmp(f"<Item><Length>7</Length>{inside}</Item>".encode()).structures(
        "Item"
    )
    assert fields["Length"] == "7"


MARKUP = st.recursive(
    st.sampled_from(["<a/>", "<a b='1' c='2'/>", "<b>text &amp; text</b>", "<!-- a -->"]),
    lambda inside: st.lists(inside, max_size=4).map("".join).map("<a d='3'>{}</a>".format),
    max_leaves=12,
).map("<x>{}</x>".format)


@given(MARKUP)
def test_any_sound_packet_is_read(text: str) -> None:
    elements = text.count("<") - text.count("</") - text.count("<!")
    assert xmp.parse_xmp(text.encode()).parts() == elements + text.count("='")


@given(MARKUP, st.data())
def test_any_damaged_packet_is_read_or_damaged(text: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text)))
        text = text[:place] + data.draw(st.sampled_from("ab<>='/&;! ")) + text[place + 1 :]
    try:
        found = xmp.parse_xmp(text.encode())
    except CorruptFileError:
        return
    assert 0 < found.parts() <= text.count("<") + text.count("=") + 2


def test_a_heif_list_without_sizes_is_passed_over() -> None:
    """Half a million items of 65,535 pieces that take no byte each."""
    rows = b"".join(
        number.to_bytes(2, "big") + b"\0\0" + b"\xff\xff" for number in range(1, 60_000)
    )
    start = time.monotonic()
    assert (
        list(heif_boxes._extents(bytes(4) + b"\0\0" + (60_000 - 1).to_bytes(2, "big") + rows)) == []
    )
    assert time.monotonic() - start < 5


def test_many_empty_segments_have_an_end() -> None:
    content = phones.jpeg(phones.photo())
    many = content[:2] + b"\xff\xe2\x00\x02" * 200_000 + content[2:]
    start = time.monotonic()
    assert read(many).evidence.embedded_depth is None
    assert time.monotonic() - start < 20


def broken(*_: object) -> None:
    raise TypeError("a mistake of ours")


def damaged(*_: object) -> None:
    raise CorruptFileError("\x1b[2Jodd")


def test_what_is_passed_over_is_logged(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG, "depthmatte")
    assert damage.try_finder(damaged) is None
    (record,) = caplog.records
    assert record.exc_info is None
    assert "test_hostile_photos.damaged: CorruptFileError: ?[2Jodd" in record.getMessage()
    assert capfd.readouterr() == ("", "")


def test_mistakes_of_the_program_are_not_damage(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "depthmatte")
    with pytest.raises(TypeError, match="a mistake of ours"):
        damage.try_finder(broken)
    assert caplog.records == []


@pytest.mark.parametrize("level", [None, logging.DEBUG])
def test_nothing_is_logged_by_default(level: int | None, caplog: pytest.LogCaptureFixture) -> None:
    if level:
        caplog.set_level(level, "depthmatte")
    damage.try_finder(damaged)
    assert bool(caplog.records) == bool(level)


@pytest.mark.parametrize("kind", ["apple", "plain"])
def test_whole_files_raise_nothing_unexpected(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "depthmatte")
    content = phones.apple_jpeg() if kind == "apple" else phones.jpeg(phones.photo())
    read(content)
    assert [record.getMessage() for record in caplog.records] == []
