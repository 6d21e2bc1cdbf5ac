"""Depth that is computed when something first reads it.

An estimate of depth takes as long as the segmentation, and many results need none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..types import Float
from ..values import Depth, DepthScale


class DeferredDepth(Depth):
    """A `Depth` that is computed once, when one of its maps is first read.

    Shape and source are known without that. It may be read from several threads. Pickling it
    computes it. `dataclasses.replace` computes it too, and makes a plain Depth.

    Parameters
    ----------
    shape : tuple of int
        (h, w) of the canvas.
    source : str
        `Depth.source` of what `compute` returns.
    compute : callable
        Returns the Depth.

    Examples
    --------
    >>> from depthmatte.depth.deferred import DeferredDepth
    >>> from depthmatte.values import Depth
    >>> depth = DeferredDepth((4, 6), "none", lambda: Depth.none((4, 6)))
    >>> depth.is_deferred, depth.prob.any(), depth.is_deferred
    (True, False, False)
    """

    def __init__(self, shape: tuple[int, int], source: str, compute: Callable[[], Depth]) -> None:
        state = {"_shape": shape, "_source": source, "_compute": compute, "_depth": None}
        self.__dict__.update(state, _lock=threading.Lock())

    def __repr__(self) -> str:
        height, width = self.shape
        return (
            f"Depth({width} x {height}, {self.source!r}, deferred)"
            if self.is_deferred
            else repr(self.computed())
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Depth):
            return NotImplemented
        return self is other or self.computed() == other.computed()

    __hash__ = None  # type: ignore[assignment]

    @property  # type: ignore[misc]
    def __class__(self) -> type[Depth]:  # type: ignore[override]
        """The class that `dataclasses.replace` calls."""
        return Depth

    def __reduce__(self) -> Any:
        return _return_depth, (self.computed(),)

    @property
    def is_deferred(self) -> bool:
        """Whether nothing has computed this depth yet."""
        return self.__dict__["_depth"] is None

    def computed(self) -> Depth:
        """Return the depth with all maps; it is computed now unless it was before."""
        state = self.__dict__
        with state["_lock"]:
            if state["_depth"] is None:
                state["_depth"] = state["_compute"]()
                state["_compute"] = None  # frees the photo's canvas
        depth: Depth = state["_depth"]
        return depth

    @property
    def shape(self) -> tuple[int, int]:
        """(h, w) of the canvas."""
        shape: tuple[int, int] = self.__dict__["_shape"]
        return shape

    @property
    def source(self) -> str:
        """Where the depth comes from."""
        return str(self.__dict__["_source"])

    @property
    def z(self) -> Float:
        """As `Depth.z`."""
        return self.computed().z

    @property
    def prob(self) -> Float:
        """As `Depth.prob`."""
        return self.computed().prob

    @property
    def metric(self) -> bool:
        """As `Depth.metric`."""
        return self.computed().metric

    @property
    def validity(self) -> NDArray[np.uint8]:
        """As `Depth.validity`."""
        return self.computed().validity

    @property
    def reference_scale(self) -> DepthScale | None:
        """As `Depth.reference_scale`."""
        return self.computed().reference_scale


def used_source(depth: Depth) -> str:
    """Where the depth comes from that something has used; "none" while nothing has read it."""
    return "none" if depth.is_deferred else depth.source


def _return_depth(depth: Depth) -> Depth:
    return depth
