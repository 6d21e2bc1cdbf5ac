"""The canvas, the common input of all networks, and the way from photo to canvas and back.

Resizing uses half-pixel centers: the photo pixel x lands at
`(x + 0.5) * scale - 0.5 + left` on the canvas and comes back exactly. A landscape photo is
either kept upright on a landscape canvas (`pad`) or rotated to portrait (`rotate`, as in the
patent description). A canvas may also show a crop of the photo at a larger scale.
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
    # Two OpenCV packages share one folder. When pip removes one of them, the other breaks.
    raise InstallError(
        "OpenCV is only partly installed; run: python -m pip install --force-reinstall "
        "--no-deps opencv-python-headless"
    )


PRESET_SHAPE = (480, 352)
"""(height, width) in pixels of an upright canvas: the preset of the shipped networks."""

_PADDING_LEVEL = 0.5
"""Gray level of the canvas beside the photo."""


class Box(NamedTuple):
    """A rectangle of whole pixels in an upright picture."""

    top: int
    left: int
    height: int
    width: int

    @classmethod
    def bounding(cls, marked: NDArray[np.bool_], margin: int) -> Box:
        """Return the bounding box of a mask (H, W), grown by `margin` pixels within the picture.

        An empty mask has an empty box.
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
        """The slices of rows and columns."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)

    def inside(self, shape: tuple[int, int]) -> bool:
        """Return whether the box is not empty and lies in a picture of (H, W) pixels."""
        rows, columns = self.slices
        return bool(
            0 <= rows.start < rows.stop <= shape[0]
            and 0 <= columns.start < columns.stop <= shape[1]
        )

    def scaled(self, down: float, across: float) -> Box:
        """Return the box in the picture scaled by these factors; at least one pixel per side."""
        bottom = max(1, round((self.top + self.height) * down))
        right = max(1, round((self.left + self.width) * across))
        top = min(round(self.top * down), bottom - 1)
        left = min(round(self.left * across), right - 1)
        return Box(top, left, bottom - top, right - left)


@dataclass(frozen=True)
class Letterbox:
    """The layout of a photo on its canvas.

    Parameters
    ----------
    photo : tuple of int
        (H, W) of the photo.
    canvas : tuple of int
        (h, w) of the canvas.
    content_shape : tuple of int
        (height, width) that the photo covers on the canvas.
    content_corner : tuple of int
        (top, left) canvas pixel where the photo starts.
    rotated : bool
        Whether the photo is rotated by 90 degrees counterclockwise first.
    crop : Box, optional
        The part of the photo that the canvas shows. None shows all of it.
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
        """Center a photo, or a crop of it, on the canvas at the largest scale that fits.

        Parameters
        ----------
        photo : tuple of int
            (H, W) of the photo.
        preset : tuple of int
            (height, width) of an upright canvas.
        orient : {"pad", "rotate"}
            How a landscape photo is laid: upright on a landscape canvas, or rotated.
        crop : Box, optional
            The part of the photo to show.

        Raises
        ------
        InputError
            When `orient` is unknown or the crop is not inside the photo.
        """
        if orient not in get_args(OrientMode):
            raise InputError(f"orient {orient!r} is unknown; use rotate or pad")
        if crop is not None and not crop.inside(photo):
            raise InputError(f"crop {tuple(crop)} is not inside a photo of {photo}")
        shape = photo if crop is None else crop.shape
        # The shape of the photo decides, not that of the crop: both passes rotate alike.
        rotated = orient == "rotate" and photo[1] > photo[0]
        wide = orient == "pad" and shape[1] > shape[0]
        canvas = (preset[1], preset[0]) if wide else preset
        height, width = (shape[1], shape[0]) if rotated else shape
        scale = min(canvas[0] / height, canvas[1] / width)
        content = scale_shape((height, width), scale)
        corner = ((canvas[0] - content[0]) // 2, (canvas[1] - content[1]) // 2)
        return cls(photo, canvas, content, corner, rotated, crop)

    def resized(self, photo: tuple[int, int]) -> Letterbox:
        """Return the layout of the same photo at another size (H, W)."""
        crop = self.crop and self.crop.scaled(photo[0] / self.photo[0], photo[1] / self.photo[1])
        return replace(self, photo=photo, crop=crop)

    @property
    def photo_box(self) -> Box:
        """The part of the photo that the canvas shows."""
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
        """Return the layout of a photo that is its own canvas, for maps at photo size."""
        return cls(shape, shape, shape, (0, 0))

    @property
    def content_slices(self) -> tuple[slice, slice]:
        """The rows and columns of the canvas that the photo covers."""
        top, left = self.content_corner
        return slice(top, top + self.content_shape[0]), slice(left, left + self.content_shape[1])

    def inside(self) -> NDArray[np.bool_]:
        """Return a bool map (h, w): True where the canvas shows the photo, False on padding."""
        covered = np.zeros(self.canvas, bool)
        covered[self.content_slices] = True
        return covered

    def points_to_photo(self, xy: NDArray[Any]) -> NDArray[np.float64]:
        """Convert canvas coordinates (..., 2) as (x, y) to photo coordinates, in pixels."""
        box = self.photo_box
        height, width = box.shape[::-1] if self.rotated else box.shape
        (rows, columns), (top, left) = self.content_shape, self.content_corner
        x = (np.asarray(xy, float)[..., 0] + 0.5 - left) * width / columns - 0.5
        y = (np.asarray(xy, float)[..., 1] + 0.5 - top) * height / rows - 0.5
        if self.rotated:
            x, y = box.width - 1 - y, x
        return np.stack([x + box.left, y + box.top], axis=-1)

    def points_to_canvas(self, xy: NDArray[Any]) -> NDArray[np.float64]:
        """Convert photo coordinates (..., 2) as (x, y) to canvas coordinates, in pixels."""
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
    """The common input of all networks.

    Parameters
    ----------
    rgb : ndarray
        float32 (1, 3, h, w) in [0, 1], sRGB.
    fit : Letterbox
        The layout of the photo on the canvas.
    """

    rgb: Float
    fit: Letterbox

    def __post_init__(self) -> None:
        if self.rgb.shape != (1, 3, *self.fit.canvas):
            raise InputError(f"canvas pixels {self.rgb.shape} do not match {self.fit.canvas}")

    @property
    def pixels(self) -> Float:
        """The pixels as float32 (h, w, 3) in [0, 1]."""
        return np.ascontiguousarray(self.rgb[0].transpose(1, 2, 0))


def scale_shape(shape: tuple[int, int], scale: float) -> tuple[int, int]:
    """Return (height, width) times `scale`, rounded, at least one pixel each."""
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def resize(
    array: NDArray[Any],
    shape: tuple[int, int],
    nearest: bool = False,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Resize a picture or map with half-pixel centers.

    Shrinking averages areas and enlarging is bilinear.

    Parameters
    ----------
    array : ndarray
        (H, W) or (H, W, C).
    shape : tuple of int
        (h, w) of the result.
    nearest : bool
        Take the nearest pixel instead, which keeps labels.
    out : ndarray, optional
        Memory for the result, of its shape and type. Reusing memory is faster.

    Returns
    -------
    ndarray
        (h, w) or (h, w, C) of the input's type; `array` itself when the shape is the same.
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
    """Bring a photo-sized array onto the canvas.

    Parameters
    ----------
    array : ndarray
        (H, W) or (H, W, C).
    fit : Letterbox
        The layout of the photo on the canvas.
    padding : float
        Value beside the photo.
    nearest : bool
        Take the nearest pixel instead of averaging.

    Returns
    -------
    ndarray
        (h, w) or (h, w, C) of the input's type.

    Raises
    ------
    InputError
        When the array does not have the size of the photo.
    """
    if array.shape[:2] != fit.photo:
        raise InputError(f"array of {array.shape[:2]} does not match the photo's {fit.photo}")
    array = array[fit.photo_box.slices]
    if fit.rotated:
        array = np.ascontiguousarray(np.rot90(array))
    laid = np.full((*fit.canvas, *array.shape[2:]), padding, array.dtype)
    laid[fit.content_slices] = resize(array, fit.content_shape, nearest)
    return laid


def from_canvas(array: NDArray[Any], fit: Letterbox, nearest: bool = False) -> NDArray[Any]:
    """Bring a canvas-sized array back to the size and orientation of the photo.

    Parameters
    ----------
    array : ndarray
        (h, w) or (h, w, C).
    fit : Letterbox
        The layout of the photo on the canvas.
    nearest : bool
        Take the nearest pixel instead of interpolating.

    Returns
    -------
    ndarray
        (H, W) or (H, W, C) of the input's type; 0 outside the crop of `fit`.

    Raises
    ------
    InputError
        When the array does not have the size of the canvas.
    """
    if array.shape[:2] != fit.canvas:
        raise InputError(f"map of {array.shape[:2]} does not match the canvas {fit.canvas}")
    height, width = fit.photo_box.shape
    upright = (width, height) if fit.rotated else (height, width)
    restored = resize(np.ascontiguousarray(array[fit.content_slices]), upright, nearest)
    if fit.rotated:
        restored = np.ascontiguousarray(np.rot90(restored, -1))
    if fit.crop is None:
        return restored
    full = np.zeros((*fit.photo, *restored.shape[2:]), restored.dtype)
    full[fit.crop.slices] = restored
    return full


def prepare_canvas(
    photo: Photo,
    preset: tuple[int, int] = PRESET_SHAPE,
    orient: OrientMode = "pad",
    crop: Box | None = None,
) -> Canvas:
    """Make the canvas of a photo, or of a crop of it.

    Parameters
    ----------
    photo : Photo
        Pixels in any color profile.
    preset : tuple of int
        (height, width) of an upright canvas.
    orient : {"pad", "rotate"}
        How a landscape photo is laid: upright on a landscape canvas, or rotated.
    crop : Box, optional
        The part of the photo to show. None shows all of it.

    Returns
    -------
    Canvas
        The pixels in sRGB, divided by 255. Any other normalization is part of the network.

    Raises
    ------
    InputError
        When `orient` is unknown or the crop is not inside the photo.
    """
    fit = Letterbox.for_photo(photo.shape, preset, orient, crop)
    pixels: RGB = to_canvas(photo.rgb, fit, padding=round(_PADDING_LEVEL * 255))
    pixels[fit.content_slices] = convert_to_srgb(pixels[fit.content_slices], photo.meta.icc)
    planes = np.multiply(pixels.transpose(2, 0, 1)[None], np.float32(1 / 255), dtype=np.float32)
    return Canvas(np.ascontiguousarray(planes), fit)
