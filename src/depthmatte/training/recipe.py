"""The options of a training run, written once. Imports no torch: `--help` reads this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any

from ..errors import OptionError
from ..option_fields import check_options, list_options, option, option_names
from .data.sample_set import SampleSet, parse_shares, read_sample_sets
from .tasks.augmentation import AUGMENTATIONS, Augmentation

TASK_NAMES = ("matte", "depth", "stereo", "fuse", "detail", "parts", "people")
"""The networks that can be trained."""

ENCODER_NAMES = ("lite0", "mobilenet", "resnet", "vgg")
"""The encoder families they can be built on."""

PHOTO_OPTIONS = (
    "sets", "share", "backgrounds", "validation", "split_seed", "not_in", "skip_bad",
)  # fmt: skip
"""The options beside `data` and `labels` that name the photos of the matte and parts networks."""

_MATTE_OPTIONS = (*PHOTO_OPTIONS, "gradient_weight")
"""The options that only the matte network has a use for."""

UNUSED_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "depth": _MATTE_OPTIONS,
    "stereo": ("labels", "strength", *_MATTE_OPTIONS),
    "fuse": ("encoder", "imagenet", "strength", *_MATTE_OPTIONS),
    "detail": ("encoder", "imagenet", "strength", "landscape", *PHOTO_OPTIONS),
    "parts": ("backgrounds", "gradient_weight"),
    "people": ("labels", "backgrounds", "gradient_weight"),
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


def _fit(kind: type[Augmentation], given: Any) -> Any:
    """The augmentation of a task from nothing, from its tables, or as it is."""
    if given is None:
        return kind()
    if isinstance(given, Mapping):
        known = option_names(kind)
        unknown = [name for name in given if name not in known]
        if unknown:
            raise OptionError(f"augmentation: no table {unknown[0]!r}; use {', '.join(known)}")
        return kind(**given)
    if not isinstance(given, kind):
        raise OptionError(
            f"augmentation is {type(given).__name__}; give {kind.__name__} or its tables"
        )
    return given


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run. The checkpoint stores it.

    Raises
    ------
    InputError
        For a value that an option cannot have, and for an option that the task has no use for.
    """

    task: str = option(MISSING, "choose the network to train", choices=TASK_NAMES, flag=False)
    data: tuple[Path, ...] = option(
        MISSING,
        "read photos from this folder, for matte also from a list or an export; repeat it for more",
        takes="a path",
        metavar="PATH",
        read=lambda text: (text,),
        valid=lambda paths: len(paths) > 0,
        show=lambda paths: " ".join(map(str, paths)),
        repeat=True,
    )
    out: Path | None = option(
        None, "write checkpoints, logs and report into this folder; by default into a new "
        "folder work/TASK-1, -2, ...", flag="-o",
    )  # fmt: skip
    epochs: int = option(16, "train for this many epochs", 1, 1_000_000)
    steps: int = option(
        0, "train for exactly this many steps; 0 trains for the epochs", 0, 1_000_000_000
    )
    batch_size: int = option(8, "use this many samples per step", 1, 65_536, flag="--batch")
    learning_rate: float = option(
        1e-3, "set Adam's initial learning rate; it decays along a cosine", 0, 10, flag="--rate"
    )
    weight_decay: float = option(
        0.0, "decay weights by this times the rate at each step (AdamW); 0 is Adam", 0, 1
    )
    encoder: str = option("lite0", "choose the encoder family", choices=ENCODER_NAMES)
    imagenet: bool = option(True, "start a lite0 encoder from ImageNet weights")
    encoder_rate: float = option(1.0, "multiply the encoder's learning rate by this", 0, 1000)
    freeze: int = option(0, "freeze this many encoder stages", 0, 5)
    preset: Preset = option(
        (480, 352), "set the network's input size",
        takes=f"HEIGHTxWIDTH, multiples of {_SIDE_STEP} from {_MIN_SIDE} to {_MAX_SIDE}",
        metavar="HEIGHTxWIDTH", read=_read_preset, valid=_is_valid_preset,
        show=lambda preset: f"{preset[0]}x{preset[1]}",
    )  # fmt: skip
    stop_loss: float = option(0.0, "stop when the mean loss between validations is at most this", 0)
    patience: int = option(
        0, "stop after this many validations without a new least error; 0 turns it off", 0
    )
    validate_every: int = option(
        0, "validate each time after this many steps; 0 validates after each epoch",
        0, 1_000_000_000,
    )  # fmt: skip
    save_every: int = option(
        0, "store a checkpoint each time after this many steps; 0 stores one every 250 steps",
        0, 1_000_000_000,
    )  # fmt: skip
    log_every: int = option(
        10, "log rate and losses each time after this many steps", 1, 1_000_000_000
    )
    ema_decay: float = option(
        0.998,
        "set the decay of the moving average of weights that is exported",
        0,
        1,
        flag="--average",
    )
    seed: int = option(0, "set the random seed; equal seeds draw equal samples", 0, 2**31 - 1)
    threads: int = option(0, "limit torch's CPU threads; 0 lets torch choose", 0, 1024)
    compile: bool = option(False, "compile the network with torch.compile; it starts slower")
    workers: int = option(
        1, "make samples in this many processes; 0 uses the training process", 0, 256
    )
    start: str | None = option(
        None,
        "start from this checkpoint, .onnx file or shipped network",
        metavar="CHECKPOINT",
        valid=bool,
    )
    labels: Path | None = option(
        None,
        "read the output of `train labels` here; for fuse of `train maps`, for detail of "
        "`train composites`",
    )
    strength: float = option(1.0, "set the strength of augmentation", 0, 1)
    landscape: float = option(0.2, "make this share of batches landscape", 0, 1)
    limit: int = option(0, "use at most this many batches per epoch; 0 uses all", 0)
    passes: int = option(1, "go through the data this often per epoch", 1, 1_000_000)
    minutes: float = option(
        0.0,
        "stop after this many minutes, which makes a run unrepeatable; rates follow steps; "
        "0 sets no limit",
        0,
    )

    sets: tuple[SampleSet, ...] = option(
        (), "train on these sets of photos; without any they are found in the data folders",
        takes="name=NAME,path=PATH,share=NUMBER,...; the next set after a semicolon",
        read=read_sample_sets, flag=False,
    )  # fmt: skip
    share: tuple[str, ...] = option(
        (), "draw each photo of a set this often per epoch; repeat it for more sets",
        takes="NAME=NUMBER", metavar="NAME=NUMBER", repeat=True,
    )  # fmt: skip
    backgrounds: tuple[Path, ...] = option(
        (), "paste people into the photos of this folder, which show nobody; repeat it for more",
        takes="a path", metavar="PATH", repeat=True,
    )  # fmt: skip
    validation: float = option(
        0.1, "hold out this share of each set for validation", above=0, high=0.9
    )
    split_seed: int = option(
        0, "set the random seed that decides which photos are held out", 0, 2**31 - 1
    )
    not_in: tuple[Path, ...] = option(
        (), "leave out near-duplicates of the photos of this folder; repeat it for more",
        takes="a path", metavar="PATH", repeat=True,
    )  # fmt: skip
    skip_bad: bool = option(False, "leave out photos with errors instead of refusing them")
    gradient_weight: float = option(
        2.0, "weight the error of the matte's gradient near the outline by this", 0, 100
    )

    augmentation: Augmentation | None = option(
        None, "set the numbers of the task's augmentation; by default its own", flag=False
    )

    def __post_init__(self) -> None:
        given: object = self.data
        if isinstance(given, str | Path):  # one folder, as older recipes name it
            object.__setattr__(self, "data", (given,))
        check_task = AUGMENTATIONS.get(str(self.task))
        if check_task is not None:
            object.__setattr__(self, "augmentation", _fit(check_task, self.augmentation))
        check_options(self)
        parse_shares(self.share)
        if self.task != "matte" and len(self.data) > 1:
            raise OptionError(f"data: train {self.task} reads one folder; give --data once")
        unused = UNUSED_OPTIONS.get(self.task, ())
        for one in list_options(Recipe):
            if one.name in unused and getattr(self, one.name) != one.default:
                raise OptionError(f"{one.name}: train {self.task} has no use for it; leave it out")


@dataclass(frozen=True)
class RayOptions:
    """Whether Ray Train trains a run."""

    ray_workers: int = option(
        0, "train in this many processes of Ray (extra `ray`); 0 trains without Ray", 0, 1024
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class ExistingRun:
    """What happens to a run that the folder holds already. By default it is refused."""

    resume: bool = option(
        False, "continue from OUT/last.pt; without --out, the newest run that is not finished"
    )
    replace: bool = option(False, "move the run in OUT to OUT/replaced-1, -2, ... and start again")

    def __post_init__(self) -> None:
        check_options(self)
        if self.resume and self.replace:
            raise OptionError("--resume and --replace: exclude each other; give one")
