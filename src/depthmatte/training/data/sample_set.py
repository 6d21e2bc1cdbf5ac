"""Which photos the matte network trains on, as plain data. Imports no heavy package.

A `SampleSet` is one set of photos: a folder or file, how often it is drawn, and what may be done
with it. A recipe file gives a table for each. `PROJECT_SETS` are the sets of the project's own
data folder.
"""

from __future__ import annotations

import math
from dataclasses import MISSING, dataclass
from pathlib import Path

from ...errors import OptionError
from ...option_fields import check_options, option, parse_options, parse_pairs
from ...system.printable_text import printable_excerpt

SET_FORMATS = {
    "auto": "detected",
    "pairs": "images/ with masks/",
    "cutouts": "RGBA pictures",
    "unlabeled": "photos whose only truth is a teacher's matte",
    "backgrounds": "photos without people",
    "list": "a CSV or JSON-lines file",
    "coco": "COCO JSON",
    "label-studio": "an export of Label Studio",
    "cvat": "an export of CVAT",
}
"""The forms that a set may have."""

MAX_SHARE = 1000.0
"""Largest share of a set or photo."""


@dataclass(frozen=True)
class SampleSet:
    """One set of training photos.

    Examples
    --------
    >>> SampleSet("mine", Path("photos"), share=2).share
    2.0
    """

    name: str = option(MISSING, "name the set", valid=lambda name: 0 < len(name) <= 100)
    path: Path = option(
        MISSING, "read this folder or file; a relative path may be below the first data folder"
    )
    share: float = option(1.0, "draw each photo this often per epoch, on average", 0, MAX_SHARE)
    cut_out: bool = option(True, "cut people from these photos and paste them into others")
    labels: Path | None = option(
        None, "read a teacher's mattes of this set here, instead of those of the run"
    )
    format: str = option("auto", "choose the form of the set", choices=SET_FORMATS)
    validation: float | None = option(
        None, "hold out this share of the set, instead of the run's", 0, 0.9
    )
    every: int = option(
        0, "hold out every n-th photo in order, instead of a share; 0 turns it off", 0, 1_000_000
    )
    leave_out: tuple[str, ...] = option(
        (), "leave out the photos of these names, given without suffix",
        takes="names joined by +", read=lambda text: tuple(text.split("+")),
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_options(self)


def read_sample_sets(text: str) -> tuple[SampleSet, ...]:
    """Parse sets from one text: `name=a,path=b;name=c,path=d`.

    Raises
    ------
    OptionError
        For a field that is unknown, missing or wrong.
    """
    return tuple(parse_options(SampleSet, parse_pairs(part)) for part in text.split(";") if part)


def parse_shares(texts: tuple[str, ...]) -> dict[str, float]:
    """Parse `NAME=NUMBER` texts to shares by the name of the set.

    Raises
    ------
    OptionError
        For a text without a number, a number out of range and a name that comes twice.

    Examples
    --------
    >>> parse_shares(("mine=2", "other=0.5"))
    {'mine': 2.0, 'other': 0.5}
    """
    found: dict[str, float] = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        try:
            share = float(number)
        except ValueError:
            share = math.nan
        shown = printable_excerpt(text, 60)
        if not name or not 0 <= share <= MAX_SHARE:
            raise OptionError(
                f"--share {shown}: is no share; write NAME=NUMBER, from 0 to {MAX_SHARE:g}"
            )
        if name in found:
            raise OptionError(f"--share {shown}: names a set twice; give each set once")
        found[name] = share
    return found


def resolve_below(folder: Path, path: Path) -> Path:
    """Return where a path of a recipe is: below the data folder if it is there, else as given."""
    return folder / path if (folder / path).exists() else path


PROJECT_SETS = (
    SampleSet("picsart", Path("people/picsart/train"), 1.0, format="pairs", every=20),
    SampleSet("ccp", Path("people/ccp/train"), 1.3, format="pairs", every=20),
    SampleSet("vikram", Path("people/vikram/train"), 0.4, False, format="pairs", validation=0),
    SampleSet(
        "pennfudan", Path("people/pennfudan/train"), 0.3, False, format="pairs", validation=0
    ),
    SampleSet("idphoto", Path("people/idphoto/train"), 0.15, False, format="pairs", validation=0),
    SampleSet("unlabelled", Path("people/ccp/unlabelled"), 0.7, format="unlabeled", validation=0),
    SampleSet("portraits", Path("people/npm_photos"), 1.5, format="unlabeled", every=5),
    SampleSet("backgrounds", Path("backgrounds"), 1.5, False, format="backgrounds", every=5),
)  # fmt: skip
"""The sets of a data folder of the project's layout.

Rough, tiny or partly wrong masks count less, and nobody is cut from them. Street photos and
portraits without masks count where a teacher's matte was made. Of portraits and backgrounds every
fifth is kept for test scenes.
"""
