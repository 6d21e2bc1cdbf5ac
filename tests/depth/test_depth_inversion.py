"""Depth that is inside out is noticed; right depth is never taken for it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import room_files
from depthmatte.canvas import Canvas, Letterbox, prepare_canvas, to_canvas
from depthmatte.depth import measure_depth
from depthmatte.depth.inversion_check import is_inverted, reject_inverted_depth
from depthmatte.depth.sensor.depth_map import sensor_depth
from depthmatte.errors import InputError
from depthmatte.evidence import Evidence, RawDepth, StereoView
from depthmatte.io.attach import attach
from depthmatte.io.depthmaps import depth_reader
from depthmatte.io.depthmaps.depth_reader import to_raw_depth
from depthmatte.io.photo import photo_reader
from depthmatte.photo import Photo
from depthmatte.values import Depth, Matte

SHAPE = (120, 88)


def person() -> NDArray[np.float32]:
    alpha = np.zeros(SHAPE, np.float32)
    alpha[30:, 25:65] = 1
    return alpha


def scene(own: float = 1.5, wall: float = 4.0, floor: bool = True) -> NDArray[np.float64]:
    """Meters: a person before a wall, on a floor that comes up to the camera."""
    z = np.full(SHAPE, wall)
    if floor:
        z[80:] = np.minimum(np.linspace(wall, 0.8, 40)[:, None], wall)
    z[person() > 0] = own
    return z


def photo(z: NDArray[np.float64] | None = None, kind: str = "auto") -> Photo:
    shot = Photo(np.zeros((*SHAPE, 3), np.uint8))
    return shot if z is None else attach(shot, z, depth_kind=kind)  # type: ignore[arg-type]


CANVAS = Canvas(np.zeros((1, 3, *SHAPE), np.float32), Letterbox.identity(SHAPE))
MATTE = Matte(person(), person())


def upside(z: NDArray[np.float64]) -> list[NDArray[np.floating]]:
    """The same as networks give it: inverse floats, and 8 bits with white near."""
    eight = 255 * (1 / z - 1 / z.max()) / (1 / z.min() - 1 / z.max())
    return [10 / z, eight.round().astype(np.uint8)]


@given(st.floats(0.6, 3), st.floats(1.3, 4), st.booleans())
def test_right_depth_is_believed_and_inverse_is_not(own: float, ratio: float, floor: bool) -> None:
    z = scene(own, own * ratio, floor)
    assert not is_inverted(MATTE, sensor_depth(photo(z), CANVAS))
    if not floor:
        for values in upside(z):
            assert is_inverted(MATTE, sensor_depth(photo(values), CANVAS))


def things() -> dict[str, NDArray[np.float64]]:
    """Right depth of scenes in which much is nearer than the person, or as near."""
    table, window, sofa, flat, bars = (scene() for _ in range(5))
    table[75:] = 0.9
    window[:, :18], window[:, 72:], window[:14] = 0.7, 0.7, 0.7
    sofa[40:, 10:80] = np.where(person()[40:, 10:80] > 0, 1.5, 1.55)
    flat[:] = 1.5
    bars[:, ::6] = 0.8
    return {"table": table, "window": window, "sofa": sofa, "flat": flat, "bars": bars}


@pytest.mark.parametrize("name", list(things()))
def test_what_stands_before_her_is_no_reason(name: str) -> None:
    assert not is_inverted(MATTE, sensor_depth(photo(things()[name]), CANVAS))


def test_no_people_or_too_little_depth_tells_nothing() -> None:
    wrong = upside(scene(floor=False))[0]
    depth = sensor_depth(photo(wrong), CANVAS)
    assert is_inverted(MATTE, depth)
    assert not is_inverted(Matte.empty(SHAPE), depth)
    assert not is_inverted(MATTE, Depth.none(SHAPE))
    holes = np.where(person() > 0, wrong, 0)
    assert not is_inverted(MATTE, sensor_depth(photo(holes), CANVAS))


def stereo_like(shot: Photo, canvas: Canvas) -> Depth:
    return Depth(np.full(SHAPE, 0.5, np.float32), np.ones(SHAPE, np.float32), source="mono")


def ask(shot: Photo, canvas: Canvas) -> Depth:
    return measure_depth(shot, canvas, {"sensor": sensor_depth, "mono": stereo_like})


def test_an_inverse_map_gives_way_to_the_next_source_with_a_note() -> None:
    shot = photo(upside(scene(floor=False))[0])
    found = reject_inverted_depth(shot, CANVAS, MATTE, ask(shot, CANVAS), ask)
    assert found.depth.source == "mono"
    assert found.photo.evidence.depth_map is None
    assert found.note is not None
    assert "--depth-kind inverse" in found.note
    assert "\n" not in found.note

    def alone(shot: Photo, canvas: Canvas) -> Depth:
        return measure_depth(shot, canvas, {"sensor": sensor_depth}, "sensor")

    found = reject_inverted_depth(shot, CANVAS, MATTE, alone(shot, CANVAS), alone)
    assert not found.depth.prob.any()
    assert found.note is not None
    assert "no depth was used" in found.note


@pytest.mark.parametrize("kind", ["distance", "inverse", "disparity"])
def test_what_was_said_is_believed(kind: str) -> None:
    shot = photo(upside(scene(floor=False))[0], kind)
    depth = ask(shot, CANVAS)
    assert reject_inverted_depth(shot, CANVAS, MATTE, depth, ask) == (shot, depth, None)


def believed_and_caught(folder: Path, names: list[str]) -> tuple[int, int]:
    """Of RGB-D frames with masks: how many maps are believed, and how many inverses are not."""
    believed = caught = 0
    for name in names:
        shot = photo_reader.read(folder / f"{name}.jpg")
        raw = depth_reader.read_depth_file(folder / f"{name}_depth.png")
        mask = cv2.imread(str(folder / f"{name}_mask.jpg"), cv2.IMREAD_GRAYSCALE)
        assert mask is not None
        canvas = prepare_canvas(shot)
        alpha = to_canvas((mask > 127).astype(np.float32), canvas.fit)
        inverse = np.where(raw.z > 0, 10 / np.maximum(raw.z, 0.05), 0)
        believed += not is_inverted(Matte(alpha, alpha), sensor_depth(attach(shot, raw), canvas))
        caught += is_inverted(Matte(alpha, alpha), sensor_depth(attach(shot, inverse), canvas))
    return believed, caught


def test_right_maps_of_a_room_are_believed(tmp_path: Path) -> None:
    names = [room_files.save(tmp_path, number) for number in range(6)]
    assert believed_and_caught(tmp_path, names) == (6, 6)


def test_right_maps_of_the_office_are_believed(shared: Path) -> None:
    folder = shared / "data" / "rgbd" / "office"
    names = [path.name.removesuffix("_depth.png") for path in sorted(folder.glob("*_depth.png"))]
    some = names[::4]
    believed, caught = believed_and_caught(folder, some)
    assert believed == len(some) > 0
    assert caught >= 0.8 * len(some)


# What the caller gives wins


def source(name: str, fails: bool = False, knows: bool = True):  # type: ignore[no-untyped-def]
    def answer(shot: Photo, canvas: Canvas) -> Depth:
        if fails:
            raise InputError(f"{name} cannot be used")
        sure = np.full(SHAPE, float(knows), np.float32)
        return Depth(np.full(SHAPE, 0.5, np.float32), sure, source=name)

    return answer


def evidence(*names: str) -> Photo:
    raw: RawDepth = to_raw_depth(np.full(SHAPE, 2.0), "npy")
    rgb = np.zeros((*SHAPE, 3), np.uint8)
    kinds = {"found": "mpo", "file": "file", "array": "array"}
    second = next((StereoView(rgb, "right", kinds[name]) for name in names if name in kinds), None)
    given_raw = raw if "depth" in names else None
    return Photo(rgb, evidence=Evidence(raw, given_raw, second))


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ((), "stored"),
        (("found",), "stored"),
        (("file",), "stereo"),
        (("array",), "stereo"),
        (("depth",), "sensor"),
        (("depth", "file"), "sensor"),
        (("depth", "found"), "sensor"),
    ],
)
def test_what_the_caller_gives_comes_before_what_the_file_holds(
    names: tuple[str, ...], wanted: str
) -> None:
    sources = {name: source(name) for name in ("stored", "sensor", "stereo", "mono")}
    assert measure_depth(evidence(*names), CANVAS, sources).source == wanted


def test_what_was_given_and_knows_nothing_gives_way() -> None:
    sources = {"stored": source("stored"), "sensor": source("sensor", knows=False)}
    assert measure_depth(evidence("depth"), CANVAS, sources).source == "stored"


def test_only_what_was_given_and_fails_is_an_error() -> None:
    broken = {"stored": source("stored", fails=True), "sensor": source("sensor", knows=False),
              "stereo": source("stereo", fails=True), "mono": source("mono")}  # fmt: skip
    assert measure_depth(evidence("depth", "found"), CANVAS, broken).source == "mono"
    with pytest.raises(InputError, match="stereo cannot be used"):
        measure_depth(evidence("array"), CANVAS, broken)
