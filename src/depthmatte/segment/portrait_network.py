"""Segmentation by a network: Canvas -> Matte."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..canvas import Canvas, Letterbox
from ..networks.network import Network
from ..types import Float
from ..values import Matte
from .turned_look import choose_turn


def create_segmenter(
    network: Network, mirrored_view: bool = False, turn: bool = False
) -> Callable[[Canvas], Matte]:
    """Make a segmentation step for the pipeline.

    Parameters
    ----------
    network : Network
        With the task "matte".
    mirrored_view : bool
        Whether the mean with the mirrored canvas counts for the whole photo too.
    turn : bool
        Look at the turned canvas, too, where the network doubts its answer.

    Returns
    -------
    callable
        Canvas -> Matte with alpha and probability. Both are 0 on the canvas's padding.

    Raises
    ------
    WeightsError
        For a network with another task.
    """
    network.require_task("matte")

    def segment(canvas: Canvas) -> Matte:
        inside, flip = canvas.fit.inside(), mirrored_view or canvas.fit.is_crop

        def predict(rgb: Float) -> dict[str, Float]:
            # The second look averages with the mirrored canvas: a network errs differently there.
            laid = Canvas(rgb, Letterbox.identity((rgb.shape[2], rgb.shape[3])))
            return network.predict_canvas(laid, flip_average=flip)

        # The finer look is large, and comes after a look that chose how to turn.
        height, width = network.contract.preset
        if turn and inside.size <= height * width:
            maps = choose_turn(predict, canvas.rgb, inside)
        else:
            found = predict(canvas.rgb)
            maps = {name: np.where(inside, found[name], np.float32(0)) for name in found}
        return Matte(maps["alpha"], maps["prob"], canvas.rgb[0])

    return segment
