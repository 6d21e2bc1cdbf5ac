"""One frame of a video."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ...types import RGB, dataclasses_equal


@dataclass(frozen=True, eq=False, repr=False)
class VideoFrame:
    """One frame of a video.

    Parameters
    ----------
    rgb : ndarray
        Upright pixels, uint8 (H, W, 3). Values of BT.709 videos are taken as sRGB, as players
        do.
    index : int
        Number of the frame in the video, from 0. After `start` it counts from there.
    pts : int
        Presentation time in units of `time_base`.
    time_base : Fraction
        Seconds per unit of `pts`.
    time : float
        Seconds from the beginning of the video.
    """

    rgb: RGB
    index: int
    pts: int
    time_base: Fraction
    time: float

    __eq__ = dataclasses_equal

    def __repr__(self) -> str:
        height, width = self.rgb.shape[:2]
        return f"VideoFrame({self.index}, {width} x {height}, {self.time:.3f} s)"
