from __future__ import annotations

import numpy as np
import pytest

from depthmatte.canvas import Letterbox
from depthmatte.evaluation.contact_sheet import _COLUMNS, _TILE_SIDE, draw_contact_sheet
from depthmatte.evaluation.tiles import CAPTION_HEIGHT_PX, MIN_TILE_WIDTH_PX, TILE_GAP_PX
from depthmatte.photo import Photo
from depthmatte.portrait import Portrait
from depthmatte.values import Depth, Matte


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
        Letterbox.identity((height, width)),
    )


def tiles(picture: np.ndarray, height: int, width: int) -> list[np.ndarray]:
    """The six tiles cut out of a sheet, in reading order."""
    down, right = (
        height + CAPTION_HEIGHT_PX + TILE_GAP_PX,
        max(width, MIN_TILE_WIDTH_PX) + TILE_GAP_PX,
    )
    return [
        picture[TILE_GAP_PX + row * down :, TILE_GAP_PX + column * right :][:height, :width]
        for row in range(2)
        for column in range(_COLUMNS)
    ]


def test_shows_every_step() -> None:
    photo, alpha, cutout, prob, depth, sure = tiles(
        draw_contact_sheet(portrait(80, 160, 0.2)), 80, 160
    )
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
    assert not tiles(draw_contact_sheet(portrait(80, 160, 0.0)), 80, 160)[4].any()


@pytest.mark.parametrize("shape", [(3, 2), (40, 500), (1500, 1000), (1000, 3000)])
def test_size_is_modest_whatever_the_photo(shape: tuple[int, int]) -> None:
    picture = draw_contact_sheet(portrait(*shape))
    assert picture.dtype == np.uint8
    assert picture.shape[0] <= TILE_GAP_PX + 2 * (_TILE_SIDE + CAPTION_HEIGHT_PX + TILE_GAP_PX)
    assert picture.shape[1] <= TILE_GAP_PX + _COLUMNS * (_TILE_SIDE + TILE_GAP_PX)
