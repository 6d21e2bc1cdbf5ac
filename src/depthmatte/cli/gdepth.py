"""The photo as a JPEG that holds its depth, as `--write-depth gdepth` writes it."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..io.gdepth import embed
from ..io.write import encode
from ..portrait import Portrait
from ..text import label


def gdepth(portrait: Portrait) -> bytes:
    """The bytes of the JPEG; unmeasured parts count as farthest.

    Raises
    ------
    InputError
        Where there is no depth.
    """
    depth, fit = portrait.measured, portrait.depth_fit
    known = depth.known
    if not known.any():
        name = label(portrait.photo.meta.name)
        raise InputError(f"{name}: there is no depth to store; use --depth-source mono")
    z = np.where(known, depth.z, depth.z[known].max())[fit.window]
    plane = np.ascontiguousarray(np.rot90(z, -1) if fit.turned else z)
    return embed(encode(portrait.photo.rgb, ".jpg", portrait.photo.meta), plane, depth.metric)
