"""Results that are whole files: photo with embedded depth, layers, a ZIP of color and alpha."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from ...canvas import Box
from ...effects.foreground import estimate_foreground
from ...errors import InputError
from ...io.embedded.gdepth import embed_gdepth
from ...io.files.open_raster import RasterLayer, encode_open_raster
from ...io.files.zip_file import encode_zip
from ...io.photo.photo_writer import encode_picture, to_8bit
from ...portrait import Portrait
from ...system.printable_text import label

GDEPTH_RESULT = "gdepth"
"""Name of the result that is a JPEG with embedded depth."""


class FileResult(NamedTuple):
    """A result that is a file of its own kind: its suffix, and portrait and frame -> bytes."""

    suffix: str
    encode: Callable[[Portrait, Box], bytes]


def encode_gdepth_jpeg(portrait: Portrait) -> bytes:
    """Encode photo and depth as a JPEG; unknown depth is stored as the farthest.

    Raises
    ------
    InputError
        When the portrait has no depth.
    """
    depth, fit = portrait.measured, portrait.depth_fit
    known = depth.known
    if not known.any():
        name = label(portrait.photo.meta.name)
        raise InputError(f"{name}: there is no depth to store; use --depth-source mono")
    z = np.where(known, depth.z, depth.z[known].max())[fit.content_slices]
    plane = np.ascontiguousarray(np.rot90(z, -1) if fit.rotated else z)
    return embed_gdepth(
        encode_picture(portrait.photo.rgb, ".jpg", portrait.photo.meta), plane, depth.metric
    )


def encode_layers(portrait: Portrait, frame: Box) -> bytes:
    """Encode the cutout above the photo as OpenRaster, which GIMP and Krita open.

    Parameters
    ----------
    portrait : Portrait
        The portrait.
    frame : Box
        The part of the photo that is written.
    """
    photo = portrait.photo.rgb[frame.slices]
    person = portrait.cutout()[frame.slices]
    return encode_open_raster(
        [RasterLayer("Person", person), RasterLayer("Photo", photo)], photo, portrait.photo.meta
    )


def encode_color_alpha_zip(portrait: Portrait, frame: Box) -> bytes:
    """Encode foreground colors and alpha as two pictures, `color.jpg` and `alpha.png`, in a ZIP."""
    colors = estimate_foreground(portrait.photo.rgb, portrait.alpha)[frame.slices]
    alpha = to_8bit(portrait.alpha[frame.slices])
    return encode_zip(
        {
            "color.jpg": encode_picture(colors, ".jpg", portrait.photo.meta),
            "alpha.png": encode_picture(alpha, ".png"),
        }
    )


FILE_RESULTS: Mapping[str, FileResult] = {
    GDEPTH_RESULT: FileResult(".jpg", lambda portrait, _: encode_gdepth_jpeg(portrait)),
    "layers": FileResult(".ora", encode_layers),
    "color_alpha": FileResult(".zip", encode_color_alpha_zip),
}
"""Name -> the file."""

SAVED_FILES = ("layers", "color_alpha")
"""Those that `--save` knows; `--write-depth` asks for the photo with depth."""
