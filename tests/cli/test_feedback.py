"""`depthmatte feedback`: add, list, show, remove, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from cutting import person
from depthmatte.cli.app import app


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["feedback", *words])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two photos and their masks; the data folder of the user is below it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEPTHMATTE_HOME", str(tmp_path / "home"))
    (tmp_path / "masks").mkdir()
    for name, (rows, columns) in {"a": (96, 64), "b": (60, 90)}.items():
        Image.fromarray(person(rows, columns)).save(tmp_path / f"{name}.png")
        mask = np.zeros((rows, columns), np.uint8)
        mask[rows // 3 :, columns // 4 : -columns // 4] = 255
        Image.fromarray(mask).save(tmp_path / "masks" / f"{name}.png")
    return tmp_path


def listed() -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(run("list", "--json").stdout)
    return rows


def test_from_add_to_remove(here: Path) -> None:
    added = run("add", "a.png", "b.png", "--mask", "masks", "--note", "lost the hat")
    assert added.exit_code == 0
    assert [line.split()[0::3] for line in added.stdout.splitlines()] == [
        ["a.png", "added"],
        ["b.png", "added"],
    ]
    first, second = listed()
    assert (first["name"], first["source"], first["note"]) == (
        "a.png",
        "feedback add",
        "lost the hat",
    )
    assert (second["width"], second["height"], second["complete"]) == (90, 60, True)
    told = run("list").stdout.splitlines()
    assert len(told) == 2
    assert told[0].startswith(str(first["id"]))
    assert "64 x 96" in told[0]

    assert "unchanged" in run("add", "a.png", "--mask", "masks/a.png").stdout
    shown = run("show", str(first["id"])[:6], "-o", "sheet.png")
    assert shown.stdout == "sheet.png\n"
    with Image.open("sheet.png") as sheet:
        assert sheet.width > 2 * 64
        assert sheet.height > 2 * 96

    assert run("remove", str(first["id"]), str(second["id"])).exit_code == 0
    assert listed() == []


def test_nothing_is_removed_where_an_id_is_wrong(here: Path) -> None:
    run("add", "a.png", "--mask", "masks/a.png")
    done = run("remove", str(listed()[0]["id"]), "ffffffffffff")
    assert done.exit_code == 1
    assert "ffffffffffff: no such sample in" in done.stderr
    assert len(listed()) == 1


def test_one_wrong_mask_does_not_stop_the_others(here: Path) -> None:
    Image.open("masks/b.png").rotate(90, expand=True).save("masks/b.png")
    done = run("add", "b.png", "a.png", "--mask", "masks", "--store", "mine")
    assert done.exit_code == 1
    assert "masks/b.png: is 60 x 90 pixels but its photo 90 x 60" in done.stderr
    assert "turn the mask upright" in done.stderr
    assert "a.png ->" in done.stdout
    assert len(json.loads(run("list", "--json", "--store", "mine").stdout)) == 1
    assert listed() == []


@pytest.mark.parametrize(
    ("words", "status", "problem"),
    [
        (["add", "a.png", "b.png", "--mask", "masks/a.png"], 2, "is one file for 2 photos"),
        (["add", "a.png", "--mask", "home"], 1, "home: there is no such file"),
        (["add", "gone.png", "--mask", "masks/a.png"], 1, "gone.png: there is no such file"),
        (["add", "masks", "--mask", "masks/a.png"], 1, "masks: cannot be read"),
        (["show", "1"], 1, "no such sample in"),
        (["rollback"], 1, "matte: the shipped network is the current one; nothing to undo"),
    ],
)
def test_mistakes_are_one_line(here: Path, words: list[str], status: int, problem: str) -> None:
    done = run(*words)
    assert done.exit_code == status
    assert problem in done.stderr
    assert done.stdout == ""
    assert not (here / "home").exists()
