"""Files beside photos are found by name, dots and all; two that fit are an error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthmatte.batch.cutting.job import CutJob
from depthmatte.batch.cutting.side_inputs import SideInputs, find_side_file
from depthmatte.errors import InputError, OptionError


def folder(path: Path, *names: str) -> Path:
    path.mkdir(exist_ok=True)
    for name in names:
        (path / name).touch()
    return path


@pytest.mark.parametrize(
    ("photo", "file"),
    [
        ("1305031102.175304.png", "1305031102.175304.png"),  # TUM, OpenLORIS
        ("PXL_20210808_082657420.PORTRAIT.jpg", "PXL_20210808_082657420.PORTRAIT.png"),
        ("PXL_20210808_082657420.PORTRAIT.jpg", "PXL_20210808_082657420.PORTRAIT.depth.png"),
        ("PXL_20210808_082657420.PORTRAIT.jpg", "PXL_20210808_082657420.png"),
        ("IMG_0001.JPG", "img_0001.PNG"),
        ("a.jpg", "a.depth.png"),
        ("a.jpg", "a_depth.png"),
        ("a.jpg", "a-disp.pfm"),
        ("a.jpg", "a_camera.xml"),
        ("office1_rgb.png", "office1_depth_mm.png"),
        ("view_left.png", "view_right.png"),
        ("noending", "noending.png"),
    ],
)
def test_the_file_of_a_photo_is_found(tmp_path: Path, photo: str, file: str) -> None:
    place = folder(tmp_path / "depth", file, "other.png", "1305031102.275304.png", "b_depth.png")
    assert find_side_file(place, tmp_path / photo) == place / file


def test_the_whole_name_wins_over_looser_ones(tmp_path: Path) -> None:
    names = ("a.b.png", "a.b.depth.png", "a.png", "a.b_depth.png")
    place = folder(tmp_path / "d", *names)
    for name in names:
        assert find_side_file(place, tmp_path / "a.b.jpg") == place / name
        (place / name).unlink()
    with pytest.raises(InputError, match=r"a.b.jpg: no file of this name in .*d; add one"):
        find_side_file(place, tmp_path / "a.b.jpg")


def test_two_files_of_one_name_are_named(tmp_path: Path) -> None:
    place = folder(tmp_path / "d", "a.png", "a.tif")
    with pytest.raises(InputError, match=r"2 files of this name in .*\(a.png, a.tif\); keep one"):
        find_side_file(place, tmp_path / "a.jpg")


def test_the_photo_itself_and_what_is_no_file_do_not_count(tmp_path: Path) -> None:
    place = folder(tmp_path / "d", "a.jpg", ".a.png")
    folder(place / "a.png")
    os.mkfifo(place / "a.tif")
    with pytest.raises(InputError, match="no file of this name"):
        find_side_file(place, place / "a.jpg")


@given(st.lists(st.text("ab.", min_size=1, max_size=6), min_size=1, max_size=5, unique=True))
def test_equal_names_always_meet(
    tmp_path_factory: pytest.TempPathFactory, stems: list[str]
) -> None:
    """Whatever dots there are: the depth of the very name is found beside all the others."""
    place = folder(tmp_path_factory.mktemp("d"), *(f"x{stem}.png" for stem in stems))
    for stem in stems:
        assert find_side_file(place, Path("photos") / f"x{stem}.jpg") == place / f"x{stem}.png"


def test_what_goes_with_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"--calib .*: goes with --depth or --right"):
        CutJob(side_inputs=SideInputs(calib=tmp_path / "c.json"))
    with pytest.raises(OptionError, match="one file for several photos"):
        SideInputs(depth=tmp_path / "d.png").check_photo_count(2)
    SideInputs(depth=tmp_path / "d.png").check_photo_count(1)
