"""The table of fusions by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from ..errors import OptionError
from ..values import Depth, Matte
from .estimate_need import estimate_can_help
from .multiplicative import fuse_none, fuse_normalized, fuse_product

if TYPE_CHECKING:
    from ..networks.network import Network

    _LoadNetwork = Callable[[], Network]


@dataclass(frozen=True)
class Fusion:
    """A row of FUSIONS: a function of Matte and Depth, and what its caller must know.

    Parameters
    ----------
    name : str
        Key in FUSIONS.
    call : callable
        (Matte, Depth) -> Matte.
    threshold : float
        Fused alpha from which a pixel is foreground. The thresholds of the products have the
        best IoU on training photos. They are low because four numbers below 1 are multiplied.
    needs_depth : bool
        Whether the fused alpha is 0 wherever depth was not measured.
    opacity : bool
        Whether the fused alpha is an opacity. The products are not: they fall with distance.
    can_use_estimate : callable
        Matte -> whether an estimate of depth could change the result. Where it could not, none is
        made. Depth that was given is used in any case.
    """

    name: str
    call: Callable[[Matte, Depth], Matte]
    threshold: float
    needs_depth: bool
    opacity: bool = True
    can_use_estimate: Callable[[Matte], bool] = lambda matte: True

    def __call__(self, matte: Matte, depth: Depth) -> Matte:
        """Return the fused matte."""
        return self.call(matte, depth)


def _fuse_adaptive_lazily(
    matte: Matte, depth: Depth, load_network: _LoadNetwork | None = None
) -> Matte:
    if not depth.prob.any():  # without depth nothing changes, so the network need not load
        return matte
    # Imported here because the other fusions do not need ONNX Runtime.
    from .adaptive import fuse_adaptive

    return fuse_adaptive(matte, depth, load_network)


FUSIONS: dict[str, Fusion] = {
    row.name: row
    for row in (
        Fusion(
            "none",
            fuse_none,
            threshold=0.5,
            needs_depth=False,
            can_use_estimate=lambda matte: False,
        ),
        Fusion("product", fuse_product, threshold=0.01, needs_depth=True, opacity=False),
        Fusion("normalized", fuse_normalized, threshold=0.02, needs_depth=True, opacity=False),
        Fusion(
            "adaptive",
            _fuse_adaptive_lazily,
            threshold=0.5,
            needs_depth=False,
            can_use_estimate=estimate_can_help,
        ),
    )
}
"""Every fusion by its name on the command line and in Python."""


def get_fusion(name: str, load_network: _LoadNetwork | None = None) -> Fusion:
    """The fusion called `name`.

    Parameters
    ----------
    name : str
        A key of FUSIONS.
    load_network : callable, optional
        Returns the network of `adaptive` when it is first needed. By default the shipped
        network is used.

    Returns
    -------
    Fusion
        A row of FUSIONS.

    Raises
    ------
    OptionError
        For a name that is not in FUSIONS.
    """
    if name not in FUSIONS:
        raise OptionError(f"fusion {name!r} is unknown; use one of {', '.join(FUSIONS)}")
    return get_fusions(load_network)[name]


def get_fusions(load_network: _LoadNetwork | None = None) -> dict[str, Fusion]:
    """All fusions by name, with the network of `adaptive` from `load_network`."""
    if load_network is None:
        return FUSIONS
    call = partial(_fuse_adaptive_lazily, load_network=load_network)
    return FUSIONS | {"adaptive": replace(FUSIONS["adaptive"], call=call)}
