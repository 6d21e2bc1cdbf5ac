"""The options of a training run, written once. Imports no torch: `--help` reads this."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from pathlib import Path

from ..errors import OptionError
from ..fields import check, option

TASKS = ("matte", "depth", "stereo", "fuse")
"""The networks that can be trained."""

ENCODERS = ("lite0", "mobilenet", "resnet", "vgg")
"""The encoder families they can be built on."""

SMALLEST, LARGEST, MULTIPLE = 64, 2048, 32
"""Sides of the training canvas: bounds and step, in pixels."""

Preset = tuple[int, int]


def _read_preset(text: str) -> Preset:
    rows, _, columns = text.lower().partition("x")
    return int(rows), int(columns)


def _fits(preset: Preset) -> bool:
    return all(SMALLEST <= side <= LARGEST and side % MULTIPLE == 0 for side in preset)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run; stored in its checkpoint.

    Raises InputError for a value that an option cannot have.
    """

    task: str = option(MISSING, "the network that is trained", choices=TASKS, flag=False)
    data: Path = option(MISSING, "folder with people/, backgrounds/, cutouts/, objects/")
    out: Path = option(MISSING, "folder for checkpoint, log and plot", flag="-o")
    epochs: int = option(16, "target epoch count", 1, 1_000_000)
    batch: int = option(8, "photos in a step", 1, 65_536)
    rate: float = option(1e-3, "Adam's first rate; cosine decay by step", 0, 10)
    encoder: str = option("lite0", "the family of the encoder", choices=ENCODERS)
    imagenet: bool = option(True, "start a lite0 encoder from ImageNet weights")
    encoder_rate: float = option(1.0, "the encoder's rate relative to the rest", 0, 1000)
    freeze: int = option(0, "first encoder stages held still", 0, 5)
    preset: Preset = option(
        (480, 352), "the canvas",
        takes=f"HEIGHTxWIDTH, multiples of {MULTIPLE} from {SMALLEST} to {LARGEST}",
        metavar="HEIGHTxWIDTH", read=_read_preset, valid=_fits,
        show=lambda preset: f"{preset[0]}x{preset[1]}",
    )  # fmt: skip
    stop_loss: float = option(0.0, "stop when an epoch's loss is at most this", 0)
    patience: int = option(0, "stop after so many epochs without 1 % gain; 0 is never", 0)
    average: float = option(0.998, "decay of the running average of weights that is kept", 0, 1)
    seed: int = option(0, "the same seed draws the same samples", 0, 2**31 - 1)
    threads: int = option(0, "CPU threads for torch; 0 is its own choice", 0, 1024)
    workers: int = option(1, "processes that make samples; 0 is none beside the training", 0, 256)
    start: Path | None = option(None, "checkpoint to start the weights from")
    labels: Path | None = option(None, "folder of `train labels`; for fuse: of `train maps`")
    strength: float = option(1.0, "how strong augmentation is", 0, 1)
    landscape: float = option(0.2, "share of batches on the landscape canvas", 0, 1)
    limit: int = option(0, "batches in an epoch at most; 0 is all", 0)
    passes: int = option(1, "how often an epoch goes through everything", 1, 1_000_000)
    minutes: float = option(
        0.0, "time the run may take, the rate falls with it; 0 is as long as its epochs need", 0
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class Earlier:
    """What becomes of an earlier run in the folder. Without a word it is left alone: refused."""

    resume: bool = option(False, "go on from OUT/last.pt")
    replace: bool = option(False, "give up the run that OUT holds and begin anew")

    def __post_init__(self) -> None:
        check(self)
        if self.resume and self.replace:
            raise OptionError("--resume and --replace: exclude each other; give one")
