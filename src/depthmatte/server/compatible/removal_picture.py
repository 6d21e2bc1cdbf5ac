"""Make the picture that a remove.bg request asks for: region, crop, place, background."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...canvas import Box, Letterbox, resize, scale_shape
from ...color.icc import convert_color
from ...effects import Background
from ...effects.composite import composite_over
from ...effects.foreground import MIN_VISIBLE_ALPHA, portrait_foreground
from ...io.photo.photo_writer import encode_picture
from ...photo import Photo
from ...portrait import Portrait
from ...types import RGB, Float
from ...values import Matte
from ..kept_portraits import scale_portrait
from .removal_fields import SIZES, RemovalWish

_FULL = 255


@dataclass(frozen=True)
class RemovalResult:
    """A finished picture.

    Parameters
    ----------
    content : bytes
        The file.
    format : str
        "png", "jpg", "webp" or "zip".
    shape : tuple of int
        Its (H, W).
    person : Box
        Where the person is in the photo, at the size of the result before crop and place.
    """

    content: bytes
    format: str
    shape: tuple[int, int]
    person: Box


def limit_to_region(portrait: Portrait, wish: RemovalWish) -> Portrait:
    """Return the portrait without what is outside the region of a request."""
    if wish.region is None:
        return portrait
    height, width = portrait.photo.shape
    left, top, right, bottom = (
        min(side, round(length.pixels(side)))
        for length, side in zip(wish.region, (width, height, width, height), strict=True)
    )
    alpha = np.zeros((height, width), np.float32)
    inside = np.s_[top:bottom, left:right]
    alpha[inside] = portrait.opacity[inside]
    return replace(
        portrait,
        matte=Matte(alpha, alpha),
        fit=Letterbox.identity((height, width)),
        full_fit=portrait.depth_fit,
    )


def make_removal(portrait: Portrait, wish: RemovalWish, behind: Photo | None) -> RemovalResult:
    """Make the picture of a request.

    Parameters
    ----------
    portrait : Portrait
        With a person.
    wish : RemovalWish
        What is asked for.
    behind : Photo or None
        The background picture.

    Returns
    -------
    RemovalResult
    """
    height, width = portrait.photo.shape
    pixels = SIZES.get(wish.size)
    if pixels is not None and height * width > pixels:
        side = max(1, int(max(height, width) * (pixels / (height * width)) ** 0.5))
        portrait = scale_portrait(portrait, side)
    person = Box.bounding(portrait.opacity > MIN_VISIBLE_ALPHA, 0)
    front, alpha = portrait_foreground(portrait), portrait.opacity
    if wish.crop:
        rows, columns = _with_margins(person, wish, portrait.photo.shape)
        front = np.ascontiguousarray(front[rows, columns])
        alpha = np.ascontiguousarray(alpha[rows, columns])
    elif wish.position is not None and person.height:
        front, alpha = _place(front, alpha, person, wish.scale, wish.position)
    meta = portrait.photo.meta
    laid = replace(Portrait.from_arrays(front, alpha), photo=Photo(front, meta))
    format = _result_format(wish)
    if format == "zip":
        content = _zip(laid)
    else:
        content = encode_picture(_picture(laid, wish, behind, format), format, meta)
    return RemovalResult(content, format, laid.photo.shape, person)


def _result_format(wish: RemovalWish) -> str:
    if wish.format != "auto":
        return wish.format
    return "jpg" if wish.is_opaque and not wish.alpha_only else "png"


def _with_margins(person: Box, wish: RemovalWish, shape: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of the person and its margins, within the photo."""
    top, right, bottom, left = wish.margins
    rows, columns = person.slices
    return (
        slice(
            max(0, rows.start - round(top.pixels(person.height))),
            min(shape[0], rows.stop + round(bottom.pixels(person.height))),
        ),
        slice(
            max(0, columns.start - round(left.pixels(person.width))),
            min(shape[1], columns.stop + round(right.pixels(person.width))),
        ),
    )


def _place(
    front: RGB, alpha: Float, person: Box, scale: float | None, position: tuple[float, float]
) -> tuple[RGB, Float]:
    """Move the person to another place of the picture, at another size."""
    height, width = alpha.shape
    colors = front[person.slices].astype(np.float32) * alpha[person.slices][..., None]
    cover = np.ascontiguousarray(alpha[person.slices])
    if scale is not None:
        factor = scale * min(height / person.height, width / person.width)
        shape = scale_shape(person.shape, factor)
        shape = min(shape[0], height), min(shape[1], width)
        colors, cover = resize(colors, shape), np.clip(resize(cover, shape), 0, 1)
    left = round(position[0] * (width - cover.shape[1]))
    top = round(position[1] * (height - cover.shape[0]))
    there = Box(top, left, *cover.shape).slices
    straight = colors / np.maximum(cover, np.float32(1e-6))[..., None]
    placed, covered = np.zeros_like(front), np.zeros_like(alpha)
    placed[there] = np.rint(np.clip(straight, 0, _FULL))
    covered[there] = cover
    return placed, covered


def _picture(
    laid: Portrait, wish: RemovalWish, behind: Photo | None, format: str
) -> NDArray[np.uint8]:
    if wish.alpha_only:
        return np.asarray(np.rint(laid.alpha * _FULL), np.uint8)
    front = laid.photo.rgb
    if behind is not None or wish.is_opaque or format == "jpg":
        effect = Background(color=wish.color or "white", picture=behind)
        nobody = replace(laid, matte=Matte.empty(laid.fit.canvas))
        under = effect(nobody)
        return composite_over(front, laid.alpha, under)
    levels = np.rint(laid.alpha * _FULL).astype(np.uint8)
    cutout = np.dstack([front * (levels > 0)[..., None], levels])
    if not wish.color:
        return cutout
    red, green, blue = (int(wish.color[k : k + 2], 16) for k in (1, 3, 5))
    color = convert_color((red, green, blue), laid.photo.meta.icc)
    return put_over_color(cutout, (*color, wish.color_alpha))


def _zip(laid: Portrait) -> bytes:
    """A ZIP of the person's colors and of the matte."""
    held = io.BytesIO()
    levels = np.rint(laid.alpha * _FULL).astype(np.uint8)
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("color.jpg", encode_picture(laid.photo.rgb, "jpg", laid.photo.meta))
        archive.writestr("alpha.png", encode_picture(levels, "png"))
    return held.getvalue()


def put_over_color(
    cutout: NDArray[np.uint8], color: tuple[int, int, int, int]
) -> NDArray[np.uint8]:
    """Put a cutout over a color with alpha.

    Parameters
    ----------
    cutout : ndarray
        uint8 (H, W, 4), straight alpha.
    color : tuple of int
        Red, green, blue and alpha from 0 to 255.

    Returns
    -------
    ndarray
        uint8 (H, W, 4), straight alpha.
    """
    front = cutout[..., 3:].astype(np.float32) / np.float32(_FULL)
    back = (1 - front) * np.float32(color[3] / _FULL)
    total = front + back
    mixed = cutout[..., :3] * front + np.asarray(color[:3], np.float32) * back
    rgb = mixed / np.maximum(total, np.float32(1e-6))
    return np.asarray(np.rint(np.concatenate([rgb, total * _FULL], axis=2)), np.uint8)
