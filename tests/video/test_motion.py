"""What is kept steady: alpha and depth along the motion, scenes apart, one subject."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import depthmatte as dm
from depthmatte.canvas import Letterbox
from depthmatte.errors import OptionError
from depthmatte.evaluation.video_metrics import flicker, ghost, temporal_error
from depthmatte.photo import Photo
from depthmatte.portrait import Portrait
from depthmatte.values import Depth, Matte
from depthmatte.video.motion.optical_flow import (
    compare_colors,
    measure_motion,
    shrink_for_motion,
    warp,
)
from depthmatte.video.motion.scene_cuts import is_scene_cut
from depthmatte.video.motion.steady import Steadier
from depthmatte.video.motion.subject_track import SubjectTrack
from depthmatte.video.motion.votes import Votes

SHAPE = (120, 160)


def texture(seed: int, shape: tuple[int, int] = (240, 320)) -> Any:
    """A smooth random picture, uint8 (h, w, 3)."""
    import cv2

    noise = np.random.default_rng(seed).random((*shape, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    return np.rint(smooth * 255).astype(np.uint8)


WALL, CLOTH = texture(1), texture(2)


def scene(index: int, step: int = 3) -> tuple[Any, Any]:
    """A square of cloth that moves over a wall: picture and true alpha."""
    rgb, alpha = WALL[: SHAPE[0], : SHAPE[1]].copy(), np.zeros(SHAPE, np.float32)
    left = 20 + step * index
    rgb[40:90, left : left + 40] = CLOTH[:50, :40]
    alpha[40:90, left : left + 40] = 1
    return rgb, alpha


def portrait(rgb: Any, alpha: Any, depth: Any = None) -> Portrait:
    z = np.full(rgb.shape[:2], 0.5, np.float32) if depth is None else depth
    matte = Matte(alpha, alpha, np.ascontiguousarray(rgb.transpose(2, 0, 1) / np.float32(255)))
    measured = Depth(z, np.ones_like(z), source="mono")
    return Portrait(Photo(rgb), matte, measured, Letterbox.identity(rgb.shape[:2]))


def alphas(portraits: Iterable[Portrait]) -> list[Any]:
    return [one.matte.alpha for one in portraits]


def test_a_patch_that_flickers_disappears_and_motion_stays() -> None:
    truth, given_ = [], []
    for index in range(14):
        rgb, alpha = scene(index)
        wrong = alpha.copy()
        if index % 4 == 2:
            wrong[5:25, 120:150] = 1  # a piece of the wall is taken for a person
            wrong[50:70, 25 + 3 * index : 45 + 3 * index] = 0  # and a hole comes into the cloth
        truth.append(alpha)
        given_.append(portrait(rgb, wrong))
    steadied = alphas(dm.steady(iter(given_)))
    assert len(steadied) == 14
    assert flicker(steadied, truth) <= 0.2 * flicker(alphas(given_), truth)
    assert temporal_error(steadied, truth) <= 0.6 * temporal_error(alphas(given_), truth)
    assert ghost(steadied, truth) <= ghost(alphas(given_), truth) + 0.05
    worst = max(np.abs(one - true).mean() for one, true in zip(steadied, truth, strict=True))
    assert worst < 0.01


def test_right_alpha_stays_right() -> None:
    frames = [scene(index) for index in range(10)]
    steadied = alphas(dm.steady(portrait(*frame) for frame in frames))
    for one, (_, true) in zip(steadied, frames, strict=True):
        assert ((one >= 0.5) != (true >= 0.5)).mean() < 0.01


def test_depth_becomes_steady() -> None:
    random = np.random.default_rng(0)
    frames = [scene(0)] * 9
    depths = [np.full(SHAPE, 0.5 + random.uniform(-0.1, 0.1), np.float32) for _ in frames]
    steadied = list(
        dm.steady(portrait(*one, depth) for one, depth in zip(frames, depths, strict=True))
    )
    before = np.ptp([depth.mean() for depth in depths])
    after = np.ptp([one.measured.z.mean() for one in steadied])
    assert after < 0.6 * before


@settings(max_examples=12)
@given(count=st.integers(0, 7), frames=st.integers(0, 4), cut=st.integers(0, 7))
def test_every_portrait_comes_back_in_order(count: int, frames: int, cut: int) -> None:
    small = [(texture(index // 4 if index < cut else 9, (40, 50)), index) for index in range(count)]
    given_ = []
    for rgb, index in small:
        alpha = np.zeros((40, 50), np.float32)
        alpha[:20] = 1
        rgb = rgb.copy()
        rgb[0, 0] = index
        given_.append(portrait(rgb, alpha))
    steadied = list(dm.steady(iter(given_), frames))
    assert [one.photo.rgb[0, 0, 0] for one in steadied] == list(range(count))
    for one in steadied:
        assert one.matte.alpha.min() >= 0
        assert one.matte.alpha.max() <= 1
    if frames == 0:
        assert all(one is other for one, other in zip(steadied, given_, strict=True))


_VALUES = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=9)


@given(values=_VALUES, own_weight=st.sampled_from([0.2, 1.5]), share=st.sampled_from([0.0, 0.4]))
def test_the_middle_lies_between_the_votes(
    values: list[float], own_weight: float, share: float
) -> None:
    column = np.array(values, np.float32)[:, None]
    beliefs = np.ones_like(column)
    middle = Votes.cast(column, beliefs).middle(own_weight, share)
    assert column.min() - 1e-4 <= middle[0] <= column.max() + 1e-4
    others = np.concatenate([column[:1], column[:0:-1]])  # the order of the others
    again = Votes.cast(others, beliefs).middle(own_weight, share)
    assert again == pytest.approx(middle, abs=1e-3)


@given(values=_VALUES)
def test_frames_that_cannot_be_believed_have_no_vote(values: list[float]) -> None:
    column = np.array(values, np.float32)[:, None]
    beliefs = np.zeros_like(column)
    beliefs[0] = 1
    for share in (0.0, 0.4):
        middle = Votes.cast(column, beliefs).middle(1.0, share)
        assert middle[0] == pytest.approx(values[0], abs=1e-4)


def test_the_uncertain_hardly_count() -> None:
    column = np.array([1, 0.5, 0.5, 0.45, 0.55], np.float32)[:, None]
    assert Votes.cast(column, np.ones_like(column)).middle(1.0, 0)[0] == 1


def test_a_live_filter_delays_nothing() -> None:
    live = Steadier(3, 0)
    for index in range(6):
        assert len(live.push(portrait(*scene(index)))) == 1
    assert live.finish() == []


def test_impossible_numbers_are_refused() -> None:
    with pytest.raises(OptionError):
        list(dm.steady([], -1))
    with pytest.raises(OptionError):
        Steadier(3, 99)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (33, 47)])
def test_any_size_is_steadied(shape: tuple[int, int]) -> None:
    rgb = np.zeros((*shape, 3), np.uint8)
    given_ = [portrait(rgb, np.full(shape, value, np.float32)) for value in (0, 1, 0, 0)]
    assert [one.shape for one in alphas(dm.steady(iter(given_)))] == [shape] * 4


@pytest.mark.parametrize("offset", [(3, 0), (0, -4), (5, 2)])
def test_motion_is_that_of_the_picture(offset: tuple[int, int]) -> None:
    across, down = offset
    start = WALL[30:150, 30:190]
    end = WALL[30 - down : 150 - down, 30 - across : 190 - across]
    motion = compare_colors(measure_motion(end, start).to_next, end, start)
    middle = motion.flow[20:-20, 20:-20]
    assert np.median(middle[..., 0]) == pytest.approx(-across, abs=0.3)
    assert np.median(middle[..., 1]) == pytest.approx(-down, abs=0.3)
    assert motion.belief[20:-20, 20:-20].mean() > 0.8
    moved = warp(start, motion.flow)[20:-20, 20:-20].astype(int)
    assert np.abs(moved - end[20:-20, 20:-20]).mean() < 4


def test_scene_cuts_are_found_and_nothing_else() -> None:
    blue, red = WALL.copy(), CLOTH.copy()
    blue[..., 0] //= 4
    red[..., 2] //= 4
    assert is_scene_cut(blue, red)
    assert is_scene_cut(WALL, WALL[:100])
    assert not is_scene_cut(blue, blue)
    first, second = (shrink_for_motion(scene(index, 6)[0]) for index in (0, 1))
    assert not is_scene_cut(first, second, measure_motion(first, second).to_previous)
    flash = np.clip(blue.astype(int) + 60, 0, 255).astype(np.uint8)
    assert not is_scene_cut(blue, flash)


def two_people(left: float, right: float) -> Any:
    alpha = np.zeros(SHAPE, np.float32)
    alpha[40:90, 10:50] = left
    alpha[40:90, 100:140] = right
    return alpha


def follow(decisions: list[tuple[float, float]], patience: float = 0.5) -> list[tuple[bool, bool]]:
    """Who is kept of two people, given whom the fusion keeps in each frame, at 10 per second."""
    track, kept = SubjectTrack(10, patience), []
    rgb = WALL[: SHAPE[0], : SHAPE[1]]
    still = measure_motion(*[shrink_for_motion(rgb)] * 2).to_previous
    for index, (left, right) in enumerate(decisions):
        one = track.follow(
            portrait(rgb, two_people(left, right)), two_people(1, 1), still if index else None
        )
        kept.append((one.matte.alpha[60, 30] >= 0.5, one.matte.alpha[60, 120] >= 0.5))
    return kept


LEFT, RIGHT, BOTH = (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)


def test_the_subject_does_not_jump() -> None:
    assert follow([LEFT, LEFT, RIGHT, RIGHT, LEFT, RIGHT, LEFT]) == [(True, False)] * 7


def test_a_person_who_comes_and_goes_is_left_out() -> None:
    assert follow([LEFT, BOTH, LEFT, BOTH, BOTH, LEFT]) == [(True, False)] * 6


def test_a_decision_that_holds_counts() -> None:
    kept = follow([LEFT] + [RIGHT] * 9)
    assert kept[:6] == [(True, False)] * 6
    assert kept[-1] == (False, True)


def test_a_person_who_leaves_is_gone_at_once() -> None:
    track = SubjectTrack(10)
    rgb = WALL[: SHAPE[0], : SHAPE[1]]
    still = measure_motion(*[shrink_for_motion(rgb)] * 2).to_previous
    track.follow(portrait(rgb, two_people(1, 0)), two_people(1, 0), None)
    empty = np.zeros(SHAPE, np.float32)
    gone = track.follow(portrait(rgb, empty), empty, still)
    assert gone.matte.alpha.max() == 0
