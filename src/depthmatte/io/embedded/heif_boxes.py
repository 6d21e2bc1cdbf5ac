"""The boxes of a HEIF file (ISO 23008-12) that say how its pictures belong together.

The decoder gives pixels; which way an auxiliary picture was turned, what its XMP says and
where the second of two cameras stood is read here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from . import xmp
from .corrupt import CorruptFileError
from .xmp import Xmp

_CMEX = bytes.fromhex("4363e9145b7d4aab97aebea69803b434")
"""Files from before `cmex` had a name carry the same box under this one."""

_MAX_ITEMS = 16
"""Auxiliary pictures, and descriptions, looked at: phones write up to eight."""

HeifTransforms = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class HeifItem:
    """One picture: how it is turned after decoding, what kind of auxiliary it is, its XMP.

    `turns` holds ("irot", quarter turns counter-clockwise) and ("imir", axis) in order.
    `place` is (x, y, z) of its camera in metres where the file states it.
    """

    transforms: HeifTransforms = ()
    auxiliary_type: str = ""
    xmp: Xmp = field(default_factory=Xmp)
    place: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class HeifBoxes:
    """The pictures by id; which is the photo, its auxiliaries, the stereo pair (left, right)."""

    primary: int
    items: Mapping[int, HeifItem]
    auxiliaries: tuple[int, ...] = ()
    pair: tuple[int, int] | None = None


def read_heif_boxes(content: bytes) -> HeifBoxes:
    """The boxes of a whole file. Raises Damaged where they make no sense."""
    meta, primary = _head(content)
    properties = list(_boxes(_first(_first(meta, "iprp"), "ipco")))
    links = list(_links(_first(meta, "iref", bytes(4))))
    pair = _pair(_first(meta, "grpl", b""))
    auxiliaries = tuple(
        source for kind, source, target in links if (kind, target) == ("auxl", primary)
    )[:_MAX_ITEMS]
    wanted = {primary, *auxiliaries, *(pair or ())}
    places = dict(_extents(_first(meta, "iloc")))
    items = {}
    described: dict[int, Xmp] = {}  # each description once, however many pictures share it
    for item, indices in _owned(_first(_first(meta, "iprp"), "ipma")):
        if item in wanted:
            about = [source for kind, source, target in links if (kind, target) == ("cdsc", item)]
            text = Xmp()
            for source in about[:_MAX_ITEMS]:
                if source not in described and source in places and len(described) < _MAX_ITEMS:
                    described[source] = _described(content[slice(*places[source])])
                text += described.get(source, Xmp())
            own = [properties[index - 1] for index in indices if 0 < index <= len(properties)]
            items[item] = _item(own, text)
            wanted.remove(item)
    return HeifBoxes(primary, items, auxiliaries, pair)


def read_photo_properties(content: bytes) -> Iterator[tuple[str, memoryview]]:
    """(kind, what is inside) of each property of the photo itself, in order.

    Raises Damaged where the boxes make no sense.
    """
    meta, primary = _head(content)
    known = list(_boxes(_first(_first(meta, "iprp"), "ipco")))
    for item, indices in _owned(_first(_first(meta, "iprp"), "ipma")):
        if item == primary:
            yield from (known[index - 1] for index in indices if 0 < index <= len(known))
            return


def _head(content: bytes) -> tuple[memoryview | bytes, int]:
    """What is inside the box of boxes, and the number of the photo's item."""
    meta = _first(memoryview(content), "meta")[4:]
    return meta, _number(_first(meta, "pitm")[4:])


def _boxes(content: memoryview | bytes) -> Iterator[tuple[str, memoryview]]:
    """Every box of a stretch of bytes as (kind, what is inside)."""
    view, place = memoryview(content), 0
    while place + 8 <= len(view):
        size, head = _number(view[place : place + 4]), 8
        kind = bytes(view[place + 4 : place + 8]).decode("latin-1")
        if size == 1:
            size, head = _number(view[place + 8 : place + 16]), 16
        size = size or len(view) - place
        if size < head:
            raise CorruptFileError("HEIF box")
        yield kind, view[place + head : place + size]
        place += size


