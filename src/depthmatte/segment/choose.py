"""The segmentation and the refinement that the options name."""

from __future__ import annotations

from collections.abc import Callable

from ..canvas import Canvas
from ..networks.network import Network
from ..options import CutOptions, RefineMode, parse_subject
from ..types import RGB, Float
from ..values import Matte
from .portrait_network import create_segmenter


def choose_segmenter(options: CutOptions, network: Network) -> Callable[[Canvas], Matte]:
    """Make the segmentation step that the options ask for.

    Parameters
    ----------
    options : CutOptions
        `segmenter`; a `subject` at a point, with which spectral matting needs no network;
        `quality`, of which the best also sees the mirrored photo; `second_look`, without which no
        turned photo is looked at.
    network : Network
        With the task "matte".

    Returns
    -------
    callable
        Canvas -> Matte.

    Raises
    ------
    MissingExtra
        When the package of the step is not installed.
    """
    subject = parse_subject(options.subject)
    turn = options.second_look and subject.choice != "all"
    by_network = create_segmenter(network, options.quality == "best", turn)
    if options.segmenter == "network":
        return by_network
    # Imported late, because few cuts need SciPy.
    from .spectral_segmenter import create_spectral_segmenter

    return create_spectral_segmenter(by_network if subject.point is None else subject.point)


def choose_refiner(
    mode: RefineMode, load_network: Callable[[], Network] | None = None
) -> Callable[[RGB, Float, float], Float] | None:
    """Return the function that refines alpha at the size of the photo, None for "none".

    Parameters
    ----------
    mode : {"none", "detail", "closed-form"}
        `CutOptions.refinement`.
    load_network : callable, optional
        Returns the network of the task "detail", when it is first needed. By default the shipped
        one.

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
    if mode == "detail":
        from .refine import DetailRefiner

        return DetailRefiner() if load_network is None else DetailRefiner(load_network)
    from .closed_form import check_scipy, refine_alpha

    check_scipy()
    return refine_alpha
