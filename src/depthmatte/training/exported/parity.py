"""How far an exported file is from what it was made of, on smooth and noisy canvases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ...canvas import PRESET_SHAPE
from ...networks.network import Network
from ...types import Float
from ..tasks.task import TrainingTask

CHECKED_SHAPES = (PRESET_SHAPE, PRESET_SHAPE[::-1], (256, 256))
"""Canvases on which files are compared; the first one is traced. (height, width) in pixels."""

PARITY_LIMITS: dict[str, float] = {
    "float32": 1e-4,
    "float16-weights": 7e-3,
    "float16": 2e-2,
}
"""Precision -> largest allowed difference from the original, as a share of `TrainingTask.scale`.

7e-3 is less than two steps of an 8-bit alpha. Float16 arithmetic rounds in every layer. Its worst
pixel is in noise. int8 has no limit here: its quality on held-out samples stands in the contract.
"""

Reference = Callable[[Float], Sequence[NDArray[np.float32]]]
"""Input (1, c, h, w) -> outputs in the order of the contract."""


def input_shape(task: TrainingTask, canvas: tuple[int, int]) -> tuple[int, int]:
    """The (height, width) of the task's input for a canvas."""
    return canvas[0] // task.reduction, canvas[1] // task.reduction


def largest_difference(reference: Reference, network: Network, task: TrainingTask) -> float:
    """Compare a file with a reference.

    Parameters
    ----------
    reference : callable
        The original: input (1, c, h, w) -> its outputs.
    network : Network
        The loaded file.
    task : TrainingTask
        The task of both.

    Returns
    -------
    float
        The largest difference of any output at any pixel, as a share of `task.scale`.
    """
    worst = 0.0
    for image in _checked_inputs(task):
        ours = network.run(image)
        for name, value in zip(network.contract.outputs, reference(image), strict=True):
            worst = max(worst, float(np.abs(ours[name] - value).max()))
    return worst / task.scale


def _checked_inputs(task: TrainingTask) -> Iterator[Float]:
    """Noise and a ramp on every checked canvas."""
    rng = np.random.default_rng(0)
    for canvas in CHECKED_SHAPES:
        rows, columns = input_shape(task, canvas)
        noise = rng.random((1, task.channels, rows, columns), np.float32)
        yield noise
        ramp = np.broadcast_to(np.linspace(0, 1, columns, dtype=np.float32), noise.shape)
        yield np.ascontiguousarray(ramp)
