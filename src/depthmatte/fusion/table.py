"""Fusing what the segmentation and the depth say: the table of fusions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from ..errors import OptionError
from ..values import Depth, Matte
from .multiplicative import fuse_none, fuse_normalized, fuse_product

if TYPE_CHECKING:
    from ..networks.network import Network

    _LoadNetwork = Callable[[], Network]


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


def _fuse_adaptive_lazily(
    matte: Matte, depth: Depth, load_network: _LoadNetwork | None = None
) -> Matte:
    if not depth.prob.any():  # nothing to judge by; and no network loads in vain
        return matte
    # Here, not above: the formulas do not need ONNX Runtime.
    from .adaptive import fuse_adaptive

    return fuse_adaptive(matte, depth, load_network)


FUSIONS: dict[str, Fusion] = {
    row.name: row
    for row in (
        Fusion("none", fuse_none, threshold=0.5, needs_depth=False),
        Fusion("product", fuse_product, threshold=0.01, needs_depth=True, opacity=False),
        Fusion("normalized", fuse_normalized, threshold=0.02, needs_depth=True, opacity=False),
        Fusion("adaptive", _fuse_adaptive_lazily, threshold=0.5, needs_depth=False),
    )
}

_DEFAULT_FUSION = "adaptive"


def get_fusion(name: str, load_network: _LoadNetwork | None = None) -> Fusion:
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
    return get_fusions(load_network)[name]


def get_fusions(load_network: _LoadNetwork | None = None) -> dict[str, Fusion]:
    """FUSIONS, with the network of `adaptive` that `judge` gives."""
    if load_network is None:
        return FUSIONS
    call = partial(_fuse_adaptive_lazily, load_network=load_network)
    return FUSIONS | {"adaptive": replace(FUSIONS["adaptive"], call=call)}
