"""`depthmatte people`, `cut --each` and corrections on the command line."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

import tinynets
from cutting import files, run
from depthmatte.feedback.sample_list import list_samples


@pytest.fixture(scope="module")
def two_nets(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("nets")
    paths = tinynets.save(folder)
    return ["--matte-network", paths["matte"], "--depth-network", paths["depth"]]


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two "people", the left one larger."""
    rgb = np.zeros((120, 160, 3), np.uint8)
    rgb[..., 2] = 200
    rgb[20:110, 15:65] = rgb[40:100, 100:140] = (255, 255, 0)
    Image.fromarray(rgb).save(tmp_path / "pair.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "pair.png"


def alpha(path: str) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)[..., 3]


def test_people_are_listed(pair: Path, two_nets: list[str]) -> None:
    done = run("people", pair, "--json", "--sheet", "sheet.png", *two_nets)
    assert done.exit_code == 0, done.output
    [line] = done.stdout.splitlines()
    people = json.loads(line)
    assert [person["id"] for person in people] == [1, 2]
    assert np.allclose(people[0]["box"], [15, 20, 65, 110], atol=2)
    assert np.allclose(people[1]["box"], [100, 40, 140, 100], atol=2)
    for person in people:
        assert {"id", "box", "area", "depth", "score"} <= set(person)
    with Image.open("sheet.png") as sheet:
        assert sheet.size == (160, 120)
    told = run("people", pair, *two_nets).stdout
    assert "2 people" in told
    assert "box 1" in told


def test_problems_are_one_line(pair: Path, two_nets: list[str]) -> None:
    (pair.parent / "broken.jpg").write_bytes(b"no photo")
    done = run("people", pair, "broken.jpg", *two_nets)
    assert done.exit_code == 1
    assert "broken.jpg" in done.stderr
    assert "2 people" in done.stdout
    assert run("people", pair, "broken.jpg", "--sheet", "s.png", *two_nets).exit_code == 2
    before = pair.read_bytes()
    assert run("people", pair, "--sheet", pair, *two_nets).exit_code == 1
    assert pair.read_bytes() == before


def test_each_person_has_files(pair: Path, two_nets: list[str]) -> None:
    words = ("--each", "--save", "cutout,mask,layers", "--fusion", "none", *two_nets)
    done = run("cut", pair, "--json", *words)
    assert done.exit_code == 0, done.output
    names = [
        "pair.layers.ora",
        *(f"pair.person{n}.{k}.png" for n in (1, 2) for k in ("cutout", "mask")),
    ]
    assert files("out") == [f"out/{name}" for name in names]
    row = json.loads(done.stdout)
    assert sorted(row["outputs"]) == files("out")
    assert [person["id"] for person in row["people"]] == [1, 2]
    assert alpha("out/pair.person1.cutout.png")[:, 80:].max() == 0
    assert alpha("out/pair.person2.cutout.png")[:, :85].max() == 0
    assert alpha("out/pair.person2.cutout.png")[60, 120] == 255
    with zipfile.ZipFile("out/pair.layers.ora") as archive:
        layers = ElementTree.fromstring(archive.read("stack.xml")).findall("stack/layer")
        assert {one.attrib["name"] for one in layers} == {"Person 1", "Person 2", "Photo"}
        assert Image.open(io.BytesIO(archive.read(layers[0].attrib["src"]))).mode == "RGBA"
    again = run("cut", pair, "--subject", "person:2", "--crop", "subject", "-o", "two", *words)
    assert again.exit_code == 0, again.output
    assert "two/pair.person2.cutout.png" in files("two")
    assert "two/pair.person1.cutout.png" not in files("two")
    assert alpha("two/pair.person2.cutout.png").shape < (80, 60)


def test_each_needs_names_for_each(pair: Path, two_nets: list[str]) -> None:
    for wrong in (("-o", "one.png"), ("-o", "-"), ("--name", "{stem}")):
        done = run("cut", pair, "--each", *wrong, *two_nets)
        assert done.exit_code == 2, done.output
        assert "--each" in done.stderr
    kept = run("cut", pair, "--each", *two_nets)
    assert kept.exit_code == 0
    assert run("cut", pair, "--each", "--exists", "fail", *two_nets).exit_code == 1


def test_resuming_looks_at_the_files_of_everybody(pair: Path, two_nets: list[str]) -> None:
    words = ("cut", pair, "--each", "--resume", "--fusion", "none", "--json", *two_nets)

    def is_skipped() -> bool:
        done = run(*words)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)["status"] == "skipped"

    assert not is_skipped()
    second = Path("out/pair.person2.cutout.png")
    content = second.read_bytes()
    assert is_skipped()
    second.unlink()
    assert not is_skipped()
    assert second.read_bytes() == content
    assert is_skipped()
    second.write_bytes(content[:-20])
    assert not is_skipped()
    assert second.read_bytes() == content


def test_resuming_skips_whom_nobody_was_found_in(pair: Path, two_nets: list[str]) -> None:
    Image.new("RGB", (160, 120), (0, 0, 200)).save("empty.png")
    for words in (("empty.png",), (pair, "--subject", "person:2")):
        command = ("cut", *words, "--each", "--resume", "--fusion", "none", "--json", *two_nets)
        states = [json.loads(run(*command).stdout)["status"] for _ in range(2)]
        assert states == ["ok", "skipped"], words


def test_points_boxes_and_strokes(pair: Path, two_nets: list[str]) -> None:
    fast = ("--fusion", "none", *two_nets)

    def cut(*words: object) -> np.ndarray:
        done = run("cut", pair, "-o", "cut.png", *words, *fast)
        assert done.exit_code == 0, done.output
        return alpha("cut.png") > 127

    both = cut()
    assert both[60, 40]
    assert both[60, 120]
    left = cut("--drop", "120,60")
    assert left[60, 40]
    assert not left[:, 90:].any()
    assert cut("--subject", "40,60", "--keep", "120,60", "--clean")[60, 120]
    assert not cut("--drop", "40,60")[:, :85].any()
    right = cut("--box", "85,20,155,115")
    assert right[60, 120]
    assert not right[:, :85].any()
    strokes = np.zeros((120, 160, 4), np.uint8)
    strokes[55:65, 35:45] = (255, 0, 0, 255)
    Image.fromarray(strokes).save("pair.strokes.png")
    assert not cut("--strokes", "pair.strokes.png")[55:65, 35:45].any()
    for wrong, says in (
        (("--keep", "900,3"), "keep 900,3 lies outside"),
        (("--strokes", "none.png"), "none.png"),
        (("--subject", "person:9"), "no person 9"),
    ):
        done = run("cut", pair, *wrong, *fast)
        assert done.exit_code == 1
        assert says in done.stderr
    for wrong in (("--keep", "a,b"), ("--box", "1,2,3"), ("--box", "5,5,1,1")):
        assert run("cut", pair, *wrong, *fast).exit_code == 2


def test_a_correction_is_stored(pair: Path, two_nets: list[str]) -> None:
    done = run("cut", pair, "--drop", "120,60", "--save", "correction", *two_nets)
    assert done.exit_code == 0, done.output
    assert files("out") == ["out/pair.correction.png"]
    sample = next(one for one in list_samples() if one.name == "pair.png")
    with Image.open(sample.mask_path) as stored, Image.open("out/pair.correction.png") as written:
        assert (np.asarray(stored) == np.asarray(written)).all()
        assert np.asarray(stored)[60, 40] == 255
        assert np.asarray(stored)[60, 120] == 0
