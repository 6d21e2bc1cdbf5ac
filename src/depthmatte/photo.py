"""The photo as every later step sees it: upright 8-bit pixels and what came with them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .camera import Camera
from .errors import InputError
from .evidence import Evidence
from .types import RGB, dataclasses_equal


@dataclass(frozen=True)
class Meta:
    """What travels beside the pixels so that a written picture keeps it.

    `exif` holds raw EXIF bytes with the orientation tag already reset to 1, `icc` the
    raw ICC profile of the pixels; either is None where the file had none, and pixels without
    a profile are sRGB. `name` is the file's name for messages, `"array"` when the pixels came
    from memory. `time` is when the photo was taken, in seconds on any clock that its depth
    shares (row A10). `dpi` is (across, down) in pixels per inch where the file states it.
    `path` is the file that was read, so that nothing is written over it.
    """

    name: str = "array"
    exif: bytes | None = None
    icc: bytes | None = None
    time: float | None = None
    dpi: tuple[float, float] | None = None
    path: str | None = field(default=None, compare=False)


@dataclass(frozen=True, eq=False, repr=False)
class Photo:
    """An upright photo: `rgb` is uint8 (H, W, 3) in the profile `meta.icc` (SPEC row A1).

    `camera` is the one that took it, where known; `evidence` is what came with it about
    depth, turned upright together with the pixels.
    """

    rgb: RGB
    meta: Meta = field(default_factory=Meta)
    camera: Camera | None = None
    evidence: Evidence = field(default_factory=Evidence)

    def __post_init__(self) -> None:
        shape = np.shape(self.rgb)
        if len(shape) != 3 or shape[2] != 3 or self.rgb.dtype != np.uint8:
            raise InputError(
                f"{self.meta.name}: a photo is uint8 (H, W, 3), "
                f"got {self.rgb.dtype} {shape}; convert it first"
            )
        if min(shape[:2]) < 1:
            raise InputError(f"{self.meta.name}: the photo has no pixels; give another file")

    __eq__ = dataclasses_equal

    def __repr__(self) -> str:
        height, width = self.shape
        return f"Photo({self.meta.name!r}, {width} x {height})"

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]

    @property
    def is_landscape(self) -> bool:
        """True for a landscape shot, that is width > height (SPEC row A2)."""
        height, width = self.shape
        return width > height
