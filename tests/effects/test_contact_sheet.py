from __future__ import annotations

import numpy as np
import pytest

from depthmatte.canvas import Fit
from depthmatte.maps import Depth, Matte
from depthmatte.photo import Photo
from depthmatte.portrait import Portrait
from depthmatte.sheet import CAPTION, COLUMNS, GAP, NARROWEST, SIDE, sheet


def portrait(height: int, width: int, sure: float = 1.0) -> Portrait:
    """A white square on red, near on far, each map with a level of its own."""
    rgb = np.full((height, width, 3), (200, 0, 0), np.uint8)
    person = np.zeros((height, width), np.float32)
    person[height // 4 : -height // 4, width // 4 : -width // 4] = 1
    rgb[person == 1] = 255
    return Portrait(
        Photo(rgb),
        Matte(person, person * np.float32(0.6)),
        Depth(1 - person, np.full_like(person, sure)),
        Fit.identity((height, width)),
    )


def tiles(picture: np.ndarray, height: int, width: int) -> list[np.ndarray]:
    """The six tiles cut out of a sheet, in reading order."""
    down, right = height + CAPTION + GAP, max(width, NARROWEST) + GAP
    return [
        picture[GAP + row * down :, GAP + column * right :][:height, :width]
        for row in range(2)
        for column in range(COLUMNS)
    ]


def test_shows_every_step() -> None:
    photo, alpha, cutout, prob, depth, sure = tiles(sheet(portrait(80, 160, 0.2)), 80, 160)
    middle, corner = (40, 80), (2, 2)
    assert photo[middle].tolist() == [255, 255, 255]
    assert photo[corner].tolist() == [200, 0, 0]
    assert (alpha[middle][0], alpha[corner][0]) == (255, 0)
    assert cutout[middle].tolist() == [255, 255, 255]
    assert len(set(cutout[corner].tolist())) == 1, "the checkerboard is grey"
    assert prob[middle][0] == 153
    assert depth[middle].mean() > 150 > 50 > depth[corner].mean(), "near is bright"
    assert (sure == 51).all()


def test_unmeasured_depth_is_black() -> None:
    assert not tiles(sheet(portrait(80, 160, 0.0)), 80, 160)[4].any()


@pytest.mark.parametrize("shape", [(3, 2), (40, 500), (1500, 1000), (1000, 3000)])
def test_size_is_modest_whatever_the_photo(shape: tuple[int, int]) -> None:
    picture = sheet(portrait(*shape))
    assert picture.dtype == np.uint8
    assert picture.shape[0] <= GAP + 2 * (SIDE + CAPTION + GAP)
    assert picture.shape[1] <= GAP + COLUMNS * (SIDE + GAP)
