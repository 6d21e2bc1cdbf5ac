"""Parse effects on the command line: NAME or NAME:OPTION=VALUE,OPTION=VALUE.

Names, options, types and ranges are those of the dataclasses in `depthmatte.effects`.
"""

from __future__ import annotations

from typing import Any

from ...effects import EFFECTS, Effect, PlaceInPicture
from ...errors import InputError, OptionError
from ...io.photo.photo_reader import read
from ...option_fields import parse_options, parse_pairs
from ...system.printable_text import label


def parse_effect_argument(text: str) -> tuple[str, Effect]:
    """Parse an effect: "blur:strength=0.5" gives ("blur", Blur(strength=0.5)).

    Raises
    ------
    OptionError
        When the effect or an option is unknown or a value is not allowed.
    InputError
        When a picture cannot be read.
    """
    name, _, rest = text.partition(":")
    if name not in EFFECTS:
        raise OptionError(f"--effect {label(name)}: unknown; use one of {', '.join(EFFECTS)}")
    try:
        effect = parse_options(EFFECTS[name], parse_pairs(rest), _read_effect_picture)
    except OptionError as error:
        raise OptionError(f"--effect {label(text)}: {error}") from None
    except _UnreadablePictureError as error:
        raise InputError(f"--effect {label(text)}: {error}") from None
    if isinstance(effect, PlaceInPicture) and effect.picture is None:
        raise OptionError(f"--effect {label(text)}: has no picture; give {name}:picture=FILE")
    return name, effect


class _UnreadablePictureError(Exception):
    """A picture cannot be read, although the option is correct."""


def _read_effect_picture(kind: Any, text: str) -> Any:
    """Read the picture whose path is given as the value of an option."""
    try:
        return read(text, evidence=False)
    except InputError as error:
        raise _UnreadablePictureError(str(error)) from None
