"""HEIC files as phones write them, made box by box: auxiliary pictures, turns, stereo pairs."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fixtures import encode


def box(kind: str, *content: bytes) -> bytes:
    inside = b"".join(content)
    return struct.pack(">I", len(inside) + 8) + kind.encode() + inside


def full(kind: str, version: int, flags: int, *content: bytes) -> bytes:
    return box(kind, bytes([version]) + flags.to_bytes(3, "big"), *content)


def _coded(plane: NDArray[Any]) -> tuple[bytes, bytes, bytes]:
    """(hvcC box, ispe box, coded picture) of an encoder's own small file."""
    content = encode(np.ascontiguousarray(plane), "HEIF", quality=95)

    def found(kind: bytes) -> bytes:
        start = content.index(kind) - 4
        return content[start : start + int.from_bytes(content[start : start + 4], "big")]

    return found(b"hvcC"), found(b"ispe"), found(b"mdat")[8:]


def heic(
    primary: NDArray[Any],
    auxiliaries: list[tuple[NDArray[Any], str, bytes | None]],
    turns: bytes = b"",
    turn_auxiliaries: bool = False,
) -> bytes:
    """A HEIC of a photo and auxiliary pictures (plane, URN, XMP), as stored.

    `turns` are irot and imir boxes of the photo, and with `turn_auxiliaries` of the others.
    """
    properties: list[bytes] = []
    owned: dict[int, list[int]] = {}
    kinds: dict[int, str] = {}
    data: dict[int, bytes] = {}
    links: list[tuple[str, int, int]] = []

    def own(item: int, *boxes: bytes) -> None:
        for one in boxes:
            properties.append(one)
            owned.setdefault(item, []).append(len(properties))

    config, size, data[1] = _coded(primary)
    kinds[1] = "hvc1"
    own(1, config, size, *_split(turns))
    for number, (plane, name, about) in enumerate(auxiliaries):
        item = 2 + 2 * number
        config, size, data[item] = _coded(plane)
        kinds[item] = "hvc1"
        own(item, config, size, full("auxC", 0, 0, name.encode() + b"\0"))
        own(item, *(_split(turns) if turn_auxiliaries else ()))
        links.append(("auxl", item, 1))
        if about is not None:
            kinds[item + 1], data[item + 1] = "mime", about
            links.append(("cdsc", item + 1, item))
    return _muxed(properties, owned, kinds, data, links)


def spatial_heic(left: NDArray[Any], right: NDArray[Any], focal: float, baseline: float) -> bytes:
    """A HEIC of two views, the left one the photo: `focal` in pixels, `baseline` in meters.

    The intrinsics are stated as fractions of the width in steps of 1 / 65536, and the place of
    the right camera in micrometers.
    """
    width, height = left.shape[1], left.shape[0]
    lens = (focal / width, (width / 2) / width, (height / 2) / height)
    intrinsics = full("cmin", 0, 16 << 8, struct.pack(">3i", *(round(v * 65536) for v in lens)))
    properties: list[bytes] = []
    owned: dict[int, list[int]] = {}
    data: dict[int, bytes] = {}
    for item, view, across in ((1, left, 0.0), (2, right, baseline)):
        config, size, data[item] = _coded(view)
        place = full("cmex", 0, 1, struct.pack(">i", round(across * 1e6)))
        for one in (config, size, intrinsics, place):
            properties.append(one)
            owned.setdefault(item, []).append(len(properties))
    pair = box("grpl", full("ster", 0, 0, struct.pack(">IIII", 9, 2, 1, 2)))
    return _muxed(properties, owned, {1: "hvc1", 2: "hvc1"}, data, [], pair)


def _split(boxes: bytes) -> list[bytes]:
    found = []
    while boxes:
        size = int.from_bytes(boxes[:4], "big")
        found.append(boxes[:size])
        boxes = boxes[size:]
    return found


def _muxed(
    properties: list[bytes],
    owned: dict[int, list[int]],
    kinds: dict[int, str],
    data: dict[int, bytes],
    links: list[tuple[str, int, int]],
    groups: bytes = b"",
) -> bytes:
    start = box("ftyp", b"heic" + bytes(4) + b"mif1heic")

    def meta(base: int) -> bytes:
        entries, places, place = b"", b"", base
        for item, kind in kinds.items():
            more = b"application/rdf+xml\0" if kind == "mime" else b""
            entries += full("infe", 2, 0, struct.pack(">HH", item, 0), kind.encode(), b"\0", more)
            places += struct.pack(">HHHII", item, 0, 1, place, len(data[item]))
            place += len(data[item])
        refs = b"".join(
            box(kind, struct.pack(">HHH", source, 1, target)) for kind, source, target in links
        )
        owners = b"".join(
            struct.pack(">HB", item, len(indices)) + bytes(0x80 | index for index in indices)
            for item, indices in owned.items()
        )
        return full(
            "meta",
            0,
            0,
            full("hdlr", 0, 0, bytes(4) + b"pict" + bytes(13)),
            full("pitm", 0, 0, struct.pack(">H", 1)),
            full("iinf", 0, 0, struct.pack(">H", len(kinds)), entries),
            full("iref", 0, 0, refs) if refs else b"",
            groups,
            box(
                "iprp",
                box("ipco", *properties),
                full("ipma", 0, 0, struct.pack(">I", len(owned)), owners),
            ),
            full("iloc", 0, 0, struct.pack(">HH", 0x4400, len(kinds)), places),
        )

    base = len(start) + len(meta(0)) + 8
    return start + meta(base) + box("mdat", *data.values())


def irot(quarters: int) -> bytes:
    """Quarter turns, counter-clockwise."""
    return box("irot", bytes([quarters]))


def imir(axis: int) -> bytes:
    return box("imir", bytes([axis]))
