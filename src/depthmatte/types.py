"""Array types by name, and arrays inside frozen values: equality that answers, read-only maps."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]
"""Pixels, uint8 (h, w, 3)."""

Float = NDArray[np.float32]
"""A map of numbers, float32."""

Mask = NDArray[np.bool_]
"""A map of yes and no, bool."""

_Values = NDArray[Any]
"""An array of any type."""

_Array = TypeVar("_Array", bound=NDArray[Any])


def dataclasses_equal(self: Any, other: Any) -> bool:
    """`==` of two dataclasses that hold arrays: same class, and every compared field equal.

    Arrays are equal when shape, type and all values are; NaN equals NaN.
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
    """The array itself, no longer writable: whoever wants to change it takes a copy."""
    array.setflags(write=False)
    return array


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        floating = one.dtype.kind == "f"
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=floating)
    return bool(one is other or one == other)
