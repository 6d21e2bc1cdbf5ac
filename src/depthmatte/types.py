"""Names of array types, and equality and write protection for dataclasses that hold arrays."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]
"""Pixels, uint8 (h, w, 3)."""

Float = NDArray[np.float32]
"""A map, float32 (h, w) or (h, w, C)."""

Mask = NDArray[np.bool_]
"""A mask, bool (h, w)."""

Values = NDArray[Any]
"""An array of any type."""

_Array = TypeVar("_Array", bound=NDArray[Any])


def dataclasses_equal(self: Any, other: Any) -> bool:
    """Compare two dataclasses that may hold arrays, for use as `__eq__`.

    They are equal when the class and all compared fields are. Arrays are equal when shape, type
    and all values are. NaN equals NaN.
    """
    if type(other) is not type(self):
        return NotImplemented  # type: ignore[no-any-return]
    if other is self:
        return True
    return all(
        _same(getattr(self, each.name), getattr(other, each.name))
        for each in fields(self)
        if each.compare
    )


def make_read_only(array: _Array) -> _Array:
    """Make an array read-only in place and return it."""
    array.setflags(write=False)
    return array


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        floating = one.dtype.kind == "f"
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=floating)
    return bool(one is other or one == other)
