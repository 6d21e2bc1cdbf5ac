"""Encode OpenEXR files: colors in linear light, opacity, and depth as a channel."""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...color.icc import convert_to_srgb
from ...color.linear_light import to_linear
from ...errors import InputError, MissingExtra
from ...system.printable_text import label
from ...types import Float

_ALPHA_CHANNELS = 4


def check_openexr() -> None:
    """Raise MissingExtra unless the package OpenEXR is installed."""
    _load_openexr()


def encode_exr(
    picture: NDArray[np.uint8],
    profile: bytes | None = None,
    depth: Float | None = None,
    metric: bool = False,
    half: bool = True,
) -> bytes:
    """Encode a picture as OpenEXR.

    Colors are linear light with the primaries of sRGB (BT.709), and multiplied by alpha, as the
    format has it.

    Parameters
    ----------
    picture : ndarray
        uint8 (H, W, 3), or (H, W, 4) with straight alpha.
    profile : bytes or None
        Its ICC profile; None is sRGB.
    depth : ndarray, optional
        float32 (H, W). In meters it becomes the channel `Z`, else `depth`; 0 where not known.
        It is stored in 32 bits.
    metric : bool
        Whether depth is in meters.
    half : bool
        Whether colors and alpha are 16-bit floats; else they have 32 bits.

    Returns
    -------
    bytes
        The file, compressed without loss.

    Raises
    ------
    InputError
        When there is no room for the temporary file.
    MissingExtra
        Without the package OpenEXR.
    """
    openexr = _load_openexr()
    kind = np.float16 if half else np.float32
    light = to_linear(convert_to_srgb(np.ascontiguousarray(picture[..., :3]), profile))
    channels: dict[str, NDArray[Any]] = {}
    if picture.shape[2] == _ALPHA_CHANNELS:
        alpha = picture[..., 3:].astype(np.float32) * np.float32(1 / 255)
        channels["RGBA"] = np.concatenate([light * alpha, alpha], axis=2).astype(kind)
    else:
        channels["RGB"] = light.astype(kind)
    if depth is not None:
        channels["Z" if metric else "depth"] = np.ascontiguousarray(depth, np.float32)
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    with tempfile.TemporaryDirectory(prefix="depthmatte-") as folder:
        path = Path(folder) / "picture.exr"  # the package writes paths only
        try:
            with openexr.File(header, channels) as file:
                file.write(str(path))
            return path.read_bytes()
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"EXR: cannot be written ({label(str(error))}); make room for temporary files"
            ) from error


def _load_openexr() -> Any:
    try:
        return importlib.import_module("OpenEXR")
    except ImportError as error:
        raise MissingExtra("Writing EXR", "exr") from error
