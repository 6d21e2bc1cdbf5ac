"""Parse COLMAP's cameras.txt: https://colmap.github.io/format.html ."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...camera import Rig
from ...errors import InputError
from .rig_checks import make_camera, parse_count, parse_numbers, quote_excerpt

# Model -> (lens model, names of its parameters in order, distortion in OpenCV's order).
# "0" stands for a coefficient that the model leaves out.
_MODELS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "SIMPLE_PINHOLE": ("none", ("f", "cx", "cy"), ()),
    "PINHOLE": ("none", ("fx", "fy", "cx", "cy"), ()),
    "SIMPLE_RADIAL": ("brown_conrady", ("f", "cx", "cy", "k1"), ("k1", "0", "0", "0")),
    "RADIAL": ("brown_conrady", ("f", "cx", "cy", "k1", "k2"), ("k1", "k2", "0", "0")),
    "OPENCV": (
        "brown_conrady",
        ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2"),
        ("k1", "k2", "p1", "p2"),
    ),
    "FULL_OPENCV": (
        "rational_polynomial",
        ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"),
        ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"),
    ),
    "OPENCV_FISHEYE": (
        "equidistant",
        ("fx", "fy", "cx", "cy", "k1", "k2", "k3", "k4"),
        ("k1", "k2", "k3", "k4"),
    ),
    "SIMPLE_RADIAL_FISHEYE": ("equidistant", ("f", "cx", "cy", "k1"), ("k1", "0", "0", "0")),
    "RADIAL_FISHEYE": ("equidistant", ("f", "cx", "cy", "k1", "k2"), ("k1", "k2", "0", "0")),
}

_CORNER_OFFSET = 0.5
"""COLMAP's pixel coordinates start at the corner of the first pixel, not at its center."""


def is_colmap(text: str) -> bool:
    """Return whether the first line that is no comment is ID MODEL WIDTH HEIGHT ..."""
    words = next(_lines(text), [])
    are_integers = [word.isdecimal() for word in words[:4]]
    return len(words) >= 6 and are_integers == [True, False, True, True] and words[1].isupper()


def parse_colmap(text: str, name: str) -> Rig:
    """Parse a cameras.txt with one camera, which took both photo and depth.

    Parameters
    ----------
    text : str
        The file.
    name : str
        Its name for messages.

    Returns
    -------
    Rig

    Raises
    ------
    InputError
        For several cameras, unknown models and invalid numbers.
    """
    cameras = list(_lines(text))
    if len(cameras) > 1:
        raise InputError(
            f"{name}: holds {len(cameras)} cameras but not their positions; "
            "keep the line of the one that took the photo"
        )
    _, model, width, height, *rest = cameras[0]
    if model not in _MODELS:
        raise InputError(
            f"{name}: the camera model {quote_excerpt(model)} is not supported; "
            f"use {', '.join(_MODELS)}"
        )
    lens, keys, order = _MODELS[model]
    values = dict(
        zip(keys, parse_numbers(rest, (len(keys),), f"{model} parameters", name), strict=True)
    )
    values["0"] = np.float64(0)
    fx, fy = (values.get(key, values.get("f", np.float64(0))) for key in ("fx", "fy"))
    cx, cy = values["cx"] - _CORNER_OFFSET, values["cy"] - _CORNER_OFFSET
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    size = parse_count(height, "height", name), parse_count(width, "width", name)
    alone = make_camera(matrix, [float(values[key]) for key in order], size, name, lens)
    return Rig(alone, alone)


def _lines(text: str) -> Iterator[list[str]]:
    """The words of every line that is no comment."""
    for line in text.splitlines():
        words = line.split()
        if words and not words[0].startswith("#"):
            yield words
