"""Results that are whole files: embedded depth, layers, ZIPs, parts, a correction."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...canvas import Box
from ...effects.foreground import estimate_foreground
from ...errors import InputError
from ...feedback.store import store_sample
from ...io.embedded.gdepth import embed_gdepth
from ...io.files.open_raster import RasterLayer, encode_open_raster
from ...io.files.zip_file import encode_zip
from ...io.photo.photo_writer import encode_picture, to_8bit
from ...io.photo.png_writer import encode_indexed_png
from ...portrait import PART_COLORS, Portrait
from ...system.printable_text import label
from ...values import PART_NAMES

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

    Several people are a layer each, the nearest on top.

    Parameters
    ----------
    portrait : Portrait
        The portrait.
    frame : Box
        The part of the photo that is written.
    """
    photo = portrait.photo.rgb[frame.slices]
    people = [person for person in portrait.people if person.kept]
    if len(people) > 1:
        people.sort(key=lambda person: math.inf if person.depth is None else person.depth)
        layers = [
            RasterLayer(f"Person {person.id}", person.portrait.cutout()[frame.slices])
            for person in people
        ]
    else:
        layers = [RasterLayer("Person", portrait.cutout()[frame.slices])]
    return encode_open_raster([*layers, RasterLayer("Photo", photo)], photo, portrait.photo.meta)


def store_correction(portrait: Portrait) -> bytes:
    """Store photo and mask as a sample to learn from, and encode the mask as PNG."""
    photo, mask = portrait.photo, to_8bit(portrait.mask)
    given = photo.meta.path
    # The mask has the size of the upright photo; so has what the store reads from its file.
    content = Path(given) if given else encode_picture(photo.rgb, ".png")
    name = None if given else label(photo.meta.name)
    store_sample(content, mask, source="cut --save correction", name=name)
    return encode_picture(mask, ".png")


def encode_color_alpha_zip(portrait: Portrait, frame: Box) -> bytes:
    """Encode foreground colors and alpha as two pictures, `color.jpg` and `alpha.png`, in a ZIP."""
    colors = estimate_foreground(portrait.photo.rgb, portrait.opacity)[frame.slices]
    alpha = to_8bit(portrait.opacity[frame.slices])
    return encode_zip(
        {
            "color.jpg": encode_picture(colors, ".jpg", portrait.photo.meta),
            "alpha.png": encode_picture(alpha, ".png"),
        }
    )


def encode_parts(portrait: Portrait, frame: Box) -> bytes:
    """Encode the codes of the parts as PNG with the palette `PART_COLORS`."""
    codes = np.ascontiguousarray(portrait.parts.labels[frame.slices])
    return encode_indexed_png(codes, tuple(PART_COLORS.values()))


def encode_part_masks_zip(portrait: Portrait, frame: Box) -> bytes:
    """Encode a mask for each part, such as `hair.png`, in a ZIP. They add up to alpha."""
    parts = portrait.parts
    return encode_zip(
        {
            f"{name}.png": encode_picture(to_8bit(parts.map(name)[frame.slices]), ".png")
            for name in PART_NAMES
        }
    )


FILE_RESULTS: Mapping[str, FileResult] = {
    GDEPTH_RESULT: FileResult(".jpg", lambda portrait, _: encode_gdepth_jpeg(portrait)),
    "layers": FileResult(".ora", encode_layers),
    "color_alpha": FileResult(".zip", encode_color_alpha_zip),
    "parts": FileResult(".png", encode_parts),
    "part_masks": FileResult(".zip", encode_part_masks_zip),
    "correction": FileResult(".png", lambda portrait, _: store_correction(portrait)),
}
"""Name -> the file."""

SAVED_FILES = ("layers", "color_alpha", "parts", "part_masks", "correction")
"""Those that `--save` knows; `--write-depth` asks for the photo with depth."""
