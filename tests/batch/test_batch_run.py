"""A batch: what is written, what its record says, and how it goes on after it was stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from batch_photos import (
    draw_person,
    draw_photos,
    pictures,
    result_rows,
)
from PIL import Image
from typer.testing import CliRunner

from depthmatte import __version__
from depthmatte.batch.record import RESULTS_NAME, ResultsFile
from depthmatte.cli.app import app


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["cut", *map(str, arguments), "--jobs", "1"])


def test_a_manifest_is_cut_with_the_options_of_each_row(
    place: Path, tiny_networks: list[str]
) -> None:
    draw_photos(place / "photos" / "sub", 3)
    Path("photos/list.csv").write_text(
        "photo,options\nsub/00.png,\nsub/01.png,fusion=none\nsub/02.png,subject=nearest\n"
    )
    done = run("photos/list.csv", "--save", "alpha", *tiny_networks)
    assert done.exit_code == 0, done.output
    assert list(pictures(place / "out")) == [f"sub/0{n}.alpha.png" for n in range(3)]
    rows = result_rows(place / "out")
    assert [row["line"] for row in rows] == [2, 3, 4]
    assert [row["fusion"] for row in rows] == ["adaptive", "none", "adaptive"]
    assert [row["subject"] for row in rows] == ["auto", "auto", "nearest"]
    assert [row["outputs"] for row in rows] == [[f"sub/0{n}.alpha.png"] for n in range(3)]
    assert {row["status"] for row in rows} == {"ok"}
    assert all(row["timings"]["read"] > 0 for row in rows)
    assert {row["versions"]["depthmatte"] for row in rows} == {__version__}
    assert all(len(row["versions"]["matte"]) == 16 for row in rows)


def test_with_a_problem_in_a_manifest_nothing_is_done(
    place: Path, tiny_networks: list[str]
) -> None:
    draw_photos(place, 1)
    Path("list.jsonl").write_text('{"photo": "00.png"}\n{"photo": ""}\n{"phot": "00.png"}\n')
    done = run("list.jsonl", *tiny_networks)
    assert done.exit_code == 1
    assert [line.partition(": ")[2].partition(":")[0] for line in done.stderr.splitlines()[:2]] == [
        "list.jsonl, line 2",
        "list.jsonl, line 3",
    ]
    assert not Path("out").exists()


def test_a_missing_photo_and_a_name_clash_cost_only_their_rows(
    place: Path, tiny_networks: list[str]
) -> None:
    draw_photos(place, 2)
    (place / "bad.png").write_bytes(b"bad")
    Path("list.csv").write_text("photo\n00.png\nnone.png\n00.png\n01.png\nbad.png\n")
    done = run("list.csv", "--save", "alpha", *tiny_networks)
    assert done.exit_code == 1
    assert "list.csv, line 3: none.png: cannot be found" in done.stderr
    assert "would replace" in done.stderr
    rows = {(row["file"], row.get("line", 0)): row for row in result_rows(place / "out")}
    assert {line: row["status"] for (_, line), row in rows.items()} == {
        2: "ok", 3: "error", 4: "error", 5: "ok", 6: "error"
    }  # fmt: skip
    assert all(row["error"] for row in rows.values() if row["status"] == "error")
    assert pictures(place / "out").keys() == {"00.png.alpha.png", "01.alpha.png"}


def test_the_contact_sheet_is_one_file_with_failures_first(
    place: Path, tiny_networks: list[str]
) -> None:
    draw_photos(place / "photos", 2)
    Image.new("RGB", (60, 90), (0, 0, 200)).save("photos/empty.png")
    Path("photos/<b>.png").write_bytes(b"bad")
    done = run("photos", "--report", "html", *tiny_networks)
    assert done.exit_code == 1
    page = Path("out/report.html").read_text("utf-8")
    assert page.index("Failed: 1") < page.index("No person found: 1") < page.index("Cut: 2")
    assert page.count("data:image/jpeg;base64,") == 3
    assert "&lt;b&gt;.png" in page
    assert "<b>" not in page
    assert "http" not in page.replace("http-equiv", "")
    again = run("photos", "--report", "html", "--resume", *tiny_networks)
    assert again.exit_code == 1
    assert Path("out/report.html").read_text("utf-8").count("data:image/") == 3


def test_a_resumed_run_keeps_the_rows_of_the_first(place: Path, tiny_networks: list[str]) -> None:
    draw_photos(place / "photos", 2)
    run("photos", "--save", "alpha", *tiny_networks)
    before = result_rows(place / "out")
    stamps = {path: path.stat().st_mtime_ns for path in (place / "out").glob("*.png")}
    Image.fromarray(draw_person(9)).save("photos/02.png")
    done = run("photos", "--save", "alpha", "--resume", *tiny_networks)
    assert done.exit_code == 0
    after = result_rows(place / "out")
    assert after[:2] == before
    assert [row["file"] for row in after] == [f"photos/0{n}.png" for n in range(3)]
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())


def test_a_row_that_was_cut_short_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / RESULTS_NAME
    first = ResultsFile(path, keep=False)
    for name in "abc":
        first.add({"file": name, "status": "ok", "number": 1})
    path.write_bytes(path.read_bytes()[:-5])
    second = ResultsFile(path, keep=True)
    assert [row["file"] for row in second.rows()] == ["a", "b"]
    second.add({"file": "a", "status": "ok", "number": 2})
    second.add({"file": "d", "status": "error", "line": 4})
    second.sort([("b", 0), ("d", 4), ("a", 0), ("none", 0)])
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(row["file"], row.get("number")) for row in rows] == [("b", 1), ("d", None), ("a", 2)]
    assert list(second.rows()) == rows
