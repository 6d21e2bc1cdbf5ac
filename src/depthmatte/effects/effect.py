"""What every effect is: a frozen dataclass of options that is called with a Portrait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..canvas import Letterbox
from ..fields import check_options, option
from ..photo import Photo
from ..types import Float
from ..values import Depth

__all__ = ["Effect", "Pixels", "PortraitLike", "option"]

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
    def depth_fit(self) -> Letterbox:
        """How the photo lies on the depth's canvas."""

    @property
    def found(self) -> bool:
        """Whether anybody is in the photo."""


@dataclass(frozen=True)
class Effect:
    """Options in, picture out: `effect(portrait)` returns `Pixels` and changes nothing.

    Raises OptionError on creation for a value that an option cannot have.
    """

    def __post_init__(self) -> None:
        check_options(self)

    def __call__(self, portrait: PortraitLike) -> Pixels:
        """The target image (SPEC row A16)."""
        raise NotImplementedError
