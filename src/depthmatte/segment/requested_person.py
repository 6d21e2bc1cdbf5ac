"""Find the person that the option `subject` names: by number, or by a box."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..canvas import Letterbox
from ..errors import InputError
from ..options import SubjectRequest
from ..system.printable_text import label as shown
from ..types import Mask


def choose_requested_person(
    people: NDArray[np.int32], fit: Letterbox, request: SubjectRequest, name: str
) -> int:
    """Return the number of the person that was asked for.

    Parameters
    ----------
    people : ndarray
        Person of each pixel of the canvas, int32 (h, w), from 1; 0 where there is nobody.
    fit : Letterbox
        The layout of the photo on it.
    request : SubjectRequest
        With a person's number or a box.
    name : str
        The photo's name in messages.

    Returns
    -------
    int
        0 where the photo shows nobody.

    Raises
    ------
    InputError
        Where there is no such person among others.
    """
    count = int(people.max())
    if not count:
        return 0
    number = request.person
    if request.box is not None:
        number = _best_in_box(people, fit, request.box)
        if number is None:
            raise InputError(f"{shown(name)}: nobody is in this box; `depthmatte people` lists all")
    if number is None or number > count:
        raise InputError(
            f"{shown(name)}: has no person {number}; `depthmatte people` lists the {count} found"
        )
    return number


def _best_in_box(
    people: NDArray[np.int32], fit: Letterbox, box: tuple[float, float, float, float]
) -> int | None:
    """The person whose own box fits best: by intersection over union."""
    best, best_iou = None, 0.0
    for number in range(1, int(people.max()) + 1):
        rows, columns = np.nonzero(people == number)
        ends = np.array([[columns.min(), rows.min()], [columns.max() + 1, rows.max() + 1]])
        corners = fit.points_to_photo(ends - 0.5) + 0.5
        (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
        across, down = min(x1, box[2]) - max(x0, box[0]), min(y1, box[3]) - max(y0, box[1])
        shared = max(0.0, across) * max(0.0, down)
        whole = (x1 - x0) * (y1 - y0) + (box[2] - box[0]) * (box[3] - box[1]) - shared
        if shared / whole > best_iou:
            best, best_iou = number, shared / whole
    return best


def move_members(members: Mask, old: Letterbox, new: Letterbox) -> Mask:
    """Return pixels of one canvas on another canvas of the same photo, bool (h, w)."""
    height, width = new.canvas
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    x, y = np.moveaxis(np.rint(old.points_to_canvas(new.points_to_photo(grid))).astype(int), -1, 0)
    inside = (x >= 0) & (x < old.canvas[1]) & (y >= 0) & (y < old.canvas[0])
    moved = np.zeros(new.canvas, bool)
    moved[inside] = members[y[inside], x[inside]]
    return moved
