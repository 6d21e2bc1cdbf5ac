"""Cameras: projecting undoes unprojecting, and turning or scaling follows the picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from depthmatte.camera import Camera, Rig, is_same_aspect
from depthmatte.canvas import Letterbox
from depthmatte.errors import InputError
from depthmatte.io.photo.orientation import apply_orientation
from rigs import cameras, pixels, rotation

SIMPLE = Camera((48, 64), 60, 55, 30.2, 25.1)


@given(cameras(turn=3, shift=5), st.floats(0.2, 50))
def test_projecting_undoes_unprojecting(camera: Camera, z: float) -> None:
    places = pixels(camera)
    points = camera.unproject(places, np.full(camera.shape, z))
    back = camera.project(points)
    seen = np.isfinite(points).all(axis=-1)
    # A strong lens that folds shows nothing in its corners; most of the picture it shows.
    assert seen.mean() > 0.5
    # Rays at the very fold of a lens may fall on either side of it.
    inside = seen & np.isfinite(back).all(axis=-1)
    assert inside.sum() >= seen.sum() * 0.999
    assert np.abs(back - places)[inside].max() < 1e-4


@given(cameras(turn=3, shift=5))
def test_opencv_projects_the_same(camera: Camera) -> None:
    rng = np.random.default_rng(0)
    own = rng.uniform([-0.5, -0.5, 1], [0.5, 0.5, 2], (50, 3))
    world = (own - camera.translation) @ camera.rotation
    got = camera.project(world)
    vector, _ = cv2.Rodrigues(camera.rotation)
    distortion = np.array(camera.distortion) if camera.distortion else None
    wanted, _ = cv2.projectPoints(world, vector, camera.translation, camera.matrix, distortion)
    seen = np.isfinite(got).all(axis=-1)
    assert seen.sum() > 25
    assert np.abs(got - wanted[:, 0])[seen].max() < 1e-4


@given(cameras(), st.integers(1, 8))
def test_turning_follows_the_picture(camera: Camera, orientation: int) -> None:
    stored = np.arange(camera.shape[0] * camera.shape[1]).reshape(camera.shape)
    turned = camera.apply_orientation(orientation)
    seen = apply_orientation(stored, orientation)
    assert turned.shape == seen.shape
    points = camera.unproject(pixels(camera), np.full(camera.shape, 2.0))
    assume(np.isfinite(points).all())
    places = turned.project(points)
    known = np.isfinite(places).all(axis=-1)
    whole = np.round(places[known]).astype(int)
    assert np.abs(places[known] - whole).max() < 1e-4
    assert np.array_equal(seen[whole[:, 1], whole[:, 0]], stored[known])


def test_orientation_8_is_rot90() -> None:
    turned = SIMPLE.apply_orientation(8)
    x, y = turned.project(SIMPLE.unproject(np.array([63, 0]), np.array(3.0)))
    assert (turned.shape, round(x, 6), round(y, 6)) == ((64, 48), 0, 0)
    with pytest.raises(InputError, match="use 1 to 8"):
        SIMPLE.apply_orientation(0)


@given(cameras(), st.integers(1, 300), st.integers(1, 300))
def test_scaling_keeps_half_pixels(camera: Camera, height: int, width: int) -> None:
    fit = Letterbox(camera.shape, (height, width), (height, width), (0, 0))
    points = camera.unproject(pixels(camera), np.full(camera.shape, 2.0))
    places = camera.scaled((height, width)).project(points)
    known = np.isfinite(places).all(axis=-1)
    assert np.abs(places - fit.points_to_canvas(pixels(camera)))[known].max() < 1e-3


def test_what_is_not_in_front_is_nowhere() -> None:
    assert np.isnan(SIMPLE.project(np.array([[0.0, 0, -1], [0, 0, 0]]))).all()


def test_a_lens_that_folds_shows_nothing_twice() -> None:
    barrel = Camera((48, 64), 60, 60, 31.5, 23.5, (-0.3, 0.0, 0.0, 0.0))
    assert barrel.max_ideal_radius == pytest.approx(1 / np.sqrt(0.9), abs=2e-3)
    assert np.isfinite(barrel.project(np.array([1.0, 0, 1]))).all()
    # At four times the fold the formula would put it right into the picture.
    assert np.isnan(barrel.project(np.array([1.7, 0, 1]))).all()
    assert np.isnan(barrel.unproject(np.array([31.5 + 60, 23.5]), np.array(1.0))).all()


def test_rays_are_kept_and_cannot_be_spoiled() -> None:
    rays = SIMPLE.rays()
    assert rays is SIMPLE.rays()
    assert rays[25, 30] == pytest.approx([(30 - 30.2) / 60, (25 - 25.1) / 55], abs=1e-6)
    with pytest.raises(ValueError, match="read-only"):
        rays[0] = 0


@pytest.mark.parametrize("right", [True, False])
def test_a_rectified_rig_knows_baseline_side_and_doffs(right: bool) -> None:
    """Middlebury's z = f b / (d + doffs), whichever view is the photo."""
    left_view = Camera((48, 64), 60, 60, 30, 24)
    right_view = Camera((48, 64), 60, 60, 33, 24, translation=np.array([-0.1, 0, 0]))
    rig = Rig(left_view, right_view, True) if right else Rig(right_view, left_view, True)
    assert rig.baseline == pytest.approx(0.1)
    assert rig.side == ("right" if right else "left")
    assert rig.doffs == pytest.approx(3)
    point = np.array([0.2, 0.1, 2.5])
    disparity = left_view.project(point)[0] - right_view.project(point)[0]
    assert 60 * rig.baseline / (disparity + rig.doffs) == pytest.approx(2.5)


def test_pose_moves_points_from_the_other_camera() -> None:
    photo = Camera((4, 4), 1, 1, 0, 0, (), rotation(0.1, 0.2, 0.3), np.array([1.0, 2, 3]))
    other = Camera((4, 4), 1, 1, 0, 0, (), rotation(-0.3, 0.1, 0), np.array([0.5, 0, -1]))
    world = np.array([0.3, -0.2, 4])
    turn, shift = Rig(photo, other).pose
    seen = other.rotation @ world + other.translation
    assert turn @ seen + shift == pytest.approx(photo.rotation @ world + photo.translation)


def test_a_picture_of_another_shape_is_refused() -> None:
    assert SIMPLE.for_picture_shape((96, 128)).cx == pytest.approx(30.7 * 2 - 0.5)
    assert SIMPLE.for_picture_shape((48, 64)) is SIMPLE
    with pytest.raises(InputError, match="64 x 48 pixels but its picture has 48 x 64"):
        SIMPLE.for_picture_shape((64, 48))
    assert is_same_aspect((3024, 4032), (576, 768))
    assert not is_same_aspect((2160, 3840), (576, 768))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"fx": 0.0}, "fx, fy positive"),
        ({"cx": np.nan}, "finite"),
        ({"distortion": (1.0,)}, "give none, 4, 5 or 8"),
        ({"shape": (0, 4)}, "height and width"),
        ({"rotation": np.eye(3) * 2}, "orthonormal"),
        ({"rotation": np.eye(2)}, "3 x 3"),
        ({"translation": np.array([0, 0, np.inf])}, "finite"),
    ],
)
def test_nonsense_is_refused(fields: dict[str, object], said: str) -> None:
    values = {"shape": (4, 4), "fx": 1.0, "fy": 1.0, "cx": 0.0, "cy": 0.0, **fields}
    with pytest.raises(InputError, match=said):
        Camera(**values)  # type: ignore[arg-type]
