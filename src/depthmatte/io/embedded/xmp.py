"""XMP, the XML inside photos, and its extension over several JPEG segments (Adobe XMP part 3)."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from .corrupt import CorruptFileError

XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
XMP_EXTENSION_HEADER = b"http://ns.adobe.com/xmp/extension/\0"
"""How the two kinds of APP1 segment begin."""

NS_XMP_NOTE = "http://ns.adobe.com/xmp/note/"
NS_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

_OPEN, _CLOSE = b"<x:xmpmeta", b"</x:xmpmeta>"
_MAX_XMP_PARTS = 100_000
"""Elements and attributes that all packets of a picture may have: phones write some hundred."""

_HEAD = len(XMP_EXTENSION_HEADER) + 40
"""An extension segment's own head: 32 of identity, 4 of full length, 4 of offset."""


@dataclass(frozen=True)
class Xmp:
    """One or more packets that describe one picture; RDF's forms of writing are all the same."""

    roots: tuple[ElementTree.Element, ...] = ()

    def text(self, space: str, name: str) -> str | None:
        """A property's value, an attribute or an element's text; None where there is none."""
        wanted = f"{{{space}}}{name}"
        for root in self.roots:
            for element in root.iter():
                found = element.get(wanted)
                if found is None and element.tag == wanted:
                    found = element.text
                if found is not None and found.strip():
                    return found.strip()
        return None

    def number(self, space: str, name: str) -> float | None:
        """A property as a number (infinity included); None where it is absent or no number."""
        return parse_xmp_number(self.text(space, name))

    def numbers(self, space: str, name: str) -> tuple[float, ...]:
        """The items of a list property that are numbers."""
        values = (
            parse_xmp_number(item.text)
            for root in self.roots
            for array in root.iter(f"{{{space}}}{name}")
            for item in array.iter(f"{{{NS_RDF}}}li")
        )
        return tuple(value for value in values if value is not None)

    def structures(self, name: str) -> Iterator[Mapping[str, str]]:
        """Every structure called `name` in any namespace, its fields by their local names."""
        for root in self.roots:
            for element in root.iter():
                if _local(element.tag) == name:
                    yield _fields(element)

    def uses_namespace(self, space: str) -> bool:
        """True where any property of this namespace is used."""
        start = f"{{{space}}}"
        return any(
            element.tag.startswith(start) or any(key.startswith(start) for key in element.attrib)
            for root in self.roots
            for element in root.iter()
        )

    def parts(self) -> int:
        """Elements and attributes, and one more for each packet."""
        return sum(1 + len(element.attrib) for root in self.roots for element in root.iter())

    def __add__(self, other: Xmp) -> Xmp:
        return Xmp(self.roots + other.roots)


def parse_xmp_number(text: str | None) -> float | None:
    """Text as a number, None where it is none (NaN included)."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return None if value != value else value


def parse_xmp(packet: bytes, max_parts: int = _MAX_XMP_PARTS) -> Xmp:
    """One packet in UTF-8, or in UTF-16 or UTF-32 with a byte order mark.

    Raises Damaged for what is not XML, has more than `most` elements and attributes, or brings
    a document type along, in whatever encoding: its entities unfold without end.
    """
    text = _decoded(packet).strip("\0 \t\r\n\ufeff")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise CorruptFileError("XMP has no document type")
    if _parts(text) > max_parts:
        raise CorruptFileError("XMP with too many elements")
    # What the packet's own declaration says of its encoding no longer counts.
    parser = ElementTree.XMLParser(encoding="utf-8")
    try:
        return Xmp((ElementTree.fromstring(text.encode(), parser),))
    except (ElementTree.ParseError, ValueError) as error:
        raise CorruptFileError("XMP is not XML") from error


def _parts(text: str) -> int:
    """Elements (their ends too) and attributes, at most."""
    return text.count("<") + text.count("=")


def _decoded(packet: bytes) -> str:
    marks = {
        codecs.BOM_UTF32_LE: "utf-32",
        codecs.BOM_UTF32_BE: "utf-32",
        codecs.BOM_UTF16_LE: "utf-16",
        codecs.BOM_UTF16_BE: "utf-16",
    }
    found = (name for mark, name in marks.items() if packet.startswith(mark))
    try:
        return packet.decode(next(found, "utf-8"))
    except UnicodeDecodeError as error:
        raise CorruptFileError("XMP of another encoding") from error


def find_xmp_packets(content: bytes) -> Xmp:
    """All packets that lie open in `content`, one after another."""
    found, left = Xmp(), _MAX_XMP_PARTS
    start = content.find(_OPEN)
    while start >= 0:
        stop = content.find(_CLOSE, start)
        if stop < 0:
            break
        found += parse_xmp(content[start : stop + len(_CLOSE)], left)
        left = _MAX_XMP_PARTS - found.parts()
        start = content.find(_OPEN, stop)
    return found


def xmp_from_jpeg(payloads: Iterable[bytes]) -> Xmp:
    """The XMP of a JPEG from the payloads of its APP1 segments; damaged packets are left out."""
    found, pieces = Xmp(), []
    for content in payloads:
        if content.startswith(XMP_HEADER):
            found += _parsed(content[len(XMP_HEADER) :], _MAX_XMP_PARTS - found.parts())
        elif content.startswith(XMP_EXTENSION_HEADER) and len(content) > _HEAD:
            pieces.append(content)
    guid = found.text(NS_XMP_NOTE, "HasExtendedXMP")
    if not guid or not pieces:
        return found
    return found + _parsed(_joined(pieces, guid), _MAX_XMP_PARTS - found.parts())


def _parsed(packet: bytes, most: int) -> Xmp:
    try:
        return parse_xmp(packet, most)
    except CorruptFileError:
        return Xmp()


def _joined(pieces: Iterable[bytes], guid: str) -> bytes:
    """The extension that `guid` names, empty where a piece is missing or does not fit."""
    start, whole = len(XMP_EXTENSION_HEADER), {}
    total = -1
    for piece in pieces:
        if piece[start : start + 32].lower() == guid.lower().encode():
            total = int.from_bytes(piece[start + 32 : start + 36], "big")
            whole[int.from_bytes(piece[start + 36 : _HEAD], "big")] = piece[_HEAD:]
    joined = bytearray()
    for offset in sorted(whole):
        if offset != len(joined):
            return b""
        joined += whole[offset]
    return bytes(joined) if len(joined) == total else b""


def _fields(element: ElementTree.Element) -> dict[str, str]:
    """A structure's fields, those of the descriptions inside it too."""
    fields: dict[str, str] = {}
    inside = [element]
    while inside:
        one = inside.pop()
        fields |= {_local(key): value for key, value in one.attrib.items()}
        for child in one:
            if _local(child.tag) == "Description":
                inside.append(child)
            elif child.text and child.text.strip():
                fields[_local(child.tag)] = child.text.strip()
    return fields


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
