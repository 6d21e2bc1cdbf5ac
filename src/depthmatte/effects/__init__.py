"""Effects: frozen dataclasses of options, called with a Portrait (SPEC row A16)."""

from __future__ import annotations

from .background import Background
from .beautify import Beautify
from .blur import Blur
from .cutout import Cutout
from .effect import Effect

EFFECTS: dict[str, type[Effect]] = {
    "cutout": Cutout,
    "blur": Blur,
    "background": Background,
    "beautify": Beautify,
}
"""Every effect by the name that command lines, forms and pages use."""

__all__ = ["EFFECTS", "Background", "Beautify", "Blur", "Cutout", "Effect"]
