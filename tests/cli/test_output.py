"""cli.output: whatever a file is called and wherever the words go, they arrive."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import depthmatte
from depthmatte.cli.output import Reporter, json_line, print_line, size_fields

SRC = Path(depthmatte.__file__).parent.parent
ODD = "m_ünïcödé 日本 🙂.png"


# Invariant: no encoding of a stream ever raises, and what it holds is written as it is.


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8", "cp932"])
@given(text=st.text(st.characters(exclude_categories=()), max_size=30))
def test_any_text_is_written_to_any_stream(encoding: str, text: str) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    print_line(text, stream)
    written = raw.getvalue().decode(encoding)
    assert written.endswith("\n")
    if text.isascii():
        assert written == f"{text}\n"


@pytest.mark.parametrize("style", ["lines", "json", "quiet"])
def test_every_kind_of_line_on_an_ascii_stream(style: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdout", "stderr"):
        stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        monkeypatch.setattr(sys, name, stream)
    report = Reporter(style)
    report.photo_done({"file": ODD, "found": True, "outputs": [f"out/{ODD}"], "status": "ok"})
    report.photo_failed(ODD, f"{ODD}: is bad\nmend it")
    report.photo_skipped(ODD, "done by an earlier run")
    report.note(f"{ODD} is odd")
    report.summary(3, 1, 2)
    with report.progress(2) as advance:
        advance()
    out, err = (
        stream.buffer.getvalue().decode("ascii").splitlines()  # type: ignore[attr-defined]
        for stream in (sys.stdout, sys.stderr)
    )
    assert len(out) == {"lines": 2, "json": 3, "quiet": 0}[style]
    assert len(err) == {"lines": 3, "json": 2, "quiet": 1}[style]
    assert "is bad?mend it" in err[0]
    if style == "json":
        rows = [json.loads(line) for line in out]
        assert [row["file"] for row in rows] == [ODD] * 3
        assert [row["status"] for row in rows] == ["ok", "error", "skipped"]


def test_a_closed_stream_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    print_line("hello")
    with Reporter("json").progress(3) as advance:
        advance()


def test_json_is_ascii_and_has_no_odd_numbers() -> None:
    line = json_line({"a": float("nan"), "b": [float("inf"), 1.5, {"c": -float("inf")}], "d": "ü"})
    assert line.isascii()
    assert json.loads(line) == {"a": None, "b": [None, 1.5, {"c": None}], "d": "ü"}
    assert list(size_fields((90, 60, 3)).items()) == [("width", 60), ("height", 90)]


# Invariant: the command line speaks on any stream.


def info(folder: Path, shell: str, **settings: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["sh", "-c", f"{sys.executable} -m depthmatte info {shell}"],
        capture_output=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(SRC)} | settings,
        check=False,
    )


@pytest.fixture
def album(tmp_path: Path) -> Path:
    for name in ("a.png", ODD, "z.png"):
        Image.new("RGB", (8, 6)).save(tmp_path / name)
    (tmp_path / "ü.jpg").write_bytes(b"no photo")
    return tmp_path


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
@pytest.mark.parametrize(
    "settings",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "cp1252"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ],
    ids=str,
)
def test_names_beyond_the_encoding(album: Path, settings: dict[str, str]) -> None:
    for words, count in (("*", 6), ("--json *", 3)):
        done = info(album, words, **settings)
        assert done.returncode == 1
        assert len(done.stdout.splitlines()) == count
        assert len(done.stderr.splitlines()) == 1
        assert b"Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
def test_a_reader_that_leaves_ends_it_quietly(album: Path) -> None:
    for words in ("* 2>&1 | head -n 1", "--json *.png | head -n 1", "*.png >&-"):
        done = info(album, words)
        assert b"Traceback" not in done.stdout + done.stderr
        assert b"Error" not in done.stderr


# Invariant: whatever takes long shows that it goes on, where a person looks.


def on_a_terminal(total: int, seconds: float, style: str = "lines") -> str:
    pytest.importorskip("pty", reason="this platform has no pseudo-terminals")
    code = (
        "import time\nfrom depthmatte.cli.output import Reporter\n"
        f"with Reporter({style!r}).progress({total}) as advance:\n"
        f"    time.sleep({seconds}); advance()\n"
    )
    words = [sys.executable, "-c", code]
    run = subprocess.run(
        [sys.executable, "-c", f"import pty, sys; sys.exit(pty.spawn({words!r}) >> 8)"],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(SRC), "TERM": "xterm", "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        check=True,
    )
    return run.stdout.decode()


def test_progress_of_one_and_of_many() -> None:
    assert "1/2" in on_a_terminal(2, 0.3)
    assert "0:00:0" in on_a_terminal(1, 2.2)
    assert on_a_terminal(1, 0) == ""
    assert on_a_terminal(2, 0.3, "quiet") == ""
    started = time.monotonic()
    assert on_a_terminal(1, 0.1) == ""
    assert time.monotonic() - started < 30
