"""People who touch are told apart by depth where there is a step, else by their heads."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from depthmatte.subjects.head_tops import find_head_tops
from depthmatte.subjects.separate import separate_people
from depthmatte.values import Depth, Matte
from groups import Group, draw_group, match_people

RGBA = Any


def drawn_person(rng: np.random.Generator) -> RGBA:
    """A head, a trunk with shoulders, two legs, arms that hang: 200 pixels tall."""
    rgba = np.zeros((200, 90, 4), np.uint8)
    shirt, skin = rng.integers(30, 220, (2, 3))
    mask = np.zeros((200, 90), np.uint8)
    cv2.ellipse(mask, (45, 62 + 35), (26, 45), 0, 0, 360, 1, -1)
    cv2.rectangle(mask, (28, 110), (42, 199), 1, -1)
    cv2.rectangle(mask, (48, 110), (62, 199), 1, -1)
    cv2.ellipse(mask, (22, 95), (5, 38), 8, 0, 360, 1, -1)
    cv2.ellipse(mask, (68, 95), (5, 38), -8, 0, 360, 1, -1)
    rgba[mask > 0] = [*shirt, 255]
    head = np.zeros_like(mask)
    cv2.rectangle(head, (39, 30), (51, 60), 1, -1)
    cv2.ellipse(head, (45, 22), (16, 21), 0, 0, 360, 1, -1)
    rgba[head > 0] = [*skin, 255]
    return rgba


def drawn_group(seed: int, count: int) -> Group:
    rng = np.random.default_rng(seed)
    wall = np.full((60, 80, 3), 128, np.uint8)
    return draw_group(rng, lambda: drawn_person(rng), wall, count, (270, 360))


def maps(group: Group, with_depth: bool) -> tuple[Matte, Depth]:
    alpha = np.any(group.masks, axis=0).astype(np.float32)
    rgb = np.ascontiguousarray(group.rgb.transpose(2, 0, 1).astype(np.float32) / 255)
    depth = Depth(group.meters, np.ones_like(alpha), True, "sensor")
    return Matte(alpha, alpha, rgb), depth if with_depth else Depth.none(alpha.shape)


@pytest.mark.parametrize("with_depth", [True, False])
def test_people_who_touch_and_overlap_are_found(with_depth: bool) -> None:
    found_count = true_count = 0
    ious: list[float] = []
    for seed in range(24):
        group = drawn_group(seed, 2 + seed % 4)
        label = separate_people(*maps(group, with_depth))
        found = [label == number for number in range(1, label.max() + 1)]
        pairs = match_people(found, group.masks)
        found_count, true_count = found_count + len(found), true_count + len(group.masks)
        ious += [iou for *_, iou in pairs]
    assert len(ious) >= 0.95 * found_count
    assert len(ious) >= 0.9 * true_count
    assert np.mean(ious) >= 0.85


def test_one_person_is_one() -> None:
    for seed in range(6):
        matte, depth = maps(drawn_group(seed, 1), False)
        assert separate_people(matte, depth).max() == 1


def test_raised_arms_are_no_heads() -> None:
    outline = drawn_person(np.random.default_rng(1))[..., 3] > 0
    raised = np.pad(outline, ((20, 0), (20, 20))).astype(np.uint8)
    cv2.line(raised, (48, 92), (30, 14), 1, 9)
    cv2.line(raised, (82, 92), (102, 14), 1, 9)
    assert len(find_head_tops(raised > 0)) == 1


def test_shreds_are_no_people() -> None:
    alpha = np.zeros((200, 300), np.float32)
    alpha[40:190, 100:180] = 1
    alpha[10:14, 10:14] = alpha[50:53, 250:290] = 1
    label = separate_people(Matte(alpha, alpha), Depth.none(alpha.shape))
    assert label.max() == 1
    assert label[100, 140] == 1


def test_a_foot_behind_a_table_is_part_of_the_person() -> None:
    alpha = np.zeros((200, 300), np.float32)
    alpha[20:150, 100:180] = 1
    alpha[160:190, 110:150] = 1
    label = separate_people(Matte(alpha, alpha), Depth.none(alpha.shape))
    assert label.max() == 1
    assert label[170, 130] == 1


@given(
    arrays(np.bool_, (24, 32), elements=st.booleans()),
    arrays(np.float32, (24, 32), elements=st.floats(0, 1, width=32)),
)
def test_labels_are_whole_and_sorted(solid: Any, z: Any) -> None:
    alpha = cv2.resize(solid.astype(np.float32), (64, 48), interpolation=cv2.INTER_NEAREST)
    near = cv2.resize(z, (64, 48), interpolation=cv2.INTER_NEAREST)
    label = separate_people(Matte(alpha, alpha), Depth(near, np.ones_like(near)))
    count = int(label.max())
    assert set(np.unique(label)) == set(range(count + 1)) - ({0} if (label > 0).all() else set())
    assert not (label[alpha == 0] > 0).any()
    if count:
        assert (label[alpha > 0] > 0).all()


@given(arrays(np.bool_, (20, 24), elements=st.booleans()))
def test_every_outline_has_a_head_inside_it(outline: Any) -> None:
    heads = find_head_tops(outline)
    assert bool(heads) == bool(outline.any())
    assert [head.x for head in heads] == sorted(head.x for head in heads)
    for head in heads:
        assert outline[int(head.y), int(head.x)]
        assert head.rise >= 1
