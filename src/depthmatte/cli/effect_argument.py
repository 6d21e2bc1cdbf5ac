"""Effects as the user types them: NAME or NAME:OPTION=VALUE,OPTION=VALUE.

Names, options, types and ranges are those of the dataclasses in `depthmatte.effects`;
nothing about a single effect is said here.
"""

from __future__ import annotations

from typing import Any

from ..effects import EFFECTS, Effect
from ..errors import InputError, OptionError
from ..fields import parse_options, parse_pairs
from ..io.photo.photo_reader import read
from ..system.text import label


def parse_effect_argument(text: str) -> tuple[str, Effect]:
    """`blur:strength=0.5` -> ("blur", Blur(strength=0.5)).

    Raises
    ------
    OptionError
        For an unknown effect or option and for a value it cannot have.
    InputError
        For a picture that cannot be read.
    """
    name, _, rest = text.partition(":")
    if name not in EFFECTS:
        raise OptionError(f"--effect {label(name)}: unknown; use one of {', '.join(EFFECTS)}")
    try:
        return name, parse_options(EFFECTS[name], parse_pairs(rest), _read_effect_picture)
    except OptionError as error:
        raise OptionError(f"--effect {label(text)}: {error}") from None
    except _UnreadablePictureError as error:
        raise InputError(f"--effect {label(text)}: {error}") from None


class _UnreadablePictureError(Exception):
    """A picture that cannot be read: the option itself is in order."""


def _read_effect_picture(kind: Any, text: str) -> Any:
    """A picture is typed as a path."""
    try:
        return read(text, evidence=False)
    except InputError as error:
        raise _UnreadablePictureError(str(error)) from None
