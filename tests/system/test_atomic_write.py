"""system.atomic_write: drafts become whole files or vanish; leftovers are removed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from depthmatte.errors import InputError
from depthmatte.system import atomic_write
from depthmatte.system.atomic_write import _DRAFT_SUFFIX, _sweep_drafts, atomic_draft

LEFT = f".0123456789abcdef{_DRAFT_SUFFIX}"

WRITER = """
import sys, time
from pathlib import Path
from depthmatte.system.atomic_write import atomic_draft
with atomic_draft(Path(sys.argv[1])) as draft:
    draft.write_bytes(b"half")
    print("here", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has written nowhere yet."""
    monkeypatch.setattr(atomic_write, "_swept", set())


def writing(path: Path) -> subprocess.Popen[bytes]:
    """Another process that stands in the middle of writing `path`."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(atomic_write.__file__).parents[2])},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"here\n"
    return process


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def put(path: Path) -> None:
    with atomic_draft(path) as draft:
        draft.write_bytes(b"new")


@pytest.mark.skipif(sys.platform == "win32", reason="needs locks that end with the process")
def test_a_killed_writers_draft_is_gone_after_the_next_write(tmp_path: Path) -> None:
    process = writing(tmp_path / "out")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert len(names(tmp_path)) == 1
    put(tmp_path / "other")
    assert names(tmp_path) == ["other"]


def test_a_living_writers_draft_is_left_alone(tmp_path: Path) -> None:
    process = writing(tmp_path / "out")
    put(tmp_path / "other")
    _sweep_drafts(tmp_path)
    assert len(names(tmp_path)) == 2
    process.communicate()
    assert process.returncode == 0
    assert names(tmp_path) == ["other", "out"]
    assert (tmp_path / "out").read_bytes() == b"half"


def test_a_draft_of_ones_own_is_left_alone(tmp_path: Path) -> None:
    with atomic_draft(tmp_path / "first") as first:
        _sweep_drafts(tmp_path)
        put(tmp_path / "second")
        first.write_bytes(b"first")
    assert names(tmp_path) == ["first", "second"]


@pytest.mark.skipif(sys.platform == "win32", reason="goes by age there")
def test_only_drafts_are_swept_and_once_per_folder(tmp_path: Path) -> None:
    for name in (LEFT, ".0123.part", "photo.part", f"seen{_DRAFT_SUFFIX}"):
        (tmp_path / name).write_bytes(b"x")
    put(tmp_path / "a")
    assert names(tmp_path) == sorted([".0123.part", "a", "photo.part", f"seen{_DRAFT_SUFFIX}"])
    (tmp_path / LEFT).touch()
    put(tmp_path / "b")
    assert LEFT in names(tmp_path)


@pytest.mark.parametrize("problem", [KeyboardInterrupt, SystemExit, ValueError])
def test_whatever_ends_it_leaves_the_old_file_alone(tmp_path: Path, problem: type) -> None:
    (tmp_path / "out").write_bytes(b"old")

    def broken() -> None:
        with atomic_draft(tmp_path / "out") as draft:
            draft.write_bytes(b"half")
            raise problem

    with pytest.raises(problem):
        broken()
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out").read_bytes() == b"old"


def test_places_that_do_not_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "gone" / "out", tmp_path / "file" / "out"):
        with pytest.raises(InputError, match="cannot be written"):
            put(path)
    assert names(tmp_path) == ["file"]
