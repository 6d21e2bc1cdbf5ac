"""io.files.resume_journal: finished photos are found again, and no others."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthmatte.errors import InputError
from depthmatte.io.files.resume_journal import (
    JOURNAL_NAME,
    Journal,
    hash_options,
    make_journal_entry,
)

A = hash_options({"fusion": "none"})
B = hash_options({"fusion": "adaptive"})


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A photo, a depth file beside it, and two results made of them."""
    for name in ("in/a.jpg", "in/a.npy", "out/a.alpha.png", "out/a.cutout.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"content of {name}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


RESULTS = [Path("out/a.alpha.png"), Path("out/a.cutout.png")]
SOURCE, READS = Path("in/a.jpg"), [Path("in/a.npy")]


def add(options: str = A) -> None:
    one = make_journal_entry(Path("out"), SOURCE, options, RESULTS, READS)
    assert one is not None
    Journal(Path("out")).add(one)


def done(options: str = A, reads: list[Path] = READS, results: list[Path] = RESULTS) -> bool:
    return Journal(Path("out")).done(SOURCE, options, results, reads)


# Invariant: done means: this file, these options, these other inputs, these results, whole.


@pytest.mark.usefixtures("place")
def test_what_is_done_is_known_again() -> None:
    assert not done()
    add()
    assert done()
    assert done(results=RESULTS[:1])
    assert not done(B)
    assert not done(reads=[])
    assert not done(results=[*RESULTS, Path("out/a.mask.png")])


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("path", [SOURCE, *READS, *RESULTS])
@pytest.mark.parametrize("change", ["cut short", "gone", "touched"])
def test_what_has_changed_is_done_again(path: Path, change: str) -> None:
    add()
    if change == "cut short":
        path.write_text("con")
    elif change == "gone":
        path.unlink()
    else:
        os.utime(path, ns=(1, 1))
        assert done() == (path in RESULTS), "a result may be copied"
        return
    assert not done()


@pytest.mark.usefixtures("place")
def test_results_made_again_by_other_options_are_theirs() -> None:
    add(A)
    add(B)
    assert done(B)
    assert not done(A), "equal sizes do not make them equal"


@pytest.mark.usefixtures("place")
def test_folders_may_move_together(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add()
    (place / "new").mkdir()
    for name in ("in", "out"):
        (place / name).rename(place / "new" / name)
    monkeypatch.chdir(place / "new")
    assert done()
    assert set(Journal(Path("out")).results()) == {os.path.realpath(path) for path in RESULTS}


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


# Invariant: a journal that is cut, foreign or damaged costs work, never a crash or a file.


@pytest.mark.usefixtures("place")
@given(cut=st.integers(0, 400))
def test_a_line_that_was_cut_is_passed_over(cut: int) -> None:
    journal = Path("out", JOURNAL_NAME)
    journal.unlink(missing_ok=True)
    add(B)
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole[: min(cut, len(whole) - 2)])
    assert done(B)
    add(A)
    assert done(A)
    assert journal.read_bytes().startswith(whole)


@pytest.mark.usefixtures("place")
@given(st.binary(max_size=200) | st.recursive(st.none() | st.integers(), st.lists).map(encoded))
def test_any_content_is_read(content: bytes) -> None:
    Path("out", JOURNAL_NAME).write_bytes(content)
    assert Journal(Path("out")).results() == {}


@pytest.mark.parametrize("name", ["../in/a.jpg", "{here}/in/a.jpg"])
def test_no_journal_claims_files_elsewhere(place: Path, name: str) -> None:
    add()
    journal = Path("out", JOURNAL_NAME)
    row = json.loads(journal.read_text())
    row["results"] = {name.format(here=place): SOURCE.stat().st_size}
    journal.write_text(json.dumps(row))
    assert Journal(Path("out")).results() == {}


@pytest.mark.parametrize("value", ["Infinity", "NaN", '"x"', "null", "[1]", "1e999"])
def test_odd_values_are_passed_over(place: Path, value: str) -> None:
    add()
    journal = Path("out", JOURNAL_NAME)
    text = journal.read_text().replace(f'"state": [{SOURCE.stat().st_size}', f'"state": [{value}')
    journal.write_text(text)
    assert not done()


def test_a_full_or_closed_folder_is_one_line(place: Path) -> None:
    one = make_journal_entry(Path("out"), SOURCE, A, RESULTS)
    assert one is not None
    with pytest.raises(InputError, match=r"cannot be written \(not a directory\)"):
        Journal(Path("in/a.jpg/x")).add(one)


def test_files_written_beside_the_planned_ones_are_checked_too(place: Path) -> None:
    more = Path("out/a.person2.png")
    more.write_text("more")
    never = Path("out/a.person9.png")
    one = make_journal_entry(Path("out"), SOURCE, A, [*RESULTS, more], absent=[never])
    assert one is not None
    Journal(Path("out")).add(one)
    for planned in (RESULTS, [*RESULTS, never], [never]):
        assert Journal(Path("out")).done(SOURCE, A, planned), planned
    assert os.path.realpath(never) not in Journal(Path("out")).results()
    more.write_text("short of it")
    assert not Journal(Path("out")).done(SOURCE, A, RESULTS)
    assert not Journal(Path("out")).done(SOURCE, A, [never])


def test_results_that_are_gone_are_no_entry(place: Path) -> None:
    assert make_journal_entry(Path("out"), SOURCE, A, [Path("out/never.png")]) is None
    assert make_journal_entry(Path("out"), SOURCE, A, RESULTS, [Path("in/never.npy")]) is None
    assert make_journal_entry(Path("out"), Path("in/never.jpg"), A, RESULTS) is None


def test_digests_tell_options_apart() -> None:
    assert hash_options({"a": 1, "b": 2}) == hash_options({"b": 2, "a": 1})
    assert hash_options({"a": 1}) != hash_options({"a": "1"})
    assert hash_options({"a": "b', 'c"}) != hash_options({"a": "b", "c": ""})
