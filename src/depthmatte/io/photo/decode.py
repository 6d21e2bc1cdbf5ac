"""Decode an opened picture of any mode to upright 8-bit RGB.

Decoders of RGB write straight into the memory of the result. This takes 4 bytes per pixel at
most, or 6 where the picture is turned. Other modes are converted in bands of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...color.icc import build_srgb_transform
from ...system.row_strips import row_strips
from ...types import RGB
from . import open_picture
from .orientation import stored_view

if TYPE_CHECKING:
    from PIL.Image import Image

_BAND_ROWS = 256
_BAND_PIXELS = 2**24
"""Rows, and pixels, converted at a time, so that no second copy of the picture is needed."""

_PACK_ROWS = 64
"""Rows packed from 4 to 3 bytes per pixel at a time: few enough for a processor's cache."""

_IN_PLACE_FORMATS = ("JPEG", "MPO", "PNG")
"""Formats whose decoder writes into any memory of 4 bytes per pixel."""


def decode_upright(image: Image, orientation: int = 1) -> RGB:
    """Decode a picture that `open_picture` opened, and turn it upright.

    Parameters
    ----------
    image : PIL.Image.Image
        Not loaded yet; afterwards only its `info` may be used.
    orientation : int
        The EXIF orientation of its stored pixels, 1 to 8.

    Returns
    -------
    ndarray
        uint8 (H, W, 3), contiguous.
    """
    rgb = _in_place(image)
    if rgb is None:
        open_picture.load_picture(image)
        return to_upright_rgb(image, orientation)
    return rgb if orientation == 1 else _rotate_rgb(rgb, orientation)


