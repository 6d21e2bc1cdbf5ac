"""`depthmatte cut`: what is written, where, and what is said."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cutting import SRC, files, person, run
from depthmatte.effects import EFFECTS
from depthmatte.fusion import FUSIONS
from depthmatte.io.files.resume_journal import JOURNAL_NAME as JOURNAL
from fixtures import exif


def gray(path: str | Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_saves_what_is_asked_at_the_photos_size(photos: Path, nets: list[str]) -> None:
    names = ["alpha", "mask", "depth", "prob", "depth_prob", "cutout", "sheet"]
    done = run("cut", photos / "a.png", "-o", "res", "--save", ",".join(names), *nets)
    assert done.exit_code == 0, done.output
    assert files("res") == sorted(f"res/a.{name}.png" for name in names)
    for name in names[:5]:
        assert gray(f"res/a.{name}.png").shape == (90, 60)
    assert gray("res/a.depth.png").dtype == np.uint16
    assert gray("res/a.cutout.png").shape == (90, 60, 4)
    assert set(np.unique(gray("res/a.mask.png"))) == {0, 255}


def test_maps_say_what_the_networks_said(photos: Path, nets: list[str]) -> None:
    run("cut", photos / "a.png", "--save", "alpha,depth,prob", "--fusion", "none", *nets)
    rgb = person().astype(int)
    inside, outside = rgb[..., 0] == 255, rgb[..., 0] == 0
    alpha, depth = gray("out/a.alpha.png"), gray("out/a.depth.png")
    assert alpha[inside].mean() > 250
    assert alpha[outside].mean() < 5
    assert depth[inside].mean() < 0.02 * 65535
    np.testing.assert_allclose(np.median(depth[outside]), 200 / 255 * 65535, atol=400)


def test_default_is_a_cutout_with_the_photos_exif(photos: Path, nets: list[str]) -> None:
    Image.fromarray(person()).save(photos / "a.jpg", exif=exif(6))
    (photos / "a.png").unlink()
    assert run("cut", photos / "a.jpg", *nets).exit_code == 0
    assert files("out") == ["out/a.cutout.png"]
    with Image.open("out/a.cutout.png") as result:
        assert result.size == (90, 60), "stands upright"
        assert result.getexif()[0x0110] == "Pinhole 1"
        assert result.getexif()[0x0112] == 1


def test_folders_keep_their_shape(photos: Path, nets: list[str]) -> None:
    done = run("cut", photos, "--save", "alpha", *nets)
    assert done.exit_code == 0
    assert files("out") == ["out/a.alpha.png", "out/sub/b.alpha.png"]
    assert "a.alpha.png" in done.stdout
    assert "2 done, 0 failed" in done.stderr


def test_json_is_one_line_per_photo(photos: Path, nets: list[str]) -> None:
    (photos / "bad.jpg").write_bytes(b"no photo")
    done = run("cut", photos, "--save", "alpha,depth", "--json", *nets)
    assert done.exit_code == 1
    rows = {Path(row["file"]).name: row for row in map(json.loads, done.stdout.splitlines())}
    assert set(rows) == {"a.png", "b.png", "bad.jpg"}
    good, bad = rows["a.png"], rows["bad.jpg"]
    assert good["status"] == "ok"
    assert good["found"] is True
    assert (good["width"], good["height"]) == (60, 90)
    assert good["provider"].endswith("ExecutionProvider")
    assert good["depth_source"] == "mono"
    assert good["outputs"] == ["out/a.alpha.png", "out/a.depth.png"]
    stages = ["read", "prepare", "segment", "measure", "fuse", "restore", "alpha", "depth", "write"]
    assert sorted(good["timings"]) == sorted(stages)
    assert all(ms >= 0 for ms in good["timings"].values())
    assert bad["status"] == "error"
    assert "bad.jpg" in bad["error"]
    assert len(done.stderr.splitlines()) == 1


def test_without_need_depth_is_not_measured(photos: Path, nets: list[str]) -> None:
    done = run("cut", photos / "a.png", "--fusion", "none", "--save", "alpha", "--json", *nets)
    assert json.loads(done.stdout)["depth_source"] == "none"


def test_a_photo_without_people_is_no_error(photos: Path, nets: list[str]) -> None:
    Image.fromarray(np.full((40, 40, 3), 20, np.uint8)).save(photos / "room.png")
    done = run("cut", photos / "room.png", "--save", "alpha,cutout", *nets)
    assert done.exit_code == 0
    assert "no person found" in done.stdout
    assert not gray("out/room.alpha.png").any()
    assert not gray("out/room.cutout.png")[..., 3].any()
    done = run("cut", photos / "room.png", "--save", "alpha", "--json", *nets)
    assert json.loads(done.stdout)["found"] is False


def test_quiet_says_nothing_but_errors(photos: Path, nets: list[str]) -> None:
    (photos / "bad.jpg").write_bytes(b"")
    done = run("cut", photos, "--quiet", *nets)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "bad.jpg: is empty" in done.stderr


def test_on_a_terminal_lines_stand_above_the_bar(photos: Path, nets: list[str]) -> None:
    """Read back through a pseudo-terminal: no line may share its row with the bar."""
    pytest.importorskip("pty", reason="this platform has no pseudo-terminals")
    code = "from depthmatte.cli import main; main()"
    words = [sys.executable, "-c", code, "cut", "photos", "--save", "alpha", *nets]
    run = subprocess.run(
        [sys.executable, "-c", f"import pty, sys; sys.exit(pty.spawn({words!r}) >> 8)"],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(SRC), "TERM": "xterm", "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        check=True,
    )
    text = run.stdout.decode()
    assert "2/2" in text
    for line in ("photos/a.png -> out/a.alpha.png", "photos/sub/b.png -> out/sub/b.alpha.png"):
        assert text[: text.index(line)].endswith("\x1b[2K"), "the bar was erased before the line"


def test_the_rest_of_a_folder_is_still_done(photos: Path, nets: list[str]) -> None:
    (photos / "0.jpg").write_bytes((photos / "a.png").read_bytes()[:60])
    (photos / "text.png").write_text("hello")
    (photos / "sub" / "c.heic").write_bytes(b"\0\0\0\x18ftypheic")
    done = run("cut", photos, "gone.jpg", "--save", "alpha", *nets)
    assert done.exit_code == 1
    assert files("out") == ["out/a.alpha.png", "out/sub/b.alpha.png"]
    lines = done.stderr.splitlines()
    assert len(lines) == 5
    for name, line in zip(["gone.jpg", "0.jpg", "text.png", "c.heic"], lines, strict=False):
        assert name in line
    assert lines[-1] == "2 done, 4 failed"


def test_one_stem_twice_keeps_the_suffix(photos: Path, nets: list[str]) -> None:
    Image.fromarray(person()).save(photos / "a.jpg")
    assert run("cut", photos, "--save", "alpha", *nets).exit_code == 0
    assert files("out") == ["out/a.jpg.alpha.png", "out/a.png.alpha.png", "out/sub/b.alpha.png"]


def test_one_name_from_two_folders_is_refused(photos: Path, nets: list[str]) -> None:
    shutil.copytree(photos, "again")
    done = run("cut", photos, "again", "--save", "alpha", *nets)
    assert done.exit_code == 1
    assert "a.png: out/a.png.alpha.png would replace" in done.stderr
    assert files("out") == ["out/a.png.alpha.png", "out/sub/b.png.alpha.png"]


def test_the_same_photo_twice_is_cut_once(photos: Path, nets: list[str]) -> None:
    done = run("cut", photos / "a.png", photos, photos / "a.png", "--json", *nets)
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == 2


def test_inputs_are_never_replaced(photos: Path, nets: list[str]) -> None:
    shutil.copy(photos / "a.png", photos / "a.alpha.png")
    before = (photos / "a.alpha.png").read_bytes()
    done = run("cut", photos, "-o", photos, "--save", "alpha", *nets)
    assert done.exit_code == 1
    assert "a.alpha.png would replace" in done.stderr
    assert (photos / "a.alpha.png").read_bytes() == before


def test_results_are_not_cut_again(photos: Path, nets: list[str]) -> None:
    for _ in range(2):
        done = run("cut", photos, "-o", photos / "out", "--save", "cutout", "--json", *nets)
        assert done.exit_code == 0
        assert len(done.stdout.splitlines()) == 2


def test_a_place_that_cannot_be_written(photos: Path, nets: list[str]) -> None:
    Path("taken").write_text("a file, not a folder")
    done = run("cut", photos / "a.png", "-o", "taken", *nets)
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert "taken" in done.stderr


@pytest.mark.parametrize("effect", list(EFFECTS))
def test_every_effect_has_its_picture(effect: str, photos: Path, nets: list[str]) -> None:
    text = f"place:picture={photos / 'a.png'}" if effect == "place" else effect
    assert run("cut", photos / "a.png", "--effect", text, *nets).exit_code == 0
    assert files("out") == [f"out/a.{effect}.png"]


def test_place_asks_for_its_picture_before_anything_is_cut(photos: Path, nets: list[str]) -> None:
    done = run("cut", photos / "a.png", "--effect", "place", *nets)
    assert done.exit_code == 2
    assert "place:picture=FILE" in done.stderr
    assert not Path("out").exists()


def test_effect_options(photos: Path, nets: list[str]) -> None:
    Image.fromarray(np.full((9, 9, 3), (0, 128, 0), np.uint8)).save("green.png")
    for options in (["--background", "#008000"], ["--background", "green.png"]):
        run("cut", photos / "a.png", *options, *nets)
        assert gray("out/a.background.png")[0, 0].tolist() == [0, 128, 0]
    run("cut", photos / "a.png", "--effect", "background:picture=green.png", *nets)
    assert gray("out/a.background.png")[0, 0].tolist() == [0, 128, 0]
    run("cut", photos / "a.png", "--effect", "cutout:crop=true", *nets)
    assert gray("out/a.cutout.png").shape < (90, 60)
    run("cut", photos / "a.png", "--effect", "blur:strength=0", *nets)
    np.testing.assert_array_equal(gray("out/a.blur.png"), person())


@pytest.mark.parametrize(
    ("suffix", "blur", "cutout"),
    [("webp", "webp", "webp"), ("jpg", "jpg", "png"), ("tiff", "tif", "tif")],
)
def test_formats(suffix: str, blur: str, cutout: str, photos: Path, nets: list[str]) -> None:
    done = run(
        "cut", photos / "a.png", "--effect", "blur", "--save", "alpha,cutout", "--format", suffix,
        *nets,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert files("out") == sorted(
        ["out/a.alpha.png", f"out/a.blur.{blur}", f"out/a.cutout.{cutout}"]
    )


@pytest.mark.parametrize("fusion", list(FUSIONS))
@pytest.mark.parametrize("orient", ["pad", "rotate"])
def test_every_fusion_and_orient(fusion: str, orient: str, photos: Path, nets: list[str]) -> None:
    done = run(
        "cut", photos, "--fusion", fusion, "--orient", orient, "--save", "mask", "--json", *nets
    )
    assert done.exit_code == 0
    for row in map(json.loads, done.stdout.splitlines()):
        assert row["found"]
        assert row["fusion"] == fusion
        assert 0.2 < (gray(row["outputs"][0]) > 0).mean() < 0.3


def test_a_journal_that_cannot_be_written_costs_no_photo(photos: Path, nets: list[str]) -> None:
    Path("out", JOURNAL).mkdir(parents=True)
    done = run("cut", photos, "--save", "alpha", *nets)
    assert done.exit_code == 0, done.output
    assert files("out") == ["out/a.alpha.png", "out/sub/b.alpha.png"]
    notes = [line for line in done.stderr.splitlines() if "note:" in line]
    assert len(notes) == 1
    assert JOURNAL in notes[0]
