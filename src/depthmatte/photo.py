"""The photo as the pipeline takes it: upright 8-bit pixels, metadata, camera and evidence."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .camera import Camera
from .errors import InputError
from .evidence import Evidence
from .types import RGB, dataclasses_equal


@dataclass(frozen=True)
class Meta:
    """Metadata of a photo that written pictures keep.

    Parameters
    ----------
    name : str
        Name of the file for messages; "array" for pixels from memory.
    exif : bytes, optional
        Raw EXIF with the orientation already set to 1.
    icc : bytes, optional
        Raw ICC profile of the pixels. Pixels without a profile are sRGB.
    time : float, optional
        When the photo was taken, in seconds on the clock of its depth map.
    dpi : tuple of float, optional
        (horizontal, vertical) resolution in pixels per inch.
    path : str, optional
        The file that was read. It is never overwritten.
    """

    name: str = "array"
    exif: bytes | None = None
    icc: bytes | None = None
    time: float | None = None
    dpi: tuple[float, float] | None = None
    path: str | None = field(default=None, compare=False)


@dataclass(frozen=True, eq=False, repr=False)
class Photo:
    """An upright photo.

    Parameters
    ----------
    rgb : ndarray
        uint8 (H, W, 3), in the color profile `meta.icc`.
    meta : Meta
        Metadata that written pictures keep.
    camera : Camera, optional
        The camera of the photo, where known.
    evidence : Evidence
        Depth, second view and matte that come with the photo, upright like the pixels.

    Raises
    ------
    InputError
        When `rgb` is not uint8 (H, W, 3) or has no pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from depthmatte import Photo
    >>> Photo(np.zeros((480, 640, 3), np.uint8)).shape
    (480, 640)
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
        """Whether the photo is wider than high."""
        height, width = self.shape
        return width > height
