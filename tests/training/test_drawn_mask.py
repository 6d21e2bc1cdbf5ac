"""Masks out of polygons and run lengths, and polygons out of masks."""

from __future__ import annotations

import contextlib
import pickle

import cv2
import numpy as np
import pycocotools.mask as coco_mask
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from depthmatte.errors import InputError
from depthmatte.training.data.drawn_mask import DrawnMask, Polygon, RunLengths
from depthmatte.training.data.formats.coco import decode_counts
from depthmatte.training.data.formats.outlines import trace_polygons

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
"""pycocotools with NumPy 2."""

SHAPE = (13, 17)

masks = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=24))
points = hnp.arrays(
    np.float64,
    st.tuples(st.integers(3, 7), st.just(2)),
    elements=st.floats(-10, 27, allow_subnormal=False),
)


def is_inside(x: float, y: float, rings: list[np.ndarray]) -> bool:
    """Even-odd: the number of edges to the left of a point, one edge at a time."""
    inside = False
    for ring in rings:
        for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            if (y0 <= y) != (y1 <= y):
                if y0 > y1:
                    x0, y0, x1, y1 = x1, y1, x0, y0
                inside ^= x0 + (y - y0) * ((x1 - x0) / (y1 - y0)) <= x
    return inside


@settings(max_examples=30)
@given(st.lists(points, min_size=1, max_size=3))
def test_a_pixel_is_set_where_its_center_is_inside(rings: list[np.ndarray]) -> None:
    drawn = DrawnMask(SHAPE, (Polygon(tuple(rings)),)).draw(SHAPE)
    expected = [
        [is_inside(x + 0.5, y + 0.5, rings) for x in range(SHAPE[1])] for y in range(SHAPE[0])
    ]
    assert set(np.unique(drawn)) <= {0, 255}
    assert np.array_equal(drawn > 0, np.array(expected))


def test_whole_pixels_and_holes_are_exact() -> None:
    outer = np.array([[2.0, 3], [9, 3], [9, 8], [2, 8]])
    hole = np.array([[4.0, 4], [6, 4], [6, 7], [4, 7]])
    expected = np.zeros((10, 12), np.uint8)
    expected[3:8, 2:9] = 255
    expected[4:7, 4:6] = 0
    assert np.array_equal(DrawnMask((10, 12), (Polygon((outer, hole)),)).draw((10, 12)), expected)
    joined = DrawnMask((10, 12), (Polygon((outer,)), Polygon((hole,)))).draw((10, 12))
    assert joined[3:8, 2:9].all()  # two areas are joined; only rings of one area make holes


@given(points)
def test_polygons_are_drawn_as_coco_draws_them(ring: np.ndarray) -> None:
    """But for pixels that the outline touches, where COCO's own grid of 1/5 pixel decides."""
    ring = np.clip(ring, 0, [SHAPE[1], SHAPE[0]])
    theirs = coco_mask.decode(coco_mask.frPyObjects([ring.ravel().tolist()], *SHAPE))[..., 0]
    ours = DrawnMask(SHAPE, (Polygon((ring,)),)).draw(SHAPE) > 0
    outline = np.zeros(SHAPE, np.uint8)
    cv2.polylines(outline, [np.rint((ring - 0.5) * 16).astype(np.int32)], True, 1, 3, shift=4)
    assert np.array_equal(ours[outline == 0], theirs[outline == 0] > 0)


@given(masks, st.booleans(), st.integers(0, 5), st.integers(0, 5))
def test_run_lengths_give_the_mask_back(
    mask: np.ndarray, by_columns: bool, top: int, left: int
) -> None:
    shape = (mask.shape[0] + top + 2, mask.shape[1] + left + 1)
    drawn = DrawnMask(shape, (RunLengths.encode(mask, top, left, by_columns),)).draw(shape)
    expected = np.zeros(shape, bool)
    expected[top : top + mask.shape[0], left : left + mask.shape[1]] = mask
    assert np.array_equal(drawn > 0, expected)


@given(masks)
def test_run_lengths_are_those_of_coco(mask: np.ndarray) -> None:
    theirs = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    runs = RunLengths.encode(mask, by_columns=True)
    assert np.array_equal(decode_counts(theirs["counts"].decode()), runs.counts)
    again = coco_mask.frPyObjects({"size": list(mask.shape), "counts": runs.counts.tolist()},
                                  *mask.shape)  # fmt: skip
    assert again["counts"] == theirs["counts"]


