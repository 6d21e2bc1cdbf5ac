"""`info` and `extract`: what a photo's file holds, told and written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import phone_files as phones
from depthmatte.cli.app import app
from depthmatte.cli.commands import extract, info
from fixtures import encode
from phone_files import apple_jpeg, meters, near_to, pair
from phone_scenes import file_bytes


def run(*arguments: Any) -> Any:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def saved(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.mark.parametrize("orientation", [1, 6])
def test_info_json_is_upright(tmp_path: Path, orientation: int) -> None:
    content = apple_jpeg(
        orientation,
        intrinsics=(300, 300, 60.5, 50.5),
        reference=(96, 128) if orientation == 1 else (128, 96),
    )
    done = run("info", saved(tmp_path / "IMG.HEIC", content), "--json")
    assert done.exit_code == 0
    about = json.loads(done.stdout)
    camera = about.pop("camera")
    assert about == {
        "file": str(tmp_path / "IMG.HEIC"),
        "width": 128,
        "height": 96,
        "depth": {
            "kind": "apple-disparity",
            "width": 32,
            "height": 24,
            "near": 2.5,
            "far": 0.5,
            "unit": "1/m",
            "near_m": 0.4,
            "far_m": 2.0,
        },
        "matte": {"width": 64, "height": 48},
        "stereo": None,
    }
    x, y = (60, 50) if orientation == 1 else (127 - 50, 60)
    assert camera == pytest.approx({"fx": 300, "fy": 300, "cx": x, "cy": y})


def test_info_of_several_is_one_line_each(tmp_path: Path) -> None:
    left, right = pair()
    both = saved(tmp_path / "a.left-right.png", encode(np.hstack([left, right]), "PNG"))
    plain = saved(tmp_path / "b.png", encode(phones.photo(), "PNG"))
    done = run("info", both, plain, "--json")
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["stereo"] == {"kind": "side-by-side", "views": 2}
    assert (first["width"], first["height"]) == (128, 96)
    empty = {key: second[key] for key in ("depth", "matte", "stereo", "camera")}
    assert empty == dict.fromkeys(empty)
    folder = run("info", tmp_path, "--json")
    assert folder.stdout == done.stdout


def test_an_endless_range_is_still_json(tmp_path: Path) -> None:
    content = phones.gdepth(
        phones.jpeg(phones.photo()),
        encode(phones.slope(), "PNG"),
        'GDepth:Format="RangeInverse" GDepth:Near="1" GDepth:Far="inf" GDepth:Units="m"',
    )
    done = run("info", saved(tmp_path / "a.jpg", content), "--json")
    about = json.loads(done.stdout, parse_constant=lambda name: pytest.fail(name))
    assert (about["depth"]["near"], about["depth"]["far"]) == (1, None)
    assert (about["depth"]["near_m"], about["depth"]["far_m"]) == (1, None)


def test_info_for_people(tmp_path: Path) -> None:
    done = run("info", saved(tmp_path / "a.jpg", apple_jpeg(focal=28)))
    lines = done.stdout.splitlines()
    assert lines[0] == f"{tmp_path / 'a.jpg'}: 128 x 96"
    assert lines[1:3] == [
        "  depth   apple-disparity, 32 x 24, 2.5 to 0.5 1/m",
        "  matte   64 x 48",
    ]
    assert lines[3].startswith("  camera  fx 103.5, fy 103.5, cx 63.5, cy 47.5")
    nothing = run("info", saved(tmp_path / "b.png", encode(phones.photo(), "PNG")))
    assert nothing.exit_code == 0
    assert "no depth, matte or second view" in nothing.stdout


def test_info_goes_on_after_a_bad_file(tmp_path: Path) -> None:
    bad = saved(tmp_path / "bad.jpg", b"no photo")
    good = saved(tmp_path / "good.jpg", apple_jpeg())
    done = run("info", bad, good, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["file"] == str(good)
    assert done.stderr.splitlines()[0].startswith(f"depthmatte: {bad}: is not a photo")
    assert run("info", tmp_path / "gone.jpg").exit_code == 1


@pytest.mark.parametrize("orientation", [1, 6])
def test_extract_writes_upright_planes(tmp_path: Path, orientation: int) -> None:
    photo = saved(tmp_path / "a.jpg", apple_jpeg(orientation))
    done = run("extract", photo, "-o", tmp_path / "out")
    assert done.exit_code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a.depth.png", "a.matte.png"}
    depth = pixels(tmp_path / "out/a.depth.png")
    assert depth.dtype in (np.uint16, np.int32)
    assert near_to(depth, 1000 * meters(phones.slope()), 40)
    assert near_to(pixels(tmp_path / "out/a.matte.png"), phones.slope(48, 64), 4)
    assert done.stdout.splitlines() == [
        f"{tmp_path / 'out/a.depth.png'}: apple-disparity, millimeters, "
        "0 where nothing was measured",
        f"{tmp_path / 'out/a.matte.png'}: portrait effects matte",
    ]


def test_extract_of_relative_depth_and_a_second_view(tmp_path: Path) -> None:
    content = phones.gdepth(phones.jpeg(phones.photo()), encode(phones.slope(), "PNG"))
    done = run("extract", saved(tmp_path / "a.jpg", content), "-o", tmp_path)
    assert "relative: 0 near, 65535 far" in done.stdout
    n = phones.slope() / 255
    assert near_to(
        pixels(tmp_path / "a.depth.png"), 65_535 * np.log(8 / (8 - 7 * n)) / np.log(8), 2
    )
    left, right = pair()
    both = saved(tmp_path / "b.right-left.png", encode(np.hstack([right, left]), "PNG"))
    assert run("extract", both, "-o", tmp_path).exit_code == 0
    assert np.array_equal(pixels(tmp_path / "b.right-left.left.png"), left)


def test_what_was_not_measured_is_zero_millimeters(tmp_path: Path) -> None:
    about = phones.apple_xmp(low=-1, high=1)
    content = phones.multi(phones.jpeg(phones.photo()), [phones.auxiliary(phones.slope(), about)])
    run("extract", saved(tmp_path / "a.jpg", content), "-o", tmp_path)
    depth = pixels(tmp_path / "a.depth.png")
    assert (depth[phones.slope() < 120] == 0).all()
    assert (depth[phones.slope() > 140] > 1000).all()


def test_extract_says_when_there_is_nothing(tmp_path: Path) -> None:
    photo = saved(tmp_path / "a.png", encode(phones.photo(), "PNG"))
    done = run("extract", photo, "-o", tmp_path / "out")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"depthmatte: {photo}: holds no depth, matte or second view; ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_extract_never_replaces_the_photo(tmp_path: Path) -> None:
    """A photo that is called as its own depth would be."""
    photo = saved(tmp_path / "a.depth.png", apple_jpeg())
    (tmp_path / "a.jpg").symlink_to(photo)
    done = run("extract", tmp_path / "a.jpg", "-o", tmp_path)
    assert done.exit_code == 1
    assert "would replace" in done.stderr
    assert "which is read" in done.stderr
    assert photo.read_bytes() == apple_jpeg()


# Invariant: every path is told about; one that fails is one line and stops no other.


def test_info_tells_of_all_that_is_there(tmp_path: Path, capsys: Any) -> None:
    good = [saved(tmp_path / name, apple_jpeg()) for name in ("a.jpg", "c.jpg")]
    bad = saved(tmp_path / "bad\x1b[2J.jpg", b"no photo")
    (tmp_path / "empty").mkdir()
    paths = [good[0], "gone\n.jpg", "", "https://a.org/x.jpg", bad, tmp_path / "empty", good[1]]
    assert not info.print_info(paths, True)
    out, err = capsys.readouterr()
    assert [json.loads(line)["file"] for line in out.splitlines()] == list(map(str, good))
    lines = err.splitlines()
    assert len(lines) == 5
    assert all(line.startswith("depthmatte: ") and line.isprintable() for line in lines)
    for part in ("gone?.jpg: cannot be found", "'': is no path", "is a web address", "empty: the"):
        assert any(part in line for line in lines)


def test_info_tells_of_own_results_too(tmp_path: Path, capsys: Any) -> None:
    saved(tmp_path / "a.jpg", apple_jpeg())
    for path in (tmp_path / "a.jpg", tmp_path):
        assert extract.extract_photos([path], tmp_path)
    capsys.readouterr()
    assert info.print_info([tmp_path], True)
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_an_error_of_any_kind_is_one_line(
    tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [saved(tmp_path / name, apple_jpeg()) for name in ("a.jpg", "b.jpg")]
    for module, name in ((extract, "read"), (info, "read_photo_header")):
        whole = getattr(module, name)

        def limited(path: Path, whole: Any = whole) -> Any:
            if path == paths[0]:
                raise MemoryError
            return whole(path)

        monkeypatch.setattr(module, name, limited)
    assert not info.print_info(paths, False)
    assert not extract.extract_photos(paths, tmp_path / "out")
    out, err = capsys.readouterr()
    assert f"{paths[1]}: 128 x 96" in out
    assert (
        err.splitlines() == [f"depthmatte: {paths[0]}: does not fit in memory; scale it down"] * 2
    )
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == {
        "b.depth.png",
        "b.matte.png",
    }


def test_extract_of_many(tmp_path: Path) -> None:
    """Names that differ in suffix keep it; nothing that is read is overwritten, run after run."""
    for name in ("a.jpg", "a.heic", "sub/b.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        saved(tmp_path / name, apple_jpeg())
    mine = saved(tmp_path / "sub/b.matte.png", encode(phones.photo(), "PNG"))
    before = mine.read_bytes()
    names = {f"a.{kind}.{what}.png" for kind in ("jpg", "heic") for what in ("depth", "matte")}
    for _ in range(2):
        done = run("extract", tmp_path, "gone.jpg", "-o", tmp_path)
        assert done.exit_code == 1
        out, err = done.stdout, done.stderr
        assert {Path(line.split(": ")[0]).name for line in out.splitlines()} == names
        gone, kept = err.splitlines()
        assert "gone.jpg: cannot be found" in gone
        assert "b.matte.png would replace" in kept
        assert mine.read_bytes() == before


@pytest.mark.parametrize("name", ["apple_portrait.jpg", "apple_portrait.heic"])
def test_info_of_a_portrait_made_by_script(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path / name, file_bytes(name))
    about = json.loads(run("info", path, "--json").stdout)
    assert (about["width"], about["height"]) == (480, 640)
    assert about["depth"]["kind"] == "apple-disparity"
    assert (about["depth"]["width"], about["depth"]["height"]) == (144, 192)
    assert about["matte"] == {"width": 240, "height": 320}


def test_info_of_a_real_portrait(shared: Path) -> None:
    done = run("info", shared / "data/phones/ids_image-with-matte.jpg", "--json")
    about = json.loads(done.stdout)
    assert (about["width"], about["height"]) == (3024, 4032)
    assert about["depth"]["kind"] == "apple-disparity"
    assert (about["depth"]["width"], about["depth"]["height"]) == (576, 768)
    assert about["matte"] == {"width": 1512, "height": 2016}


def test_info_verbose_says_why_data_was_passed_over(tmp_path: Path) -> None:
    content = phones.gdepth(phones.jpeg(phones.photo()), b"no picture at all")
    photo = saved(tmp_path / "a.jpg", content)
    plain, verbose = run("info", photo), run("info", photo, "--verbose")
    assert plain.stderr == ""
    assert verbose.stdout == plain.stdout
    assert "depthmatte: debug: " in verbose.stderr
    assert "gdepth" in verbose.stderr
    assert run("info", photo).stderr == ""
