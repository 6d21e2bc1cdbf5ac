"""Photo files in: decoded once, by content and not by suffix, upright, 8-bit RGB.

What happens to each kind of file:

- Colors are taken as they are stored, and an RGB profile travels along in `Meta.icc`, so
  that a written picture shows the very colors of the photo. CMYK, grey and Lab files become
  sRGB (through their own profile where they carry one), and so do RGB files whose profile
  leads one way only; that profile is dropped: it would not describe the pixels.
- HDR (PQ, HLG) is toned to sRGB, see `hdr`.
- Transparent pixels are laid on white, as a photo viewer or a printed page shows them.
- Of 16 bits the high byte is kept. Float and 32-bit pixels are refused: nothing in such a
  file says which value is white.
- Of an animation, a burst or a multi-page file the first picture is taken.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from ...camera import Camera
from ...color.icc import apply_color_mode, ensure_invertible_profile
from ...errors import InputError
from ...evidence import Evidence
from ...options import ColorMode
from ...photo import Meta, Photo
from ...types import RGB
from ..embedded import find_embedded, stereo_pair
from ..embedded.result import EmbeddedData
from . import camera_raw as raw
from . import cicp, decode, exif, hdr, png_chunks
from .cicp import Cicp
from .open_picture import MAX_PHOTO_PIXELS, check_photo_size, open_picture
from .orientation import apply_orientation
from .read_errors import camera_raw_error, check_pixel_mode, one_line_errors, unknown_format_error
from .source import PhotoSource, open_source, read_stream

if TYPE_CHECKING:
    from PIL.Image import Exif, Image

# Only formats that hold photos: Pillow knows more, and some of those run other programs.
_PLAIN = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "JPEG2000")


def read(
    source: PhotoSource,
    name: str | None = None,
    max_pixels: int = MAX_PHOTO_PIXELS,
    evidence: bool = True,
    stereo: str | None = None,
    color: ColorMode = "keep",
) -> Photo:
    """Read a photo from a path, from a file's bytes or from an open binary file (row A1).

    Parameters
    ----------
    source : path, bytes or binary file
        The file.
    name : str, optional
        What stands in messages and in `Meta.name`; by default the path as given.
    max_pixels : int
        Checked before anything is decoded, see `picture.check_size`.
    evidence : bool
        Whether depth, matte, second view and camera that the file holds come along (row B2).
    stereo : {"side-by-side", "crossed", "none"}, optional
        How two views lie in one picture (crossed: the left half is for the right eye). Left
        out, a name that ends like `.left-right.jpg` says so, where the halves do look alike.
        The left half is then the photo.
    color : {"keep", "srgb"}
        Whether pixels keep the file's own profile or are converted to sRGB.

    Returns
    -------
    Photo
        Upright, uint8 (H, W, 3).

    Raises
    ------
    InputError
        On one line, for everything that keeps the photo from being read.
    """
    how = _ReadOptions(max_pixels, evidence, stereo)
    with open_source(source, name) as (file, shown), one_line_errors(shown):
        photo = apply_color_mode(_photo(_open(file, shown, how), how), color)
    if not isinstance(source, str | os.PathLike):
        return photo
    return replace(photo, meta=replace(photo.meta, path=os.path.abspath(source)))


@dataclass(frozen=True)
class PhotoHeader:
    """What a photo's file says, without its pixels.

    `shape` is (H, W) upright, `format` Pillow's name of the format; the rest as in Photo.
    """

    meta: Meta
    shape: tuple[int, int]
    format: str
    camera: Camera | None = None
    evidence: Evidence = field(default_factory=Evidence)


def read_photo_header(
    source: PhotoSource,
    name: str | None = None,
    max_pixels: int = MAX_PHOTO_PIXELS,
    stereo: str | None = None,
) -> PhotoHeader:
    """Read what a photo's file says beside its pixels, which are not decoded.

    Parameters, and what is raised, are those of `read`; damaged pixels are not noticed. Only
    where a name or `stereo` says that two views lie in one picture is that picture decoded.
    """
    how = _ReadOptions(max_pixels, True, stereo)
    with open_source(source, name) as (stream, shown), one_line_errors(shown):
        file = _open(stream, shown, how)
        if (stereo or stereo_pair.layout_from_name(shown) or "none") != "none":
            photo = _photo(file, how)
            return PhotoHeader(photo.meta, photo.shape, file.format, photo.camera, photo.evidence)
        found = _findings(file, how)
        meta = file.meta(file.shape)
        return PhotoHeader(meta, file.shape, file.format, found.camera, found.evidence)


class _ReadOptions(NamedTuple):
    """The caller's wishes."""

    max_pixels: int
    evidence: bool
    stereo: str | None


