"""People whose true alpha is known: two photos of scikit-image with outlines drawn by hand,
and composites of them, whose alpha is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from depthmatte.types import RGB

Alpha = NDArray[np.float32]

# The astronaut's outline as drawn by hand, (x, y); the helmet in front of her may be
# kept or left out, so it does not count.
_ASTRONAUT = (
    (198, 24), (184, 38), (165, 48), (155, 62), (154, 82), (157, 104), (174, 128), (182, 134),
    (183, 148), (157, 150), (134, 162), (114, 186), (112, 205), (64, 247), (41, 290), (26, 345),
    (18, 394), (24, 433), (24, 472), (31, 497), (40, 511), (280, 511), (276, 470), (290, 410),
    (310, 370), (345, 352), (362, 345), (358, 322), (352, 287), (340, 262), (321, 244), (304, 234),
    (287, 200), (256, 174), (267, 138), (277, 133), (291, 116), (300, 95), (296, 58), (276, 31),
    (243, 16), (218, 14),
)  # fmt: skip
_HELMET = ((385, 435), 122)

# The photographer's outline; his hands and the camera on its tripod do not count.
_PHOTOGRAPHER = (
    (157, 122), (159, 104), (172, 85), (188, 72), (206, 65), (226, 69), (245, 79), (261, 92),
    (269, 108), (268, 128), (258, 131), (253, 145), (251, 172), (245, 178), (240, 192), (243, 207),
    (241, 222), (240, 255), (264, 237), (300, 238), (290, 262), (278, 292), (250, 311), (231, 309),
    (206, 294), (192, 318), (168, 345), (140, 384), (147, 425), (151, 511), (0, 511), (0, 262),
    (22, 228), (50, 180), (72, 150), (98, 133), (131, 124), (152, 106),
)  # fmt: skip
_TRIPOD = ((235, 130), (420, 511))


@dataclass(frozen=True)
class Known:
    """A photo (H, W, 3), its alpha (H, W), and where the alpha counts (H, W)."""

    rgb: RGB
    alpha: Alpha
    counts: NDArray[np.bool_]


def _filled(outline: tuple[tuple[int, int], ...]) -> NDArray[np.uint8]:
    mask = np.zeros((512, 512), np.uint8)
    cv2.fillPoly(mask, [np.array(outline, np.int32)], 1)
    return mask


def astronaut() -> Known:
    from skimage import data

    counts = np.ones((512, 512), np.uint8)
    cv2.circle(counts, *_HELMET, 0, -1)
    return Known(data.astronaut(), _filled(_ASTRONAUT).astype(np.float32), counts > 0)


def photographer() -> Known:
    """A gray photo, as RGB."""
    from skimage import data

    counts = np.ones((512, 512), np.uint8)
    cv2.rectangle(counts, *_TRIPOD, 0, -1)
    rgb = np.repeat(data.camera()[..., None], 3, axis=2)
    return Known(rgb, _filled(_PHOTOGRAPHER).astype(np.float32), counts > 0)


def soft(alpha: Alpha) -> Alpha:
    """The outline a little inside the person and about three pixels wide."""
    inner = cv2.erode(alpha, np.ones((5, 5), np.uint8))
    return np.clip(cv2.GaussianBlur(inner, (0, 0), 1.2), 0, 1).astype(np.float32)


def cutout() -> tuple[RGB, Alpha]:
    """The astronaut alone, without what is behind her, cropped to herself: color and alpha."""
    known = astronaut()
    return np.ascontiguousarray(known.rgb[:, :370]), soft(known.alpha)[:, :370]


def background(name: str, shape: tuple[int, int]) -> RGB:
    """A picture of scikit-image without people, cropped and resized to cover `shape`."""
    from skimage import data

    picture: RGB = getattr(data, name)()
    height, width = shape
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    scale = max(height / picture.shape[0], width / picture.shape[1])
    size = [int(np.ceil(side * scale)) for side in picture.shape[1::-1]]
    large = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else 1)
    return np.ascontiguousarray(large[:height, :width])


def onto(
    back: RGB,
    left: float,
    scale: float = 1.0,
    mirrored: bool = False,
    light: float = 1.0,
    degrees: float = 0.0,
) -> Known:
    """The astronaut on `back`: her lower edge on its lower edge, her left side at `left` pixels."""
    front, alpha = cutout()
    if mirrored:
        front, alpha = front[:, ::-1], alpha[:, ::-1]
    height, width = back.shape[:2]
    move = np.array([[scale, 0, left], [0, scale, height - scale * alpha.shape[0]]])
    if degrees:
        turn = cv2.getRotationMatrix2D((left + scale * 185, float(height)), degrees, 1.0)
        move = turn @ np.vstack([move, [0, 0, 1]])
        move[1, 2] += 40 * scale
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    color = cv2.warpAffine(
        np.ascontiguousarray(front), move, (width, height), flags=how, borderMode=1
    )
    placed = cv2.warpAffine(np.ascontiguousarray(alpha), move, (width, height), flags=how)
    share = placed[..., None]
    mixed = share * np.clip(color * light, 0, 255) + (1 - share) * back
    rgb = np.rint(mixed).astype(np.uint8)
    return Known(rgb, placed, np.ones((height, width), bool))


COMPOSITES: dict[str, Callable[[], Known]] = {
    "cat": lambda: onto(background("chelsea", (600, 800)), 200),
    "coffee": lambda: onto(background("coffee", (640, 480)), 60),
    "rocket": lambda: onto(background("rocket", (600, 800)), 380, mirrored=True),
    "brick": lambda: onto(background("brick", (512, 640)), 120, 0.8),
    "grass": lambda: onto(background("grass", (640, 480)), 100, 0.7, mirrored=True),
    "dim": lambda: onto(background("coffee", (600, 800)), 250, light=0.5),
    "leaning": lambda: onto(background("chelsea", (640, 640)), 150, degrees=10),
    "small": lambda: onto(background("rocket", (600, 900)), 500, 0.5),
}
"""The astronaut elsewhere, by name: her alpha is exact everywhere."""


def in_depth() -> tuple[Known, NDArray[np.float32]]:
    """The astronaut at 1.2 meters, and a second, smaller one behind her at 3, before a wall.

    Returns the photo with the alpha of the nearer one, and the meters (H, W) that a depth
    camera would give.
    """
    wall = background("brick", (640, 800))
    behind = onto(wall, 430, 0.75, mirrored=True)
    both = onto(behind.rgb, 60)
    z = np.where(behind.alpha > 0.5, 3.0, 4.5)
    z = np.where(both.alpha > 0.5, 1.2, z).astype(np.float32)
    return both, z
