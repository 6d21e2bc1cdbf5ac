"""Color of a video: code points of its matrix, range, primaries and transfer (ITU-T H.273)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...io.photo.cicp import TRANSFER_HLG, Cicp
from ...io.photo.hdr import tone_map_to_srgb
from ...types import RGB
from .av_library import convert_frame

if TYPE_CHECKING:
    from av.video.frame import VideoFrame as RawFrame

_UNSPECIFIED = 2
_BT709, _BT601, _RGB = 1, 6, 0
_FULL_RANGE, _LIMITED_RANGE = 2, 1

_SWSCALE_MATRIX = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
"""MatrixCoefficients of H.273 -> number of the matrix in FFmpeg's scaler."""

_MIN_HD_HEIGHT, _MIN_HD_WIDTH = 720, 1280
"""Size from which a video that does not name its matrix is taken as BT.709, as players do."""

_PEAK_LEVEL_PQ = 49_271
"""PQ level of 65535 that stands for 1000 cd/m², the usual peak of mastering displays."""


@dataclass(frozen=True)
class ColorTags:
    """How the numbers in a video become colors.

    Parameters
    ----------
    matrix, primaries, transfer : int
        Code points of ITU-T H.273; 2 is unspecified.
    full_range : bool
        Whether luma takes all levels, not only 16 to 235 of 255.
    """

    matrix: int
    full_range: bool
    primaries: int
    transfer: int

    @classmethod
    def from_frame(cls, frame: RawFrame) -> ColorTags:
        """Read the tags of a decoded frame."""
        name = frame.format.name
        full = frame.color_range == _FULL_RANGE or name.startswith(("yuvj", "rgb", "bgr", "gbr"))
        return cls(int(frame.colorspace), full, int(frame.color_primaries), int(frame.color_trc))

    @property
    def is_hdr(self) -> bool:
        """Whether the transfer is PQ or HLG."""
        return Cicp(self.primaries, self.transfer).is_hdr

    def coded_matrix(self, shape: tuple[int, int]) -> int:
        """Return the matrix; for an unspecified one that which players assume at (H, W)."""
        if self.matrix in _SWSCALE_MATRIX:
            return self.matrix
        large = shape[0] >= _MIN_HD_HEIGHT or shape[1] >= _MIN_HD_WIDTH
        return _BT709 if large else _BT601

    def for_output(self, shape: tuple[int, int]) -> ColorTags:
        """Return the tags of a video that is encoded again: HDR becomes BT.709."""
        if self.is_hdr:
            return ColorTags(_BT709, False, _BT709, _BT709)
        return ColorTags(self.coded_matrix(shape), self.full_range, self.primaries, self.transfer)

    def decode(self, frame: RawFrame, size: tuple[int, int]) -> RGB:
        """Return the pixels of a frame, uint8 (H, W, 3) with (H, W) = `size`; HDR tone mapped."""
        height, width = size
        return self._to_srgb(
            convert_frame(
                frame,
                width=width,
                height=height,
                format="rgb48le" if self.is_hdr else "rgb24",
                src_colorspace=_SWSCALE_MATRIX[self.coded_matrix(size)],
                src_color_range=_FULL_RANGE if self.full_range else _LIMITED_RANGE,
                dst_color_range=_FULL_RANGE,
            ).to_ndarray()
        )

    def _to_srgb(self, pixels: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> RGB:
        if not self.is_hdr:
            return np.asarray(pixels, np.uint8)
        # One peak for all frames, so that brightness does not flicker.
        peak = 65_535 if self.transfer == TRANSFER_HLG else _PEAK_LEVEL_PQ
        levels = np.minimum(np.asarray(pixels, np.uint16), peak).astype(np.uint16)
        return tone_map_to_srgb(levels, Cicp(self.primaries, self.transfer), peak)

    def encode(self, picture: RawFrame, pixel_format: str) -> RawFrame:
        """Convert an RGB frame to the pixel format of an encoder and tag it."""
        matrix = self.coded_matrix((picture.height, picture.width))
        full = self.full_range or pixel_format.startswith("yuvj")
        frame: RawFrame = convert_frame(
            picture,
            format=pixel_format,
            dst_colorspace=_SWSCALE_MATRIX[matrix],
            src_color_range=_FULL_RANGE,
            dst_color_range=_FULL_RANGE if full else _LIMITED_RANGE,
        )
        if pixel_format.startswith(("bgr", "rgb", "gbr")):
            return frame
        frame.colorspace, frame.color_range = matrix, _FULL_RANGE if full else _LIMITED_RANGE
        return frame
