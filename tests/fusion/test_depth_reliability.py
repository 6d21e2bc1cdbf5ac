"""Whether a depth map belongs to the photo: do its steps follow the outline of the people?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from depthmatte.fusion.reliability import belongs_to_photo
from depthmatte.values import Depth, Matte
from fusion_scenes import scene


def test_a_person_in_front_does_not_make_a_map_look_wrong() -> None:
    matte, depth, _ = scene(behind=0.0)
    rows = np.flatnonzero((matte.alpha > 0.5).any(axis=1))
    front = np.zeros(depth.z.shape, bool)
    front[rows[len(rows) // 2] :] = True  # nearer, before the background, beside the person
    z = np.where(front & (matte.alpha < 0.5), np.float32(0.05), depth.z)
    assert belongs_to_photo(matte, replace(depth, z=z))
    assert not belongs_to_photo(matte, replace(depth, z=1 - depth.z))


def test_a_fitting_map_agrees_with_the_outline_and_a_wrong_one_does_not() -> None:
    matte, depth, _ = scene(behind=0.0)

    def fits(z: np.ndarray, around: Matte = matte) -> bool:
        return belongs_to_photo(around, replace(depth, z=np.ascontiguousarray(z)))

    assert fits(depth.z)
    assert not fits(1 - depth.z)
    assert not fits(np.roll(depth.z, 60, axis=1))
    assert not fits(np.full_like(depth.z, 0.3))
    ramp = np.tile(np.linspace(0, 1, 384, dtype=np.float32)[:, None], (1, 288))
    assert not fits(ramp)
    holed, _, _ = scene(behind=0.0, hole=True)
    assert fits(depth.z, holed)  # the rim of a lost piece is no evidence
    assert fits(np.zeros_like(depth.z), Matte.empty(depth.shape))


def test_where_nothing_was_measured_nothing_speaks_against_a_map() -> None:
    matte, depth, _ = scene(behind=0.0)
    unseen = Depth(1 - depth.z, np.zeros_like(depth.z), source="sensor")
    assert belongs_to_photo(matte, unseen)


@pytest.mark.parametrize("source", ["stereo", "mono", "my own"])
def test_maps_made_from_the_photo_belong_to_it(source: str) -> None:
    matte, depth, _ = scene(behind=0.0)
    assert belongs_to_photo(matte, replace(depth, z=1 - depth.z, source=source))
    assert not belongs_to_photo(matte, replace(depth, z=1 - depth.z, source="stored"))


def test_people_at_several_depths_do_not_make_a_map_look_wrong() -> None:
    """They touch in the photo, and nothing was measured where they do."""
    alpha, z = np.zeros((120, 200), np.float32), np.ones((120, 200), np.float32)
    alpha[20:118, 20:170] = 1
    z[20:118, 20:100], z[20:118, 100:170] = 0.1, 0.6
    prob = np.ones_like(z)
    prob[:, 94:106] = 0
    assert belongs_to_photo(Matte(alpha, alpha), Depth(z, prob, source="sensor"))


def test_noise_of_a_sensor_is_no_tear() -> None:
    """Nearly all around somebody is out of a sensor's reach, or all is measured and loud."""
    rng = np.random.default_rng(0)
    alpha, z = np.zeros((120, 200), np.float32), np.full((120, 200), 0.33, np.float32)
    alpha[20:118, 40:160] = 1
    z[alpha > 0] = 0.3
    left = np.where((alpha > 0) | (np.arange(200) < 40), np.float32(1), np.float32(0))
    for noise, prob, fits in ((0.001, left, True), (0.03, np.ones_like(z), False)):
        loud = np.clip(z + rng.normal(0, noise, z.shape), 0, 1).astype(np.float32)
        assert belongs_to_photo(Matte(alpha, alpha), Depth(loud, prob, source="sensor")) is fits


@pytest.mark.parametrize("lost", [False, True])
def test_a_background_out_of_reach_is_far(lost: bool) -> None:
    """Only a thing in front, or the rim of a lost piece, was measured beside the person."""
    alpha, z = np.zeros((120, 200), np.float32), np.full((120, 200), 0.5, np.float32)
    alpha[20:60, 80:120] = alpha[60:118, 40:160] = 1
    prob = alpha.copy()
    if lost:
        alpha[70:100, 80:120] = 0
    else:
        z[80:118, 160:200], prob[80:118, 160:200] = 0.2, 1
    matte = Matte(alpha, alpha)
    assert belongs_to_photo(matte, Depth(z, prob, source="sensor"))
    assert not belongs_to_photo(matte, Depth(z, np.ones_like(prob), source="sensor"))


def test_what_is_far_from_the_person_says_nothing_about_a_map() -> None:
    matte, depth, _ = scene(behind=0.0)
    alpha, z = np.pad(matte.alpha, 60), np.pad(depth.z, 60, mode="edge")
    z[:20], z[:, :20] = 0, 0
    assert belongs_to_photo(Matte(alpha, alpha), Depth(z, np.ones_like(z), source="sensor"))