def to_upright_rgb(image: Image, orientation: int = 1) -> RGB:
    """Convert a loaded picture of any mode to upright RGB.

    Parameters
    ----------
    image : PIL.Image.Image
        Loaded; it is not changed.
    orientation : int
        The EXIF orientation of its pixels, 1 to 8.

    Returns
    -------
    ndarray
        uint8 (H, W, 3), contiguous.
    """
    width, height = image.size
    swapped = orientation >= 5
    result = np.empty((width, height, 3) if swapped else (height, width, 3), np.uint8)
    stored = stored_view(result, orientation)
    convert = _converter(image)
    for rows in row_strips(height, max(1, min(_BAND_ROWS, _BAND_PIXELS // width))):
        whole = rows == slice(0, height)
        band = image if whole else image.crop((0, rows.start, width, rows.stop))
        stored[rows] = convert(band)
    return result


def decode_16bit(image: Image) -> NDArray[np.uint16]:
    """Decode all bits of a picture with three channels.

    Parameters
    ----------
    image : PIL.Image.Image
        Not loaded yet.

    Returns
    -------
    ndarray
        uint16 (h, w, 3), as stored. HEIF and PNG keep up to 16 bits; 8-bit levels of other
        formats are scaled to the full range.
    """
    if image.format == "HEIF":
        return _decode_16bit_heif(image)
    if image.format == "PNG" and [tile[3] for tile in _tiles(image)] == ["RGB;16B"]:
        return _decode_16bit_png(image)
    open_picture.load_picture(image)
    return to_upright_rgb(image).astype(np.uint16) * np.uint16(257)


def _tiles(image: Image) -> list[Any]:
    return getattr(image, "tile", [])


def _decode_16bit_png(image: Image) -> NDArray[np.uint16]:
    """Decode twice, for the high and for the low bytes: Pillow keeps only one of two."""
    file: Any = image.fp  # type: ignore[attr-defined]
    tiles = _tiles(image)
    place = file.tell()
    file.seek(0)
    again: Any = open_picture.open_picture(BytesIO(file.read()), ("PNG",))
    file.seek(place)
    again.tile = [tile._replace(args="RGB;16L") for tile in tiles]
    image.load()
    again.load()
    high, low = np.asarray(image), np.asarray(again)
    return np.asarray(high.astype(np.uint16) << 8 | low, np.uint16)


def _decode_16bit_heif(image: Image) -> NDArray[np.uint16]:
    import pillow_heif

    image.fp.seek(0)  # type: ignore[attr-defined]
    file = pillow_heif.open_heif(image.fp, convert_hdr_to_8bit=False)  # type: ignore[attr-defined]
    levels = np.asarray(file[file.primary_index])
    levels = levels[: file.size[1], : file.size[0], :3]
    if levels.dtype == np.uint8:
        return levels.astype(np.uint16) * np.uint16(257)
    return np.asarray(levels, np.uint16)


def _in_place(image: Image) -> RGB | None:
    """Decode to 4 bytes per pixel, then pack them to 3 in the same memory.

    None where the mode or format of the picture does not allow this.
    """
    from PIL import Image

    ready = (
        image.mode == "RGB"
        and image.format in _IN_PLACE_FORMATS
        and not image.has_transparency_data
    )
    if not ready or not _tiles(image):
        return None
    width, height = image.size
    memory = np.zeros(height * width * 4, np.uint8)
    core = Image.frombuffer("RGBX", (width, height), memory, "raw", "RGBX", 0, 1).im
    try:
        image.im = core  # `load` would make it otherwise
    except AttributeError:  # another version of Pillow
        return None
    image.load()
    if image.im is not core:
        return None
    image.im = Image.new("RGB", (1, 1)).im
    del core
    four, three = memory.reshape(height, width, 4), memory[: height * width * 3]
    packed = three.reshape(height, width, 3)
    import cv2  # here, not above: reading a header should not load OpenCV

    band = None
    for rows in row_strips(height, _PACK_ROWS):
        band = cv2.cvtColor(four[rows], cv2.COLOR_RGBA2RGB, band)
        packed[rows] = band
    del four, three, packed
    memory.resize(height * width * 3, refcheck=False)
    return memory.reshape(height, width, 3)


def _rotate_rgb(rgb: RGB, orientation: int) -> RGB:
    height, width = rgb.shape[:2]
    result = np.empty((width, height, 3) if orientation >= 5 else rgb.shape, np.uint8)
    stored_view(result, orientation)[...] = rgb
    return result


def _converter(image: Image) -> Callable[[Image], NDArray[np.uint8]]:
    """The function that turns a band of this picture into uint8 (h, w, 3), or (h, w, 1) if gray."""
    by_profile = _profile_converter(image)
    if image.mode.startswith("I"):
        to_8bit = _gray_16bit_converter(image)
        return (lambda band: by_profile(_to_image(to_8bit(band)))) if by_profile else to_8bit
    if image.has_transparency_data:
        return lambda band: _on_white(band, by_profile)
    return by_profile or (lambda band: np.asarray(band.convert("RGB")))


def _gray_16bit_converter(image: Image) -> Callable[[Image], NDArray[np.uint8]]:
    """For 16-bit gray; a TIFF may use only 12 of the bits, or store white as 0."""
    tags = getattr(image, "tag_v2", {})
    shift = max(tags.get(258, (16,))[0] - 8, 0)
    inverted = tags.get(262) == 0

    def convert(band: Image) -> NDArray[np.uint8]:
        gray: NDArray[np.uint8] = (np.asarray(band) >> shift).astype(np.uint8)[..., None]
        return ~gray if inverted else gray

    return convert


def _to_image(levels: NDArray[np.uint8]) -> Image:
    """Gray levels (h, w, 1) as a Pillow picture."""
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(levels[..., 0]))


def _on_white(
    band: Image, by_profile: Callable[[Image], NDArray[np.uint8]] | None = None
) -> NDArray[np.uint8]:
    """alpha * picture + (1 - alpha) * white, on the stored pixel values."""
    from PIL import Image

    rgba = band.convert("RGBA")
    if by_profile is not None:
        alpha = rgba.getchannel("A")
        rgba = Image.fromarray(by_profile(band.convert("L")))
        rgba.putalpha(alpha)
    white = Image.new("RGBA", rgba.size, "white")
    return np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))


def _profile_converter(image: Image) -> Callable[[Image], NDArray[np.uint8]] | None:
    """For CMYK, gray and Lab with a profile of their own; None where no profile is needed."""
    icc, mode = image.info.get("icc_profile") or b"", image.mode
    gray = mode in ("L", "LA") or mode.startswith("I")
    from PIL import ImageCms

    if mode == "LAB":
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
        transform = build_srgb_transform(lab, "LAB")
    elif (gray and icc[16:20] == b"GRAY") or (mode == "CMYK" and icc[16:20] == b"CMYK"):
        transform = build_srgb_transform(icc, "L" if gray else mode)
    else:
        return None
    if transform is None:  # a damaged profile counts as absent
        return None
    return lambda band: np.asarray(ImageCms.applyTransform(band, transform))