@dataclass(frozen=True)
class _OpenedFile:
    """A file whose header is read: the picture, all bytes, the EXIF tags, stated colors.

    `turn` is the EXIF orientation of the pixels as decoded, `stored` that of the pixels as
    they lie in the file: Pillow turns a TIFF itself.
    """

    image: Image
    content: bytes
    name: str
    tags: Exif
    stored: int
    turn: int
    stated: Cicp | None

    @property
    def format(self) -> str:
        return self.image.format or "unknown"

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) upright."""
        width, height = self.image.size
        return (width, height) if self.turn >= 5 else (height, width)

    @property
    def profile(self) -> bytes | None:
        own = exif.read_rgb_profile(self.image)
        if self.stated is not None and self.format == "PNG":
            return self.stated.profile()
        if own is None and self.stated is not None:
            return self.stated.profile()
        return own or (cicp.profile_from_gamma(self.content) if self.format == "PNG" else None)

    def meta(self, shape: tuple[int, ...]) -> Meta:
        """For a picture of `shape` (H, W, ...) that is written upright."""
        hdr = self.stated is not None and self.stated.is_hdr
        return Meta(
            self.name,
            exif.encode_upright_exif(self.tags, self.image, shape),
            None if hdr else self.profile,
            dpi=exif.read_dpi(self.image, self.stored),
        )


def _open(file: BinaryIO, name: str, how: _ReadOptions) -> _OpenedFile:
    """Everything but the pixels, and the picture ready to be decoded."""
    content = read_stream(file, name).getvalue()
    image = _picture(content, name)
    stated = cicp.read_cicp(content)
    own = cicp.cicp_from_profile(exif.read_rgb_profile(image))
    stated = own if own is not None and own.is_hdr else stated
    check_photo_size(
        image, len(content), name, how.max_pixels, stated is not None and stated.is_hdr
    )
    bare = image.format == "PNG" and png_chunks.find_png_chunk(content, b"eXIf") is None
    # Pillow decodes a PNG to look for EXIF behind its pixels.
    tags = exif.empty_exif() if bare and "exif" not in image.info else exif.read_exif(image)
    stored = exif.read_orientation(tags)
    turn = 1 if image.format == "TIFF" else stored
    return _OpenedFile(image, content, name, tags, stored, turn, stated)


def _picture(content: bytes, name: str) -> Image:
    """Open a picture without decoding it; refuse what is no photo."""
    from PIL import Image

    if not content:
        raise InputError(f"{name}: is empty; copy it again")
    if raw.is_camera_raw(content):
        raise camera_raw_error(name)
    try:
        formats = _ftyp_formats(content) if content[4:8] == b"ftyp" else _PLAIN
        image = open_picture(BytesIO(content), formats)
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{name}: has more pixels than its format's decoder takes; scale it down"
        ) from error
    if image is None:
        raise unknown_format_error(content, name)
    check_pixel_mode(image, name)
    return image


def _ftyp_formats(content: bytes) -> tuple[str, ...]:
    """Which decoders to ask: a file may call itself mif1 and say avif only further on."""
    brands = content[8 : int.from_bytes(content[:4], "big")]
    return ("AVIF", "HEIF") if b"avif" in brands[:256] else ("HEIF", "AVIF")


def _photo(file: _OpenedFile, how: _ReadOptions) -> Photo:
    if file.stated is not None and file.stated.is_hdr:
        rgb = apply_orientation(
            hdr.tone_map_to_srgb(decode.decode_16bit(file.image), file.stated), file.turn
        )
    else:
        rgb = decode.decode_upright(file.image, file.turn)
    found = _findings(file, how)
    rgb, found = _halves(rgb, found, file.name, how)
    return ensure_invertible_profile(Photo(rgb, file.meta(rgb.shape), found.camera, found.evidence))


def _findings(file: _OpenedFile, how: _ReadOptions) -> EmbeddedData:
    """What the file holds beside the pixels, turned like them."""
    if not how.evidence:
        return EmbeddedData()
    stored = file.image.height, file.image.width
    return find_embedded.find_embedded(file.content, stored, file.tags).apply_orientation(file.turn)


def _halves(
    rgb: RGB, found: EmbeddedData, name: str, how: _ReadOptions
) -> tuple[RGB, EmbeddedData]:
    """The photo's half of an upright picture that holds two views, the whole of any other."""
    layout = how.stereo
    if layout is None and how.evidence:
        layout = stereo_pair.layout_from_name(name)
        layout = layout if layout and stereo_pair.has_matching_halves(rgb) else None
    if layout is None or layout == "none":
        return rgb, found
    half, view = stereo_pair.split_views(rgb, layout, name)
    return half, EmbeddedData(Evidence(second_view=view))
