"""Pixels of an opened picture as upright 8-bit RGB: from every mode that files have.

Where a decoder gives RGB it writes straight into the memory that the result lies in: 4 bytes a
pixel at most, 6 where the picture has to be turned. Other modes are converted band by band.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...color.icc import build_srgb_transform
from ...types import RGB
from . import open_picture
from .orientation import ORIENTATION_VIEWS

if TYPE_CHECKING:
    from PIL.Image import Image

_ROWS = 256
_BAND = 2**24
"""Rows, and pixels, converted at a time, so that no second copy of the picture is needed."""

_STRIP = 64
"""Rows whose fourth bytes are dropped together: few enough for a processor's cache."""

_STREAMED = ("JPEG", "MPO", "PNG")
"""Formats whose decoder takes any memory of 4 bytes a pixel."""


def decode_upright(image: Image, orientation: int = 1) -> RGB:
    """Decode a picture that `picture.open_picture` opened, and turn it upright.

    Parameters
    ----------
    image : PIL.Image.Image
        Not loaded yet; it is not to be used afterwards but for its `info`.
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
    """The pixels of a loaded picture, which stays as it is: uint8 (H, W, 3), upright."""
    width, height = image.size
    turned = orientation >= 5
    result = np.empty((width, height, 3) if turned else (height, width, 3), np.uint8)
    stored = ORIENTATION_VIEWS[orientation](result)
    convert = _converter(image)
    for rows in _bands(height, width):
        whole = rows == slice(0, height)
        band = image if whole else image.crop((0, rows.start, width, rows.stop))
        stored[rows] = convert(band)
    return result


def decode_16bit(image: Image) -> NDArray[np.uint16]:
    """All bits of a picture with three colors that is not loaded yet: uint16 (h, w, 3).

    HEIF and PNG give 16 bits; of everything else 8 are spread over the range.
    """
    if image.format == "HEIF":
        return _deep_heif(image)
    if image.format == "PNG" and [tile[3] for tile in _tiles(image)] == ["RGB;16B"]:
        return _deep_png(image)
    open_picture.load_picture(image)
    return to_upright_rgb(image).astype(np.uint16) * np.uint16(257)


def _tiles(image: Image) -> list[Any]:
    return getattr(image, "tile", [])


def _deep_png(image: Image) -> NDArray[np.uint16]:
    """Pillow keeps one byte of two: decoded once for the high ones and once for the low."""
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


def _deep_heif(image: Image) -> NDArray[np.uint16]:
    import pillow_heif

    image.fp.seek(0)  # type: ignore[attr-defined]
    file = pillow_heif.open_heif(image.fp, convert_hdr_to_8bit=False)  # type: ignore[attr-defined]
    levels = np.asarray(file[file.primary_index])
    levels = levels[: file.size[1], : file.size[0], :3]
    if levels.dtype == np.uint8:
        return levels.astype(np.uint16) * np.uint16(257)
    return np.asarray(levels, np.uint16)


def _in_place(image: Image) -> RGB | None:
    """Decode into memory of ours, then close the gap after every third byte.

    None where the picture's mode or format needs another way.
    """
    from PIL import Image

    ready = image.mode == "RGB" and image.format in _STREAMED and not image.has_transparency_data
    if not ready or not _tiles(image):
        return None
    width, height = image.size
    memory = np.zeros(height * width * 4, np.uint8)
    core = Image.frombuffer("RGBX", (width, height), memory, "raw", "RGBX", 0, 1).im
    try:
        image.im = core  # what `load` would otherwise make itself
    except AttributeError:  # a Pillow that keeps it elsewhere
        return None
    image.load()
    if image.im is not core:
        return None
    image.im = Image.new("RGB", (1, 1)).im
    del core
    four, three = memory.reshape(height, width, 4), memory[: height * width * 3]
    packed = three.reshape(height, width, 3)
    import cv2  # here, not above: what only asks for a file's header does without

    band = None
    for top in range(0, height, _STRIP):
        rows = slice(top, min(top + _STRIP, height))
        band = cv2.cvtColor(four[rows], cv2.COLOR_RGBA2RGB, band)
        packed[rows] = band
    del four, three, packed
    memory.resize(height * width * 3, refcheck=False)
    return memory.reshape(height, width, 3)


def _rotate_rgb(rgb: RGB, orientation: int) -> RGB:
    height, width = rgb.shape[:2]
    result = np.empty((width, height, 3) if orientation >= 5 else rgb.shape, np.uint8)
    ORIENTATION_VIEWS[orientation](result)[...] = rgb
    return result


def _bands(height: int, width: int) -> Iterator[slice]:
    step = max(1, min(_ROWS, _BAND // width))
    return (slice(top, min(top + step, height)) for top in range(0, height, step))


def _converter(image: Image) -> Callable[[Image], NDArray[np.uint8]]:
    """How a band of this picture becomes uint8 (h, w, 3), or (h, w, 1) where it is gray."""
    colored = _profiled(image)
    if image.mode.startswith("I"):
        shown = _deep_gray(image)
        return (lambda band: colored(_gray(shown(band)))) if colored else shown
    if image.has_transparency_data:
        return lambda band: _on_white(band, colored)
    return colored or (lambda band: np.asarray(band.convert("RGB")))


def _deep_gray(image: Image) -> Callable[[Image], NDArray[np.uint8]]:
    """16-bit gray; a TIFF may use 12 of the bits, or store white as 0."""
    tags = getattr(image, "tag_v2", {})
    shift = max(tags.get(258, (16,))[0] - 8, 0)
    inverted = tags.get(262) == 0

    def convert(band: Image) -> NDArray[np.uint8]:
        gray: NDArray[np.uint8] = (np.asarray(band) >> shift).astype(np.uint8)[..., None]
        return ~gray if inverted else gray

    return convert


def _gray(levels: NDArray[np.uint8]) -> Image:
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(levels[..., 0]))


def _on_white(
    band: Image, colored: Callable[[Image], NDArray[np.uint8]] | None = None
) -> NDArray[np.uint8]:
    """alpha * picture + (1 - alpha) * white, on the pixels as they are stored."""
    from PIL import Image

    rgba = band.convert("RGBA")
    if colored is not None:
        alpha = rgba.getchannel("A")
        rgba = Image.fromarray(colored(band.convert("L")))
        rgba.putalpha(alpha)
    white = Image.new("RGBA", rgba.size, "white")
    return np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))


def _profiled(image: Image) -> Callable[[Image], NDArray[np.uint8]] | None:
    """CMYK, gray and Lab through their own profile to sRGB; None where plain rules do."""
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
    if transform is None:  # a damaged profile must not cost the photo
        return None
    return lambda band: np.asarray(ImageCms.applyTransform(band, transform))
