"""A teacher refines the outline where it agrees with the mask, and nothing else."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from depthmatte.training.data.teacher_band import refine_outline


def disk(radius: int, center: tuple[int, int] = (100, 100)) -> np.ndarray:
    return cv2.circle(np.zeros((200, 200), np.uint8), center, radius, 255, -1)


@settings(max_examples=30, deadline=None)
@given(st.integers(30, 80), st.integers(-3, 3), st.floats(0.5, 3))
def test_only_a_band_along_the_outline_becomes_soft(radius: int, grow: int, blur: float) -> None:
    mask = disk(radius)
    soft = cv2.GaussianBlur(disk(radius + grow), (0, 0), blur)
    refined = refine_outline(mask, soft)
    across = np.hypot(*(np.mgrid[:200, :200] - 100))
    width = max(3.0, 0.03 * np.sqrt((mask > 127).sum()))
    away = np.abs(across - radius) > width + 2
    assert np.array_equal(refined[away], mask[away])
    taken = refined != mask
    assert np.array_equal(refined[taken], soft[taken])


def test_soft_hair_is_taken_at_the_outline() -> None:
    mask, soft = disk(60), cv2.GaussianBlur(disk(60), (0, 0), 2)
    refined = refine_outline(mask, soft)
    assert ((refined > 30) & (refined < 225)).sum() > 300


def test_a_bag_that_the_teacher_misses_keeps_its_outline() -> None:
    mask = disk(60)
    mask[90:110, 155:185] = 255  # a bag
    refined = refine_outline(mask, cv2.GaussianBlur(disk(60), (0, 0), 1.5))
    bag = refined[88:112, 164:190]
    assert np.array_equal(bag, mask[88:112, 164:190])
    assert ((refined > 30) & (refined < 225)).any()


def test_a_teacher_that_sees_another_person_is_not_believed() -> None:
    mask = disk(60)
    for soft in (None, 255 - mask, disk(60, (130, 100)), np.zeros_like(mask), disk(20)):
        assert np.array_equal(refine_outline(mask, soft), mask)
    empty = np.zeros_like(mask)
    assert np.array_equal(refine_outline(empty, empty), empty)


def test_a_teacher_of_another_size_is_scaled() -> None:
    mask = disk(60)
    soft = cv2.GaussianBlur(disk(60), (0, 0), 2)
    refined = refine_outline(mask, cv2.resize(soft, (100, 100), interpolation=cv2.INTER_AREA))
    assert refined.shape == mask.shape
    assert np.abs(refined.astype(int) - refine_outline(mask, soft)).mean() < 2
