"""Checked cameras and rigs out of the numbers of any calibration file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...camera import Camera, Rig
from ...errors import InputError
from ...lens_distortion import LensModel, Matrix
from ...system.text import short

ImageSize = tuple[int, int]

_MAX_BASELINE_METERS = 5.0
"""Metres: cameras of one rig farther apart than this were written in another unit."""

_ROTATION_TOLERANCE = 5e-3
"""By how much a rotation's products may be off: files round its entries to three decimals."""

_MAX_NUMBERS = 4096
"""Numbers that one entry of a calibration may hold."""

_OFF_CENTER = 0.3
"""Share of a side that a principal point may lie off the middle of a picture whose size is
only assumed."""

_LARGEST_SIDE = 100_000
"""Pixels of a picture's side."""

_FOCAL_RANGE = (0.02, 1000.0)
"""Focal lengths in longer sides of the picture: from a fisheye to a telescope, with room."""

_MAX_COEFFICIENT = 1e4
"""Largest distortion coefficient; those of rational models reach hundreds."""

_MODELS: dict[str, tuple[LensModel, tuple[int, ...]]] = {
    "": ("brown-conrady", (0, 4, 5, 8)),
    "none": ("brown-conrady", ()),
    "plumbbob": ("brown-conrady", (0, 4, 5)),
    "radtan": ("brown-conrady", (0, 4, 5)),
    "rationalpolynomial": ("brown-conrady", (8,)),
    "brownconrady": ("brown-conrady", (0, 4, 5, 8)),
    "equidistant": ("equidistant", (0, 4)),
    "equi": ("equidistant", (0, 4)),
    "fisheye": ("equidistant", (0, 4)),
    "kannalabrandt": ("equidistant", (0, 4)),
    "kannalabrandt4": ("equidistant", (0, 4)),
    "opencvfisheye": ("equidistant", (0, 4)),
}
"""Lens model as files name it, in plain letters -> ours, and the counts that it may have."""


def make_camera(
    matrix: Matrix, distortion: Sequence[float], size: ImageSize, name: str, model: Any = ""
) -> Camera:
    """A camera at the world's origin.

    Parameters
    ----------
    matrix : float64 (3, 3)
        K, in pixels; one that is plainly transposed is turned back.
    distortion : sequence of float
        Coefficients as `model` has them.
    size : (int, int)
        Height and width in pixels.
    name : str
        The file, for messages.
    model : str
        The lens model as the file calls it; "" is OpenCV's ordinary one.

    Raises
    ------
    InputError
        For numbers that no camera has, and for a lens model that is not known.
    """
    if not matrix[:2, 2].any() and matrix[2, :2].any():
        matrix = matrix.T  # written column by column, as Open3D and Record3D do
    if abs(matrix[0, 1]) > 1e-6 * abs(matrix[0, 0]) or matrix[2].tolist() != [0, 0, 1]:
        raise InputError(f"{name}: K must be fx 0 cx, 0 fy cy, 0 0 1; mend it")
    if max(size) > _LARGEST_SIDE:
        raise InputError(f"{name}: a size of {size[1]} x {size[0]} pixels; mend it")
    ours, numbers = _lens(tuple(float(number) for number in distortion), name, model)
    fx, fy, cx, cy = (float(matrix[place]) for place in ((0, 0), (1, 1), (0, 2), (1, 2)))
    side, (least, most) = max(size), _FOCAL_RANGE
    if min(fx, fy) > 0 and not least * side <= min(fx, fy) <= max(fx, fy) <= most * side:
        raise InputError(
            f"{name}: fx {fx:g}, fy {fy:g} make no sense at {size[1]} x {size[0]} pixels; mend them"
        )
    if max(abs(cx), abs(cy)) > most * side or max(map(abs, numbers), default=0) > _MAX_COEFFICIENT:
        raise InputError(f"{name}: cx, cy or the distortion make no sense; mend them")
    try:
        return Camera(size, fx, fy, cx, cy, numbers, model=ours)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def _lens(numbers: tuple[float, ...], name: str, model: Any) -> tuple[LensModel, tuple[float, ...]]:
    known = _MODELS.get(normalize_key(model)) if isinstance(model, str) else None
    if known is None:
        raise InputError(
            f"{name}: the lens model {quote_excerpt(model)} is not supported; calibrate with plumb_bob, "
            "rational_polynomial or equidistant"
        )
    ours, counts = known
    if not counts or not any(numbers):
        return ours, ()
    if ours == "brown-conrady" and not any(numbers[8:]):
        numbers = numbers[:8]  # OpenCV writes 12 or 14 with zeros for what is not used
    if ours == "equidistant" and not any(numbers[4:]):
        numbers = numbers[:4]
    elif counts[-1] == 5 and not any(numbers[5:]):
        numbers = numbers[:5]
    if len(numbers) not in counts and normalize_key(model):
        wanted = " or ".join(str(count) for count in counts if count)
        raise InputError(
            f"{name}: {quote_excerpt(model)} has {len(numbers)} numbers; give {wanted}"
        )
    return ours, numbers


def resolve_image_size(
    size: ImageSize | None, assumed: ImageSize | None, matrix: Matrix, name: str
) -> ImageSize:
    """The (height, width) a file states, else that of the picture if K could belong to it."""
    if size is not None:
        return size
    if assumed is None:
        raise InputError(f"{name}: names no image size; add image_width and image_height")
    height, width = assumed
    off = abs(matrix[0, 2] / width - 0.5), abs(matrix[1, 2] / height - 0.5)
    if max(off) > _OFF_CENTER:
        raise InputError(
            f"{name}: names no image size, and its cx, cy do not fit the picture's {width} x "
            f"{height}; add image_width and image_height"
        )
    return assumed


