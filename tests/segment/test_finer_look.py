"""The finer look: for everybody, only in doubt, on a canvas of bounded size, without seams."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depthmatte.canvas import Canvas, Letterbox
from depthmatte.depth import no_depth
from depthmatte.fusion import FUSIONS
from depthmatte.options import SubjectRequest
from depthmatte.photo import Photo
from depthmatte.pipeline import Pipeline
from depthmatte.segment.finer_look import combine_looks, finer_preset, first_preset
from depthmatte.types import Float
from depthmatte.values import Matte

PRESET = (96, 64)
SIDES = st.integers(1, 4000)


def scale(shape: tuple[int, int], preset: tuple[int, int]) -> float:
    return Letterbox.for_photo(shape, preset).scale


@settings(max_examples=150, deadline=None)
@given(st.tuples(SIDES, SIDES), st.sampled_from([PRESET, (480, 352), (640, 480), (518, 392)]))
def test_a_canvas_is_bounded_and_never_shows_less(
    shape: tuple[int, int], preset: tuple[int, int]
) -> None:
    chosen = first_preset(shape, preset)
    step = np.gcd(*preset)
    assert chosen[0] * chosen[1] <= preset[0] * preset[1]
    assert max(chosen) <= 8 * max(preset)
    assert all(side > 0 and side % step == 0 for side in chosen)
    long, short = max(shape), min(shape)
    assert min(chosen[0] / long, chosen[1] / short) >= min(preset[0] / long, preset[1] / short)
    assert finer_preset(shape, preset) == (2 * chosen[0], 2 * chosen[1])


@pytest.mark.parametrize("shape", [(3000, 4000), (4000, 3000), (600, 800), (1080, 1920), (7, 5)])
def test_usual_photos_keep_the_preset(shape: tuple[int, int]) -> None:
    assert first_preset(shape, (480, 352)) == (480, 352)


@pytest.mark.parametrize("shape", [(1000, 4000), (4000, 1000), (300, 3000), (6000, 500)])
def test_panoramas_and_strips_show_people_larger(shape: tuple[int, int]) -> None:
    chosen = first_preset(shape, (480, 352))
    assert scale(shape, chosen) > 1.4 * scale(shape, (480, 352))


@st.composite
def two_looks(draw: st.DrawFn) -> tuple[Matte, Letterbox, Matte, Letterbox]:
    shape = draw(st.integers(20, 300)), draw(st.integers(20, 300))
    fits = [Letterbox.for_photo(shape, size) for size in (finer_preset(shape, PRESET), PRESET)]
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    mattes = []
    for fit in fits:
        planes = [rng.random(fit.canvas, np.float32) * fit.inside() for _ in range(2)]
        mattes.append(Matte(*(plane.astype(np.float32) for plane in planes)))
    return mattes[0], fits[0], mattes[1], fits[1]


@settings(max_examples=40, deadline=None)
@given(two_looks())
def test_looks_combine_to_a_matte_within_the_photo(
    looks: tuple[Matte, Letterbox, Matte, Letterbox],
) -> None:
    fine, fit, coarse, coarse_fit = looks
    both = combine_looks(fine, fit, coarse, coarse_fit)
    assert both.alpha.shape == fit.canvas
    assert not both.alpha[~fit.inside()].any()
    assert not both.prob[~fit.inside()].any()


def flat(value: float, fit: Letterbox, prob: float | None = None) -> Matte:
    inside = fit.inside().astype(np.float32)
    return Matte(inside * np.float32(value), inside * np.float32(value if prob is None else prob))


def combined(coarse: float, fine: float) -> Float:
    first = Letterbox.for_photo((90, 60), PRESET)
    second = Letterbox.for_photo((90, 60), finer_preset((90, 60), PRESET))
    both = combine_looks(flat(fine, second), second, flat(coarse, first), first)
    return both.prob[second.content_slices]


def test_the_first_look_decides_where_it_is_sure_and_the_finer_one_where_it_is_not() -> None:
    np.testing.assert_allclose(combined(0.0, 1.0), 0, atol=0.01)
    np.testing.assert_allclose(combined(1.0, 0.0), 1, atol=0.01)
    np.testing.assert_allclose(combined(0.5, 1.0), 1, atol=0.03)
    np.testing.assert_allclose(combined(0.5, 0.0), 0, atol=0.03)


@pytest.mark.parametrize("value", [0.0, 0.2, 0.7, 1.0])
def test_looks_that_agree_stay_as_they_are(value: float) -> None:
    np.testing.assert_allclose(combined(value, value), value, atol=1e-6)


def test_an_improbable_piece_goes_and_a_probable_one_stays() -> None:
    first = Letterbox.for_photo((90, 60), PRESET)
    second = Letterbox.for_photo((90, 60), finer_preset((90, 60), PRESET))

    def look(fit: Letterbox, factor: int) -> Matte:
        alpha, prob = (np.zeros(fit.canvas, np.float32) for _ in range(2))
        for top, certain in ((10, 0.9), (50, 0.3)):
            here = np.s_[factor * top : factor * (top + 20), factor * 20 : factor * 40]
            alpha[here], prob[here] = 0.9, certain
        return Matte(alpha, prob)

    both = combine_looks(look(second, 2), second, look(first, 1), first)
    assert both.alpha[40, 60] == pytest.approx(0.9, abs=0.01)
    assert both.alpha[120, 60] == 0


def crowd(shape: tuple[int, int] = (400, 600)) -> Photo:
    rgb = np.zeros((*shape, 3), np.uint8)
    for left in range(40, shape[1] - 60, 80):
        rgb[shape[0] // 4 : shape[0] * 3 // 4, left : left + 30, 0] = 250
    return Photo(rgb)


class Counted:
    """Sees red as a person, as surely as it is told, and remembers the canvases."""

    def __init__(self, prob: float) -> None:
        self.prob, self.seen = prob, list[tuple[int, int]]()

    def __call__(self, canvas: Canvas) -> Matte:
        self.seen.append(canvas.fit.canvas)
        alpha = canvas.rgb[0, 0] * canvas.fit.inside()
        return Matte(alpha, (alpha > 0.5) * np.float32(self.prob), canvas.rgb[0])


def cut(prob: float, subject: str = "all", **options: object) -> Counted:
    network = Counted(prob)
    steps = {"segment": network, "measure": no_depth, "fuse": FUSIONS["none"], "preset": PRESET}
    request = SubjectRequest(subject)  # type: ignore[arg-type]
    portrait = Pipeline(**{**steps, "subject": request, **options})(crowd())  # type: ignore[arg-type]
    assert portrait.found
    assert portrait.alpha.shape == (400, 600)
    truth = crowd().rgb[..., 0] > 0
    assert (portrait.mask != truth).sum() < 0.25 * truth.sum()
    return network


def test_everybody_in_doubt_gets_a_finer_look() -> None:
    assert cut(0.7).seen[:2] == [(64, 96), (128, 192)]


def test_only_doubt_and_everybody_pay() -> None:
    assert (128, 192) not in cut(1.0).seen
    assert (128, 192) not in cut(0.7, "auto").seen
    assert (128, 192) not in cut(0.7, second_look=False).seen


def test_nobody_stays_nobody_without_a_finer_look() -> None:
    network = Counted(0.4)
    empty = Pipeline(network, no_depth, FUSIONS["none"], PRESET, subject=SubjectRequest("all"))(
        crowd()
    )
    assert not empty.found
    assert network.seen == [(64, 96)]


@pytest.mark.parametrize("size", [(128, 192), (256, 384), (512, 768)])
def test_the_looks_do_not_depend_on_the_files_size(size: tuple[int, int]) -> None:
    network = Counted(0.7)
    request = SubjectRequest("all")
    rgb = np.zeros((128, 192, 3), np.uint8)
    rgb[32:96, 20:30, 0] = rgb[32:96, 90:100, 0] = rgb[32:96, 150:160, 0] = 250
    enlarge = np.ones((size[0] // 128, size[1] // 192, 1), np.uint8)
    photo = Photo(np.ascontiguousarray(np.kron(rgb, enlarge)))
    Pipeline(network, no_depth, FUSIONS["none"], PRESET, subject=request)(photo)
    assert network.seen[:2] == [(64, 96), (128, 192)]
