from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import depthmatte
import tinynets
from depthmatte.cli.app import app
from depthmatte.effects import EFFECTS
from depthmatte.fuse import FUSIONS
from depthmatte.io.journal import NAME as JOURNAL
from fixtures import exif

SRC = Path(depthmatte.__file__).parent.parent
runner = CliRunner()


def person(height: int = 90, width: int = 60) -> np.ndarray:
    """A red and green "person" at the middle: portrait, certain, and near for the tiny networks."""
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[..., 2] = 200
    rgb[height // 4 : -height // 4, width // 4 : -width // 4] = (255, 255, 0)
    return rgb


@pytest.fixture
def nets(tmp_path: Path) -> list[str]:
    """The options that put the tiny networks to work."""
    folder = tmp_path / "nets"
    folder.mkdir()
    paths = tinynets.save(folder)
    return ["--matte-network", paths["matte"], "--depth-network", paths["depth"]]


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of photos, and the place where the command runs."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    Image.fromarray(person()).save(folder / "a.png")
    Image.fromarray(person(60, 90)).save(folder / "sub" / "b.png")
    monkeypatch.chdir(tmp_path)
    return folder


def run(*arguments: object) -> Any:
    """One command; photos are cut in this process, unless it says otherwise."""
    alone = ["--jobs", "1"] if arguments[0] == "cut" and "--jobs" not in arguments else []
    return runner.invoke(app, [*map(str, arguments), *alone])


def grey(path: str | Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def files(folder: str) -> list[str]:
    found = (path for path in Path(folder).rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if path.name != JOURNAL)


def test_saves_what_is_asked_at_the_photos_size(photos: Path, nets: list[str]) -> None:
    names = ["alpha", "mask", "depth", "prob", "depth_prob", "cutout", "sheet"]
    done = run("cut", photos / "a.png", "-o", "res", "--save", ",".join(names), *nets)
    assert done.exit_code == 0, done.output
    assert files("res") == sorted(f"res/a.{name}.png" for name in names)
    for name in names[:5]:
        assert grey(f"res/a.{name}.png").shape == (90, 60)
    assert grey("res/a.depth.png").dtype == np.uint16
    assert grey("res/a.cutout.png").shape == (90, 60, 4)
    assert set(np.unique(grey("res/a.mask.png"))) == {0, 255}


def test_maps_say_what_the_networks_said(photos: Path, nets: list[str]) -> None:
    run("cut", photos / "a.png", "--save", "alpha,depth,prob", "--fusion", "none", *nets)
    rgb = person().astype(int)
    inside, outside = rgb[..., 0] == 255, rgb[..., 0] == 0
    alpha, depth = grey("out/a.alpha.png"), grey("out/a.depth.png")
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


def test_nobody_is_an_answer(photos: Path, nets: list[str]) -> None:
    Image.fromarray(np.full((40, 40, 3), 20, np.uint8)).save(photos / "room.png")
    done = run("cut", photos / "room.png", "--save", "alpha,cutout", *nets)
    assert done.exit_code == 0
    assert "nobody found" in done.stdout
    assert not grey("out/room.alpha.png").any()
    assert not grey("out/room.cutout.png")[..., 3].any()
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
    assert run("cut", photos / "a.png", "--effect", effect, *nets).exit_code == 0
    assert files("out") == [f"out/a.{effect}.png"]


def test_effect_options(photos: Path, nets: list[str]) -> None:
    Image.fromarray(np.full((9, 9, 3), (0, 128, 0), np.uint8)).save("green.png")
    for options in (["--background", "#008000"], ["--background", "green.png"]):
        run("cut", photos / "a.png", *options, *nets)
        assert grey("out/a.background.png")[0, 0].tolist() == [0, 128, 0]
    run("cut", photos / "a.png", "--effect", "background:picture=green.png", *nets)
    assert grey("out/a.background.png")[0, 0].tolist() == [0, 128, 0]
    run("cut", photos / "a.png", "--effect", "cutout:crop=true", *nets)
    assert grey("out/a.cutout.png").shape < (90, 60)
    run("cut", photos / "a.png", "--effect", "blur:strength=0", *nets)
    np.testing.assert_array_equal(grey("out/a.blur.png"), person())


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
        assert 0.2 < (grey(row["outputs"][0]) > 0).mean() < 0.3


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--save", "alpha,beta"], "--save beta: unknown; use any of alpha,mask"),
        (["--fusion", "mean"], "--fusion is 'mean'; give none"),
        (["--orient", "up"], "--orient is 'up'; give pad"),
        (["--format", "bmp"], "--format is 'bmp'; give png"),
        (["--effect", "glow"], "--effect glow: unknown; use one of cutout"),
        (["--effect", "blur:size=3"], "no option 'size'; use strength"),
        (["--effect", "blur:strength=9"], "strength is 9.0; give a number from 0 to 1"),
        (["--effect", "blur:strength=big"], "'big' is not a number"),
        (["--effect", "cutout:crop=maybe"], "'maybe' is neither true nor false"),
        (
            ["--effect", "blur", "--effect", "blur:strength=1"],
            "--effect blur: would write the file",
        ),
        (["--effect", "background", "--background", "red"], "--effect background: would write"),
        (["--background", "redd"], "background redd: neither a picture file nor a color"),
        (["--effect", "background:picture=gone.png"], "gone.png: there is no such file"),
        (["--matte-network", "mat"], "mat: unknown network; use matte, depth"),
        (["--matte-network", "gone.onnx"], "gone.onnx: no such network file"),
    ],
)
def test_wrong_orders_are_one_line(
    options: list[str], says: str, photos: Path, nets: list[str]
) -> None:
    done = run("cut", photos / "a.png", *nets, *options)
    file = any(word in says for word in ("gone", "redd"))
    assert done.exit_code == (1 if file else 2)
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not Path("out").exists()


