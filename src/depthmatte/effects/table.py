"""The table of effects by name."""

from __future__ import annotations

from .background import Background
from .beautify import Beautify
from .blur import Blur
from .cutout import Cutout
from .effect import Effect
from .outline import Outline
from .place import PlaceInPicture

EFFECTS: dict[str, type[Effect]] = {
    "cutout": Cutout,
    "blur": Blur,
    "background": Background,
    "beautify": Beautify,
    "place": PlaceInPicture,
    "outline": Outline,
}
"""Every effect by its name on the command line and in Python."""
