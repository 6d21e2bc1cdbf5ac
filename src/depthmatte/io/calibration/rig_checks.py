"""Make checked cameras and rigs from the numbers of any calibration file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...camera import Camera, Rig
from ...errors import InputError
from ...lens_distortion import LensModel, Matrix
from ...system.printable_text import short

ImageSize = tuple[int, int]
"""(height, width) in pixels."""

_MAX_BASELINE_METERS = 5.0
"""Cameras farther apart than this were written in another unit."""

_ROTATION_TOLERANCE = 5e-3
"""Tolerance of rotation matrices: files round their entries to three decimals."""

_MAX_NUMBERS = 4096
"""Limit of numbers in one entry."""

_MAX_CENTER_OFFSET = 0.3
"""Largest distance of the principal point from the center, as a share of the side.

Checked only where the size of the picture is assumed.
"""

_MAX_SIDE = 100_000
"""Limit of width and height in pixels."""

_FOCAL_RANGE = (0.02, 1000.0)
"""Range of focal lengths in units of the longer side: from a fisheye to a telescope."""

_MAX_COEFFICIENT = 1e4
"""Limit of distortion coefficients; those of rational models reach hundreds."""

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
"""Normalized name of a lens model in files -> our name, and the numbers of coefficients."""


def make_camera(
    matrix: Matrix, distortion: Sequence[float], size: ImageSize, name: str, model: Any = ""
) -> Camera:
    """Make a camera at the world's origin.

    Parameters
    ----------
    matrix : ndarray
        K in pixels, float64 (3, 3). A transposed K is recognized and turned back.
    distortion : sequence of float
        Coefficients in the order of `model`.
    size : (int, int)
        Height and width in pixels.
    name : str
        The file, for messages.
    model : str
        The lens model by its name in the file; "" is OpenCV's default model.

    Returns
    -------
    Camera

    Raises
    ------
    InputError
        For implausible numbers and unknown lens models.
    """
    if not matrix[:2, 2].any() and matrix[2, :2].any():
        matrix = matrix.T  # written column by column, as Open3D and Record3D do
    if abs(matrix[0, 1]) > 1e-6 * abs(matrix[0, 0]) or matrix[2].tolist() != [0, 0, 1]:
        raise InputError(f"{name}: K must be fx 0 cx, 0 fy cy, 0 0 1; correct it")
    if max(size) > _MAX_SIDE:
        raise InputError(f"{name}: a size of {size[1]} x {size[0]} pixels; correct it")
    lens_model, numbers = _parse_lens(tuple(float(number) for number in distortion), name, model)
    fx, fy, cx, cy = (float(matrix[place]) for place in ((0, 0), (1, 1), (0, 2), (1, 2)))
    shortest, longest = (sides * max(size) for sides in _FOCAL_RANGE)
    if min(fx, fy) > 0 and not shortest <= min(fx, fy) <= max(fx, fy) <= longest:
        raise InputError(
            f"{name}: fx {fx:g}, fy {fy:g} are not plausible for {size[1]} x {size[0]} pixels; "
            "correct them"
        )
    if max(abs(cx), abs(cy)) > longest or max(map(abs, numbers), default=0) > _MAX_COEFFICIENT:
        raise InputError(f"{name}: cx, cy or the distortion are not plausible; correct them")
    try:
        return Camera(size, fx, fy, cx, cy, numbers, model=lens_model)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def _parse_lens(
    numbers: tuple[float, ...], name: str, model: Any
) -> tuple[LensModel, tuple[float, ...]]:
    known = _MODELS.get(normalize_key(model)) if isinstance(model, str) else None
    if known is None:
        raise InputError(
            f"{name}: the lens model {quote_excerpt(model)} is not supported; "
            "calibrate with plumb_bob, rational_polynomial or equidistant"
        )
    lens_model, counts = known
    if not counts or not any(numbers):
        return lens_model, ()
    if lens_model == "brown-conrady" and not any(numbers[8:]):
        numbers = numbers[:8]  # OpenCV may write 12 or 14, unused ones as 0
    if lens_model == "equidistant" and not any(numbers[4:]):
        numbers = numbers[:4]
    elif counts[-1] == 5 and not any(numbers[5:]):
        numbers = numbers[:5]
    if len(numbers) not in counts and normalize_key(model):
        wanted = " or ".join(str(count) for count in counts if count)
        raise InputError(
            f"{name}: {quote_excerpt(model)} has {len(numbers)} numbers; give {wanted}"
        )
    return lens_model, numbers


def resolve_image_size(
    size: ImageSize | None, assumed: ImageSize | None, matrix: Matrix, name: str
) -> ImageSize:
    """Return the image size of a calibration.

    Parameters
    ----------
    size : (int, int) or None
        (height, width) that the file states.
    assumed : (int, int) or None
        (height, width) of the picture, used without `size`.
    matrix : ndarray
        K, float64 (3, 3). Its principal point must fit an assumed size.
    name : str
        The file, for messages.

    Returns
    -------
    (int, int)

    Raises
    ------
    InputError
        Where there is no size, or the assumed size does not fit K.
    """
    if size is not None:
        return size
    if assumed is None:
        raise InputError(f"{name}: names no image size; add image_width and image_height")
    height, width = assumed
    offsets = abs(matrix[0, 2] / width - 0.5), abs(matrix[1, 2] / height - 0.5)
    if max(offsets) > _MAX_CENTER_OFFSET:
        raise InputError(
            f"{name}: names no image size, and its cx, cy do not fit the picture's {width} x "
            f"{height}; add image_width and image_height"
        )
    return assumed


def make_rig(
    photo: Camera, other: Camera, rotation: Matrix, translation: Matrix, rectified: bool, name: str
) -> Rig:
    """Make a rig whose world is the frame of the photo's camera.

    Parameters
    ----------
    photo, other : Camera
        Intrinsics of the two cameras.
    rotation : ndarray
        R, float64 (3, 3), rounded as files have it.
    translation : ndarray
        t in meters, float64 (3,). A point X in the photo camera's frame is at R @ X + t in the
        other's.
    rectified : bool
        Whether rows of both pictures match.
    name : str
        The file, for messages.

    Returns
    -------
    Rig

    Raises
    ------
    InputError
        For what is no rotation, cameras too far apart, and `rectified` that is not true.
    """
    apart = math.hypot(*translation)
    if not apart <= _MAX_BASELINE_METERS:
        raise InputError(
            f"{name}: puts the cameras {apart:.4g} m apart; write the translation in meters "
            "(or add unit: mm to a file of OpenCV)"
        )
    if not _is_rotation(rotation):
        raise InputError(f"{name}: rotation is not a 3 x 3 rotation matrix; correct it")
    fields = {
        key: getattr(other, key) for key in ("shape", "fx", "fy", "cx", "cy", "distortion", "model")
    }
    other = Camera(**fields, rotation=_orthonormal(rotation), translation=translation)
    rig = Rig(photo, other, rectified)
    if rectified:
        _check_rectified(rig, name)
    return rig


def parse_numbers(value: Any, shape: tuple[int, ...], what: str, name: str) -> NDArray[np.float64]:
    """Parse finite numbers of a known shape.

    Parameters
    ----------
    value : object
        Nested lists, text or an array.
    shape : tuple of int
        Shape of the result; the input needs the same number of entries.
    what : str
        The entry, for messages.
    name : str
        The file, for messages.

    Returns
    -------
    ndarray
        float64 of `shape`.

    Raises
    ------
    InputError
        For more or fewer numbers, and for what is no finite number.
    """
    found = _flatten_numbers(value, what, name)
    if len(found) != int(np.prod(shape)) or not np.isfinite(found).all():
        wanted = " x ".join(map(str, shape))
        raise InputError(f"{name}: {what} must be {wanted} finite numbers; correct it")
    return found.reshape(shape)


def _flatten_numbers(value: Any, what: str, name: str) -> NDArray[np.float64]:
    """All numbers of nested lists in order: float64 (n,), NaN for what is no number."""
    found: list[float] = []
    for number in _leaves(value, f"{name}: {what}"):
        found.append(number)
        if len(found) > _MAX_NUMBERS:
            raise InputError(f"{name}: {what} holds too many numbers; correct it")
    return np.array(found, np.float64)


def parse_coefficients(value: Any, what: str, name: str) -> list[float]:
    """Parse distortion coefficients.

    Parameters
    ----------
    value : object
        Nested lists, text, an array or None.
    what : str
        The entry, for messages.
    name : str
        The file, for messages.

    Returns
    -------
    list of float
        Empty for None.

    Raises
    ------
    InputError
        For what is no finite number.
    """
    if value is None:
        return []
    found = _flatten_numbers(value, what, name)
    if not np.isfinite(found).all():
        raise InputError(f"{name}: {what} must be finite numbers; correct it")
    return [float(number) for number in found]


def parse_count(value: Any, what: str, name: str, default: int = 0) -> int:
    """Parse an integer from 0 to 100,000.

    Parameters
    ----------
    value : object
        A number or text; None gives `default`.
    what : str
        The entry, for messages.
    name : str
        The file, for messages.
    default : int
        Used for None.

    Returns
    -------
    int

    Raises
    ------
    InputError
        For other values.
    """
    if value is None:
        return default
    number = float(parse_numbers(value, (1,), what, name)[0])
    if not 0 <= number <= _MAX_SIDE or number != int(number):
        raise InputError(f"{name}: {what} must be a whole number; correct it")
    return int(number)


def normalize_key(key: str) -> str:
    """Return a key in lower case without "_", "-", "." and spaces."""
    return "".join(letter for letter in key.lower() if letter not in "_-. ")


def quote_excerpt(value: Any) -> str:
    """Quote a value of a file for a message: one printable line, shortened."""
    return repr(short(value))


def _leaves(value: Any, what: str) -> Iterator[float]:
    if isinstance(value, dict):
        value = value.get("data")  # a matrix of OpenCV or ROS: rows, cols, data
    if isinstance(value, str):
        yield from map(_number, value.split())
    elif isinstance(value, list | tuple | np.ndarray):
        lengths = {len(each) if isinstance(each, list) else -1 for each in value}
        if len(lengths) > 1:
            raise InputError(f"{what} has rows of unequal length; correct it")
        for each in value:
            yield from _leaves(each, what)
    else:
        yield _number(value)


def _number(value: Any) -> float:
    """A number, also YAML's .inf; NaN for what is no number."""
    if isinstance(value, bool):
        return float("nan")
    text = value.replace(".inf", "inf").replace(".Inf", "inf") if isinstance(value, str) else value
    try:
        return float(text)
    except (TypeError, ValueError, OverflowError):
        return float("nan")


