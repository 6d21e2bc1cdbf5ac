"""Read photo files as upright 8-bit RGB; the format is recognized by content, not by suffix.

- RGB colors are kept as they are stored. Their profile is kept in `Meta.icc`, so that a written
  picture shows the same colors.
- CMYK, gray and Lab files become sRGB, by their own profile where they have one. RGB files whose
  profile cannot be inverted become sRGB too.
- HDR (PQ, HLG) is tone mapped to sRGB, see `hdr`.
- Transparent pixels are blended with white.
- The high byte of 16 bits is kept. Float and 32-bit pixels are refused: the file does not say
  which value is white.
- The first picture of an animation, a burst or a multi-page file is used.
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
from ..embedded.embedded_data import EmbeddedData
from . import camera_raw as raw
from . import cicp, decode, exif, hdr, png_chunks
from .cicp import Cicp
from .input_source import PhotoSource, open_source, read_stream
from .open_picture import MAX_PHOTO_PIXELS, check_photo_size, open_picture
from .orientation import apply_orientation
from .read_errors import camera_raw_error, check_pixel_mode, one_line_errors, unknown_format_error

if TYPE_CHECKING:
    from PIL.Image import Exif, Image

# Only formats that hold photos: Pillow knows more, and some of them run other programs.
_PILLOW_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "JPEG2000")


def read(
    source: PhotoSource,
    name: str | None = None,
    max_pixels: int = MAX_PHOTO_PIXELS,
    evidence: bool = True,
    stereo: str | None = None,
    color: ColorMode = "keep",
) -> Photo:
    """Read a photo from a path, from a file's bytes or from an open binary file.

    Parameters
    ----------
    source : path, bytes or binary file
        The file.
    name : str, optional
        Name for messages and for `Meta.name`; by default the path as given.
    max_pixels : int
        Limit of pixels, checked before anything is decoded, see `check_photo_size`.
    evidence : bool
        Whether depth, matte, second view and camera inside the file are read too.
    stereo : {"side-by-side", "crossed", "none"}, optional
        How two views lie in one picture ("crossed": the left half is for the right eye). By
        default a name that ends like `.left-right.jpg` decides, if both halves show the same
        scene. The left half becomes the photo.
    color : {"keep", "srgb"}
        Whether pixels keep the file's own profile or are converted to sRGB.

    Returns
    -------
    Photo
        Upright, uint8 (H, W, 3).

    Raises
    ------
    InputError
        On one line, for any reason why the photo cannot be read.
    """
    options = _ReadOptions(max_pixels, evidence, stereo)
    with open_source(source, name) as (file, shown), one_line_errors(shown):
        photo = apply_color_mode(_decode_photo(_open(file, shown, options), options), color)
    if not isinstance(source, str | os.PathLike):
        return photo
    return replace(photo, meta=replace(photo.meta, path=os.path.abspath(source)))


@dataclass(frozen=True)
class PhotoHeader:
    """The contents of a photo's file apart from its pixels.

    Attributes
    ----------
    meta : Meta
        As in Photo.
    shape : tuple of int
        (H, W) upright.
    format : str
        Pillow's name of the format.
    camera : Camera or None
        As in Photo.
    evidence : Evidence
        As in Photo.
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
    """Read everything in a photo's file but its pixels.

    The pixels are decoded only where the name or `stereo` says that two views lie in one
    picture. Damaged pixels are not noticed otherwise.

    Parameters
    ----------
    source, name, max_pixels, stereo
        As for `read`.

    Returns
    -------
    PhotoHeader

    Raises
    ------
    InputError
        As for `read`.
    """
    options = _ReadOptions(max_pixels, True, stereo)
    with open_source(source, name) as (stream, shown), one_line_errors(shown):
        file = _open(stream, shown, options)
        if (stereo or stereo_pair.layout_from_name(shown) or "none") != "none":
            photo = _decode_photo(file, options)
            return PhotoHeader(photo.meta, photo.shape, file.format, photo.camera, photo.evidence)
        found = _find_embedded(file, options)
        meta = file.meta(file.shape)
        return PhotoHeader(meta, file.shape, file.format, found.camera, found.evidence)


class _ReadOptions(NamedTuple):
    """Options of the caller, as for `read`."""

    max_pixels: int
    evidence: bool
    stereo: str | None


