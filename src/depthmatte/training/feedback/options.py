"""The options of a training on feedback. Imports no torch: `--help` reads this."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...option_fields import check_options, option, option_like
from ..recipe import Preset, Recipe


@dataclass(frozen=True)
class FeedbackRecipe:
    """How the matte network learns from feedback, and when the result is adopted."""

    store: Path | None = option(
        None, "learn from this store instead of the one in your data folder"
    )
    data: tuple[str, ...] = option(
        (), "replay this data folder, which also gives the kept photos; may be repeated",
        takes="a training folder, or a folder with images/ and masks/",
        metavar="PATH", repeat=True,
    )  # fmt: skip
    replay: float = option(0.7, "make this share of the samples replay", 0, 0.95)
    replay_photos: Path | None = option(
        None, "replay the photos of this folder, with the current network's mattes as their truth"
    )
    steps: int = option(300, "train for this many steps", 1, 1_000_000)
    batch_size: int = option_like(Recipe, "batch_size", 8)
    learning_rate: float = option_like(Recipe, "learning_rate", 2e-4)
    preset: Preset = option_like(Recipe, "preset", (480, 352))
    strength: float = option_like(Recipe, "strength", 1.0)
    seed: int = option_like(Recipe, "seed", 0)
    threads: int = option_like(Recipe, "threads", 0)
    workers: int = option_like(Recipe, "workers", 1)
    tolerance: float = option(
        0.002, "adopt only if the mean IoU on kept photos falls by this at most", 0, 1
    )
    agreement: float = option(
        0.97,
        "adopt only if the mean IoU with the current network's mattes of kept --replay-photos "
        "is at least this",
        0,
        1,
    )
    again: bool = option(False, "train although no feedback is new since the last training")
    out: Path | None = option(
        None, "keep checkpoint, log and plot in this folder; else they are deleted", flag="-o"
    )

    def __post_init__(self) -> None:
        check_options(self)
