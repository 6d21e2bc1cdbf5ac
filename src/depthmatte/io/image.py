"""Photo files in: decoded once, by content and not by suffix, upright, 8-bit RGB.

What happens to each kind of file:

- Colours are taken as they are stored, and an RGB profile travels along in `Meta.icc`, so
  that a written picture shows the very colours of the photo. CMYK, grey and Lab files become
  sRGB (through their own profile where they carry one), and that profile is dropped: it
  would not describe RGB pixels.
- Transparent pixels are laid on white, as a photo viewer or a printed page shows them.
- Of 16 bits the high byte is kept. Float and 32-bit pixels are refused: nothing in such a
  file says which value is white.
- Of an animation, a burst or a multi-page file the first picture is taken.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..evidence import Evidence
from ..photo import RGB, Meta, Photo
from . import embedded, exif, stereo_file
from .findings import Findings
from .label import label, reason
from .orientation import STORED

if TYPE_CHECKING:
    from PIL.Image import Exif, Image

MAX_PIXELS = 250_000_000
"""Pixels a photo may have unless the caller allows more: above what cameras make."""

KINDS = "JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP, GIF, PPM or JPEG 2000"

# Only formats that hold photos: Pillow knows more, and some of those run other programs.
_BOXED = ("HEIF", "AVIF")
_PLAIN = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "JPEG2000")

_ROWS = 256
"""Rows converted at a time, so that no second copy of the whole picture is needed."""


def read(
    source: str | os.PathLike[str] | bytes | BinaryIO,
    name: str | None = None,
    max_pixels: int = MAX_PIXELS,
    evidence: bool = True,
    stereo: str | None = None,
) -> Photo:
    """Read a photo from a path, from a file's bytes or from an open binary file (row A1).

    `name` stands in messages and in `Meta.name`; by default the path as given. The number
    of pixels is checked against `max_pixels` before anything is decoded. Depth, matte,
    second view and camera that the file holds come along unless `evidence` is False (row
    B2). `stereo` says how two views lie in one picture: side-by-side, crossed (the left
    half is for the right eye) or none; left out, a name that ends like `.left-right.jpg`
    says so, where the halves do look alike. The left half is then the photo.

    Raises InputError, on one line, for everything that keeps the photo from being read.
    """
    how = _How(max_pixels, evidence, stereo)
    if isinstance(source, bytes | bytearray | memoryview):
        return _decode(BytesIO(source), label(name or "bytes"), how)
    if isinstance(source, str | os.PathLike):
        shown = label(name or source)
        with _opened(Path(source), shown) as file:
            return _decode(file, shown, how)
    if hasattr(source, "read"):
        given = getattr(source, "name", None)
        shown = label(name or (given if isinstance(given, str) else "stream"))
        return _decode(_whole(source, shown), shown, how)
    raise InputError(
        f"{type(source).__name__}: not something to read a photo from; "
        "give a path, bytes or an open binary file"
    )


@contextlib.contextmanager
def _opened(path: Path, name: str) -> Iterator[BinaryIO]:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InputError(f"{name}: is a folder; give a photo")
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise InputError(f"{name}: is not a file; give a photo")
        file = path.open("rb")
    except FileNotFoundError as error:
        raise InputError(f"{name}: there is no such file; check the path") from error
    except OSError as error:
        raise InputError(
            f"{name}: cannot be opened ({reason(error)}); check the path and its permissions"
        ) from error
    except ValueError as error:
        raise InputError(f"{name}: is not a path; check it") from error
    with file:
        yield file if file.seekable() else _whole(file, name)


def _whole(stream: BinaryIO, name: str) -> BytesIO:
    """All that is left in a stream, which need not be seekable."""
    try:
        content = stream.read()
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: cannot be read ({error}); open it again") from error
    if not isinstance(content, bytes):
        raise InputError(f"{name}: gives text, not bytes; open it in binary mode")
    return BytesIO(content)


class _How(NamedTuple):
    """The caller's wishes."""

    max_pixels: int
    evidence: bool
    stereo: str | None


def _decode(file: BinaryIO, name: str, how: _How) -> Photo:
    try:
        image = _header(file, name)
        width, height = image.size
        if width * height > how.max_pixels:
            raise InputError(
                f"{name}: has {width} x {height} pixels, more than the {how.max_pixels} allowed; "
                "scale it down or raise max_pixels"
            )
        image.load()
        tags = exif.tags(image)
        orientation = exif.orientation(tags)
        rgb = _upright(image, orientation)
        found = _findings(file, image, tags, how).upright(orientation)
        rgb, found = _halves(rgb, found, name, how)
        meta = Meta(name, exif.kept(tags, image, rgb.shape), exif.profile(image))
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(f"{name}: does not fit in memory; scale it down") from error
    except Exception as error:  # on hostile bytes the decoders raise anything there is
        raise InputError(
            f"{name}: cannot be decoded (damaged, cut short or of a rare kind); "
            "copy it again or export it as JPEG or PNG"
        ) from error
    return Photo(rgb, meta, found.camera, found.evidence)


