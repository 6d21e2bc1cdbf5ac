"""The parts of one trainable network, and the protocol of its samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...canvas import Letterbox, prepare_canvas
from ...photo import Photo
from ...types import RGB, Float
from ..data.matte_material import SampleRequest
from ..recipe import Preset, Recipe
from ..types import SampleKey, TrainingSample
from .augmentation import Augmentation

_A = TypeVar("_A", bound=Augmentation)

Validator = Callable[[nn.Module], float]
"""Network -> validation error, 0 is best. This number decides which weights are the best."""


@dataclass(frozen=True)
class HeldOutCase:
    """What a network says about one validation photo, on the canvas without its border.

    Attributes
    ----------
    name, group : str
        The photo's file name and its set.
    rgb : ndarray
        The photo, uint8 (h, w, 3).
    truth, alpha, prob : ndarray
        True alpha, the network's alpha and its probability of foreground: float32 (h, w) in
        [0, 1].
    """

    name: str
    group: str
    rgb: RGB
    truth: Float
    alpha: Float
    prob: Float


CasePredictor = Callable[[nn.Module], Iterator[HeldOutCase]]
"""Network -> its cases, always in the same order."""


@dataclass(frozen=True)
class MaterialOptions:
    """What decides the samples of a run.

    Attributes
    ----------
    data : Path
        The data folder.
    preset : tuple of int
        (height, width) of the canvas in pixels.
    labels : Path or None
        Folder of a teacher's labels; of the fusion network's maps.
    strength : float
        Strength of augmentation in [0, 1].
    request : SampleRequest or None
        Which photos the matte network trains on; None for the data folder with default options.
    augmentation : Augmentation or None
        All numbers of the task's augmentation; None for the defaults.
    """

    data: Path
    preset: Preset
    labels: Path | None = None
    strength: float = 1.0
    request: SampleRequest | None = None
    augmentation: Augmentation | None = None

    @classmethod
    def from_recipe(cls, recipe: Recipe) -> MaterialOptions:
        """The part of a recipe that decides the samples."""
        request = SampleRequest.from_recipe(recipe)
        return cls(
            recipe.data[0], recipe.preset, recipe.labels, recipe.strength, request,
            recipe.augmentation,
        )  # fmt: skip

    @property
    def photos(self) -> SampleRequest:
        """Which photos the matte network trains on: the request, or all of the data folder."""
        return self.request or SampleRequest((self.data,), labels=self.labels)

    def numbers(self, kind: type[_A]) -> _A:
        """The augmentation of a task whose numbers are of this kind."""
        return self.augmentation if isinstance(self.augmentation, kind) else kind()


class SampleSource(Protocol):
    """What a network learns from: `shares` say how often an epoch draws each of its items."""

    @classmethod
    def from_options(cls, options: MaterialOptions) -> Self:
        """The training samples of a run; InputError for folders that hold none."""

    @property
    def shares(self) -> list[float]:
        """One share an item."""

    def sample(self, key: SampleKey) -> TrainingSample:
        """The sample of a key, always the same."""


@dataclass(frozen=True)
class TrainingTask:
    """One trainable network.

    Attributes
    ----------
    name : str
        Its name on the command line and in contracts.
    network : callable
        Encoder family -> network.
    samples : type
        What it learns from.
    loss : callable
        (output, batch) -> terms of the loss by name.
    validator : callable
        Options of a run -> how its validation error is measured.
    export : callable
        (network, calibration) -> the form that ships.
    calibrate : callable
        (network, options of its run) -> the number fitted at export.
    calibration : str
        That number's name.
    channels : int
        Channels of the input.
    reduction : int
        The input is 1 / `reduction` of the canvas.
    multiple : int
        Height and width of the input are multiples of this.
    scale : float
        The size of its largest output.
    pretrained : bool
        Whether its encoder can start from ImageNet weights.
    encoder_of : str
        Another task, whose encoder it can start from.
    labels : str
        How the files of its labels end, "" where labels are no choice.
    predictor : callable or None
        Options of a run -> what a network says about the validation photos, for the report. None
        where there is no alpha to show.
    """

    name: str
    network: Callable[[str], nn.Module]
    samples: type[SampleSource]
    loss: Callable[[Any, dict[str, Tensor]], dict[str, Tensor]]
    validator: Callable[[MaterialOptions], Validator]
    export: Callable[[Any, float], nn.Module]
    calibrate: Callable[[nn.Module, MaterialOptions], float]
    calibration: str
    channels: int = 3
    reduction: int = 1
    multiple: int = 32
    scale: float = 1.0
    pretrained: bool = True
    encoder_of: str = ""
    labels: str = ""
    predictor: Callable[[MaterialOptions], CasePredictor] | None = None


def to_network_input(rgb: NDArray[np.uint8], preset: Preset) -> tuple[Letterbox, Float]:
    """Preprocess pixels as at run time: the letterbox and the canvas, float32 (3, h, w)."""
    canvas = prepare_canvas(Photo(rgb), preset)
    return canvas.fit, canvas.rgb[0]


def as_batch(network: nn.Module, image: Float) -> Tensor:
    """One canvas (c, h, w) as a batch on the network's device."""
    return torch.from_numpy(image)[None].to(next(network.parameters()).device)
