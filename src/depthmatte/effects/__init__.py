"""Effects: frozen dataclasses of options that are called with a Portrait."""

from __future__ import annotations

from .background import Background
from .beautify import Beautify
from .blur import Blur
from .cutout import Cutout
from .effect import Effect
from .outline import Outline
from .place import PlaceInPicture
from .table import EFFECTS

__all__ = [
    "EFFECTS",
    "Background",
    "Beautify",
    "Blur",
    "Cutout",
    "Effect",
    "Outline",
    "PlaceInPicture",
]
