"""Photo, depth and calibration put together from files, and TUM's frame pairs by time."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from depthmatte.camera import Camera, Rig
from depthmatte.canvas import Canvas, Letterbox
from depthmatte.depth.sensor.depth_map import sensor_depth
from depthmatte.errors import InputError, OptionError
from depthmatte.evidence import DepthStatus, StereoView
from depthmatte.io import tum_rgbd
from depthmatte.io.attach import attach, check_inputs_together
from depthmatte.io.calibration import calibration_reader
from depthmatte.io.depthmaps import depth_reader
from depthmatte.io.photo import photo_reader
from depthmatte.io.photo.orientation import apply_orientation
from depthmatte.photo import Photo
from rigs import pixels, rotation

COLOR = Camera((60, 80), 70, 70, 39.5, 29.5)
RAW = depth_reader.to_raw_depth(np.full((60, 80), 2.0), "npy")
TOF = Camera((30, 40), 36, 36, 19.5, 14.5, (), rotation(0, 0.01, 0), np.array([0.05, 0, 0]))


def photo(height: int = 60, width: int = 80) -> Photo:
    return Photo(np.zeros((height, width, 3), np.uint8))


def depth_png(path: Path, height: int = 30, width: int = 40, mm: Any = 2000) -> Path:
    assert cv2.imwrite(str(path), np.full((height, width), mm, np.uint16))
    return path


def calib_json(path: Path, rig: Rig) -> Path:
    path.write_text(calibration_reader.encode_calibration(rig))
    return path


def test_a_depth_file_alone_belongs_pixel_by_pixel(tmp_path: Path) -> None:
    given_depth = attach(photo(), depth=depth_png(tmp_path / "d.png")).evidence.depth_map
    assert given_depth is not None
    assert given_depth.camera is None
    assert (given_depth.unit, given_depth.z[0, 0]) == ("mm, assumed", 2)
    scaled = attach(photo(), depth=tmp_path / "d.png", depth_scale=5000).evidence.depth_map
    assert scaled is not None
    assert scaled.z[0, 0] == pytest.approx(0.4)


def test_calibration_gives_both_their_cameras(tmp_path: Path) -> None:
    calib = calib_json(tmp_path / "c.json", Rig(COLOR.scaled((600, 800)), TOF))
    got = attach(photo(), depth=depth_png(tmp_path / "d.png"), calib=calib)
    assert got.camera is not None
    assert got.camera.shape == (60, 80)
    assert got.camera.matrix == pytest.approx(COLOR.matrix)
    depth = got.evidence.depth_map
    assert depth is not None
    assert depth.camera is not None
    turn, shift = Rig(got.camera, depth.camera).pose
    assert turn == pytest.approx(Rig(COLOR, TOF).pose[0])
    assert shift == pytest.approx(Rig(COLOR, TOF).pose[1])


def test_calibration_of_another_picture_is_refused(tmp_path: Path) -> None:
    calib = calib_json(tmp_path / "c.json", Rig(COLOR, TOF))
    depth = depth_png(tmp_path / "d.png")
    with pytest.raises(InputError, match=r"c.json: camera of the photo: .*80 x 60 .*60 x 80"):
        attach(photo(80, 60), depth=depth, calib=calib)
    with pytest.raises(InputError, match=r"camera of the depth: .*40 x 30 .*30 x 40"):
        attach(photo(), depth=depth_png(tmp_path / "e.png", 40, 30), calib=calib)
    with pytest.raises(InputError, match="calibration: camera of the photo"):
        attach(photo(80, 60), depth=depth, calib=Rig(COLOR, TOF))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("calibrated", [True, False])
def test_a_turned_photo_takes_its_depth_along(orientation: int, calibrated: bool) -> None:
    """Depth and calibration are for the stored pixels, the photo stands upright."""
    z = np.full((60, 80), 4.0, np.float32)
    z[20:30, 50:75] = 2.0
    raw = depth_reader.to_raw_depth(z, "npy")
    still = photo(*apply_orientation(z, orientation).shape)
    rig = Rig(COLOR, COLOR) if calibrated else None
    got = attach(still, depth=raw, calib=rig, orientation=orientation)
    depth = sensor_depth(
        got, Canvas(np.zeros((1, 3, *got.shape), np.float32), Letterbox.identity(got.shape))
    )
    assert np.array_equal(depth.z.round(4), apply_orientation(z, orientation))
    assert (depth.validity == DepthStatus.VALID).all()


def test_a_second_view_is_given_as_a_photo_is(tmp_path: Path) -> None:
    """Bytes, an open file, a Pillow picture, gray and floats: the same view as the array."""
    rgb = np.full((60, 80, 3), 51, np.uint8)
    picture = Image.fromarray(rgb)
    picture.save(tmp_path / "b.png")
    content = (tmp_path / "b.png").read_bytes()
    for shown in (content, io.BytesIO(content), picture, rgb[..., 0], np.full((60, 80), 0.2)):
        view = attach(photo(), right=shown).evidence.second_view
        assert view is not None
        assert view.side == "right"
        assert np.array_equal(view.rgb, rgb)
    for wrong in (3, [[1, 2], [3, 4]], b"no picture"):
        with pytest.raises(InputError, match="; give"):
            attach(photo(), right=wrong)


def test_what_is_no_depth_and_no_calibration_is_one_line() -> None:
    z = np.full((60, 80), 2.0, np.float32)
    for wrong in (b"{}", io.BytesIO(b"{}")):
        depth: Any = wrong
        with pytest.raises(InputError, match="depth: is no path; give"):
            attach(photo(), depth=depth)
    for wrong in (b"{}", {"fx": 1}, 3, ""):
        calib: Any = wrong
        with pytest.raises(InputError, match="calib: is no path; give"):
            attach(photo(), depth=z, calib=calib)


@pytest.mark.parametrize("kind", ["array", "photo", "view"])
def test_a_second_view_need_not_be_a_file(kind: str) -> None:
    rgb = np.full((60, 80, 3), 7, np.uint8)
    given_view: Any = {
        "array": rgb, "photo": Photo(rgb), "view": StereoView(rgb, "left", "array")
    }[kind]  # fmt: skip
    view = attach(photo(), right=given_view).evidence.second_view
    assert view is not None
    assert (view.side, view.kind, view.is_attached) == (
        "left" if kind == "view" else "right",
        "array",
        True,
    )
    assert (view.rgb == 7).all()
    moved = replace(COLOR, translation=np.array([-0.1, 0, 0]))
    known = attach(photo(), right=given_view, calib=Rig(COLOR, moved, True)).evidence.second_view
    assert known is not None
    assert (known.side, known.camera) == ("right", moved)
    with pytest.raises(InputError, match="second view: pixels are int64"):
        attach(photo(), right=np.zeros((4, 4), np.int64))


def test_depth_may_be_numbers() -> None:
    raw = attach(photo(), depth=np.full((60, 80), 2000), depth_scale=500.0).evidence.depth_map
    assert raw is not None
    assert raw.z.max() == 4
    raw = attach(photo(), depth=np.eye(60, 80), depth_kind="inverse").evidence.depth_map
    assert raw is not None
    assert (raw.metric, raw.direction_assumed) == (False, False)


def test_the_second_view(tmp_path: Path) -> None:
    right = tmp_path / "right.png"
    cv2.imwrite(str(right), np.full((60, 80, 3), 7, np.uint8))
    view = attach(photo(), right=right).evidence.second_view
    assert view is not None
    assert (view.side, view.kind, view.camera, view.rectified) == ("right", "file", None, None)
    assert (view.rgb == 7).all()
    for shift, side in ((-0.1, "right"), (0.1, "left")):
        other = replace(COLOR, translation=np.array([shift, 0, 0]))
        calib = calib_json(tmp_path / "c.json", Rig(COLOR, other, True))
        got = attach(photo(), right=right, calib=calib)
        view = got.evidence.second_view
        assert view is not None
        assert (view.side, view.rectified) == (side, True)
        assert got.camera == COLOR
        assert view.camera == other


def test_a_turned_pair_turns_its_cameras(tmp_path: Path) -> None:
    """On its head the right view is the left one; on its side rows are columns."""
    other = replace(COLOR, translation=np.array([-0.1, 0, 0]))
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((60, 80, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((80, 60, 3), np.uint8))
    rig = Rig(COLOR, other, True)
    view = attach(photo(), right=tmp_path / "a.png", calib=rig, orientation=3).evidence.second_view
    assert view is not None
    assert (view.side, view.rectified) == ("left", True)
    turned = attach(photo(80, 60), right=tmp_path / "b.png", calib=rig, orientation=6)
    view = turned.evidence.second_view
    assert view is not None
    assert view.rectified is False
    assert turned.camera is not None
    assert view.camera is not None
    point = COLOR.unproject(pixels(COLOR)[30, 20], np.array(2.0))
    assert turned.camera.project(point) == pytest.approx((29, 20))
    disparity = turned.camera.project(point) - view.camera.project(point)
    assert disparity == pytest.approx((0, 70 * 0.1 / 2))


def test_what_cannot_be_put_together(tmp_path: Path) -> None:
    depth = depth_png(tmp_path / "d.png")
    with pytest.raises(InputError, match="for both depth and second view"):
        attach(photo(), depth=depth, right=depth, calib=tmp_path / "c.json")
    with pytest.raises(InputError, match="give a depth file or a view"):
        attach(photo(), photo_time=1.0)
    for alone, said in (
        ({"calib": Rig(COLOR, TOF)}, "calib: goes with depth or right"),
        ({"calib": "c.json"}, "calib c.json: goes with depth or right"),
        ({"right": depth, "depth_scale": 1000.0}, "depth_scale 1000.0: goes with depth"),
        ({"depth_scale": 1000.0}, "depth_scale 1000.0: goes with depth"),
        ({"right": depth, "depth_kind": "inverse"}, "depth_kind inverse: goes with depth"),
        ({"depth": RAW, "depth_scale": 5.0}, "a RawDepth states scale and kind itself"),
    ):
        with pytest.raises(OptionError, match=f"^array: {said}"):
            attach(photo(), **alone)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"^--sensor: goes with --depth; give one"):
        check_inputs_together(sensor=object(), flags=True)
    with pytest.raises(InputError, match="depth_time without depth"):
        attach(photo(), right=depth, depth_time=1.0)
    with pytest.raises(InputError, match="no such file"):
        attach(photo(), depth=tmp_path / "absent.png")
    with pytest.raises(InputError, match="no such file"):
        attach(photo(), depth=depth, calib=tmp_path / "absent.json")


def test_depth_and_view_may_both_come(tmp_path: Path) -> None:
    right = tmp_path / "right.png"
    cv2.imwrite(str(right), np.zeros((60, 80, 3), np.uint8))
    found = attach(photo(), depth=depth_png(tmp_path / "d.png"), right=right).evidence
    assert found.depth_map is not None
    assert found.second_view is not None


# TUM RGB-D


def test_association_by_hand() -> None:
    assert tum_rgbd.match_frame_times([1.0, 2.0, 3.0], [1.01, 2.05, 2.99], 0.02) == [(0, 0), (2, 2)]
    # Both want the depth at 1.01: the nearer gets it, the other the next best.
    assert tum_rgbd.match_frame_times([1.0, 1.012], [1.01, 0.99], 0.02) == [(0, 1), (1, 0)]
    assert tum_rgbd.match_frame_times([], [1.0]) == []


@given(st.lists(st.integers(0, 300), unique=True), st.lists(st.integers(0, 300), unique=True))
def test_association_is_one_to_one_and_misses_nothing(times: list[int], others: list[int]) -> None:
    one, two = [time / 100 for time in times], [time / 100 for time in others]
    pairs = tum_rgbd.match_frame_times(one, two, 0.02)
    assert all(abs(one[i] - two[j]) <= 0.02 for i, j in pairs)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    assert [one[i] for i, _ in pairs] == sorted(one[i] for i, _ in pairs)
    left = set(range(len(one))) - {i for i, _ in pairs}
    free = set(range(len(two))) - {j for _, j in pairs}
    assert not any(abs(one[i] - two[j]) <= 0.02 for i in left for j in free)


def folder(place: Path) -> Path:
    """Three photos and three depth pictures, one of them too late."""
    for kind, times in (("rgb", (1.0, 2.0, 3.0)), ("depth", (1.01, 2.5, 2.995))):
        (place / kind).mkdir()
        lines = [f"# {kind}", ""]
        for time in times:
            name = f"{kind}/{time:.6f}.png"
            pixels_of = {
                "rgb": np.zeros((60, 80, 3), np.uint8), "depth": np.full((60, 80), 10000, np.uint16)
            }[kind]  # fmt: skip
            assert cv2.imwrite(str(place / name), pixels_of)
            lines.append(f"{time:.6f} {name}")
        (place / f"{kind}.txt").write_text("\n".join(lines) + "\n")
    return place


def test_frame_pairs_of_a_folder(tmp_path: Path) -> None:
    found = tum_rgbd.read_frame_pairs(folder(tmp_path))
    assert [(one.photo_time, one.depth_time) for one in found] == [(1.0, 1.01), (3.0, 2.995)]
    got = found[0].read()
    assert got.evidence.depth_map is not None
    assert got.evidence.depth_map.z[0, 0] == pytest.approx(2.0)
    assert got.meta.time == 1.0
    assert got.evidence.depth_map.time == 1.01
    canvas = Canvas(np.zeros((1, 3, 60, 80), np.float32), Letterbox.identity((60, 80)))
    assert sensor_depth(got, canvas).source == "sensor"
    late = attach(
        photo_reader.read(found[0].photo), depth=found[0].depth, photo_time=1, depth_time=2.5
    )
    with pytest.raises(InputError, match=r"1\.5 s apart; 0\.02 s are allowed"):
        sensor_depth(late, canvas)


def test_damaged_lists_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"rgb.txt: cannot be read"):
        tum_rgbd.read_frame_pairs(tmp_path)
    folder(tmp_path)
    with pytest.raises(InputError, match=r"within 0\.001 s; allow more"):
        tum_rgbd.read_frame_pairs(tmp_path, 0.001)
    for text in ("now rgb/a.png", "1.0", "nan rgb/a.png"):
        (tmp_path / "rgb.txt").write_text(f"# rgb\n{text}\n")
        with pytest.raises(InputError, match=r"rgb.txt: line 2 is not a time and a file"):
            tum_rgbd.read_frame_pairs(tmp_path)
    (tmp_path / "rgb.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not text"):
        tum_rgbd.read_frame_pairs(tmp_path)


def test_hand_written_json_through_files(tmp_path: Path) -> None:
    """As a user writes it: the depth camera stands 5 cm to the photo camera's right."""
    calib = {
        "depthmatte": 1,
        "photo": {"size": [80, 60], "fx": 70, "fy": 70, "cx": 39.5, "cy": 29.5},
        "translation": [0.05, 0, 0],
    }
    (tmp_path / "c.json").write_text(json.dumps(calib))
    z = np.full((60, 80), 3500)
    z[20:40, 30:50] = 1000
    got = attach(photo(), depth=depth_png(tmp_path / "d.png", 60, 80, z), calib=tmp_path / "c.json")
    canvas = Canvas(np.zeros((1, 3, 60, 80), np.float32), Letterbox.identity((60, 80)))
    depth = sensor_depth(got, canvas)
    # At 1 m 0.05 m are 3.5 pixels, at 3.5 m one: the card moves right, the wall less.
    assert depth.z[30, 34:53] == pytest.approx(1.0)
    assert depth.z[30, 54:70] == pytest.approx(3.5)
    assert depth.validity[30, 31:33].tolist() == [DepthStatus.OCCLUDED] * 2