def _first(
    content: memoryview | bytes, wanted: str, without: bytes | None = None
) -> memoryview | bytes:
    for kind, inside in _boxes(content):
        if kind == wanted:
            return inside
    if without is None:
        raise CorruptFileError(f"HEIF without {wanted}")
    return without


def _number(content: memoryview | bytes) -> int:
    if not content:
        raise CorruptFileError("HEIF box cut short")
    return int.from_bytes(content, "big")


class _Fields:
    """Numbers read one after another."""

    def __init__(self, content: memoryview | bytes) -> None:
        self._content, self._place = memoryview(content), 0

    def __call__(self, size: int) -> int:
        """The next `size` bytes as a number, 0 for none."""
        start, self._place = self._place, self._place + size
        if self._place > len(self._content):
            raise CorruptFileError("HEIF box cut short")
        return int.from_bytes(self._content[start : self._place], "big")


def _links(content: memoryview | bytes) -> Iterator[tuple[str, int, int]]:
    """Item references as (kind, from, to)."""
    size = 4 if _number(content[:1]) else 2
    for kind, inside in _boxes(content[4:]):
        fields = _Fields(inside)
        source = fields(size)
        for _ in range(fields(2)):
            yield kind, source, fields(size)


def _owned(content: memoryview | bytes) -> Iterator[tuple[int, list[int]]]:
    """Each item and the numbers of its properties, counted from 1, in order."""
    fields = _Fields(content)
    version, flags = fields(1), fields(3)
    wide = flags & 1
    for _ in range(fields(4)):
        item = fields(4 if version else 2)
        numbers = [fields(2 if wide else 1) for _ in range(fields(1))]
        yield item, [number & (0x7FFF if wide else 0x7F) for number in numbers]


def _extents(content: memoryview | bytes) -> Iterator[tuple[int, tuple[int, int]]]:
    """Each item in one piece in the file itself: (item, (start, stop))."""
    fields = _Fields(content)
    version, _, sizes = fields(1), fields(3), fields(2)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version else 0
    wide = 4 if version == 2 else 2
    for _ in range(fields(wide)):
        item = fields(wide)
        method = fields(2) & 15 if version else 0
        fields(2)  # where other files lie
        base, count = fields(base_size), fields(2)
        if count == 1:
            fields(index_size)
            offset, length = fields(offset_size), fields(length_size)
            if method == 0:
                yield item, (base + offset, base + offset + length)
        else:  # in pieces: passed over, at once, for they may have no size at all
            fields(count * (index_size + offset_size + length_size))


def _item(properties: list[tuple[str, memoryview]], text: Xmp) -> HeifItem:
    turns, auxiliary, place = [], "", None
    for kind, inside in properties:
        if kind in ("irot", "imir"):
            turns.append((kind, _number(inside) & 3))
        elif kind == "auxC":
            auxiliary = bytes(inside[4:]).split(b"\0")[0].decode("latin-1")
        elif kind == "cmex":
            place = _place(inside)
        elif kind == "uuid" and inside[:16] == _CMEX:
            place = _place(inside[16:])
    return HeifItem(tuple(turns), auxiliary, text, place)


def _described(packet: bytes) -> Xmp:
    return xmp.find_xmp_packets(packet) if b"<x:xmpmeta" in packet else Xmp()


def _place(content: memoryview) -> tuple[float, float, float]:
    """Where a camera stands, in metres; the file has micrometres, each only if not 0."""
    fields = _Fields(content)
    flags = fields(4)
    x, y, z = (fields(4) if flags & bit else 0 for bit in (1, 2, 4))
    signed = [value - 2**32 if value >= 2**31 else value for value in (x, y, z)]
    return signed[0] / 1e6, signed[1] / 1e6, signed[2] / 1e6


def _pair(content: memoryview | bytes) -> tuple[int, int] | None:
    """The items of the first stereo pair; the left one is listed first."""
    inside = _first(content, "ster", b"")
    if not inside:
        return None
    fields = _Fields(inside)
    fields(8)
    count = fields(4)
    return (fields(4), fields(4)) if count == 2 else None
