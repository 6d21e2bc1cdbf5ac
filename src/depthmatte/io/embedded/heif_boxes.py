"""Read the boxes of a HEIF file (ISO 23008-12) that describe how its pictures are related.

The decoder gives pixels only. The transforms of auxiliary pictures, their XMP, and the positions
of two cameras are read here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..damage import CorruptFileError
from . import xmp
from .xmp import Xmp

_CMEX_UUID = bytes.fromhex("4363e9145b7d4aab97aebea69803b434")
"""Older files store the `cmex` box under this UUID."""

_MAX_ITEMS = 16
"""Limit of auxiliary pictures and of XMP items: phones write up to eight."""

HeifTransforms = tuple[tuple[str, int], ...]
"""In order: ("irot", quarter turns counter-clockwise) and ("imir", axis)."""


@dataclass(frozen=True)
class HeifItem:
    """One picture of a HEIF file.

    Attributes
    ----------
    transforms : HeifTransforms
        Turns that are applied after decoding.
    auxiliary_type : str
        URN of an auxiliary picture, "" for others.
    xmp : Xmp
        Its description.
    position : tuple of float or None
        (x, y, z) of its camera in meters; None where the file does not state it.
    """

    transforms: HeifTransforms = ()
    auxiliary_type: str = ""
    xmp: Xmp = field(default_factory=Xmp)
    position: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class HeifBoxes:
    """The pictures of a HEIF file and how they are related.

    Attributes
    ----------
    primary : int
        Id of the photo.
    items : dict
        HeifItem by id.
    auxiliaries : tuple of int
        Ids of the photo's auxiliary pictures.
    pair : tuple of int or None
        Ids of a stereo pair (left, right).
    """

    primary: int
    items: Mapping[int, HeifItem]
    auxiliaries: tuple[int, ...] = ()
    pair: tuple[int, int] | None = None


def read_heif_boxes(content: bytes) -> HeifBoxes:
    """Read the boxes of a file.

    Parameters
    ----------
    content : bytes
        A HEIF file.

    Returns
    -------
    HeifBoxes

    Raises
    ------
    CorruptFileError
        For damaged boxes.
    """
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
    described: dict[int, Xmp] = {}  # each XMP item is parsed once, even if pictures share it
    for item, indices in _property_indices(_first(_first(meta, "iprp"), "ipma")):
        if item in wanted:
            sources = [source for kind, source, target in links if (kind, target) == ("cdsc", item)]
            packets = Xmp()
            for source in sources[:_MAX_ITEMS]:
                if source not in described and source in places and len(described) < _MAX_ITEMS:
                    described[source] = _parse_packets(content[slice(*places[source])])
                packets += described.get(source, Xmp())
            own = [properties[index - 1] for index in indices if 0 < index <= len(properties)]
            items[item] = _make_item(own, packets)
            wanted.remove(item)
    return HeifBoxes(primary, items, auxiliaries, pair)


def read_photo_properties(content: bytes) -> Iterator[tuple[str, memoryview]]:
    """Read the properties of the photo itself.

    Parameters
    ----------
    content : bytes
        A HEIF file.

    Yields
    ------
    kind : str
        Four-character type of the property.
    payload : memoryview
        Its content.

    Raises
    ------
    CorruptFileError
        For damaged boxes.
    """
    meta, primary = _head(content)
    properties = list(_boxes(_first(_first(meta, "iprp"), "ipco")))
    for item, indices in _property_indices(_first(_first(meta, "iprp"), "ipma")):
        if item == primary:
            count = len(properties)
            yield from (properties[index - 1] for index in indices if 0 < index <= count)
            return


def _head(content: bytes) -> tuple[memoryview | bytes, int]:
    """The content of the `meta` box, and the id of the photo."""
    meta = _first(memoryview(content), "meta")[4:]
    return meta, _number(_first(meta, "pitm")[4:])


def _boxes(content: memoryview | bytes) -> Iterator[tuple[str, memoryview]]:
    """Every box as (type, content)."""
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
    content: memoryview | bytes, wanted: str, default: bytes | None = None
) -> memoryview | bytes:
    """The content of the first box of a type; `default`, or an error, without one."""
    for kind, inside in _boxes(content):
        if kind == wanted:
            return inside
    if default is None:
        raise CorruptFileError(f"HEIF without {wanted}")
    return default


def _number(content: memoryview | bytes) -> int:
    if not content:
        raise CorruptFileError("HEIF box cut short")
    return int.from_bytes(content, "big")


class _Fields:
    """Reads unsigned integers one after another."""

    def __init__(self, content: memoryview | bytes) -> None:
        self._content, self._place = memoryview(content), 0

    def __call__(self, size: int) -> int:
        """The next `size` bytes as an integer; 0 for no bytes."""
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


def _property_indices(content: memoryview | bytes) -> Iterator[tuple[int, list[int]]]:
    """Each item and the indices of its properties, counted from 1, in order."""
    fields = _Fields(content)
    version, flags = fields(1), fields(3)
    wide = flags & 1
    for _ in range(fields(4)):
        item = fields(4 if version else 2)
        numbers = [fields(2 if wide else 1) for _ in range(fields(1))]
        yield item, [number & (0x7FFF if wide else 0x7F) for number in numbers]


def _extents(content: memoryview | bytes) -> Iterator[tuple[int, tuple[int, int]]]:
    """(item, (start, stop)) of each item that lies in one piece in this file."""
    fields = _Fields(content)
    version, _, sizes = fields(1), fields(3), fields(2)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version else 0
    wide = 4 if version == 2 else 2
    for _ in range(fields(wide)):
        item = fields(wide)
        method = fields(2) & 15 if version else 0
        fields(2)  # index of another file
        base, count = fields(base_size), fields(2)
        if count == 1:
            fields(index_size)
            offset, length = fields(offset_size), fields(length_size)
            if method == 0:
                yield item, (base + offset, base + offset + length)
        else:  # in pieces: skipped in one step, for millions of pieces may take no bytes
            fields(count * (index_size + offset_size + length_size))


def _make_item(properties: list[tuple[str, memoryview]], packets: Xmp) -> HeifItem:
    transforms, auxiliary, position = [], "", None
    for kind, inside in properties:
        if kind in ("irot", "imir"):
            transforms.append((kind, _number(inside) & 3))
        elif kind == "auxC":
            auxiliary = bytes(inside[4:]).split(b"\0")[0].decode("latin-1")
        elif kind == "cmex":
            position = _read_position(inside)
        elif kind == "uuid" and inside[:16] == _CMEX_UUID:
            position = _read_position(inside[16:])
    return HeifItem(tuple(transforms), auxiliary, packets, position)


def _parse_packets(packet: bytes) -> Xmp:
    return xmp.find_xmp_packets(packet) if b"<x:xmpmeta" in packet else Xmp()


def _read_position(content: memoryview) -> tuple[float, float, float]:
    """The position of a camera in meters; the file has micrometers and leaves zeros out."""
    fields = _Fields(content)
    flags = fields(4)
    x, y, z = (fields(4) if flags & bit else 0 for bit in (1, 2, 4))
    signed = [value - 2**32 if value >= 2**31 else value for value in (x, y, z)]
    return signed[0] / 1e6, signed[1] / 1e6, signed[2] / 1e6


def _pair(content: memoryview | bytes) -> tuple[int, int] | None:
    """The ids of the first stereo pair (left, right)."""
    inside = _first(content, "ster", b"")
    if not inside:
        return None
    fields = _Fields(inside)
    fields(8)
    count = fields(4)
    return (fields(4), fields(4)) if count == 2 else None
