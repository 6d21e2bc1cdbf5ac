"""The base class of effects: a frozen dataclass of options that is called with a Portrait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..canvas import Letterbox
from ..option_fields import check_options, option
from ..photo import Photo
from ..types import Float
from ..values import Depth, PartShares

__all__ = ["Effect", "Pixels", "PortraitLike", "option"]

Pixels = NDArray[np.uint8]
"""uint8 (H, W, 3) RGB or (H, W, 4) RGBA with straight alpha."""


class PortraitLike(Protocol):
    """The attributes of a `portrait.Portrait` that effects read.

    A protocol avoids a circular import: Portrait calls the effects.
    """

    @property
    def photo(self) -> Photo:
        """The photo that was cut."""

    @property
    def alpha(self) -> Float:
        """The fused alpha, float32 (H, W) in [0, 1]."""

    @property
    def opacity(self) -> Float:
        """How much of each pixel a picture shows, float32 (H, W) in [0, 1]."""

    @property
    def measured(self) -> Depth:
        """Depth on the canvas `depth_fit`."""

    @property
    def depth_fit(self) -> Letterbox:
        """Position of the photo on the depth's canvas."""

    @property
    def found(self) -> bool:
        """Whether a person was found."""

    @property
    def part_shares(self) -> PartShares | None:
        """Parts of the person; None without a person or a network of parts."""


@dataclass(frozen=True)
class Effect:
    """A picture made from a portrait: `effect(portrait)` returns it and changes nothing.

    Raises
    ------
    OptionError
        On creation, for a value that an option does not allow.
    """

    def __post_init__(self) -> None:
        check_options(self)

    def __call__(self, portrait: PortraitLike) -> Pixels:
        """The picture, uint8 (H, W, 3) RGB or (H, W, 4) RGBA with straight alpha."""
        raise NotImplementedError
