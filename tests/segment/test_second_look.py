"""The second look: a small portrait fills the canvas, and everything still lies where it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depthmatte.canvas import Box, Canvas, Letterbox, from_canvas, prepare_canvas, to_canvas
from depthmatte.depth import no_depth
from depthmatte.depth.resample import resample_depth
from depthmatte.errors import InputError
from depthmatte.evaluation.memoize import memoize_step
from depthmatte.evidence import DepthStatus
from depthmatte.fusion import FUSIONS
from depthmatte.options import SubjectRequest
from depthmatte.photo import Photo
from depthmatte.pipeline import Pipeline
from depthmatte.portrait import Portrait
from depthmatte.segment.second_look import _MIN_ENLARGEMENT, find_second_look_box
from depthmatte.values import Depth, Matte

PRESET = (96, 64)


def small_person(rows: int = 600, columns: int = 900, size: int = 90) -> Photo:
    """A red square of `size` pixels in a large blue photo."""
    rgb = np.zeros((rows, columns, 3), np.uint8)
    rgb[..., 2] = 200
    rgb[300 : 300 + size, 400 : 400 + size] = (250, 0, 0)
    return Photo(rgb)


def red(canvas: Canvas) -> Matte:
    alpha = np.clip(canvas.rgb[0, 0] - canvas.rgb[0, 2], 0, 1).astype(np.float32)
    return Matte(alpha, alpha)


def ramp(photo: Photo, canvas: Canvas) -> Depth:
    """Metric depth that grows to the right of the photo."""
    width = photo.shape[1]
    z = np.tile(1 + np.arange(width, dtype=np.float32) / width, (photo.shape[0], 1))
    z = to_canvas(z, canvas.fit, padding=1.0)
    return Depth(z, np.full_like(z, 0.8), metric=True, source="sensor")


def pipeline(**options: object) -> Pipeline:
    steps = {"segment": red, "measure": ramp, "fuse": FUSIONS["none"]}
    return Pipeline(**{**steps, "preset": PRESET, **options})  # type: ignore[arg-type]


@st.composite
def fits(draw: st.DrawFn) -> tuple[Letterbox, Box]:
    photo = draw(st.integers(20, 300)), draw(st.integers(20, 300))
    height, width = draw(st.integers(8, photo[0])), draw(st.integers(8, photo[1]))
    top = draw(st.integers(0, photo[0] - height))
    left = draw(st.integers(0, photo[1] - width))
    box = Box(top, left, height, width)
    return Letterbox.for_photo(photo, PRESET, draw(st.sampled_from(["pad", "rotate"])), box), box


@settings(max_examples=80, deadline=None)
@given(fits())
def test_a_part_goes_to_the_canvas_and_back(case: tuple[Letterbox, Box]) -> None:
    fit, box = case
    y, x = np.mgrid[: fit.photo[0], : fit.photo[1]].astype(np.float32)
    corners = np.array([[box.left, box.top], [box.left + box.width - 1, box.top + box.height - 1]])
    assert np.allclose(fit.points_to_photo(fit.points_to_canvas(corners)), corners)
    back = from_canvas(to_canvas(x, fit), fit)
    assert back.shape == fit.photo
    outside = np.ones(fit.photo, bool)
    outside[box.slices] = False
    assert not back[outside].any()
    if fit.scale >= 1:  # enlarged, every pixel comes back within half of one
        assert np.abs(back - x)[box.slices].max() < 0.5
        assert np.abs(from_canvas(to_canvas(y, fit), fit) - y)[box.slices].max() < 0.5


def test_a_part_outside_the_photo_is_refused() -> None:
    for box in (Box(0, 0, 11, 5), Box(-1, 0, 5, 5), Box(0, 6, 5, 5), Box(0, 0, 0, 5)):
        with pytest.raises(InputError, match="not inside a photo"):
            Letterbox.for_photo((10, 10), PRESET, crop=box)


@given(st.data())
def test_a_box_holds_what_is_marked_and_its_margin(data: st.DataObject) -> None:
    shape = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 30))
    marked = np.zeros(shape, bool)
    ends = [sorted(data.draw(st.tuples(*[st.integers(0, n - 1)] * 2))) for n in shape]
    for row, column in zip(*ends, strict=True):
        marked[row, column] = True
    margin = data.draw(st.integers(0, 5))
    wide = np.zeros(shape, bool)
    wide[tuple(slice(max(0, low - margin), high + margin + 1) for low, high in ends)] = True
    box = Box.bounding(marked, margin)
    boxed = np.zeros(shape, bool)
    boxed[box.slices] = True
    assert np.array_equal(boxed, wide)
    assert box.inside(shape)


def test_a_box_around_nothing_is_empty() -> None:
    assert Box.bounding(np.zeros((4, 5), bool), 3).shape == (0, 0)


def test_a_fit_follows_the_photo_to_another_size() -> None:
    fit = Letterbox.for_photo((100, 200), PRESET, crop=Box(10, 20, 50, 100)).resized((50, 100))
    assert fit.photo == (50, 100)
    assert fit.crop == Box(5, 10, 25, 50)
    assert fit.photo_share == pytest.approx(0.25)


def test_a_small_portrait_is_looked_at_again_and_stays_where_it_is() -> None:
    photo = small_person()
    truth = photo.rgb[..., 0] > 0
    once = pipeline(second_look=False)(photo)
    twice = pipeline()(photo)
    assert once.full_fit is None
    assert twice.full_fit == once.fit
    assert twice.fit.scale > _MIN_ENLARGEMENT * once.fit.scale
    wrong = [np.abs(portrait.alpha - truth).sum() for portrait in (once, twice)]
    assert wrong[1] < 0.6 * wrong[0]
    assert (twice.mask != truth).sum() < 0.02 * truth.sum()
    outside = np.ones(photo.shape, bool)
    outside[twice.fit.photo_box.slices] = False
    assert not twice.alpha[outside].any()


def test_depth_covers_the_whole_photo_after_a_second_look() -> None:
    photo = small_person()
    once, twice = pipeline(second_look=False)(photo), pipeline()(photo)
    for name in ("depth", "meters", "depth_prob", "validity"):
        np.testing.assert_array_equal(getattr(once, name), getattr(twice, name))


def test_measured_depth_moves_to_the_second_canvas() -> None:
    photo = small_person()
    first = prepare_canvas(photo, PRESET)
    near = prepare_canvas(photo, PRESET, crop=Box(250, 350, 180, 200))
    there, direct = resample_depth(ramp(photo, first), first.fit, near.fit), ramp(photo, near)
    inside = near.fit.inside()
    assert there.metric
    assert there.source == "sensor"
    # The nearest value: off by no more than a pixel of the first canvas.
    assert np.abs(there.z - direct.z)[inside].max() < 1 / first.fit.content_shape[1] + 1e-4
    assert (there.validity[~inside] == DepthStatus.MISSING).all()
    turned = prepare_canvas(photo, PRESET, "rotate")
    again = resample_depth(ramp(photo, turned), turned.fit, near.fit)
    assert np.abs(again.z - direct.z)[inside].max() < 1 / turned.fit.content_shape[0] + 1e-4


@pytest.mark.parametrize(
    ("photo", "why"),
    [
        (Photo(small_person(size=280).rgb[270:600, 370:700]), "it fills the canvas already"),
        (small_person(90 * 7, 64 * 7, 0), "nobody is there"),
        (Photo(small_person().rgb[290:380, 380:500]), "the photo has no more pixels"),
    ],
    ids=["large", "nobody", "small photo"],
)
def test_no_second_look_where_it_shows_nothing_more(photo: Photo, why: str) -> None:
    assert pipeline()(photo).full_fit is None, why


def test_specks_do_not_widen_the_crop() -> None:
    photo = small_person()
    fit = prepare_canvas(photo, PRESET).fit
    alpha = np.clip(to_canvas((photo.rgb[..., 0] > 0).astype(np.float32), fit), 0, 1)
    without = find_second_look_box(
        Portrait(photo, Matte(alpha, alpha), Depth.none(alpha.shape), fit), PRESET
    )
    alpha[fit.content_slices][2, 2] = 1
    speck = find_second_look_box(
        Portrait(photo, Matte(alpha, alpha), Depth.none(alpha.shape), fit), PRESET
    )
    assert without == speck
    assert without is not None
    assert without.top < 300 < 390 < without.top + without.height


def test_depth_on_another_canvas_than_the_matte_is_moved_to_it() -> None:
    """As after the finer look for everybody: the matte's canvas is larger than the depth's."""
    photo = small_person()
    photo.rgb[310:340, 620:640] = (250, 0, 0)
    fit = prepare_canvas(photo, PRESET).fit
    coarse = prepare_canvas(photo, (PRESET[0] // 2, PRESET[1] // 2)).fit
    alpha = np.clip(to_canvas((photo.rgb[..., 0] > 0).astype(np.float32), fit), 0, 1)
    found = []
    for depth_fit in (fit, coarse):
        z = np.full(depth_fit.canvas, 2, np.float32)
        depth = Depth(z, np.ones_like(z), metric=True, source="sensor")
        full = None if depth_fit is fit else depth_fit
        portrait = Portrait(photo, Matte(alpha, alpha), depth, fit, full_fit=full)
        found.append(find_second_look_box(portrait, PRESET, keep_all=True))
    assert found[0] is not None
    assert found[0] == found[1]


def test_two_people_are_both_in_the_crop() -> None:
    photo = small_person()
    photo.rgb[310:400, 620:700] = (250, 0, 0)
    portrait = pipeline()(photo)
    assert portrait.full_fit is not None
    assert portrait.mask[350, 440]
    assert portrait.mask[350, 660]


def test_a_second_look_that_loses_all_people_is_discarded() -> None:
    def shy(canvas: Canvas) -> Matte:
        return red(canvas) if canvas.fit.crop is None else Matte.empty(canvas.fit.canvas)

    portrait = pipeline(segment=shy)(small_person())
    assert portrait.found
    assert portrait.full_fit is None


def test_a_remembered_step_answers_each_canvas_once() -> None:
    asked: list[Letterbox] = []

    def segment(canvas: Canvas) -> Matte:
        asked.append(canvas.fit)
        return red(canvas)

    photo, kept = small_person(), memoize_step(segment)
    for _ in range(3):
        pipeline(segment=kept, measure=no_depth)(photo)
    assert len(asked) == 2
    assert asked[1].crop is not None


def test_measured_depth_keeps_the_scale_of_the_whole_photo() -> None:
    photo = small_person()
    first = prepare_canvas(photo, PRESET)
    near = prepare_canvas(photo, PRESET, crop=Box(250, 350, 180, 200))
    whole = ramp(photo, first)
    there = resample_depth(whole, first.fit, near.fit)
    assert there.scale == whole.scale
    inside = near.fit.inside()
    meters = there.z[inside].astype(float)
    np.testing.assert_allclose(there.relative[inside], meters / whole.z.max(), rtol=1e-5)
    low, high, _ = whole.scale
    expected = (np.log(meters) - low) / max(high - low, np.log(2))
    np.testing.assert_allclose(there.log_depth[inside], np.clip(expected, 0, 1), atol=1e-5)


def test_a_person_cut_by_the_edge_of_the_crop_is_left_out_whole() -> None:
    photo = small_person(size=100)
    photo.rgb[330:360, 512:560] = (250, 0, 0)  # small, and half inside the margin
    portrait = pipeline(measure=no_depth, preset=(192, 128))(photo)
    assert portrait.full_fit is not None
    assert 514 < portrait.fit.photo_box.slices[1].stop < 558
    assert portrait.mask[350, 450]
    assert not portrait.mask[:, 505:].any()


def test_all_keeps_every_person_however_small() -> None:
    photo = small_person(size=150)
    photo.rgb[90:150, 680:740] = (250, 0, 0)
    everybody = pipeline(subject=SubjectRequest("all"), measure=no_depth)(photo)
    assert everybody.mask[110, 708]
    auto = pipeline(measure=no_depth)(photo)
    assert auto.full_fit is not None
    assert not auto.mask[110, 708]


@pytest.mark.parametrize("fits", [True, False])
def test_a_small_piece_counts_as_measured_only_by_a_map_that_is_believed(fits: bool) -> None:
    photo = small_person(size=150)
    photo.rgb[90:150, 680:740] = (250, 0, 0)

    def measure(photo: Photo, canvas: Canvas) -> Depth:
        near = red(canvas).alpha > 0.5
        z = np.where(near == fits, np.float32(1), np.float32(3))
        return Depth(z, np.full_like(z, 0.8), metric=True, source="sensor")

    portrait = pipeline(measure=measure)(photo)
    assert portrait.mask[350, 440]
    assert portrait.mask[110, 708] == fits
    assert (portrait.full_fit is None) == fits  # with both in it, a second look shows nothing more


@pytest.mark.parametrize(("rows", "columns"), [(600, 900), (900, 600)])
def test_a_part_is_turned_as_its_photo_is(rows: int, columns: int) -> None:
    for part in (Box(10, 10, 100, 40), Box(10, 10, 40, 100)):
        fit = Letterbox.for_photo((rows, columns), PRESET, "rotate", part)
        assert fit.rotated == (columns > rows)
        assert fit.canvas == PRESET


def test_a_part_at_the_rim_stays_inside_a_smaller_photo() -> None:
    small = Letterbox.for_photo((1000, 100), PRESET, crop=Box(995, 0, 4, 10)).resized((100, 10))
    assert small.photo_box.inside((100, 10))
