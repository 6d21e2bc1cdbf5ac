"""People put into other pictures: the truth is exactly who was meant, wherever they went."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra train")

from depthmatte.training.augment.copy_paste import (
    PastingNumbers,
    cut_out_person,
    paste_people,
    place_person,
)
from depthmatte.training.augment.deform import add_trailing_cloth, bend
from depthmatte.training.augment.geometry import Stack
from depthmatte.training.augment.options import (
    DEFAULT_COPY_PASTE,
    CopyPaste,
    CrowdOptions,
    Deformation,
)
from depthmatte.training.cutout_image import CutoutImage, paste, premultiply, soft_edge

RED, GREEN = (240, 20, 20), (20, 240, 20)


def person_of(color: tuple[int, int, int], cut: bool = False) -> CutoutImage:
    """An ellipse of one color on noise, cut out; with `cut` it runs into the lower frame."""
    rgb = np.random.default_rng(1).integers(0, 90, (120, 80, 3), dtype=np.uint8)
    mask = np.zeros((120, 80), np.uint8)
    cv2.ellipse(mask, (40, 120 if cut else 60), (18, 100 if cut else 45), 0, 0, 360, 255, -1)
    rgb[mask > 0] = color
    made = cut_out_person(Stack(rgb, (mask,)))
    assert made is not None
    return made


def place() -> np.ndarray:
    return np.full((300, 400, 3), (30, 40, 160), np.uint8)


@pytest.mark.parametrize("landscape", [False, True])
def test_the_truth_is_where_the_person_is(landscape: bool) -> None:
    for seed in range(12):
        rng = np.random.default_rng(seed)
        stack = paste_people(rng, [person_of((200, 200, 200))], [], place(), landscape)
        (truth,) = stack.truths
        assert max(truth.shape) == DEFAULT_COPY_PASTE.long_side
        assert (truth.shape[1] > truth.shape[0]) == landscape
        assert stack.rgb.shape == (*truth.shape, 3)
        # Everything that is no longer the blue of the place is somebody, and the other way round.
        drawn = np.abs(stack.rgb.astype(int) - (30, 40, 160)).max(axis=2) > 25
        sure = (truth < 5) | (truth > 250)
        assert (drawn == (truth > 127))[sure].mean() > 0.995


def distractors_in(stack: Stack) -> np.ndarray:
    """Where the green ones behind are seen."""
    rgb = stack.rgb.astype(int)
    return (rgb[..., 1] > rgb[..., 0] + 80) & (rgb[..., 1] > rgb[..., 2] + 80)


def test_strangers_behind_are_seen_and_are_not_the_truth() -> None:
    seen = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        stack = paste_people(rng, [person_of(RED)], [person_of(GREEN)], place(), True)
        green = distractors_in(stack)
        seen += int(green.sum())
        assert not green.any() or (stack.truths[0][green] < 128).mean() > 0.99
    assert seen > 50000


def test_strangers_stand_as_high_as_they_are_asked_to() -> None:
    seen = []
    for height in ((0.25, 0.25), (0.8, 0.8)):
        crowd = CrowdOptions(distractor_height=height)
        rngs = [np.random.default_rng(seed) for seed in range(10)]
        cast = [person_of(RED)], [person_of(GREEN)], place(), True, crowd
        seen.append(sum(distractors_in(paste_people(rng, *cast)).sum() for rng in rngs))
    assert 3 * seen[0] < seen[1]


def test_bent_people_keep_their_feet_and_their_middle() -> None:
    person = premultiply(person_of(RED).rgba, 255)
    sizes = set()
    for seed in range(20):
        shaped = bend(np.random.default_rng(seed), person)
        sizes.add(shaped.shape)
        solid = shaped[..., 3] > 127
        # All of one color still, solid where it was: nothing is torn, nothing doubled.
        assert solid.mean() > 0.3
        assert cv2.connectedComponents(solid.astype(np.uint8))[0] == 2
        colors = shaped[solid][:, :3] / shaped[solid][:, 3:] * 255
        assert np.abs(colors - RED).max() < 15
        assert solid[-2:].any()
        assert 0.6 * len(person) < len(shaped) < 1.4 * len(person)
    assert len(sizes) > 5


def test_cloth_trails_after_people_and_hangs_on_them() -> None:
    person = premultiply(person_of(RED).rgba, 255)
    wider = 0
    for seed in range(20):
        clothed = add_trailing_cloth(np.random.default_rng(seed), person)
        solid = clothed[..., 3] > 127
        assert solid.sum() >= (person[..., 3] > 127).sum()
        wider += clothed.shape[1] > 1.2 * person.shape[1]
        labels, _, stats, _ = cv2.connectedComponentsWithStats(solid.astype(np.uint8))
        assert stats[1:, cv2.CC_STAT_AREA].max() > 0.99 * solid.sum(), labels
        colors = clothed[solid][:, :3] / clothed[solid][:, 3:] * 255
        # Folds are darker and brighter, but of the person's own color.
        assert (colors[:, 0] > 100).all()
        assert (colors[:, 1] < 60).all()
    assert wider > 10


def test_two_people_are_one_truth() -> None:
    alone, both = (
        paste_people(np.random.default_rng(3), people, [], place(), True).truths[0]
        for people in ([person_of(RED)], [person_of(RED), person_of(RED)])
    )
    assert (both > 127).sum() > 1.3 * (alone > 127).sum()


def test_people_abreast_are_equally_tall_and_stand_on_one_level() -> None:
    upright = PastingNumbers(
        CopyPaste(large_tilt_chance=0), Deformation(bend_chance=0, cloth_chance=0)
    )
    apart = {True: [], False: []}
    for aligned, seen in apart.items():
        for seed in range(40):
            rng = np.random.default_rng(seed)
            people = [person_of(RED), person_of(GREEN)]
            (truth,) = paste_people(
                rng, people, [], place(), True, CrowdOptions(aligned=aligned), upright
            ).truths
            count, _, stats, _ = cv2.connectedComponentsWithStats((truth > 127).astype(np.uint8))
            top, height = stats[1:, cv2.CC_STAT_TOP], stats[1:, cv2.CC_STAT_HEIGHT]
            if count == 3 and (top > 0).all() and (top + height < len(truth)).all():
                seen.append((np.ptp(top + height), np.ptp(height)) / height.max())
        assert len(seen) >= 5
    assert np.max(apart[True]) < 0.12
    assert np.max(apart[False]) > 0.2


def test_who_was_cut_off_stands_on_the_frame() -> None:
    for seed in range(10):
        spread = place_person(
            np.random.default_rng(seed), person_of(RED, cut=True), (200, 150), 0.6, 0.5
        )
        assert spread.shape == (200, 150, 4)
        assert spread[-1, :, 3].max() > 100


def test_who_was_cut_off_and_leans_leaves_no_gap_at_the_frame() -> None:
    block = CutoutImage(np.full((120, 80, 4), 255, np.float32), frozenset({"bottom"}))
    for seed in range(20):
        spread = place_person(np.random.default_rng(seed), block, (200, 300), 0.5, 0.5)
        solid = spread[..., 3] > 127
        # A trunk is no narrower where the frame cuts it than a little above.
        assert solid[-1].sum() > 0.8 * solid[-15].sum()


def test_nobody_makes_no_layer() -> None:
    rgb = np.zeros((50, 40, 3), np.uint8)
    assert cut_out_person(Stack(rgb, (np.zeros((50, 40), np.uint8),))) is None
    assert not person_of(RED).touches
    assert person_of(RED, cut=True).touches == {"bottom"}


def test_a_sample_is_a_function_of_its_seed() -> None:
    one, two = (
        paste_people(np.random.default_rng(9), [person_of(RED)], [person_of(GREEN)], place(), False)
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.rgb, two.rgb)
    np.testing.assert_array_equal(one.truths[0], two.truths[0])


@pytest.mark.parametrize("corner", [(-3, 2), (4, -1), (5, 6), (-2, -2), (9, 0), (0, -4)])
def test_a_paste_is_cut_at_the_frame(corner: tuple[int, int]) -> None:
    picture = np.full((8, 10, 3), 100, np.float32)
    rgba = np.full((4, 4, 4), 50, np.float32)
    rgba[..., 3] = 0.5
    paste(picture, rgba, corner)
    covered = np.zeros((30, 30), bool)
    covered[10 + corner[0] : 14 + corner[0], 10 + corner[1] : 14 + corner[1]] = True
    np.testing.assert_array_equal(picture[..., 0] != 100, False)  # 100 / 2 + 50 is 100 again
    rgba[..., :3] = 10
    paste(picture, rgba, corner)
    np.testing.assert_array_equal(picture[..., 0] == 60, covered[10:18, 10:20])
    assert set(np.unique(picture)) <= {60, 100}


def test_straight_alpha_becomes_colors_times_alpha() -> None:
    rgba = np.array([[[200, 100, 50, 51]]], np.uint8)
    np.testing.assert_allclose(premultiply(rgba), [[[40, 20, 10, 0.2]]], rtol=1e-6)
    np.testing.assert_allclose(premultiply(rgba, 255), [[[40, 20, 10, 51]]], rtol=1e-6)


def test_a_soft_edge_is_drawn_in() -> None:
    mask = np.zeros((40, 40), np.uint8)
    mask[10:30, 10:30] = 255
    edges = [soft_edge(mask, gain) for gain in (1.0, 1.7)]
    assert edges[1].sum() < edges[0].sum()
    for alpha in edges:
        assert alpha[20, 20] == 1
        assert alpha[2, 2] == 0
