"""What every effect is: a frozen dataclass of options that is called with a Portrait."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..canvas import Fit, Float
from ..errors import InputError
from ..maps import Depth
from ..photo import Photo

Pixels = NDArray[np.uint8]
"""uint8 (H, W, 3) RGB or (H, W, 4) RGBA with straight alpha."""


class PortraitLike(Protocol):
    """What an effect reads of a `portrait.Portrait`, which itself calls the effects."""

    @property
    def photo(self) -> Photo:
        """The photo that was cut."""

    @property
    def alpha(self) -> Float:
        """Opacity of the portrait, float32 (H, W) in [0, 1]."""

    @property
    def measured(self) -> Depth:
        """Depth on its canvas."""

    @property
    def depth_fit(self) -> Fit:
        """How the photo lies on the depth's canvas."""

    @property
    def found(self) -> bool:
        """Whether anybody is in the photo."""


def option(default: Any, help: str, low: float | None = None, high: float | None = None) -> Any:
    """A dataclass field whose metadata (help, min, max) is enough to derive a flag or a slider."""
    return field(default=default, metadata={"help": help, "min": low, "max": high})


@dataclass(frozen=True)
class Effect:
    """Options in, picture out: `effect(portrait)` returns `Pixels` and changes nothing.

    Raises InputError on creation when a number lies outside its option's range.
    """

    def __post_init__(self) -> None:
        for each in fields(self):
            low, high = each.metadata.get("min"), each.metadata.get("max")
            if low is not None and high is not None:
                _check(each.name, getattr(self, each.name), low, high)

    def __call__(self, portrait: PortraitLike) -> Pixels:
        """The target image (SPEC row A16)."""
        raise NotImplementedError


def _check(name: str, value: Any, low: float, high: float) -> None:
    if not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(f"{name} is {value!r}; give a number from {low:g} to {high:g}")
