"""The segmentation and the refinement that the options name."""

from __future__ import annotations

from collections.abc import Callable

from ..canvas import Canvas
from ..networks.network import Network
from ..options import RefineMode, SegmenterName
from ..types import RGB, Float
from ..values import Matte
from .portrait_network import create_segmenter


def choose_segmenter(
    name: SegmenterName,
    network: Network,
    point: tuple[float, float] | None = None,
    turn: bool = False,
) -> Callable[[Canvas], Matte]:
    """Make the segmentation step of this name.

    Parameters
    ----------
    name : {"network", "spectral"}
        The option `segmenter`.
    network : Network
        With the task "matte".
    point : tuple of float, optional
        A pixel (x, y) of the photo on the person. Spectral matting then needs no network.
    turn : bool
        Whether the network looks at the turned photo, too, where it doubts its answer.

    Returns
    -------
    callable
        Canvas -> Matte.

    Raises
    ------
    MissingExtra
        When the package of the step is not installed.
    """
    by_network = create_segmenter(network, turn)
    if name == "network":
        return by_network
    # Imported late, because few cuts need SciPy.
    from .spectral_segmenter import create_spectral_segmenter

    return create_spectral_segmenter(by_network if point is None else point)


def choose_refiner(mode: RefineMode) -> Callable[[RGB, Float, float], Float] | None:
    """Return the function that refines alpha at the size of the photo, None for "none".

    Parameters
    ----------
    mode : {"none", "closed-form"}
        The option `refine`.

    Returns
    -------
    callable or None
        (rgb, alpha, radius) -> alpha, as `closed_form.refine_alpha`.

    Raises
    ------
    MissingExtra
        When SciPy is not installed.
    """
    if mode == "none":
        return None
    from .closed_form import check_scipy, refine_alpha

    check_scipy()
    return refine_alpha
