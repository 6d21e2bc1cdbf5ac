"""Adaptive fusion on a drawn scene: who is dropped, kept and restored."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from depthmatte.fusion.adaptive import fuse_adaptive
from depthmatte.values import Depth
from fusion_scenes import scene


def wrong_area(alpha: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Falsely detected and missed area, in pixels."""
    return float(((alpha > 0.5) & (truth < 0.5)).sum()), float(
        ((alpha < 0.5) & (truth > 0.5)).sum()
    )


def test_adaptive_drops_a_person_clearly_behind() -> None:
    matte, depth, truth = scene(behind=0.5)
    before = wrong_area(matte.alpha, truth)
    false, missed = wrong_area(fuse_adaptive(matte, depth).alpha, truth)
    assert before[0] > 3000
    assert false < 0.25 * before[0]
    assert missed < 0.01 * truth.sum()


def test_adaptive_keeps_a_person_beside_the_subject() -> None:
    matte, depth, _ = scene(behind=0.0)
    fused = fuse_adaptive(matte, depth).alpha
    assert np.abs(fused - matte.alpha).mean() < 0.01


def test_adaptive_restores_what_hangs_together_in_depth() -> None:
    matte, depth, truth = scene(behind=0.5, hole=True)
    before = wrong_area(matte.alpha, truth)[1]
    missed = wrong_area(fuse_adaptive(matte, depth).alpha, truth)[1]
    assert before > 1000
    assert missed < 0.5 * before


def test_a_dropped_person_takes_the_soft_edge_along() -> None:
    matte, depth, truth = scene(behind=0.5)
    fused = fuse_adaptive(matte, depth).alpha
    elsewhere = cv2.dilate(truth, np.ones((21, 21), np.uint8)) == 0
    assert matte.alpha[elsewhere].max() == 1
    assert fused[elsewhere].mean() < 0.02 * matte.alpha[elsewhere].mean()


def test_adaptive_leaves_soft_edges_to_the_matte() -> None:
    matte, depth, truth = scene(behind=0.5)
    band = (truth > 0.05) & (truth < 0.95)
    fused = fuse_adaptive(matte, depth).alpha
    assert np.abs(fused - matte.alpha)[band].mean() < 0.03


def test_a_map_of_another_photo_changes_nothing() -> None:
    """Of one that is turned over half of a person would go, whatever the network says."""
    matte, depth, _ = scene(behind=0.5)
    turned = Depth(1 - depth.z, depth.prob, source="sensor")
    assert fuse_adaptive(matte, turned) is matte
    assert fuse_adaptive(matte, depth) != matte


@pytest.mark.parametrize("lie", ["constant", "of another photo", "shifted"])
def test_a_wrong_depth_map_costs_almost_nothing(lie: str) -> None:
    matte, depth, _ = scene(behind=0.0)
    z = {
        "constant": np.full_like(depth.z, 0.5),
        "of another photo": cv2.resize(
            np.random.default_rng(0).random((5, 4)).astype(np.float32), depth.z.shape[::-1]
        ),
        "shifted": np.roll(depth.z, 10, axis=1),
    }[lie]
    fused = fuse_adaptive(matte, Depth(z, depth.prob, source="sensor")).alpha
    same = (fused > 0.5) == (matte.alpha > 0.5)
    assert same.mean() > 0.96
