"""Parse Middlebury's calib.txt: https://vision.middlebury.edu/stereo/data/scenes2014/ ."""

from __future__ import annotations

import numpy as np

from ...camera import Rig
from ...errors import InputError
from ...lens_distortion import Matrix
from .rig_checks import (
    ImageSize,
    make_camera,
    make_rig,
    parse_count,
    parse_numbers,
    resolve_image_size,
)


def is_middlebury(text: str) -> bool:
    """Return whether the text has an entry cam0."""
    return "cam0" in _entries(text)


def parse_middlebury(text: str, name: str, photo: ImageSize | None) -> Rig:
    """Parse a calib.txt: cam0 took the photo, cam1 is to its right.

    The baseline in the file is in millimeters, doffs is cx1 - cx0 in pixels.

    Parameters
    ----------
    text : str
        The file.
    name : str
        Its name for messages.
    photo : (int, int) or None
        (h, w) of the photo, used where the file states no size.

    Returns
    -------
    Rig
        Rectified.

    Raises
    ------
    InputError
        For missing or invalid entries.
    """
    entries = _entries(text)
    first = _matrix(entries, "cam0", name)
    doffs = _number(entries, "doffs", name, 0.0)
    second = first + np.array([[0, 0, doffs], [0, 0, 0], [0, 0, 0]])
    if "cam1" in entries:
        second = _matrix(entries, "cam1", name)
        if "doffs" in entries and abs(second[0, 2] - first[0, 2] - doffs) > 0.01:
            raise InputError(f"{name}: doffs is not cx of cam1 minus cx of cam0; correct it")
    size = None
    if "width" in entries and "height" in entries:
        size = (
            parse_count(entries["height"], "height", name),
            parse_count(entries["width"], "width", name),
        )
    size = resolve_image_size(size, photo, first, name)
    baseline = _number(entries, "baseline", name) / 1000
    if not baseline > 0:
        raise InputError(f"{name}: baseline must be positive, in millimeters; correct it")
    left, right = (make_camera(matrix, (), size, name) for matrix in (first, second))
    return make_rig(left, right, np.eye(3), np.array([-baseline, 0, 0]), True, name)


def _entries(text: str) -> dict[str, str]:
    """The lines KEY=VALUE."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _matrix(entries: dict[str, str], key: str, name: str) -> Matrix:
    row = entries[key].strip("[] \t").replace(";", " ").replace(",", " ")
    return parse_numbers(row, (3, 3), key, name)


def _number(entries: dict[str, str], key: str, name: str, default: float | None = None) -> float:
    if key not in entries and default is not None:
        return default
    return float(parse_numbers([entries.get(key)], (1,), key, name)[0])
