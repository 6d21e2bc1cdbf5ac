"""Pixels go to the head that they vote for, whoever the portrait network shows."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from depthmatte.errors import WeightsError
from depthmatte.networks.network import Network
from depthmatte.networks.registry import network_path
from depthmatte.subjects.head_votes import HeadVotes
from depthmatte.subjects.people_finder import measure_people
from depthmatte.subjects.separate import separate_people, show_everybody
from depthmatte.values import Depth, Matte

SHAPE = (96, 128)


def votes_for(heads: list[tuple[int, int]], owner: np.ndarray) -> HeadVotes:
    """Exact votes: `owner` numbers the people from 1, heads are (x, y)."""
    y, x = np.mgrid[: owner.shape[0], : owner.shape[1]].astype(np.float32) + np.float32(0.5)
    head, vote = np.zeros(owner.shape, np.float32), np.zeros((2, *owner.shape), np.float32)
    for number, (at_x, at_y) in enumerate(heads, 1):
        spot = np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / 50)
        head = np.maximum(head, spot.astype(np.float32))
        vote[:, owner == number] = np.stack([at_x - x, at_y - y])[:, owner == number]
    return HeadVotes((owner > 0).astype(np.float32), head, vote)


def three_people() -> tuple[list[tuple[int, int]], np.ndarray]:
    """Two who overlap and one apart."""
    owner = np.zeros(SHAPE, np.int32)
    owner[20:90, 10:50], owner[30:96, 36:70], owner[40:90, 90:116] = 1, 2, 3
    return [(30, 26), (54, 38), (102, 46)], owner


def test_heads_and_members_are_found() -> None:
    heads, owner = three_people()
    votes = votes_for(heads, owner)
    found = votes.find_heads()
    assert len(found) == 3
    for x, y in heads:
        assert np.hypot(*(found - (x, y)).T).min() < 3
    label = votes.assign(owner > 0)
    assert ((label > 0) == (owner > 0)).all()
    for number in (1, 2, 3):
        members = label[owner == number]
        assert (members == members[0]).all()
    assert len(set(label[label > 0])) == 3


def test_a_large_piece_apart_is_another_person() -> None:
    heads, owner = three_people()
    seen = votes_for(heads[:2], np.where(owner == 3, 2, owner))  # one head is not seen
    seen = HeadVotes((owner > 0).astype(np.float32), seen.head, seen.vote)
    matte, depth = Matte(seen.person, seen.person), Depth.none(SHAPE)
    assert len(seen.find_heads()) == 2
    assert separate_people(matte, depth, seen).max() == 3
    divided = owner.copy()
    divided[64:66, 90:116] = 0  # a rail before the third person
    votes = votes_for(heads, divided)
    matte = Matte(votes.person, votes.person)
    assert separate_people(matte, depth, votes).max() == 3


def test_without_a_head_nobody_is_numbered() -> None:
    heads, owner = three_people()
    votes = votes_for(heads, owner)
    none = HeadVotes(votes.person, np.zeros(SHAPE, np.float32), votes.vote)
    assert len(none.find_heads()) == 0
    assert not none.assign(owner > 0).any()


def test_people_count_whom_the_portrait_network_does_not_show() -> None:
    heads, owner = three_people()
    votes = votes_for(heads, owner)
    alpha = (owner == 1).astype(np.float32)
    matte, depth = Matte(alpha, alpha), Depth.none(SHAPE)
    assert separate_people(matte, depth).max() == 1
    assert separate_people(matte, depth, votes).max() == 1
    label = separate_people(show_everybody(matte, votes), depth, votes)
    assert label.max() == 3
    areas = [int((label == number).sum()) for number in (1, 2, 3)]
    assert areas == sorted(areas, reverse=True)
    assert (show_everybody(matte, votes).alpha == (owner > 0)).all()
    assert show_everybody(matte, None) is matte


def test_without_heads_gaps_tell_people_apart() -> None:
    _, owner = three_people()
    blank = np.zeros(SHAPE, np.float32)
    votes = HeadVotes(blank, blank, np.zeros((2, *SHAPE), np.float32))
    alpha = np.isin(owner, (1, 3)).astype(np.float32)
    matte, depth = Matte(alpha, alpha), Depth.none(SHAPE)
    assert (separate_people(matte, depth, votes) == separate_people(matte, depth)).all()


@given(
    arrays(np.float32, (12, 16), elements=st.floats(0, 1, width=32)),
    arrays(np.float32, (12, 16), elements=st.floats(0, 1, width=32)),
    arrays(np.float32, (2, 12, 16), elements=st.floats(-100, 100, width=32)),
)
def test_labels_are_whole(person: Any, head: Any, vote: Any) -> None:
    def large(map_: Any) -> Any:
        return cv2.resize(map_, (64, 48), interpolation=cv2.INTER_LINEAR)

    votes = HeadVotes(large(person), large(head), np.stack([large(one) for one in vote]))
    alpha = large(person[::-1])
    matte = show_everybody(Matte(alpha, alpha), votes)
    label = separate_people(matte, Depth.none(alpha.shape), votes)
    count = int(label.max())
    assert set(np.unique(label[label > 0])) == set(range(1, count + 1))
    assert not label[matte.alpha == 0].any()


def test_any_canvas_gets_votes_of_its_size() -> None:
    network = Network(network_path("people"), threads=1)
    rgb = np.random.default_rng(0).random((3, 70, 90), np.float32)
    votes = measure_people(rgb, network)
    assert votes.person.shape == votes.head.shape == (70, 90)
    assert votes.vote.shape == (2, 70, 90)
    assert 0 <= votes.person.min() <= votes.person.max() <= 1
    with pytest.raises(WeightsError):
        measure_people(rgb, Network(network_path("matte"), threads=1))


def test_a_mirror_image_gets_mirrored_votes() -> None:
    network = Network(network_path("people"), threads=1)
    rgb = np.random.default_rng(0).random((3, 64, 96), np.float32)
    votes = measure_people(rgb, network)
    mirrored = measure_people(np.ascontiguousarray(rgb[..., ::-1]), network)
    np.testing.assert_allclose(mirrored.person[:, ::-1], votes.person, atol=1e-5)
    np.testing.assert_allclose(mirrored.vote[0][:, ::-1], -votes.vote[0], atol=1e-3)
    np.testing.assert_allclose(mirrored.vote[1][:, ::-1], votes.vote[1], atol=1e-3)
