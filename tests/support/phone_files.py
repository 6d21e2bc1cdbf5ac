"""Photos as phones write them, made by code: Apple's JPEG and HEIC, GDepth, Dynamic Depth, MPO."""

from __future__ import annotations

import base64
import hashlib
import struct
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import fixtures
from depthmatte.evidence import RawDepth
from depthmatte.io.photo.photo_reader import read
from depthmatte.photo import Photo
from fixtures import encode
from heic_files import heic as heic
from heic_files import imir as imir
from heic_files import irot as irot

APPLE = {
    "apdi": "http://ns.apple.com/pixeldatainfo/1.0/",
    "depthData": "http://ns.apple.com/depthData/1.0/",
    "HDRGainMap": "http://ns.apple.com/HDRGainMap/1.0/",
}
GOOGLE = {
    "GDepth": "http://ns.google.com/photos/1.0/depthmap/",
    "GImage": "http://ns.google.com/photos/1.0/image/",
    "GPano": "http://ns.google.com/photos/1.0/panorama/",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
}
DEPTH = "urn:mpeg:hevc:2015:auxid:2"
GAIN = "urn:com:apple:photo:2020:aux:hdrgainmap"
MATTE = "urn:com:apple:photo:2018:aux:portraiteffectsmatte"


def slope(height: int = 24, width: int = 32) -> NDArray[np.uint8]:
    """uint8 (h, w), from 20 to 230: smooth and unlike itself turned or mirrored."""
    y, x = np.mgrid[:height, :width]
    return np.round(20 + 150 * x / (width - 1) + 60 * y / (height - 1)).astype(np.uint8)


def photo(height: int = 96, width: int = 128) -> NDArray[np.uint8]:
    return fixtures.scene(height, width)


# --- XMP -------------------------------------------------------------------------------


def packet(spaces: dict[str, str], attributes: str = "", children: str = "") -> bytes:
    names = " ".join(f'xmlns:{key}="{value}"' for key, value in spaces.items())
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {names} {attributes}>{children}</rdf:Description>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


def standard(content: bytes) -> bytes:
    return b"http://ns.adobe.com/xap/1.0/\0" + content


def extended(content: bytes, guid: str | None = None, size: int = 500) -> list[bytes]:
    """The payloads of the segments over which an extension is spread."""
    guid = guid or hashlib.md5(content).hexdigest().upper()
    return [
        b"http://ns.adobe.com/xmp/extension/\0"
        + guid.encode()
        + struct.pack(">II", len(content), start)
        + content[start : start + size]
        for start in range(0, len(content), size)
    ]


def inserted(jpeg: bytes, payloads: list[bytes], marker: int = 0xE1) -> bytes:
    """The JPEG with more segments, behind those that Pillow writes first."""
    place = 2
    while jpeg[place + 1] in (0xE0, 0xE1):
        place += 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
    new = [
        bytes((0xFF, marker)) + struct.pack(">H", len(payload) + 2) + payload
        for payload in payloads
    ]
    return jpeg[:place] + b"".join(new) + jpeg[place:]


def jpeg(upright: NDArray[Any], orientation: int = 1, focal: int | None = None) -> bytes:
    """A photo as a camera held in this way stores it."""
    from PIL import Image

    tags = Image.Exif()
    tags[fixtures.ORIENTATION] = orientation
    if focal is not None:
        tags[0x8769] = {0xA405: focal}
    pixels = fixtures.stored(upright, orientation)
    return encode(np.ascontiguousarray(pixels), "JPEG", quality=95, exif=tags.tobytes())


# --- Apple's JPEG ------------------------------------------------------------------------


def numbers(name: str, values: Any) -> str:
    rows = "".join(f"<rdf:li>{value}</rdf:li>" for value in values)
    return f"<{name}><rdf:Seq>{rows}</rdf:Seq></{name}>"