@pytest.mark.parametrize("arguments", [["cut"], ["cut", "x.png", "--threads", "0"], ["nonsense"]])
def test_wrong_usage_is_status_2(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_ctrl_c_is_one_line(photos: Path, nets: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("depthmatte.cli.cut.cut_one", interrupt)
    done = run("cut", photos, *nets)
    assert done.exit_code == 130
    assert done.stderr == "depthmatte: stopped\n"


def test_demo_on_a_photo_of_ones_own(photos: Path) -> None:
    done = run("demo", "-o", "res", "--photo", photos / "a.png")
    assert done.exit_code == 0, done.output
    names = ["alpha", "background", "blur", "cutout", "photo", "sheet"]
    assert files("res") == [f"res/a.{name}.png" for name in names]
    assert all(f"res/a.{name}.png" in done.stdout for name in names)


def test_demo_on_the_sample(tmp_path: Path) -> None:
    pytest.importorskip("skimage", reason="the sample photo comes with scikit-image")
    done = run("demo", "-o", tmp_path)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "astronaut.sheet.png").is_file()


def test_demo_without_the_sample_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "skimage", None)
    done = run("demo", "-o", tmp_path)
    assert done.exit_code == 1
    assert "pip install 'depthmatte[demo]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_evaluate_measures_every_fusion(photos: Path, nets: list[str]) -> None:
    for name in ("images", "masks"):
        Path("set", name).mkdir(parents=True)
    Image.fromarray(person()).save("set/images/a.png")
    Image.fromarray(person()[..., 0]).save("set/masks/a.png")
    done = run("evaluate", "set", "--json", "t.json", "--csv", "t.csv", *nets)
    assert done.exit_code == 0, done.output
    table = json.loads(Path("t.json").read_text())
    assert list(table) == ["set"]
    assert list(table["set"]) == list(FUSIONS)
    assert table["set"]["none"]["iou"] > 0.99
    assert table["set"]["none"]["mae"] < 0.01
    assert len(Path("t.csv").read_text().splitlines()) == 1 + len(FUSIONS)
    assert all(name in done.stdout for name in ["set", *FUSIONS, "bIoU"])
    assert run("evaluate", "set", "--quiet", *nets).stdout == ""


def test_evaluate_needs_truth(photos: Path, nets: list[str]) -> None:
    done = run("evaluate", photos, *nets)
    assert done.exit_code == 1
    assert "has no folder images" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_networks_are_listed_and_verified() -> None:
    rows = json.loads(run("networks", "--json", "--verify").stdout)
    assert [row["name"] for row in rows] == ["matte", "depth", "stereo", "fuse"]
    for row in rows:
        assert row["status"] == "verified"
        assert row["licence"] == "Apache-2.0"
        assert row["bytes"] == Path(row["file"]).stat().st_size
        assert len(row["sha256"]) == 64
        assert row["provider"].endswith("ExecutionProvider")
    done = run("networks")
    assert done.exit_code == 0
    assert "matte: ok" in done.stdout
    assert "Apache-2.0" in done.stdout


def test_a_damaged_network_fails_the_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from depthmatte import weights

    shutil.copytree(weights.FOLDER, tmp_path, dirs_exist_ok=True)
    (tmp_path / "depth.onnx").write_bytes(b"damaged")
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    done = run("networks", "--verify")
    assert done.exit_code == 1
    assert "matte: verified" in done.stdout
    assert "depth.onnx: damaged" in done.stdout


def test_effects_are_listed() -> None:
    rows = json.loads(run("effects", "--json").stdout)
    assert list(rows) == list(EFFECTS)
    strength = rows["blur"]["options"][0]
    assert (strength["name"], strength["kind"]) == ("strength", "number")
    assert (strength["min"], strength["max"]) == (0, 1)
    assert rows["background"]["options"][1]["kind"] == "picture"
    assert rows["cutout"]["options"][0]["kind"] == "flag"
    assert "blur" in run("effects").stdout


def test_version() -> None:
    assert run("--version").stdout == f"depthmatte {depthmatte.__version__}\n"


def test_from_a_real_shell(photos: Path, nets: list[str]) -> None:
    (photos / "bad.jpg").write_bytes(b"bad")
    done = subprocess.run(
        [sys.executable, "-m", "depthmatte", "cut", "photos", "--save", "alpha", "--json", *nets],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(SRC)},
        check=False,
    )
    assert done.returncode == 1
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(row["status"] for row in rows) == ["error", "ok", "ok"]
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert files("out") == ["out/a.alpha.png", "out/sub/b.alpha.png"]


def test_an_opencv_that_is_half_there_is_one_line(photos: Path) -> None:
    half = Path("half", "cv2")
    half.mkdir(parents=True)
    (half / "__init__.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "depthmatte", "cut", "photos/a.png"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(half.parent), str(SRC)])},
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("depthmatte: OpenCV is only partly installed; run: ")
    assert len(done.stderr.splitlines()) == 1
    assert not Path("out").exists()


def test_a_journal_that_cannot_be_written_costs_no_photo(photos: Path, nets: list[str]) -> None:
    Path("out", JOURNAL).mkdir(parents=True)
    done = run("cut", photos, "--save", "alpha", *nets)
    assert done.exit_code == 0, done.output
    assert files("out") == ["out/a.alpha.png", "out/sub/b.alpha.png"]
    notes = [line for line in done.stderr.splitlines() if "note:" in line]
    assert len(notes) == 1
    assert JOURNAL in notes[0]
