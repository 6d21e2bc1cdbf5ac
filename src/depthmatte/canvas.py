"""From photo to network input and back: the only place that resizes or rotates.

Pixel centres lie at half-integers in both directions, so a photo pixel x lands at
`(x + 0.5) * scale - 0.5 + left` on the canvas and comes back exactly. A landscape shot is
either turned to portrait (`rotate`, the seed's way) or kept upright on a canvas that is
itself landscape (`pad`); SPEC row A2. A canvas may show a part of the photo only, larger.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from .arrays import RGB, Float
from .errors import InputError, InstallError
from .icc import to_srgb
from .options import Orient
from .photo import Photo

if not hasattr(cv2, "INTER_AREA"):
    # pip leaves half of it where two OpenCV packages shared the folder and one was removed.
    raise InstallError(
        "OpenCV is only partly installed; run: python -m pip install --force-reinstall "
        "--no-deps opencv-python-headless"
    )


PRESET = (480, 352)
"""(height, width) of an upright canvas, the preset size of both networks: about 3 to 4."""

PADDING = 0.5
"""Grey level of the canvas where the photo does not reach."""


class Box(NamedTuple):
    """An upright part of a picture, in whole pixels."""

    top: int
    left: int
    height: int
    width: int

    @classmethod
    def around(cls, marked: NDArray[np.bool_], margin: int) -> Box:
        """What is marked in (H, W), and `margin` pixels on every side that has them.

        Of no pixels where nothing is marked.
        """
        left, top, width, height = cv2.boundingRect(marked.astype(np.uint8))
        if not width:
            return cls(0, 0, 0, 0)
        first, last = max(0, top - margin), min(marked.shape[0], top + height + margin)
        left, right = max(0, left - margin), min(marked.shape[1], left + width + margin)
        return cls(first, left, last - first, right - left)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        """Its rows and columns."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)

    def inside(self, shape: tuple[int, int]) -> bool:
        """Whether it lies in a picture of (H, W) pixels and holds any."""
        rows, columns = self.slices
        return bool(
            0 <= rows.start < rows.stop <= shape[0]
            and 0 <= columns.start < columns.stop <= shape[1]
        )

    def scaled(self, down: float, across: float) -> Box:
        """The same part of the picture at another size; at least one pixel each way."""
        bottom = max(1, round((self.top + self.height) * down))
        right = max(1, round((self.left + self.width) * across))
        top = min(round(self.top * down), bottom - 1)
        left = min(round(self.left * across), right - 1)
        return Box(top, left, bottom - top, right - left)