@dataclass(frozen=True)
class _OpenedFile:
    """A file whose header is read.

    `orientation` is the EXIF orientation of the pixels as decoded, `stored_orientation` that of
    the pixels in the file. They differ for TIFF, which Pillow turns itself. `cicp` holds the
    color code points, if the file has any.
    """

    image: Image
    content: bytes
    name: str
    tags: Exif
    stored_orientation: int
    orientation: int
    cicp: Cicp | None

    @property
    def format(self) -> str:
        return self.image.format or "unknown"

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) upright."""
        width, height = self.image.size
        return (width, height) if self.orientation >= 5 else (height, width)

    @property
    def profile(self) -> bytes | None:
        """The ICC profile of the pixels, also made from code points or a PNG's gamma."""
        embedded = exif.read_rgb_profile(self.image)
        if self.cicp is not None and (embedded is None or self.format == "PNG"):
            return self.cicp.profile()
        if embedded is None and self.format == "PNG":
            return cicp.profile_from_gamma(self.content)
        return embedded

    def meta(self, shape: tuple[int, ...]) -> Meta:
        """Metadata for an upright picture of `shape` (H, W, ...)."""
        is_hdr = self.cicp is not None and self.cicp.is_hdr
        return Meta(
            self.name,
            exif.encode_upright_exif(self.tags, self.image, shape),
            None if is_hdr else self.profile,
            dpi=exif.read_dpi(self.image, self.stored_orientation),
        )


def _open(file: BinaryIO, name: str, options: _ReadOptions) -> _OpenedFile:
    """Read everything but the pixels, and prepare the picture for decoding."""
    content = read_stream(file, name).getvalue()
    image = _open_image(content, name)
    code_points = cicp.read_cicp(content)
    in_profile = cicp.cicp_from_profile(exif.read_rgb_profile(image))
    code_points = in_profile if in_profile is not None and in_profile.is_hdr else code_points
    is_hdr = code_points is not None and code_points.is_hdr
    check_photo_size(image, len(content), name, options.max_pixels, is_hdr)
    no_exif = image.format == "PNG" and png_chunks.find_png_chunk(content, b"eXIf") is None
    # Pillow would decode the PNG to look for EXIF behind its pixels.
    tags = exif.empty_exif() if no_exif and "exif" not in image.info else exif.read_exif(image)
    stored = exif.read_orientation(tags)
    orientation = 1 if image.format == "TIFF" else stored
    return _OpenedFile(image, content, name, tags, stored, orientation, code_points)


def _open_image(content: bytes, name: str) -> Image:
    """Open a picture without decoding it; refuse what is no photo."""
    from PIL import Image

    if not content:
        raise InputError(f"{name}: is empty; copy it again")
    if raw.is_camera_raw(content):
        raise camera_raw_error(name)
    try:
        formats = _ftyp_formats(content) if content[4:8] == b"ftyp" else _PILLOW_FORMATS
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
    """The decoders to try: the main brand may be mif1, with avif only among the others."""
    brands = content[8 : int.from_bytes(content[:4], "big")]
    return ("AVIF", "HEIF") if b"avif" in brands[:256] else ("HEIF", "AVIF")


def _decode_photo(file: _OpenedFile, options: _ReadOptions) -> Photo:
    if file.cicp is not None and file.cicp.is_hdr:
        levels = decode.decode_16bit(file.image)
        rgb = apply_orientation(hdr.tone_map_to_srgb(levels, file.cicp), file.orientation)
    else:
        rgb = decode.decode_upright(file.image, file.orientation)
    found = _find_embedded(file, options)
    rgb, found = _split_halves(rgb, found, file.name, options)
    return ensure_invertible_profile(Photo(rgb, file.meta(rgb.shape), found.camera, found.evidence))


def _find_embedded(file: _OpenedFile, options: _ReadOptions) -> EmbeddedData:
    """Find depth, matte, second view and camera in the file, turned upright like the pixels."""
    if not options.evidence:
        return EmbeddedData()
    stored_shape = file.image.height, file.image.width
    found = find_embedded.find_embedded(file.content, stored_shape, file.tags)
    return found.apply_orientation(file.orientation)


def _split_halves(
    rgb: RGB, found: EmbeddedData, name: str, options: _ReadOptions
) -> tuple[RGB, EmbeddedData]:
    """Return the left half of an upright picture that holds two views, the whole of any other."""
    layout = options.stereo
    if layout is None and options.evidence:
        layout = stereo_pair.layout_from_name(name)
        layout = layout if layout and stereo_pair.has_matching_halves(rgb) else None
    if layout is None or layout == "none":
        return rgb, found
    half, view = stereo_pair.split_views(rgb, layout, name)
    return half, EmbeddedData(Evidence(second_view=view))
