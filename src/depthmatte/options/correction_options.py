"""Texts of what a user points at: a person, points and boxes in pixels of the upright photo."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

from ..errors import OptionError

SubjectChoice = Literal["auto", "nearest", "largest", "all"]
"""Which person is cut out when there are several."""

PhotoPoint = tuple[float, float]
"""(x, y) in pixels of the upright photo. The center of the top left pixel is (0, 0)."""

PhotoBox = tuple[float, float, float, float]
"""(x0, y0, x1, y1) in pixels of the upright photo; x1 and y1 lie just outside."""

_MAX_POINTS = 64
"""Points in one list."""

_NUMBER = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"
_POINT = rf"\s*{_NUMBER}\s*,\s*{_NUMBER}\s*"

SUBJECT_PATTERN = (
    rf"^({'|'.join(get_args(SubjectChoice))}|person:[1-9]\d{{0,3}}"
    rf"|box:{_POINT},{_POINT}|{_POINT})$"
)
"""The texts of the option `subject`, as a regular expression."""


class SubjectRequest(NamedTuple):
    """What the option `subject` asks for: a choice, or one of the others.

    `person` is the number of a person as `depthmatte people` lists them, from 1.
    """

    choice: SubjectChoice
    point: PhotoPoint | None = None
    person: int | None = None
    box: PhotoBox | None = None


def parse_subject(value: str | Sequence[float]) -> SubjectRequest:
    """Read the option `subject`.

    Parameters
    ----------
    value : str or sequence of float
        "auto", "nearest", "largest" or "all"; a pixel of the upright photo on the person, as
        "X,Y" or (x, y); "person:2"; or "box:X0,Y0,X1,Y1".

    Returns
    -------
    SubjectRequest
        The choice is "auto" when a point, person or box is given.

    Raises
    ------
    OptionError
        For any other value.

    Examples
    --------
    >>> parse_subject("640,360").point
    (640.0, 360.0)
    >>> parse_subject("person:2").person
    2
    """
    if isinstance(value, str) and value in get_args(SubjectChoice):
        return SubjectRequest(value)  # type: ignore[arg-type]
    kind, _, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
    try:
        if kind == "person" and re.fullmatch(r"[1-9]\d{0,3}", rest):
            return SubjectRequest("auto", person=int(rest))
        if kind == "box":
            return SubjectRequest("auto", box=parse_box(rest))
        x, y = _numbers(value)
        return SubjectRequest("auto", (x, y))
    except (TypeError, ValueError, OptionError):
        pass
    known = ", ".join(get_args(SubjectChoice))
    raise OptionError(
        f"subject is {value!r}; give {known}, or X,Y in pixels of the photo, person:N or "
        "box:X0,Y0,X1,Y1"
    )


def is_subject(value: str | PhotoPoint) -> bool:
    """Return whether a value is allowed for the option `subject`."""
    try:
        parse_subject(value)
    except OptionError:
        return False
    return True


def parse_points(text: str) -> tuple[PhotoPoint, ...]:
    """Read points "X,Y" that are separated by semicolons or spaces.

    Parameters
    ----------
    text : str
        Such as "120,40;300,80". An empty text holds no point.

    Returns
    -------
    tuple of tuple of float
        (x, y) of each.

    Raises
    ------
    OptionError
        For any other text.

    Examples
    --------
    >>> parse_points("120,40; 300,80.5")
    ((120.0, 40.0), (300.0, 80.5))
    """
    parts = re.split(r"[;\s]+", re.sub(r"\s*,\s*", ",", text.strip())) if text.strip() else []
    try:
        points = tuple((x, y) for x, y in map(_numbers, filter(None, parts)))
    except ValueError:
        raise OptionError(f"{text[:60]!r} is no point; give X,Y in pixels of the photo") from None
    if len(points) > _MAX_POINTS:
        raise OptionError(f"holds {len(points)} points; give {_MAX_POINTS} at most")
    return points


def format_points(points: Sequence[PhotoPoint]) -> str:
    """Write points as `parse_points` reads them."""
    return ";".join(f"{x:.12g},{y:.12g}" for x, y in points)


def are_points(points: Sequence[PhotoPoint]) -> bool:
    """Return whether points are finite and not too many."""
    return len(points) <= _MAX_POINTS and all(math.isfinite(part) for one in points for part in one)


def parse_box(text: str) -> PhotoBox:
    """Read "X0,Y0,X1,Y1".

    Raises
    ------
    OptionError
        For any other text, and for a box without area.

    Examples
    --------
    >>> parse_box("10,20,110,220")
    (10.0, 20.0, 110.0, 220.0)
    """
    try:
        x0, y0, x1, y1 = _numbers(text)
    except ValueError:
        raise OptionError(f"{text[:60]!r} is no box; give X0,Y0,X1,Y1 in pixels") from None
    if not is_box((x0, y0, x1, y1)):
        raise OptionError(f"box {text[:60]}: is empty; give X0,Y0,X1,Y1 with X0 < X1 and Y0 < Y1")
    return x0, y0, x1, y1


def is_box(box: PhotoBox) -> bool:
    """Return whether a box is finite and has an area."""
    return all(map(math.isfinite, box)) and box[0] < box[2] and box[1] < box[3]


def _numbers(value: str | Sequence[float]) -> list[float]:
    found = [float(part) for part in (value.split(",") if isinstance(value, str) else value)]
    if not all(map(math.isfinite, found)):
        raise ValueError
    return found
