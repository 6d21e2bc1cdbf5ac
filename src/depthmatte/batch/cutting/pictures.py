"""The pictures of a portrait that `depthmatte cut` can write, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import OptionError
from ...evaluation.contact_sheet import draw_contact_sheet
from ...io.photo.photo_writer import to_8bit, to_16bit
from ...portrait import Portrait, make_background
from .effect_argument import parse_effect_argument
from .file_results import SAVED_FILES

PictureMaker = Callable[[Portrait], NDArray[Any]]


def _depth_in_millimeters(portrait: Portrait) -> NDArray[np.uint16]:
    """Return depth in millimeters, uint16 (H, W); 0 where not valid or beyond 65.535 m."""
    mm = np.rint(portrait.meters * np.float32(1000))
    return np.where(mm <= 65_535, mm, 0).astype(np.uint16)


MAP_PICTURES: Mapping[str, PictureMaker] = {
    "alpha": lambda portrait: to_8bit(portrait.alpha),
    "mask": lambda portrait: to_8bit(portrait.mask),
    "trimap": lambda portrait: portrait.trimap,
    "depth": lambda portrait: to_16bit(portrait.depth),
    "depth_mm": _depth_in_millimeters,
    "prob": lambda portrait: to_8bit(portrait.prob),
    "depth_prob": lambda portrait: to_8bit(portrait.depth_prob),
    "validity": lambda portrait: portrait.validity,
}
"""Maps, always written as PNG: 8-bit gray, depth 16-bit, `validity` as codes."""

_FINE_MAPS: Mapping[str, PictureMaker] = {
    "alpha": lambda portrait: to_16bit(portrait.alpha),
    "prob": lambda portrait: to_16bit(portrait.prob),
    "depth_prob": lambda portrait: to_16bit(portrait.depth_prob),
}
"""Maps with `--bits 16`."""

VIEW_PICTURES: Mapping[str, PictureMaker] = {"cutout": Portrait.cutout, "sheet": draw_contact_sheet}
"""Pictures in the format of `--format`."""

DEPTH_FREE_RESULTS = {
    "alpha",
    "mask",
    "trimap",
    "prob",
    "cutout",
    "layers",
    "color_alpha",
    "parts",
    "part_masks",
    "correction",
    "outline",
}
"""Results that `--fusion none` makes without depth."""


def choose_pictures(
    save: str, effects: Sequence[str], background: str | None, bits: str = "8"
) -> dict[str, PictureMaker]:
    """Return the requested pictures: name -> function that makes it from a Portrait.

    Parameters
    ----------
    save : str
        Names separated by commas, as `--save` takes them.
    effects : sequence of str
        Effects as `--effect` takes them.
    background : str, optional
        A color or picture file, as `--background` takes it.
    bits : {"8", "16"}
        Bits of alpha and the probabilities.

    Raises
    ------
    OptionError
        When a name is unknown or given twice.
    InputError
        When a picture cannot be read.
    """
    known = {**MAP_PICTURES, **VIEW_PICTURES, **(_FINE_MAPS if bits == "16" else {})}
    wanted = [name for name in save.split(",") if name]
    for name in wanted:
        if name not in known and name not in SAVED_FILES:
            allowed = ",".join((*known, *SAVED_FILES))
            raise OptionError(f"--save {name}: unknown; use any of {allowed}")
    names = [name for name in wanted if name in known]
    made = [(name, parse_effect_argument(text)[1]) for name, text in _split_effect_names(effects)]
    if background is not None:
        made.append(("background", make_background(background)))
    taken = list(dict.fromkeys(names))
    for name, _ in made:
        if name in taken:
            raise OptionError(
                f"--effect {name}: would write the file of another {name}; "
                f"give it another name, such as {name.partition('@')[0]}@second"
            )
        taken.append(name)
    return {name: known[name] for name in names} | dict(made)


def _split_effect_names(effects: Sequence[str]) -> list[tuple[str, str]]:
    """Split names from effects: "blur@soft:strength=.2" names the picture "blur@soft"."""
    found = []
    for text in effects:
        head, colon, options = text.partition(":")
        effect, at, suffix = head.partition("@")
        if at and not suffix.replace("-", "").replace("_", "").isalnum():
            raise OptionError(f"--effect {text}: use letters, digits, - and _ after @")
        found.append((head, f"{effect}{colon}{options}"))
    return found
