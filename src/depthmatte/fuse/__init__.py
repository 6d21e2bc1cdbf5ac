"""Fusing what the segmentation and the depth say: the table of fusions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from ..errors import InputError
from ..maps import Depth, Matte
from .formulas import none, normalized, product


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


def _adaptive(matte: Matte, depth: Depth, threads: int | None = None) -> Matte:
    if not depth.prob.any():  # nothing to judge by; and no network loads in vain
        return matte
    # Here, not above: the formulas do not need ONNX Runtime.
    from .adaptive import adaptive

    return adaptive(matte, depth, threads)


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


def fusion(name: str, threads: int | None = None) -> Fusion:
    """The row called `name`; InputError for a name nobody knows.

    `threads` limits the CPU threads of a fusion that runs a network.
    """
    if name not in FUSIONS:
        raise InputError(f"fusion {name!r} is unknown; use one of {', '.join(FUSIONS)}")
    return fusions(threads)[name]


def fusions(threads: int | None = None) -> dict[str, Fusion]:
    """FUSIONS, those that run a network on so many CPU `threads`."""
    if threads is None:
        return FUSIONS
    call = partial(_adaptive, threads=threads)
    return FUSIONS | {"adaptive": replace(FUSIONS["adaptive"], call=call)}