@dataclass(frozen=True)
class Fit:
    """How a photo lies on its canvas.

    `photo` and `canvas` are (height, width); `content` is the (height, width) the photo
    takes on the canvas, `corner` the (top, left) pixel where it starts. With `turned` the
    photo was rotated 90 degrees counter-clockwise first. `part` is the Box of the photo that
    is laid, None for all of it.
    """

    photo: tuple[int, int]
    canvas: tuple[int, int]
    content: tuple[int, int]
    corner: tuple[int, int]
    turned: bool = False
    part: Box | None = None

    @classmethod
    def of(
        cls,
        photo: tuple[int, int],
        preset: tuple[int, int] = PRESET,
        orient: Orient = "pad",
        part: Box | None = None,
    ) -> Fit:
        """Lay a photo of `photo` (H, W) pixels, or a `part` of it, on the preset canvas, centred.

        Raises InputError for an unknown `orient` and a part that is not inside the photo.
        """
        if orient not in get_args(Orient):
            raise InputError(f"orient {orient!r} is unknown; use rotate or pad")
        if part is not None and not part.inside(photo):
            raise InputError(f"part {tuple(part)} is not inside a photo of {photo}")
        shape = photo if part is None else part.shape
        # Turned is the camera, not the portrait: a part goes the way of its photo.
        turned = orient == "rotate" and photo[1] > photo[0]
        wide = orient == "pad" and shape[1] > shape[0]
        canvas = (preset[1], preset[0]) if wide else preset
        height, width = (shape[1], shape[0]) if turned else shape
        scale = min(canvas[0] / height, canvas[1] / width)
        content = scaled((height, width), scale)
        corner = ((canvas[0] - content[0]) // 2, (canvas[1] - content[1]) // 2)
        return cls(photo, canvas, content, corner, turned, part)

    def resized(self, photo: tuple[int, int]) -> Fit:
        """The same for the photo at another size (H, W)."""
        part = self.part and self.part.scaled(photo[0] / self.photo[0], photo[1] / self.photo[1])
        return replace(self, photo=photo, part=part)

    @property
    def box(self) -> Box:
        """What of the photo the canvas shows."""
        return self.part or Box(0, 0, *self.photo)

    @property
    def scale(self) -> float:
        """Canvas pixels per photo pixel."""
        height, width = self.box.shape
        return float(np.sqrt(self.content[0] * self.content[1] / (height * width)))

    @property
    def share(self) -> float:
        """Share of the photo's area that the canvas shows."""
        return self.box.height * self.box.width / (self.photo[0] * self.photo[1])

    @classmethod
    def identity(cls, shape: tuple[int, int]) -> Fit:
        """The photo is its own canvas: maps are already at photo size."""
        return cls(shape, shape, shape, (0, 0))

    @property
    def window(self) -> tuple[slice, slice]:
        """The rows and columns of the canvas that the photo covers."""
        top, left = self.corner
        return slice(top, top + self.content[0]), slice(left, left + self.content[1])

    def inside(self) -> NDArray[np.bool_]:
        """Boolean (h, w): True where the canvas shows the photo, False on padding."""
        covered = np.zeros(self.canvas, bool)
        covered[self.window] = True
        return covered

    def to_photo(self, xy: NDArray[Any]) -> NDArray[np.float64]:
        """Undo `to_canvas`."""
        box = self.box
        height, width = box.shape[::-1] if self.turned else box.shape
        (rows, columns), (top, left) = self.content, self.corner
        x = (np.asarray(xy, float)[..., 0] + 0.5 - left) * width / columns - 0.5
        y = (np.asarray(xy, float)[..., 1] + 0.5 - top) * height / rows - 0.5
        if self.turned:
            x, y = box.width - 1 - y, x
        return np.stack([x + box.left, y + box.top], axis=-1)

    def to_canvas(self, xy: NDArray[Any]) -> NDArray[np.float64]:
        """Photo pixel coordinates (..., 2) as (x, y) -> canvas pixel coordinates."""
        box = self.box
        x, y = np.asarray(xy, float)[..., 0] - box.left, np.asarray(xy, float)[..., 1] - box.top
        height, width = box.shape
        if self.turned:
            x, y, height, width = y, width - 1 - x, width, height
        (rows, columns), (top, left) = self.content, self.corner
        return np.stack(
            [
                (x + 0.5) * columns / width - 0.5 + left,
                (y + 0.5) * rows / height - 0.5 + top,
            ],
            axis=-1,
        )


@dataclass(frozen=True)
class Canvas:
    """The one input both networks read: `rgb` float32 (1, 3, h, w) in [0, 1] and its Fit."""

    rgb: Float
    fit: Fit

    def __post_init__(self) -> None:
        if self.rgb.shape != (1, 3, *self.fit.canvas):
            raise InputError(f"canvas pixels {self.rgb.shape} do not match {self.fit.canvas}")

    @property
    def pixels(self) -> Float:
        """The same pixels as float32 (h, w, 3)."""
        return np.ascontiguousarray(self.rgb[0].transpose(1, 2, 0))


def scaled(shape: tuple[int, int], scale: float) -> tuple[int, int]:
    """(height, width) times `scale`, rounded, at least one pixel each."""
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def resize(
    array: NDArray[Any],
    shape: tuple[int, int],
    nearest: bool = False,
    memory: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Resize (H, W) or (H, W, C) to `shape` (h, w), half-pixel centres.

    Shrinking averages areas (no aliasing), enlarging is bilinear; `nearest` keeps labels.
    `memory` is an array of the result's shape and type that may be used up for it: new memory
    takes longer than enlarging a map.
    """
    if array.shape[:2] == shape:
        return array
    if nearest:
        method = cv2.INTER_NEAREST_EXACT
    else:
        shrink = shape[0] <= array.shape[0] and shape[1] <= array.shape[1]
        method = cv2.INTER_AREA if shrink else cv2.INTER_LINEAR
    return cv2.resize(array, (shape[1], shape[0]), memory, interpolation=method)


def lay(array: NDArray[Any], fit: Fit, padding: float = 0.0, nearest: bool = False) -> NDArray[Any]:
    """Bring any photo-sized (H, W) or (H, W, C) array onto the canvas of `fit`."""
    if array.shape[:2] != fit.photo:
        raise InputError(f"array of {array.shape[:2]} does not match the photo's {fit.photo}")
    array = array[fit.box.slices]
    if fit.turned:
        array = np.ascontiguousarray(np.rot90(array))
    sheet = np.full((*fit.canvas, *array.shape[2:]), padding, array.dtype)
    sheet[fit.window] = resize(array, fit.content, nearest)
    return sheet


def lift(array: NDArray[Any], fit: Fit, nearest: bool = False) -> NDArray[Any]:
    """Undo `lay`: a canvas-sized (h, w) or (h, w, C) array back at photo size, upright.

    What the canvas does not show is 0.
    """
    if array.shape[:2] != fit.canvas:
        raise InputError(f"map of {array.shape[:2]} does not match the canvas {fit.canvas}")
    height, width = fit.box.shape
    upright = (width, height) if fit.turned else (height, width)
    back = resize(np.ascontiguousarray(array[fit.window]), upright, nearest)
    if fit.turned:
        back = np.ascontiguousarray(np.rot90(back, -1))
    if fit.part is None:
        return back
    whole = np.zeros((*fit.photo, *back.shape[2:]), back.dtype)
    whole[fit.part.slices] = back
    return whole


def prepare(
    photo: Photo,
    preset: tuple[int, int] = PRESET,
    orient: Orient = "pad",
    part: Box | None = None,
) -> Canvas:
    """Photo, or a `part` of it, -> Canvas, once for all networks (SPEC row A2).

    Parameters
    ----------
    photo : Photo
        Pixels in any profile.
    preset : tuple
        (height, width) of an upright canvas.
    orient : {"pad", "rotate"}
        How a landscape shot is laid.
    part : Box or None
        The part of the photo to lay, None for all of it.

    Returns
    -------
    Canvas
        sRGB, whatever the photo's profile; values are x / 255. Any other normalisation lives
        inside a network's graph.
    """
    fit = Fit.of(photo.shape, preset, orient, part)
    pixels: RGB = lay(photo.rgb, fit, padding=round(PADDING * 255))
    pixels[fit.window] = to_srgb(pixels[fit.window], photo.meta.icc)
    planes = np.multiply(pixels.transpose(2, 0, 1)[None], np.float32(1 / 255), dtype=np.float32)
    return Canvas(np.ascontiguousarray(planes), fit)
