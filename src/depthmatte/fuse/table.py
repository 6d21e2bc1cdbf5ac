"""Fusing what the segmentation and the depth say: the table of fusions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from ..errors import OptionError
from ..maps import Depth, Matte
from .formulas import none, normalized, product

if TYPE_CHECKING:
    from ..network import Network

    Judge = Callable[[], Network]


@dataclass(frozen=True)
class Fusion:
    """A row of FUSIONS: a function of Matte and Depth, and what its caller must know.

    `threshold` is the seed's second threshold, from which S_out is portrait: for the
    products the one with the best IoU on training photos, low because they multiply four
    numbers below 1. `needs_depth` marks formulas that are 0 wherever no depth was measured,
    `opacity` those whose S_out is one, as S_in is; the products fall with distance.
    """

    name: str
    call: Callable[[Matte, Depth], Matte]
    threshold: float
    needs_depth: bool
    opacity: bool = True

    def __call__(self, matte: Matte, depth: Depth) -> tuple[Matte, Depth]:
        """The fused matte, and the depth as fusion leaves it."""
        return self.call(matte, depth), depth


def _adaptive(matte: Matte, depth: Depth, judge: Judge | None = None) -> Matte:
    if not depth.prob.any():  # nothing to judge by; and no network loads in vain
        return matte
    # Here, not above: the formulas do not need ONNX Runtime.
    from .adaptive import adaptive

    return adaptive(matte, depth, judge)


FUSIONS: dict[str, Fusion] = {
    row.name: row
    for row in (
        Fusion("none", none, threshold=0.5, needs_depth=False),
        Fusion("product", product, threshold=0.01, needs_depth=True, opacity=False),
        Fusion("normalized", normalized, threshold=0.02, needs_depth=True, opacity=False),
        Fusion("adaptive", _adaptive, threshold=0.5, needs_depth=False),
    )
}

DEFAULT = "adaptive"


def fusion(name: str, judge: Judge | None = None) -> Fusion:
    """The row of FUSIONS called `name`.

    Parameters
    ----------
    name
        A key of FUSIONS.
    judge
        Gives the network of `adaptive` when it is first needed; the shipped one if not given.

    Raises
    ------
    OptionError
        For a name nobody knows.
    """
    if name not in FUSIONS:
        raise OptionError(f"fusion {name!r} is unknown; use one of {', '.join(FUSIONS)}")
    return fusions(judge)[name]


def fusions(judge: Judge | None = None) -> dict[str, Fusion]:
    """FUSIONS, with the network of `adaptive` that `judge` gives."""
    if judge is None:
        return FUSIONS
    call = partial(_adaptive, judge=judge)
    return FUSIONS | {"adaptive": replace(FUSIONS["adaptive"], call=call)}