def apple_xmp(
    kind: str = "disparity",
    low: float | None = 0.5,
    high: float | None = 2.5,
    intrinsics: tuple[float, float, float, float] | None = None,
    reference: tuple[int, int] = (96, 128),
    subtype: str | None = None,
) -> bytes:
    """What stands in the XMP of an auxiliary picture; `reference` is (height, width)."""
    children = f"<apdi:AuxiliaryImageType>{kind}</apdi:AuxiliaryImageType>"
    children += "<apdi:IntMinValue>0</apdi:IntMinValue><apdi:IntMaxValue>255</apdi:IntMaxValue>"
    if subtype:
        children += f"<apdi:AuxiliaryImageSubType>{subtype}</apdi:AuxiliaryImageSubType>"
    if low is not None:
        children += f"<apdi:FloatMinValue>{low}</apdi:FloatMinValue>"
    if high is not None:
        children += f"<apdi:FloatMaxValue>{high}</apdi:FloatMaxValue>"
    if intrinsics:
        fx, fy, cx, cy = intrinsics
        children += numbers("depthData:IntrinsicMatrix", (fx, 0.0, 0.0, 0.0, fy, 0.0, cx, cy, 1))
        for name, value in zip(("Height", "Width"), reference, strict=True):
            tag = f"depthData:IntrinsicMatrixReference{name}"
            children += f"<{tag}>{value}</{tag}>"
    return packet(APPLE, children=children)


def auxiliary(plane: NDArray[Any], about: bytes | None) -> bytes:
    content = encode(np.ascontiguousarray(plane), "JPEG", quality=97)
    return inserted(content, [standard(about)]) if about else content


def multi(first: bytes, others: list[bytes], kind: int = 0, astray: int = 0) -> bytes:
    """A multi-picture file; `astray` moves what the list says about where the others lie."""
    count = 1 + len(others)

    def index(offsets: list[int]) -> bytes:
        entries = struct.pack(">IIIHH", 0x030000, len(whole), 0, 0, 0)
        for content, offset in zip(others, offsets, strict=True):
            entries += struct.pack(">IIIHH", kind, len(content), offset, 0, 0)
        rows = struct.pack(">HHI4s", 0xB000, 7, 4, b"0100")
        rows += struct.pack(">HHII", 0xB001, 4, 1, count)
        rows += struct.pack(">HHII", 0xB002, 7, len(entries), 50)
        return b"MPF\0MM\0*" + struct.pack(">IH", 8, 3) + rows + struct.pack(">I", 0) + entries

    whole = b""
    whole = inserted(first, [index([0] * len(others))], 0xE2)
    base = whole.index(b"MPF\0") + 4
    offsets, place = [], len(whole)
    for content in others:
        offsets.append(place - base + astray)
        place += len(content)
    return inserted(first, [index(offsets)], 0xE2) + b"".join(others)


# --- Google ------------------------------------------------------------------------------


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def gdepth(
    first: bytes,
    data: bytes,
    properties: str = 'GDepth:Format="RangeInverse" GDepth:Near="1" GDepth:Far="8"',
    more: str = "",
    guid: str | None = None,
    drop: int | None = None,
    backwards: bool = False,
) -> bytes:
    """GDepth with its data in an extension; with `drop` one of the pieces is missing."""
    inside = f'GDepth:Data="{text(data)}" {more}'
    return with_extension(first, inside, properties, guid, drop, backwards)


def with_extension(
    first: bytes,
    inside: str,
    properties: str,
    guid: str | None = None,
    drop: int | None = None,
    backwards: bool = False,
) -> bytes:
    """A JPEG whose XMP has `properties`, and an extension with the properties `inside`."""
    extension = packet(GOOGLE, inside)
    name = hashlib.md5(extension).hexdigest().upper()
    pieces = extended(extension, guid or name)
    if drop is not None:
        del pieces[drop]
    main = packet(GOOGLE, f'{properties} xmpNote:HasExtendedXMP="{name}"')
    return inserted(first, [standard(main), *(pieces[::-1] if backwards else pieces)])


