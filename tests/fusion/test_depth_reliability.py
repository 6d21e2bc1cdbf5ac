"""How far a depth map agrees with the outline of the people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from depthmatte.fusion.reliability import _reliability_weight, edge_consistency
from depthmatte.values import Depth, Matte
from fusion_scenes import scene


def test_a_person_in_front_does_not_make_a_map_look_wrong() -> None:
    matte, depth, _ = scene(behind=0.0)
    rows = np.flatnonzero((matte.alpha > 0.5).any(axis=1))
    front = np.zeros(depth.z.shape, bool)
    front[rows[len(rows) // 2] :] = True  # nearer, before the background, beside the person
    z = np.where(front & (matte.alpha < 0.5), np.float32(0.05), depth.z)
    assert edge_consistency(matte, replace(depth, z=z)) > 0.15
    assert edge_consistency(matte, replace(depth, z=1 - depth.z)) < -0.4


def test_a_fitting_map_agrees_with_the_outline_and_a_wrong_one_does_not() -> None:
    matte, depth, _ = scene(behind=0.0)

    def agreed(z: np.ndarray, around: Matte = matte) -> float:
        return edge_consistency(around, replace(depth, z=np.ascontiguousarray(z)))

    assert agreed(depth.z) > 0.9
    assert agreed(1 - depth.z) < -0.45
    assert agreed(depth.z[:, ::-1]) < 0.4
    assert agreed(np.roll(depth.z, 60, axis=1)) < 0
    assert agreed(np.full_like(depth.z, 0.3)) == 0
    ramp = np.tile(np.linspace(0, 1, 384, dtype=np.float32)[:, None], (1, 288))
    assert agreed(ramp) == 0  # far deeper within the person than at the outline
    holed, _, _ = scene(behind=0.0, hole=True)
    assert agreed(depth.z, holed) > 0.9  # the rim of a lost piece is no evidence
    nowhere = edge_consistency(matte, Depth.none(depth.z.shape))
    assert nowhere == 1  # nothing speaks against it
    assert [_reliability_weight(x, (0.2, 0.6)) for x in (0.1, 0.4, 0.9)] == pytest.approx(
        [0, 0.5, 1]
    )


def test_people_at_several_depths_do_not_make_a_map_look_wrong() -> None:
    """They touch in the photo, and nothing was measured where they do."""
    alpha, z = np.zeros((120, 200), np.float32), np.ones((120, 200), np.float32)
    alpha[20:118, 20:170] = 1
    z[20:118, 20:100], z[20:118, 100:170] = 0.1, 0.6
    prob = np.ones_like(z)
    prob[:, 94:106] = 0
    matte = Matte(alpha, alpha)
    assert edge_consistency(matte, Depth(z, prob)) > 0.9
    slope = np.tile(np.linspace(0, 1, 200, dtype=np.float32), (120, 1))
    assert edge_consistency(matte, Depth(slope, prob)) < 0.3


def test_where_few_places_speak_noise_is_no_tear() -> None:
    """As where nearly all around somebody is out of a sensor's reach."""
    rng = np.random.default_rng(0)
    alpha, z = np.zeros((120, 200), np.float32), np.full((120, 200), 0.33, np.float32)
    alpha[20:118, 40:160] = 1
    z[alpha > 0] = 0.3
    z += rng.normal(0, 0.004, z.shape).astype(np.float32)
    prob = np.where((alpha > 0) | (np.arange(200) < 40), np.float32(1), np.float32(0))
    assert edge_consistency(Matte(alpha, alpha), Depth(z, prob)) > 0.5
    loud = z + rng.normal(0, 0.03, z.shape).astype(np.float32)
    assert edge_consistency(Matte(alpha, alpha), Depth(np.clip(loud, 0, 1), prob)) < 0.1


def test_what_is_far_from_the_person_says_nothing_about_a_map() -> None:
    matte, depth, _ = scene(behind=0.0)
    alpha, z = np.pad(matte.alpha, 60), np.pad(depth.z, 60, mode="edge")
    agreed = edge_consistency(Matte(alpha, alpha), Depth(z, np.ones_like(z)))
    z[:20], z[:, :20] = 0, 0
    assert edge_consistency(Matte(alpha, alpha), Depth(z, np.ones_like(z))) == agreed > 0.9
    nobody = np.zeros_like(alpha)
    assert edge_consistency(Matte(nobody, nobody), Depth(z, np.ones_like(z))) == 1
