"""Android's Dynamic Depth 1.0: files appended to the JPEG, listed in its XMP.

The list names each item's length, in order; the items end where the file ends. Namespaces
changed between phones, the names of fields did not: they are looked up by local name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ...camera import Camera
from ...evidence import RawDepth
from ...types import Float
from . import aux_image, jpeg_segments
from .corrupt import CorruptFileError
from .depth_encoding import range_levels_to_depth
from .gdepth import add_confidence
from .xmp import Xmp, parse_xmp_number

_DEPTH = ("depth", "android/depthmap")
_CONFIDENCE = ("confidence", "depthconfidence", "android/confidencemap")


class ContainerItem(NamedTuple):
    """One file of the container: its names (URI, semantic), and where it lies from the end."""

    names: frozenset[str]
    length: int
    padding: int


def list_container_items(about: Xmp) -> list[ContainerItem]:
    """The container's list; the first is the photo itself. Raises Damaged for odd lengths."""
    found = []
    for fields in about.structures("Item"):
        names = (fields.get(key, "").lower() for key in ("DataURI", "URI", "Semantic"))
        found.append(
            ContainerItem(
                frozenset(names) - {""}, _size(fields, "Length"), _size(fields, "Padding")
            )
        )
    return found


def find_dynamic_depth(about: Xmp, content: bytes) -> RawDepth | None:
    """The depth map of a file with this XMP, None where there is none.

    Raises Damaged, or what the decoder raises, for one that cannot be used.
    """
    listed = list_container_items(about)
    described = next(_maps(about), None)
    if not listed or described is None:
        return None
    data = _data(listed, content, described.get("DepthURI"), _DEPTH)
    if data is None:
        return None
    found = range_levels_to_depth(
        "dynamic-depth",
        aux_image.decode_levels(data),
        described.get("Format"),
        parse_xmp_number(described.get("Near")),
        parse_xmp_number(described.get("Far")),
        described.get("Units"),
    )
    return add_confidence(found, _confidence(listed, content, described))


def find_dynamic_depth_camera(about: Xmp) -> Camera | None:
    """The photo's camera by its imaging model, at the model's own size."""
    for model in about.structures("ImagingModel"):
        names = ("FocalLengthX", "FocalLengthY", "PrincipalPointX", "PrincipalPointY")
        fx, fy, cx, cy = (parse_xmp_number(model.get(name)) for name in names)
        width, height = (
            parse_xmp_number(model.get("ImageWidth")),
            parse_xmp_number(model.get("ImageHeight")),
        )
        if fx and fy and cx is not None and cy is not None and width and height:
            return Camera((round(height), round(width)), fx, fy, cx - 0.5, cy - 0.5)
    return None


def _maps(about: Xmp) -> Iterator[Mapping[str, str]]:
    """Descriptions of maps that measure distance; a segmentation may stand in their place."""
    for fields in about.structures("DepthMap"):
        if fields.get("ItemSemantic", "Depth").lower() == "depth":
            yield fields


def _confidence(
    listed: list[ContainerItem], content: bytes, described: Mapping[str, str]
) -> Float | None:
    data = _data(listed, content, described.get("ConfidenceURI"), _CONFIDENCE)
    return None if data is None else aux_image.decode_levels(data)


def _data(
    listed: list[ContainerItem], content: bytes, uri: str | None, semantics: tuple[str, ...]
) -> bytes | None:
    """The bytes of the item that a description points at, or that has one of the semantics."""
    wanted = {uri.lower()} if uri else set(semantics)
    index = next((i for i, item in enumerate(listed) if i and item.names & wanted), None)
    if index is None and uri:
        return _data(listed, content, None, semantics)
    if index is None:
        return None
    after = sum(item.length + item.padding for item in listed[index:])
    if listed[index].length < 1 or after >= len(content):
        raise CorruptFileError("container shorter than its list")
    start = len(content) - after
    if not _file(content, start):  # something was appended: count from the photo's own end
        before = listed[1:index]
        start = jpeg_segments.find_jpeg_end(content) + listed[0].padding
        start += sum(item.length + item.padding for item in before)
    data = content[start : start + listed[index].length]
    if len(data) < listed[index].length:
        raise CorruptFileError("container cut short")
    return data


def _file(content: bytes, start: int) -> bool:
    return content[start : start + 3] in (jpeg_segments.JPEG_START, b"\x89PN")


def _size(fields: Mapping[str, str], name: str) -> int:
    value = fields.get(name, "0")
    if not value.isdecimal():
        raise CorruptFileError(f"{name} {value}")
    return int(value)