def test_large_compressed_run_lengths_are_read() -> None:
    mask = np.zeros((3000, 2000), np.uint8)
    cv2.circle(mask, (1000, 1500), 900, 1, -1)
    mask[100:200, 100:200] = 1
    theirs = coco_mask.encode(np.asfortranarray(mask))
    assert np.array_equal(
        decode_counts(theirs["counts"].decode()),
        RunLengths.encode(mask > 0, by_columns=True).counts,
    )


@settings(max_examples=30)
@given(st.text(st.characters(min_codepoint=40, max_codepoint=120), max_size=12))
def test_any_text_is_decoded_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert decode_counts(text).ndim == 1


@pytest.mark.parametrize("text", ["", "P", "0 1", "0é", "x" * 9 + "0", "oooooooo1"])
def test_what_is_no_run_lengths_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        decode_counts(text)


@given(masks)
def test_traced_outlines_give_the_mask_back(mask: np.ndarray) -> None:
    rings = trace_polygons(mask, 0, 0)
    parts = tuple(Polygon((ring,)) for ring in rings)
    assert np.array_equal(DrawnMask(mask.shape, parts).draw(mask.shape) > 0, mask)


@settings(max_examples=20)
@given(st.integers(0, 1000), st.floats(0.5, 4))
def test_simplified_outlines_differ_near_the_outline_only(seed: int, tolerance: float) -> None:
    noise = np.random.default_rng(seed).random((90, 70)).astype(np.float32)
    mask = cv2.GaussianBlur(noise, (0, 0), 6) > 0.5
    parts = tuple(Polygon((ring,)) for ring in trace_polygons(mask, tolerance, 0))
    drawn = DrawnMask(mask.shape, parts).draw(mask.shape) > 0
    apart = mask.astype(np.uint8)
    distance = cv2.distanceTransform(apart, cv2.DIST_L2, 5) + cv2.distanceTransform(
        1 - apart, cv2.DIST_L2, 5
    )
    # A part thinner than the tolerance may vanish; all of it is near its outline.
    assert distance[drawn != mask].max(initial=0) <= tolerance + 1.5


def test_specks_are_left_out() -> None:
    mask = np.zeros((40, 40), bool)
    mask[5:30, 5:30] = True
    mask[35, 35] = mask[10, 10] = mask[10, 20] = True
    mask[10, 10] = False
    rings = trace_polygons(mask, 1)
    assert len(rings) == 1
    drawn = DrawnMask(mask.shape, (Polygon((rings[0],)),)).draw(mask.shape) > 0
    assert drawn[10, 10]
    assert not drawn[35, 35]


@pytest.mark.parametrize(
    "ring", [[[0, 0], [1, 1]], [[0, 0], [1, 1], [np.nan, 2]], [[0, 0], [1, 1], [1e9, 2]]]
)
def test_a_bad_polygon_is_refused(ring: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="points"):
        Polygon((np.array(ring, np.float64),))


def test_run_lengths_that_claim_more_are_refused() -> None:
    with pytest.raises(ValueError, match="runs of 7 pixels for 3 x 2"):
        RunLengths(np.array([3, 4]), 2, 3)
    with pytest.raises(ValueError, match="no numbers of pixels"):
        RunLengths(np.array([7, -1]), 2, 3)
    with pytest.raises(ValueError, match="no numbers of pixels"):
        RunLengths(np.array([2**62, 2**62, 2**62, 2**62, 6]), 2, 3)  # the sum overflows to 6
    with pytest.raises(ValueError, match="claims"):
        RunLengths(np.array([10**12]), 10**6, 10**6)
    with pytest.raises(ValueError, match="column 2, row 0, in a photo of 4 x 4"):
        DrawnMask((4, 4), (RunLengths(np.array([9]), 3, 3, left=2),))
    with pytest.raises(ValueError, match="claims"):
        DrawnMask((10**6, 10**6), ())


def test_a_photo_of_another_size_is_refused() -> None:
    mask = DrawnMask((4, 6), (), "labels.json: photo a.jpg")
    with pytest.raises(InputError, match=r"labels.json: photo a.jpg: was made for 6 x 4 pixels"):
        mask.draw((6, 4))


def test_masks_are_values() -> None:
    """Equal masks are one key of a cache, in another process too."""

    def make(x: float) -> DrawnMask:
        ring = np.array([[0.0, 0], [x, 0], [x, 3]])
        return DrawnMask((4, 4), (Polygon((ring,)), RunLengths(np.array([8, 8]), 4, 4)))

    assert make(3) == make(3)
    assert hash(make(3)) == hash(pickle.loads(pickle.dumps(make(3))))
    assert make(3) != make(2)
    assert len({make(3), make(3), make(2)}) == 2