def dynamic(
    first: bytes,
    depth: bytes,
    confidence: bytes | None = None,
    about: str = 'DepthMap:Format="RangeLinear" DepthMap:Units="Meters" '
    'DepthMap:Near="0.5" DepthMap:Far="4.5"',
    by_uri: bool = True,
    padding: int = 0,
    trailing: bytes = b"",
    model: str = "",
    length: int | None = None,
) -> bytes:
    """Dynamic Depth: items appended to the JPEG and listed in its XMP."""
    base = "http://ns.google.com/photos/dd/1.0/"
    spaces = {name: f"{base}{name.lower()}/" for name in ("Device", "Camera", "DepthMap")}
    spaces |= {name: f"{base}{name.lower()}/" for name in ("Container", "Item", "ImagingModel")}

    def item(semantic: str, uri: str, size: int) -> str:
        name = f'Item:DataURI="{uri}"' if by_uri else f'Item:Semantic="{semantic}"'
        return (
            f'<rdf:li><Container:Item Item:Mime="image/jpeg" {name} Item:Length="{size}" '
            f'Item:Padding="{padding}"/></rdf:li>'
        )

    listed = item("Primary", "primary_image", 0).replace(f'Padding="{padding}"', 'Padding="0"')
    listed += item("Depth", "android/depthmap", len(depth) if length is None else length)
    files = depth + bytes(padding)
    uris = 'DepthMap:DepthURI="android/depthmap" ' if by_uri else ""
    if confidence is not None:
        listed += item("Confidence", "android/confidencemap", len(confidence))
        files += confidence + bytes(padding)
        uris += 'DepthMap:ConfidenceURI="android/confidencemap"' if by_uri else ""
    children = (
        "<Device:Container><Container:Directory><rdf:Seq>"
        f"{listed}</rdf:Seq></Container:Directory></Device:Container>"
        "<Device:Cameras><rdf:Seq><rdf:li><Device:Camera>"
        f"<Camera:DepthMap {about} {uris}/>{model}"
        "</Device:Camera></rdf:li></rdf:Seq></Device:Cameras>"
    )
    whole = inserted(first, [standard(packet(spaces, children=children))])
    return whole + files + trailing


# --- whole photos, and what is asked of them -----------------------------------------------

LOW, HIGH = 0.5, 2.5


def near_to(one: NDArray[Any], other: NDArray[Any], most: float) -> bool:
    """Equal shapes and close almost everywhere: JPEG may err in a few pixels."""
    assert one.shape == other.shape
    return bool(np.percentile(np.abs(one.astype(float) - other), 99) <= most)


def apple_jpeg(orientation: int = 1, focal: int | None = None, **about: Any) -> bytes:
    """An iPhone's portrait: disparity, matte and gain map beside an upright 128 x 96 photo."""
    plane = fixtures.stored(slope(), orientation)
    matte = fixtures.stored(slope(48, 64), orientation)
    return multi(
        jpeg(photo(), orientation, focal),
        [
            auxiliary(plane, apple_xmp(GAIN, None, None)),
            auxiliary(plane, apple_xmp(low=LOW, high=HIGH, **about)),
            auxiliary(matte, apple_xmp("depth", None, None, subtype="portraiteffectsmatte")),
        ],
    )


def meters(levels: NDArray[np.uint8], low: float = LOW, high: float = HIGH) -> NDArray[Any]:
    """What Apple's disparity levels stand for."""
    return np.asarray(1 / (low + levels / 255 * (high - low)))


def stored(found: Photo) -> RawDepth:
    assert found.evidence.embedded_depth is not None
    return found.evidence.embedded_depth


def nothing(content: bytes) -> bool:
    """The photo is read, and nothing comes with it."""
    found = read(content)
    assert found.rgb.std() > 10
    return found.evidence.embedded_depth is None and found.evidence.second_view is None


def pair(height: int = 96, width: int = 128) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A left and a right view: what the right one shows lies 6 pixels to the left."""
    noise = np.random.default_rng(5).integers(0, 256, (12, 18, 3)).astype(np.uint8)
    wide = cv2.resize(noise, (width + 6, height), interpolation=cv2.INTER_CUBIC)
    return wide[:, :width].copy(), wide[:, 6:].copy()
