"""Near-duplicates: the same photo is found in every size and compression, others are not."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depthmatte.training.data.duplicates import (
    MAX_DISTANCE,
    fingerprint,
    group_near_duplicates,
    has_near_duplicate,
)
from places import SHARED

PEOPLE = SHARED / "data" / "people"


@cache
def picture(seed: int) -> np.ndarray:
    """A gray picture with shapes of all sizes, as a photo has."""
    rng = np.random.default_rng(seed)
    made = np.full((240, 180), 128, np.float32)
    for cells in (3, 6, 12, 24):
        noise = rng.standard_normal((cells, cells)).astype(np.float32)
        made += cv2.resize(noise, (180, 240), interpolation=cv2.INTER_CUBIC) * 130 / cells
    return np.clip(made, 0, 255).astype(np.uint8)


def distance(one: np.ndarray | None, two: np.ndarray | None) -> int:
    assert one is not None
    assert two is not None
    return int(np.unpackbits(one ^ two).sum())


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    scale=st.floats(0.4, 2.5),
    squeeze=st.floats(0.97, 1.03),
    quality=st.integers(40, 100),
    webp=st.booleans(),
    gain=st.floats(0.85, 1.1),
)
def test_the_same_photo_is_found_however_it_was_stored(
    seed: int, scale: float, squeeze: float, quality: int, webp: bool, gain: float
) -> None:
    gray = picture(seed)
    size = max(1, round(180 * scale * squeeze)), max(1, round(240 * scale))
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    small = cv2.convertScaleAbs(small, alpha=gain)
    packed = cv2.imencode(".webp", small, [cv2.IMWRITE_WEBP_QUALITY, quality])[1] if webp else (
        cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    )  # fmt: skip
    again = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)
    assert distance(fingerprint(gray), fingerprint(again)) <= MAX_DISTANCE
    other = fingerprint(picture(seed + 1))
    assert distance(fingerprint(gray), other) > MAX_DISTANCE


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_without_features_is_like_no_other(level: int) -> None:
    assert fingerprint(np.full((50, 40), level, np.uint8)) is None


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_groups_are_those_that_chains_of_near_pairs_make(draw: st.DataObject) -> None:
    seed = draw.draw(st.integers(0, 2**31))
    count = draw.draw(st.integers(0, 60))
    rng = np.random.default_rng(seed)
    centers = rng.integers(0, 256, (6, 32), dtype=np.uint8)
    prints = centers[rng.integers(0, 6, count)] if count else np.zeros((0, 32), np.uint8)
    for row in prints:
        bits = rng.integers(0, 256, int(rng.integers(0, 30)))
        for bit in bits:
            row[bit // 8] ^= np.uint8(1 << int(bit % 8))
    far = np.unpackbits(prints[:, None] ^ prints[None], axis=2).sum(2)
    expected = np.arange(count)
    while True:  # the slow way: the least number among all near ones, until nothing changes
        after = np.array([expected[row <= MAX_DISTANCE].min() for row in far], int)
        if np.array_equal(after, expected):
            break
        expected = after
    assert np.array_equal(group_near_duplicates(prints), expected)
    half = count // 2
    assert np.array_equal(
        has_near_duplicate(prints[:half], prints[half:]),
        (far[:half, half:] <= MAX_DISTANCE).any(1),
    )


def test_blocks_join_groups_across_their_borders() -> None:
    rng = np.random.default_rng(1)
    prints = rng.integers(0, 256, (2500, 32), dtype=np.uint8)
    prints[2400] = prints[3]
    prints[1500] = prints[2400]
    prints[1030] = prints[1029]
    groups = group_near_duplicates(prints)
    assert groups[[3, 1500, 2400, 1029, 1030]].tolist() == [3, 3, 3, 1029, 1029]
    assert len(np.unique(groups)) == 2500 - 3


def test_one_photo_many_times_is_one_group() -> None:
    prints = np.tile(np.random.default_rng(2).integers(0, 256, 32, dtype=np.uint8), (2100, 1))
    assert not group_near_duplicates(prints).any()


@pytest.mark.skipif(not PEOPLE.is_dir(), reason="needs the shared data")
def test_real_photos_of_two_sets_are_told_apart() -> None:
    def prints(folder: Path) -> np.ndarray:
        photos = sorted((folder / "images").iterdir())[:40]
        found = (fingerprint(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)) for path in photos)
        return np.stack([one for one in found if one is not None])

    flickr, ccp = prints(PEOPLE / "flickr" / "train"), prints(PEOPLE / "ccp" / "train")
    assert len(flickr) == len(ccp) == 40
    assert not has_near_duplicate(flickr, ccp).any()
    assert has_near_duplicate(flickr, flickr).all()
