"""The blur is a lens: exact scenes, the thin-lens formula, shapes, and every size of input."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depthmatte.camera import Camera
from depthmatte.canvas import Box, Letterbox
from depthmatte.effects import Blur
from depthmatte.effects.lens.aperture import Aperture
from depthmatte.effects.lens.layers import RadiusSteps
from depthmatte.effects.lens.optics import focal_length_mm, thin_lens
from depthmatte.errors import OptionError
from depthmatte.option_fields import parse_options, parse_pairs
from depthmatte.photo import Photo
from depthmatte.portrait import Portrait
from depthmatte.server.kept_portraits import scale_portrait
from depthmatte.values import Depth, Matte
from lens_scenes import LensScene, blur, make_scene
from paintings import GRAY, RED, ball, composite, noise, off, plain

SHAPE = (180, 240)


def metric(rgb: Any, alpha: Any, meters: Any, camera: Camera | None = None) -> Portrait:
    """A portrait with depth in meters."""
    meters = np.asarray(np.broadcast_to(meters, alpha.shape), np.float32)
    depth = Depth(meters, np.ones_like(alpha), True, "sensor")
    photo = Photo(rgb, camera=camera)
    return Portrait(photo, Matte(alpha, alpha), depth, Letterbox.identity(photo.shape))


def error(picture: np.ndarray, scene: LensScene) -> float:
    return float(np.abs(picture.astype(float) - scene.truth).mean())


@pytest.mark.parametrize("seed", [0, 3, 11])
def test_a_scene_looks_as_through_the_lens(seed: int) -> None:
    """At most half the error of blurring everything and pasting the subject."""
    scene = make_scene(seed, SHAPE)
    portrait = scene.portrait()
    picture = Blur(aperture=scene.lens.aperture)(portrait)
    radius = np.abs(scene.lens.radius(scene.meters, SHAPE))
    soft = blur(portrait.photo.rgb.astype(np.float32), float(radius[scene.alpha < 0.5].mean()))
    pasted = composite(portrait.photo.rgb, scene.alpha, soft)
    assert error(picture, scene) <= 0.5 * error(pasted, scene)
    assert error(picture, scene) < 0.3 * error(portrait.photo.rgb, scene)


def test_no_color_of_the_subject_around_it() -> None:
    """Everything but the subject is gray, before it and behind it."""
    scene = make_scene(5, SHAPE)
    picture = Blur(aperture=scene.lens.aperture)(scene.portrait())
    color = np.ptp(picture.astype(int), axis=-1)
    away = blur((scene.alpha > 0).astype(np.float32), 4) == 0
    allowed = np.ptp(scene.truth.astype(int), axis=-1)
    assert np.abs(color - allowed)[away].mean() <= 1


def test_a_near_thing_has_a_soft_edge_over_the_subject() -> None:
    """A bar before the subject: no step between neighbors, though the photo has one of 200."""
    bar = np.zeros(SHAPE, bool)
    bar[:, 110:130] = True
    alpha = ball(SHAPE, 60) * ~bar
    photo = composite(plain(SHAPE, RED), ball(SHAPE, 60), plain(SHAPE, GRAY))
    photo[bar] = (20, 230, 230)
    meters = np.where(bar, 0.8, np.where(ball(SHAPE, 60) > 0.5, 2.0, 6.0))
    picture = Blur(aperture=1.2)(metric(photo, alpha.astype(np.float32), meters))
    row = picture[90, 75:165].astype(int)
    assert np.abs(np.diff(row[:, 0])).max() < 50
    assert row[:, 0].min() < 120  # the bar is still there
    assert off(picture, photo)[80:100, 85:95].max() <= 60  # and the subject beside it


@pytest.mark.parametrize("focal", [28.0, 50.0, 85.0])
@pytest.mark.parametrize("meters", [0.5, 1.0, 4.0, 100.0])
def test_radius_follows_the_thin_lens(focal: float, meters: float) -> None:
    shape, focus, aperture = (480, 640), 1.6, 1.8
    pixels = focal / np.hypot(36, 24) * np.hypot(*shape)
    photo = Photo(plain(shape, GRAY), camera=Camera(shape, pixels, pixels, 319.5, 239.5))
    assert focal_length_mm(photo) == pytest.approx(focal)
    f, s = focal / 1000, focus
    diameter = f / aperture * f / (s - f) * (meters - s) / meters
    expected = diameter / 2 / (np.hypot(36, 24) / 1000) * np.hypot(*shape)
    assert thin_lens(photo, aperture, 1 / s).radius(1 / meters) == pytest.approx(expected)


def test_an_unknown_camera_counts_as_a_normal_lens() -> None:
    assert focal_length_mm(Photo(plain((30, 40), GRAY))) == 50


@pytest.mark.parametrize("blades", [0, 5, 6, 7, 8, 9])
@pytest.mark.parametrize("radius", [4.0, 7.3])
def test_a_point_becomes_the_shape_with_the_area_of_the_disc(blades: int, radius: float) -> None:
    point = np.zeros((41, 41), np.float32)
    point[20, 20] = 1
    spot = Aperture(blades).blur(point, radius, Box(0, 0, 41, 41), (41, 41))
    assert spot.sum() == pytest.approx(1, abs=1e-4)
    assert (spot > spot.max() / 2).sum() == pytest.approx(np.pi * radius**2, rel=0.15)
    turned = Aperture(blades).blur(point, radius, Box(0, 0, 41, 41), (41, 41), reversed=True)
    np.testing.assert_allclose(turned, spot[::-1, ::-1], atol=1e-6)


def test_the_opening_closes_towards_the_corners() -> None:
    shape = (120, 160)
    points = np.zeros(shape, np.float32)
    points[60, 80] = points[10, 10] = 1
    spots = Aperture(0, 0.8).blur(points, 6, Box(0, 0, *shape), shape)
    areas = [(part > 1e-4).sum() for part in (spots[50:71, 70:91], spots[:21, :21])]
    assert areas[1] < 0.75 * areas[0]
    assert spots[:21, :21].sum() == pytest.approx(spots[50:71, 70:91].sum(), rel=0.05)


def test_a_lamp_gets_its_energy_back() -> None:
    """A clipped lamp gives a brighter disc than a gray just below clipping."""
    shape = (240, 240)
    discs = []
    for level in (250, 255):
        rgb = plain(shape, (0, 0, 0))
        rgb[30:34, 30:34] = level
        picture = Blur(1.0)(Portrait.from_arrays(rgb, ball(shape, 50)))
        discs.append(int(picture[20:44, 20:44].max()))
    assert discs[1] > 1.5 * discs[0]


def test_a_white_wall_does_not_shine() -> None:
    shape = (240, 240)
    rgb = plain(shape, (0, 0, 0))
    rgb[:, :120] = 255
    picture = Blur(1.0)(Portrait.from_arrays(rgb, ball(shape, 20)))
    assert picture[20, 120, 0] < 225  # half the light is level 188


def test_a_plain_photo_stays_plain() -> None:
    """Weights sum to 1 everywhere: no dark border, no seam between layers or tiles."""
    meters = np.linspace(9, 0.5, SHAPE[0], dtype=np.float32)[:, None]
    portrait = metric(plain(SHAPE, GRAY), ball(SHAPE, 40, 3), meters)
    for options in ({}, {"shape": "6", "cats_eye": 0.7}, {"focus": (0.1, 0.05)}):
        assert off(Blur(aperture=1.4, **options)(portrait), plain(SHAPE, GRAY)).max() <= 1


def test_a_floor_goes_softly_out_of_focus() -> None:
    """Each row farther from the focus is at least nearly as soft as the one before."""
    shape = (300, 200)
    meters = 2 / np.clip(np.linspace(0.1, 1, shape[0]), 0.1, 1)[:, None]
    alpha = ball(shape, 15, 1)
    alpha = np.roll(alpha, 130, axis=0)
    meters = np.where(alpha > 0.5, 2.0, meters)
    picture = Blur(aperture=0.8)(metric(noise(shape), alpha, meters)).astype(float)
    rough = [picture[row : row + 30, :80].std() for row in range(0, 300, 30)]
    assert rough[-1] > 2 * rough[0]
    assert all(low <= 1.15 * high for low, high in itertools.pairwise(rough))


def test_meters_and_strength_agree_at_any_scale() -> None:
    """Strength depends on ratios of distances alone."""
    meters = np.where(ball(SHAPE, 40) > 0.5, 1.0, np.linspace(1.5, 6, SHAPE[1])[None])
    one, ten = (
        Blur(0.6)(metric(noise(SHAPE), ball(SHAPE, 40, 2), meters * scale)) for scale in (1, 10)
    )
    assert off(one, ten).max() <= 2


@st.composite
def portraits(draw: st.DrawFn) -> Portrait:
    shape = draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    kind = draw(st.sampled_from(["empty", "full", "soft", "hard"]))
    soft = rng.random(shape, np.float32)
    alpha = {
        "empty": np.zeros_like(soft),
        "full": np.ones_like(soft),
        "soft": soft,
        "hard": (soft > 0.5).astype(np.float32),
    }[kind]
    rgb = rng.integers(0, 256, (*shape, 3), np.uint8)
    known = draw(st.sampled_from([None, 0.0, 0.5, 1.0]))
    if known is None:
        return Portrait.from_arrays(rgb, alpha)
    prob = (rng.random(shape) < known).astype(np.float32)
    z = rng.random(shape, np.float32)
    metric = draw(st.booleans())
    depth = Depth(z * 50 if metric else z, prob, metric, "sensor")
    return Portrait(Photo(rgb), Matte(alpha, alpha), depth, Letterbox.identity(shape))


share = st.floats(0, 1)


@settings(max_examples=60, deadline=None)
@given(
    portraits(),
    st.floats(0.01, 1),
    st.none() | st.floats(0.5, 128),
    st.none() | st.tuples(share, share),
    st.sampled_from(["disc", "5", "8"]),
    share,
)
def test_any_input_gives_a_picture(
    portrait: Portrait,
    strength: float,
    aperture: float | None,
    focus: tuple[float, float] | None,
    shape: str,
    cats_eye: float,
) -> None:
    with np.errstate(all="raise", under="ignore"):
        picture = Blur(strength, focus, aperture, shape, cats_eye)(portrait)  # type: ignore[arg-type]
    rgb = portrait.photo.rgb
    assert picture.shape == rgb.shape
    assert picture.dtype == np.uint8
    assert picture.min() >= 0
    if not portrait.alpha.any() or (portrait.alpha.min() == 1 and focus is None):
        np.testing.assert_array_equal(picture, rgb)
    still = Blur(0.0, focus, aperture, shape, cats_eye)(portrait)  # type: ignore[arg-type]
    np.testing.assert_array_equal(still, rgb)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(-300, 300), min_size=1, max_size=60), st.floats(0.5, 5), st.integers(0, 9)
)
def test_steps_share_every_pixel(values: list[float], smallest: float, seed: int) -> None:
    radii = np.float32(values)[None]
    weights = np.random.default_rng(seed).random(radii.shape, np.float32) * (seed > 0)
    steps = RadiusSteps.for_radii(radii, weights, smallest)
    placed = steps.coordinate(radii)
    total = sum(steps.members(placed, index) for index in range(len(steps.places)))
    np.testing.assert_allclose(total, 1, atol=1e-3)


def test_a_preview_keeps_its_scene_and_looks_like_the_photo() -> None:
    scene = make_scene(2, (360, 480))
    portrait = scene.portrait()
    preview = scale_portrait(portrait, 240)
    blurred = Blur(aperture=scene.lens.aperture)
    first = blurred(preview)
    assert preview.blur_scene is preview.blur_scene
    np.testing.assert_array_equal(blurred(preview), first)
    large = blurred(portrait).reshape(180, 2, 240, 2, 3).mean(axis=(1, 3))
    assert np.abs(large - first).mean() < 4


@pytest.mark.parametrize("text", ["focus=0.25;0.75", "focus=(0.25,0.75)"])
def test_a_lens_is_read_from_text(text: str) -> None:
    given_text = parse_pairs(f"aperture=1.8,{text},shape=7")
    assert parse_options(Blur, given_text) == Blur(aperture=1.8, focus=(0.25, 0.75), shape="7")


@pytest.mark.parametrize("options", [{"aperture": 0.1}, {"shape": "4"}, {"cats_eye": 2.0}])
def test_impossible_lenses_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=next(iter(options))):
        Blur(**options)
