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

from .color.icc import convert_to_srgb
from .errors import InputError, InstallError
from .options import OrientMode
from .photo import Photo
from .types import RGB, Float

if not hasattr(cv2, "INTER_AREA"):
    # pip leaves half of it where two OpenCV packages shared the folder and one was removed.
    raise InstallError(
        "OpenCV is only partly installed; run: python -m pip install --force-reinstall "
        "--no-deps opencv-python-headless"
    )


PRESET_SHAPE = (480, 352)
"""(height, width) of an upright canvas, the preset size of both networks: about 3 to 4."""

_PADDING_LEVEL = 0.5
"""Grey level of the canvas where the photo does not reach."""


class Box(NamedTuple):
    """An upright part of a picture, in whole pixels."""

    top: int
    left: int
    height: int
    width: int

    @classmethod
    def bounding(cls, marked: NDArray[np.bool_], margin: int) -> Box:
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
class Letterbox:
    """How a photo lies on its canvas.

    `photo` and `canvas` are (height, width); `content` is the (height, width) the photo
    takes on the canvas, `corner` the (top, left) pixel where it starts. With `turned` the
    photo was rotated 90 degrees counter-clockwise first. `part` is the Box of the photo that
    is laid, None for all of it.
    """

    photo: tuple[int, int]
    canvas: tuple[int, int]
    content_shape: tuple[int, int]
    content_corner: tuple[int, int]
    rotated: bool = False
    crop: Box | None = None

    @classmethod
    def for_photo(
        cls,
        photo: tuple[int, int],
        preset: tuple[int, int] = PRESET_SHAPE,
        orient: OrientMode = "pad",
        crop: Box | None = None,
    ) -> Letterbox:
        """Lay a photo of `photo` (H, W) pixels, or a `part` of it, on the preset canvas, centred.

        Raises InputError for an unknown `orient` and a part that is not inside the photo.
        """
        if orient not in get_args(OrientMode):
            raise InputError(f"orient {orient!r} is unknown; use rotate or pad")
        if crop is not None and not crop.inside(photo):
            raise InputError(f"part {tuple(crop)} is not inside a photo of {photo}")
        shape = photo if crop is None else crop.shape
        # Turned is the camera, not the portrait: a part goes the way of its photo.
        turned = orient == "rotate" and photo[1] > photo[0]
        wide = orient == "pad" and shape[1] > shape[0]
        canvas = (preset[1], preset[0]) if wide else preset
        height, width = (shape[1], shape[0]) if turned else shape
        scale = min(canvas[0] / height, canvas[1] / width)
        content = scale_shape((height, width), scale)
        corner = ((canvas[0] - content[0]) // 2, (canvas[1] - content[1]) // 2)
        return cls(photo, canvas, content, corner, turned, crop)

    def resized(self, photo: tuple[int, int]) -> Letterbox:
        """The same for the photo at another size (H, W)."""
        part = self.crop and self.crop.scaled(photo[0] / self.photo[0], photo[1] / self.photo[1])
        return replace(self, photo=photo, crop=part)

    @property
    def photo_box(self) -> Box:
        """What of the photo the canvas shows."""
        return self.crop or Box(0, 0, *self.photo)

    @property
    def is_crop(self) -> bool:
        """Whether the canvas shows only a part of the photo, as the second look does."""
        return self.crop is not None

    @property
    def scale(self) -> float:
        """Canvas pixels per photo pixel."""
        height, width = self.photo_box.shape
        return float(np.sqrt(self.content_shape[0] * self.content_shape[1] / (height * width)))

    @property
    def photo_share(self) -> float:
        """Share of the photo's area that the canvas shows."""
        return self.photo_box.height * self.photo_box.width / (self.photo[0] * self.photo[1])

    @classmethod
    def identity(cls, shape: tuple[int, int]) -> Letterbox:
        """The photo is its own canvas: maps are already at photo size."""
        return cls(shape, shape, shape, (0, 0))

    @property
    def content_slices(self) -> tuple[slice, slice]:
        """The rows and columns of the canvas that the photo covers."""
        top, left = self.content_corner
        return slice(top, top + self.content_shape[0]), slice(left, left + self.content_shape[1])

    def inside(self) -> NDArray[np.bool_]:
        """Boolean (h, w): True where the canvas shows the photo, False on padding."""
        covered = np.zeros(self.canvas, bool)
        covered[self.content_slices] = True
        return covered

    def points_to_photo(self, xy: NDArray[Any]) -> NDArray[np.float64]:
        """Undo `to_canvas`."""
        box = self.photo_box
        height, width = box.shape[::-1] if self.rotated else box.shape
        (rows, columns), (top, left) = self.content_shape, self.content_corner
        x = (np.asarray(xy, float)[..., 0] + 0.5 - left) * width / columns - 0.5
        y = (np.asarray(xy, float)[..., 1] + 0.5 - top) * height / rows - 0.5
        if self.rotated:
            x, y = box.width - 1 - y, x
        return np.stack([x + box.left, y + box.top], axis=-1)

    def points_to_canvas(self, xy: NDArray[Any]) -> NDArray[np.float64]:
        """Photo pixel coordinates (..., 2) as (x, y) -> canvas pixel coordinates."""
        box = self.photo_box
        x, y = np.asarray(xy, float)[..., 0] - box.left, np.asarray(xy, float)[..., 1] - box.top
        height, width = box.shape
        if self.rotated:
            x, y, height, width = y, width - 1 - x, width, height
        (rows, columns), (top, left) = self.content_shape, self.content_corner
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
    fit: Letterbox

    def __post_init__(self) -> None:
        if self.rgb.shape != (1, 3, *self.fit.canvas):
            raise InputError(f"canvas pixels {self.rgb.shape} do not match {self.fit.canvas}")

    @property
    def pixels(self) -> Float:
        """The same pixels as float32 (h, w, 3)."""
        return np.ascontiguousarray(self.rgb[0].transpose(1, 2, 0))


def scale_shape(shape: tuple[int, int], scale: float) -> tuple[int, int]:
    """(height, width) times `scale`, rounded, at least one pixel each."""
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def resize(
    array: NDArray[Any],
    shape: tuple[int, int],
    nearest: bool = False,
    out: NDArray[Any] | None = None,
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
    return cv2.resize(array, (shape[1], shape[0]), out, interpolation=method)


def to_canvas(
    array: NDArray[Any], fit: Letterbox, padding: float = 0.0, nearest: bool = False
) -> NDArray[Any]:
    """Bring any photo-sized (H, W) or (H, W, C) array onto the canvas of `fit`."""
    if array.shape[:2] != fit.photo:
        raise InputError(f"array of {array.shape[:2]} does not match the photo's {fit.photo}")
    array = array[fit.photo_box.slices]
    if fit.rotated:
        array = np.ascontiguousarray(np.rot90(array))
    sheet = np.full((*fit.canvas, *array.shape[2:]), padding, array.dtype)
    sheet[fit.content_slices] = resize(array, fit.content_shape, nearest)
    return sheet


def from_canvas(array: NDArray[Any], fit: Letterbox, nearest: bool = False) -> NDArray[Any]:
    """Undo `lay`: a canvas-sized (h, w) or (h, w, C) array back at photo size, upright.

    What the canvas does not show is 0.
    """
    if array.shape[:2] != fit.canvas:
        raise InputError(f"map of {array.shape[:2]} does not match the canvas {fit.canvas}")
    height, width = fit.photo_box.shape
    upright = (width, height) if fit.rotated else (height, width)
    back = resize(np.ascontiguousarray(array[fit.content_slices]), upright, nearest)
    if fit.rotated:
        back = np.ascontiguousarray(np.rot90(back, -1))
    if fit.crop is None:
        return back
    whole = np.zeros((*fit.photo, *back.shape[2:]), back.dtype)
    whole[fit.crop.slices] = back
    return whole


def prepare_canvas(
    photo: Photo,
    preset: tuple[int, int] = PRESET_SHAPE,
    orient: OrientMode = "pad",
    crop: Box | None = None,
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
    fit = Letterbox.for_photo(photo.shape, preset, orient, crop)
    pixels: RGB = to_canvas(photo.rgb, fit, padding=round(_PADDING_LEVEL * 255))
    pixels[fit.content_slices] = convert_to_srgb(pixels[fit.content_slices], photo.meta.icc)
    planes = np.multiply(pixels.transpose(2, 0, 1)[None], np.float32(1 / 255), dtype=np.float32)
    return Canvas(np.ascontiguousarray(planes), fit)
