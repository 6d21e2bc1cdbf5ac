"""Encode the photo as a JPEG with embedded depth, for `--write-depth gdepth`."""

from __future__ import annotations

import numpy as np

from ...errors import InputError
from ...io.embedded.gdepth import embed_gdepth
from ...io.photo.photo_writer import encode_picture
from ...portrait import Portrait
from ...system.printable_text import label


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
