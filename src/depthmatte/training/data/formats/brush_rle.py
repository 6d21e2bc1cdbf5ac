"""Label Studio's brush masks: the run-length code of the package rle-pack, of RGBA pixels.

The bits, highest first: 32 for the number of values; 5 for the bits of a value, less one; four
times 4 for the bits of the four kinds of counts, less one. Then blocks follow until all values
are there: 1 bit, whether the block repeats one value; 2 bits for the kind of its count; the
count, less one; and the one value, or all values. Values are the red, green, blue and alpha of
each pixel along the rows. Alpha above 0 is brushed, as Label Studio's own COCO export has it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..drawn_mask import RunLengths

_VALUE_BITS = 8
_COUNT_BITS = (3, 4, 8, 16)
"""What Label Studio writes itself."""


def decode_brush(numbers: object, height: int, width: int) -> RunLengths:
    """Decode a brush mask.

    Parameters
    ----------
    numbers : object
        The list of bytes, as numbers from 0 to 255, or runs of them.
    height, width : int
        Size of the photo in pixels. A code of another size is refused before it is decoded.

    Returns
    -------
    RunLengths
        Of the whole photo.

    Raises
    ------
    ValueError
        For what is no such code. The message is part of a sentence.
    """
    if not isinstance(numbers, list):
        raise ValueError("has no brush code")
    try:
        code = bytes(numbers)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("has a brush code that is no list of bytes") from None
    bits = _Bits(code)
    total = bits.read(32)
    if total != 4 * height * width:
        raise ValueError(f"has a brush mask of {total // 4} pixels for {width} x {height}")
    value_bits = bits.read(5) + 1
    count_bits = [bits.read(4) + 1 for _ in range(4)]
    brushed = np.zeros(height * width, np.bool_)
    at = 0
    while at < total:
        repeats = bits.read(1)
        stop = at + 1 + bits.read(count_bits[bits.read(2)])
        if stop > total:
            raise ValueError("has a brush mask with more pixels than the photo")
        # The alpha of pixel k is value 4 k + 3.
        alpha = slice(at // 4, stop // 4)
        if repeats:
            brushed[alpha] = bits.read(value_bits) > 0
        else:
            brushed[alpha] = bits.read_many(value_bits, stop - at)[(3 - at) % 4 :: 4]
        at = stop
    return RunLengths.encode(brushed.reshape(height, width))


def encode_brush(mask: NDArray[np.bool_]) -> list[int]:
    """Encode a bool (H, W) mask as Label Studio does: set pixels are opaque white.

    Parameters
    ----------
    mask : bool (H, W)
        The mask.

    Returns
    -------
    list of int
        The bytes of the code.

    Raises
    ------
    ValueError
        For a mask of 2**30 pixels or more.
    """
    counts = RunLengths.encode(mask).counts * 4
    total = int(counts.sum())
    if total >= 2**32:
        raise ValueError("has too many pixels for a brush mask")
    values = np.arange(len(counts)) % 2 * 255
    longest = 2 ** _COUNT_BITS[-1]
    pieces = -(-counts // longest)
    lengths = np.full(int(pieces.sum()), longest, np.int64)
    last = np.cumsum(pieces) - 1
    used = counts > 0  # the first run may be empty
    lengths[last[used]] = (counts - (pieces - 1) * longest)[used]
    kinds = np.searchsorted(2 ** np.array(_COUNT_BITS), lengths)
    sizes = np.array(_COUNT_BITS)[kinds]
    blocks = ((4 + kinds) << sizes | (lengths - 1)) << _VALUE_BITS | np.repeat(values, pieces)
    head_sizes = [32, 5, *[4] * len(_COUNT_BITS)]
    head = [total, _VALUE_BITS - 1, *(size - 1 for size in _COUNT_BITS)]
    numbers = np.concatenate([head, blocks])
    widths = np.concatenate([head_sizes, sizes + 3 + _VALUE_BITS])
    ends = np.cumsum(widths)
    places = np.repeat(ends, widths) - 1 - np.arange(int(ends[-1]))
    stream = np.repeat(numbers, widths) >> places & 1
    return [int(one) for one in np.packbits(stream.astype(np.uint8))]


class _Bits:
    """Reads whole numbers from a stream of bits, the highest bit first."""

    def __init__(self, code: bytes) -> None:
        self._code = code
        self._at = 0

    def read(self, size: int) -> int:
        """Read one number of `size` bits."""
        stop = self._at + size
        if stop > 8 * len(self._code):
            raise ValueError("has a brush code that ends too early")
        window = int.from_bytes(self._code[self._at // 8 : (stop + 7) // 8], "big")
        self._at = stop
        return window >> (-stop % 8) & ((1 << size) - 1)

    def read_many(self, size: int, count: int) -> NDArray[np.bool_]:
        """Read `count` numbers of `size` bits; tell which are above 0."""
        stop = self._at + size * count
        if stop > 8 * len(self._code):
            raise ValueError("has a brush code that ends too early")
        window = np.frombuffer(self._code[self._at // 8 : (stop + 7) // 8], np.uint8)
        offset = self._at % 8
        bits = np.unpackbits(window)[offset : offset + size * count]
        self._at = stop
        return np.asarray(bits.reshape(count, size).any(axis=1))