def _findings(file: BinaryIO, image: Image, tags: Exif, how: _How) -> Findings:
    """What the file holds beside the pixels, as stored."""
    if not how.evidence:
        return Findings()
    file.seek(0)
    return embedded.find(file.read(), (image.height, image.width), tags)


def _halves(rgb: RGB, found: Findings, name: str, how: _How) -> tuple[RGB, Findings]:
    """The photo's half of an upright picture that holds two views, the whole of any other."""
    layout = how.stereo
    if layout is None and how.evidence:
        layout = stereo_file.layout(name)
        layout = layout if layout and stereo_file.alike(rgb) else None
    if layout is None or layout == "none":
        return rgb, found
    half, view = stereo_file.split(rgb, layout, name)
    return half, Findings(Evidence(second=view))


def _header(file: BinaryIO, name: str) -> Image:
    """Open a picture without decoding it; refuse what is no photo."""
    from PIL import Image, UnidentifiedImageError

    start = file.read(16)
    if not start:
        raise InputError(f"{name}: is empty; copy it again")
    boxed = start[4:8] == b"ftyp"
    if boxed:
        import pillow_heif
        from PIL import AvifImagePlugin  # noqa: F401  # registers itself

        pillow_heif.register_heif_opener()
    with exif.quiet():  # and so alone with Pillow's pixel limit, which is global too
        allowed, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            image = Image.open(file, formats=_BOXED if boxed else _PLAIN)
        except UnidentifiedImageError as error:
            raise InputError(
                f"{name}: is not a photo, or is damaged at its start; give {KINDS}"
            ) from error
        finally:
            Image.MAX_IMAGE_PIXELS = allowed
    if image.format == "TIFF" and (start[8:10] == b"CR" or _is_raw(image)):
        raise InputError(f"{name}: is a camera's raw file; develop it to JPEG or TIFF first")
    if image.mode == "F" or (image.mode == "I" and image.format != "PPM"):
        raise InputError(
            f"{name}: has float or 32-bit pixels without a known white; export it with 8 or 16 bits"
        )
    return image


def _is_raw(image: Image) -> bool:
    """A raw file looks like a TIFF whose first picture is a small preview."""
    tags = image.tag_v2  # type: ignore[attr-defined]
    return 0xC612 in tags or bool(tags.get(254, 0) & 1)


def _upright(image: Image, orientation: int) -> RGB:
    """The pixels as 8-bit RGB, written band by band straight to where they lie upright."""
    width, height = image.size
    turned = orientation >= 5
    upright = np.empty((width, height, 3) if turned else (height, width, 3), np.uint8)
    stored = STORED[orientation](upright)
    convert = _converter(image)
    for top in range(0, height, _ROWS):
        bottom = min(top + _ROWS, height)
        stored[top:bottom] = convert(image.crop((0, top, width, bottom)))
    return upright


def _converter(image: Image) -> Callable[[Image], NDArray[np.uint8]]:
    """How a band of this picture becomes uint8 (h, w, 3), or (h, w, 1) where it is grey."""
    if image.mode.startswith("I"):
        return _deep(image)
    if image.has_transparency_data:
        return _on_white
    return _profiled(image) or (lambda band: np.asarray(band.convert("RGB")))


def _deep(image: Image) -> Callable[[Image], NDArray[np.uint8]]:
    """16-bit grey; a TIFF may use 12 of the bits, or store white as 0."""
    tags = getattr(image, "tag_v2", {})
    shift = max(tags.get(258, (16,))[0] - 8, 0)
    inverted = tags.get(262) == 0

    def convert(band: Image) -> NDArray[np.uint8]:
        grey: NDArray[np.uint8] = (np.asarray(band) >> shift).astype(np.uint8)[..., None]
        return ~grey if inverted else grey

    return convert


def _on_white(band: Image) -> NDArray[np.uint8]:
    from PIL import Image

    rgba = band.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    return np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))


def _profiled(image: Image) -> Callable[[Image], NDArray[np.uint8]] | None:
    """CMYK, grey and Lab through their own profile to sRGB; None where plain rules do."""
    icc = image.info.get("icc_profile") or b""
    if image.mode != "LAB" and (image.mode, icc[16:20]) not in (("CMYK", b"CMYK"), ("L", b"GRAY")):
        return None
    from PIL import ImageCms

    srgb = ImageCms.createProfile("sRGB")
    try:
        own = (
            ImageCms.createProfile("LAB")
            if image.mode == "LAB"
            else ImageCms.ImageCmsProfile(BytesIO(icc))
        )
        transform = ImageCms.buildTransform(own, srgb, image.mode, "RGB")
    except (OSError, ImageCms.PyCMSError):  # a damaged profile must not cost the photo
        return None
    return lambda band: np.asarray(ImageCms.applyTransform(band, transform))