def _is_rotation(rotation: Matrix) -> bool:
    """Whether a matrix is a rotation up to rounding."""
    if not np.abs(rotation).max() <= 1 + _ROTATION_TOLERANCE:
        return False
    product = rotation @ rotation.T
    is_orthonormal = np.allclose(product, np.eye(3), rtol=0, atol=_ROTATION_TOLERANCE)
    return bool(is_orthonormal and np.linalg.det(rotation) > 0)


def _orthonormal(rotation: Matrix) -> Matrix:
    """The nearest exact rotation: files round theirs."""
    left, _, right = np.linalg.svd(rotation)
    return np.asarray(left @ right)


def _check_rectified(rig: Rig, name: str) -> None:
    """Raise InputError unless the rows of both pictures match."""
    rotation, translation = rig.pose
    off_axis = np.linalg.norm(translation[1:])
    row_offset = abs(rig.photo.fy - rig.other.fy) + abs(rig.photo.cy - rig.other.cy)
    has_distortion = rig.photo.has_distortion or rig.other.has_distortion
    is_aligned = np.allclose(rotation, np.eye(3), atol=1e-3) and off_axis <= 0.01 * rig.baseline
    if has_distortion or not is_aligned or row_offset > 1 or rig.baseline == 0:
        raise InputError(
            f"{name}: says rectified, but its cameras are not side by side with equal rows and "
            "no distortion; set rectified to false or give the rectified calibration"
        )