def make_rig(
    photo: Camera, other: Camera, rotation: Matrix, translation: Matrix, rectified: bool, name: str
) -> Rig:
    """The photo's camera at the origin; X of its frame is at R @ X + t in the other's."""
    apart = math.hypot(*translation)
    if not apart <= _MAX_BASELINE_METERS:
        raise InputError(
            f"{name}: puts the cameras {apart:.4g} m apart; write the translation in metres "
            "(or add unit: mm to a file of OpenCV)"
        )
    if not _is_rotation(rotation):
        raise InputError(f"{name}: rotation is not a 3 x 3 rotation matrix; mend it")
    fields = {
        key: getattr(other, key) for key in ("shape", "fx", "fy", "cx", "cy", "distortion", "model")
    }
    placed = Camera(**fields, rotation=_orthonormal(rotation), translation=translation)
    pair = Rig(photo, placed, rectified)
    if rectified:
        _check_rectified(pair, name)
    return pair


def parse_numbers(value: Any, shape: tuple[int, ...], what: str, name: str) -> NDArray[np.float64]:
    """Finite numbers of `shape`, out of lists, texts or an array with as many entries.

    Raises
    ------
    InputError
        Where there are more or fewer, or something is no finite number.
    """
    found = _flatten_numbers(value, what, name)
    if len(found) != int(np.prod(shape)) or not np.isfinite(found).all():
        wanted = " x ".join(map(str, shape))
        raise InputError(f"{name}: {what} must be {wanted} finite numbers; mend it")
    return found.reshape(shape)


def _flatten_numbers(value: Any, what: str, name: str) -> NDArray[np.float64]:
    """All numbers inside nested lists, in their order: float64 (n,), what is none as NaN.

    Raises
    ------
    InputError
        For lists of unequal length, and for more numbers than any calibration has.
    """
    found: list[float] = []
    for number in _leaves(value, f"{name}: {what}"):
        found.append(number)
        if len(found) > _MAX_NUMBERS:
            raise InputError(f"{name}: {what} holds too many numbers; mend it")
    return np.array(found, np.float64)


def parse_coefficients(value: Any, what: str, name: str) -> list[float]:
    """The numbers of a lens, however many; none where they are missing."""
    if value is None:
        return []
    found = _flatten_numbers(value, what, name)
    if not np.isfinite(found).all():
        raise InputError(f"{name}: {what} must be finite numbers; mend it")
    return [float(number) for number in found]


def parse_count(value: Any, what: str, name: str, default: int = 0) -> int:
    """A whole number that is not negative, `default` where it is missing."""
    if value is None:
        return default
    number = float(parse_numbers(value, (1,), what, name)[0])
    if not 0 <= number <= _LARGEST_SIDE or number != int(number):
        raise InputError(f"{name}: {what} must be a whole number; mend it")
    return int(number)


def normalize_key(key: str) -> str:
    """A key or name without "_", "-", "." and spaces, in lower case."""
    return "".join(sign for sign in key.lower() if sign not in "_-. ")


def quote_excerpt(value: Any) -> str:
    """What a file says, on one line, printable and not long."""
    return repr(short(value))


def _leaves(value: Any, what: str) -> Iterator[float]:
    if isinstance(value, dict):
        value = value.get("data")  # a matrix of OpenCV or ROS: rows, cols, data
    if isinstance(value, str):
        yield from map(_number, value.split())
    elif isinstance(value, list | tuple | np.ndarray):
        lengths = {len(each) if isinstance(each, list) else -1 for each in value}
        if len(lengths) > 1:
            raise InputError(f"{what} has rows of unequal length; mend it")
        for each in value:
            yield from _leaves(each, what)
    else:
        yield _number(value)


def _number(value: Any) -> float:
    """A number, of YAML's .nan and .inf too; NaN for what is none."""
    if isinstance(value, bool):
        return float("nan")
    text = value.replace(".inf", "inf").replace(".Inf", "inf") if isinstance(value, str) else value
    try:
        return float(text)
    except (TypeError, ValueError, OverflowError):
        return float("nan")


def _is_rotation(rotation: Matrix) -> bool:
    """Is it a rotation, up to rounding?"""
    if not np.abs(rotation).max() <= 1 + _ROTATION_TOLERANCE:
        return False
    square = np.allclose(rotation @ rotation.T, np.eye(3), rtol=0, atol=_ROTATION_TOLERANCE)
    return bool(square and np.linalg.det(rotation) > 0)


def _orthonormal(rotation: Matrix) -> Matrix:
    """The nearest rotation: files round theirs to a few digits."""
    left, _, right = np.linalg.svd(rotation)
    return np.asarray(left @ right)


def _check_rectified(pair: Rig, name: str) -> None:
    rotation, translation = pair.pose
    aside = np.linalg.norm(translation[1:])
    rows = abs(pair.photo.fy - pair.other.fy) + abs(pair.photo.cy - pair.other.cy)
    lenses = pair.photo.has_distortion or pair.other.has_distortion
    level = np.allclose(rotation, np.eye(3), atol=1e-3) and aside <= 0.01 * pair.baseline
    if lenses or not level or rows > 1 or pair.baseline == 0:
        raise InputError(
            f"{name}: says rectified, but its cameras are not side by side with equal rows and "
            "no distortion; set rectified to false or give the rectified calibration"
        )
