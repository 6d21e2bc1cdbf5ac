"""The options of a training run, written once. Imports no torch: `--help` reads this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from pathlib import Path

from ..errors import OptionError
from ..fields import check_options, list_options, option

TASK_NAMES = ("matte", "depth", "stereo", "fuse")
"""The networks that can be trained."""

ENCODER_NAMES = ("lite0", "mobilenet", "resnet", "vgg")
"""The encoder families they can be built on."""

UNUSED_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "stereo": ("labels", "strength"),
    "fuse": ("encoder", "imagenet", "strength"),
}
"""The options that a task has no use for: it draws its own pairs, or learns from given maps."""

_MIN_SIDE, _MAX_SIDE, _SIDE_STEP = 64, 2048, 32
"""Sides of the training canvas: bounds and step, in pixels."""

Preset = tuple[int, int]
"""(height, width) of a canvas in pixels."""


def _read_preset(text: str) -> Preset:
    rows, _, columns = text.lower().partition("x")
    return int(rows), int(columns)


def _is_valid_preset(preset: Preset) -> bool:
    return all(_MIN_SIDE <= side <= _MAX_SIDE and side % _SIDE_STEP == 0 for side in preset)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run. The checkpoint stores it.

    Raises
    ------
    InputError
        For a value that an option cannot have, and for an option that the task has no use for.
    """

    task: str = option(MISSING, "the network that is trained", choices=TASK_NAMES, flag=False)
    data: Path = option(MISSING, "folder with people/, backgrounds/, cutouts/, objects/")
    out: Path = option(MISSING, "folder for checkpoint, log and plot", flag="-o")
    epochs: int = option(16, "target epoch count", 1, 1_000_000)
    batch_size: int = option(8, "photos in a step", 1, 65_536, flag="--batch")
    learning_rate: float = option(
        1e-3, "Adam's first learning rate; cosine decay by step", 0, 10, flag="--rate"
    )
    encoder: str = option("lite0", "the family of the encoder", choices=ENCODER_NAMES)
    imagenet: bool = option(True, "start a lite0 encoder from ImageNet weights")
    encoder_rate: float = option(1.0, "the encoder's learning rate relative to the rest", 0, 1000)
    freeze: int = option(0, "first encoder stages that are frozen", 0, 5)
    preset: Preset = option(
        (480, 352), "the canvas",
        takes=f"HEIGHTxWIDTH, multiples of {_SIDE_STEP} from {_MIN_SIDE} to {_MAX_SIDE}",
        metavar="HEIGHTxWIDTH", read=_read_preset, valid=_is_valid_preset,
        show=lambda preset: f"{preset[0]}x{preset[1]}",
    )  # fmt: skip
    stop_loss: float = option(0.0, "stop when an epoch's loss is at most this", 0)
    patience: int = option(0, "stop after so many epochs without 1 % gain; 0 is never", 0)
    ema_decay: float = option(
        0.998, "decay of the moving average of weights that is exported", 0, 1, flag="--average"
    )
    seed: int = option(0, "the same seed draws the same samples", 0, 2**31 - 1)
    threads: int = option(0, "CPU threads for torch; 0 is its own choice", 0, 1024)
    workers: int = option(1, "processes that make samples; 0 is none beside the training", 0, 256)
    start: Path | None = option(None, "checkpoint to start the weights from")
    labels: Path | None = option(None, "folder of `train labels`; for fuse: of `train maps`")
    strength: float = option(1.0, "strength of augmentation", 0, 1)
    landscape: float = option(0.2, "share of batches on the landscape canvas", 0, 1)
    limit: int = option(0, "batches in an epoch at most; 0 is all", 0)
    passes: int = option(1, "how often an epoch goes through everything", 1, 1_000_000)
    minutes: float = option(
        0.0, "time the run may take, the rate falls with it; 0 is as long as its epochs need", 0
    )

    def __post_init__(self) -> None:
        check_options(self)
        unused = UNUSED_OPTIONS.get(self.task, ())
        for one in list_options(Recipe):
            if one.name in unused and getattr(self, one.name) != one.default:
                raise OptionError(f"{one.name}: train {self.task} has no use for it; leave it out")


@dataclass(frozen=True)
class ExistingRun:
    """What happens to a run that the folder holds already. By default it is refused."""

    resume: bool = option(False, "go on from OUT/last.pt")
    replace: bool = option(False, "give up the run that OUT holds and begin anew")

    def __post_init__(self) -> None:
        check_options(self)
        if self.resume and self.replace:
            raise OptionError("--resume and --replace: exclude each other; give one")
