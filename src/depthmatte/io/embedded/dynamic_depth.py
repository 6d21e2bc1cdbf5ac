"""Read Android's Dynamic Depth 1.0: files appended to a JPEG and listed in its XMP.

The list gives the length of each item, in order. The last item ends at the end of the file.
Namespaces differ between phones, but names of fields do not, so fields are found by local name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ...camera import Camera
from ...evidence import RawDepth
from ...types import Float
from ..damage import CorruptFileError
from . import aux_image, jpeg_segments
from .depth_encoding import range_levels_to_depth
from .gdepth import add_confidence
from .xmp import Xmp, parse_xmp_number

_DEPTH = ("depth", "android/depthmap")
_CONFIDENCE = ("confidence", "depthconfidence", "android/confidencemap")


class ContainerItem(NamedTuple):
    """One file of the container.

    Attributes
    ----------
    names : frozenset of str
        URI and semantic in lower case.
    length : int
        Bytes.
    padding : int
        Bytes between this file and the next.
    """

    names: frozenset[str]
    length: int
    padding: int


def list_container_items(packets: Xmp) -> list[ContainerItem]:
    """List the items of the container; the first is the photo itself.

    Parameters
    ----------
    packets : Xmp
        XMP of the photo.

    Returns
    -------
    list of ContainerItem

    Raises
    ------
    CorruptFileError
        For invalid lengths.
    """
    found = []
    for fields in packets.structures("Item"):
        names = (fields.get(key, "").lower() for key in ("DataURI", "URI", "Semantic"))
        found.append(
            ContainerItem(
                frozenset(names) - {""}, _size(fields, "Length"), _size(fields, "Padding")
            )
        )
    return found


def find_dynamic_depth(packets: Xmp, content: bytes) -> RawDepth | None:
    """Find the depth map of a file.

    Parameters
    ----------
    packets : Xmp
        XMP of the photo.
    content : bytes
        The whole file.

    Returns
    -------
    RawDepth or None
        None where there is none.

    Raises
    ------
    CorruptFileError
        For a damaged description or container. Errors of the decoder of the map are passed on.
    """
    listed = list_container_items(packets)
    described = next(_depth_descriptions(packets), None)
    if not listed or described is None:
        return None
    data = _item_bytes(listed, content, described.get("DepthURI"), _DEPTH)
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
    return add_confidence(found, _find_confidence(listed, content, described))


def find_dynamic_depth_camera(packets: Xmp) -> Camera | None:
    """Find the photo's camera by its imaging model.

    Parameters
    ----------
    packets : Xmp
        XMP of the photo.

    Returns
    -------
    Camera or None
        At the size that the model refers to; None where there is none.
    """
    for model in packets.structures("ImagingModel"):
        names = ("FocalLengthX", "FocalLengthY", "PrincipalPointX", "PrincipalPointY")
        fx, fy, cx, cy = (parse_xmp_number(model.get(name)) for name in names)
        width, height = (
            parse_xmp_number(model.get("ImageWidth")),
            parse_xmp_number(model.get("ImageHeight")),
        )
        if fx and fy and cx is not None and cy is not None and width and height:
            return Camera((round(height), round(width)), fx, fy, cx - 0.5, cy - 0.5)
    return None


def _depth_descriptions(packets: Xmp) -> Iterator[Mapping[str, str]]:
    """Descriptions of depth maps; a segmentation may have the same form."""
    for fields in packets.structures("DepthMap"):
        if fields.get("ItemSemantic", "Depth").lower() == "depth":
            yield fields


def _find_confidence(
    listed: list[ContainerItem], content: bytes, described: Mapping[str, str]
) -> Float | None:
    data = _item_bytes(listed, content, described.get("ConfidenceURI"), _CONFIDENCE)
    return None if data is None else aux_image.decode_levels(data)


def _item_bytes(
    listed: list[ContainerItem], content: bytes, uri: str | None, semantics: tuple[str, ...]
) -> bytes | None:
    """The bytes of the item with this URI, or with one of the semantics."""
    wanted = {uri.lower()} if uri else set(semantics)
    index = next((i for i, item in enumerate(listed) if i and item.names & wanted), None)
    if index is None and uri:
        return _item_bytes(listed, content, None, semantics)
    if index is None:
        return None
    after = sum(item.length + item.padding for item in listed[index:])
    if listed[index].length < 1 or after >= len(content):
        raise CorruptFileError("container shorter than its list")
    start = len(content) - after
    if not _is_picture(content, start):  # more was appended: count from the end of the photo
        before = listed[1:index]
        start = jpeg_segments.find_jpeg_end(content) + listed[0].padding
        start += sum(item.length + item.padding for item in before)
    data = content[start : start + listed[index].length]
    if len(data) < listed[index].length:
        raise CorruptFileError("container cut short")
    return data


def _is_picture(content: bytes, start: int) -> bool:
    return content[start : start + 3] in (jpeg_segments.JPEG_START, b"\x89PN")


def _size(fields: Mapping[str, str], name: str) -> int:
    value = fields.get(name, "0")
    if not value.isdecimal():
        raise CorruptFileError(f"{name} {value}")
    return int(value)
