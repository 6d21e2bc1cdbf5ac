"""Read XMP, the XML inside photos, and its extension over several JPEG segments.

Source: Adobe, XMP Specification Part 3, "Storage in Files".
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from ..damage import CorruptFileError, log_skipped

XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
XMP_EXTENSION_HEADER = b"http://ns.adobe.com/xmp/extension/\0"
"""First bytes of the two kinds of APP1 segment."""

NS_XMP_NOTE = "http://ns.adobe.com/xmp/note/"
NS_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

_OPEN, _CLOSE = b"<x:xmpmeta", b"</x:xmpmeta>"
_MAX_XMP_PARTS = 100_000
"""Limit of elements and attributes of all packets of a picture: phones write some hundred."""

_HEAD_BYTES = len(XMP_EXTENSION_HEADER) + 40
"""Head of an extension segment: then 32 bytes of GUID, 4 of full length, 4 of offset."""


@dataclass(frozen=True)
class Xmp:
    """One or more XMP packets that describe one picture.

    Properties are found in every form in which RDF may write them.

    Attributes
    ----------
    roots : tuple of Element
        The root of each packet.
    """

    roots: tuple[ElementTree.Element, ...] = ()

    def text(self, space: str, name: str) -> str | None:
        """Find the value of a property: an attribute or the text of an element.

        Parameters
        ----------
        space : str
            The namespace.
        name : str
            The name in it.

        Returns
        -------
        str or None
            The first value that is not blank.
        """
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
        """Find a property as a number, infinity included; None where it is absent or no number."""
        return parse_xmp_number(self.text(space, name))

    def numbers(self, space: str, name: str) -> tuple[float, ...]:
        """Find the items of a list property; items that are no numbers are left out."""
        values = (
            parse_xmp_number(item.text)
            for root in self.roots
            for array in root.iter(f"{{{space}}}{name}")
            for item in array.iter(f"{{{NS_RDF}}}li")
        )
        return tuple(value for value in values if value is not None)

    def structures(self, name: str) -> Iterator[Mapping[str, str]]:
        """Find every structure with a name in any namespace.

        Parameters
        ----------
        name : str
            The local name.

        Yields
        ------
        dict
            The fields of a structure by their local names.
        """
        for root in self.roots:
            for element in root.iter():
                if _local(element.tag) == name:
                    yield _fields(element)

    def uses_namespace(self, space: str) -> bool:
        """Return whether any property of a namespace is used."""
        start = f"{{{space}}}"
        return any(
            element.tag.startswith(start) or any(key.startswith(start) for key in element.attrib)
            for root in self.roots
            for element in root.iter()
        )

    def parts(self) -> int:
        """Count elements and attributes."""
        return sum(1 + len(element.attrib) for root in self.roots for element in root.iter())

    def __add__(self, other: Xmp) -> Xmp:
        return Xmp(self.roots + other.roots)


def parse_xmp_number(text: str | None) -> float | None:
    """Parse a number; None for NaN and for text that is no number."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return None if value != value else value


def parse_xmp(packet: bytes, max_parts: int = _MAX_XMP_PARTS) -> Xmp:
    """Parse one packet.

    Parameters
    ----------
    packet : bytes
        XML in UTF-8, or in UTF-16 or UTF-32 with a byte order mark.
    max_parts : int
        Limit of elements and attributes.

    Returns
    -------
    Xmp

    Raises
    ------
    CorruptFileError
        For other content, too many elements, or a document type, whose entities may expand
        without limit.
    """
    text = _decode_text(packet).strip("\0 \t\r\n\ufeff")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise CorruptFileError("XMP with a document type")
    if _count_parts(text) > max_parts:
        raise CorruptFileError("XMP with too many elements")
    # The text is decoded already, so the packet's own encoding declaration is overridden.
    parser = ElementTree.XMLParser(encoding="utf-8")
    try:
        return Xmp((ElementTree.fromstring(text.encode(), parser),))
    except (ElementTree.ParseError, ValueError) as error:
        raise CorruptFileError("XMP is not XML") from error


def _count_parts(text: str) -> int:
    """An upper limit of elements and attributes."""
    return text.count("<") + text.count("=")


def _decode_text(packet: bytes) -> str:
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
        raise CorruptFileError("XMP in another encoding") from error


def find_xmp_packets(content: bytes) -> Xmp:
    """Find all uncompressed packets in a file.

    Parameters
    ----------
    content : bytes
        Any bytes.

    Returns
    -------
    Xmp

    Raises
    ------
    CorruptFileError
        For a damaged packet.
    """
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
    """Read the XMP of a JPEG, its extension included.

    Parameters
    ----------
    payloads : iterable of bytes
        Payloads of the APP1 segments.

    Returns
    -------
    Xmp
        Without damaged packets.
    """
    found, pieces = Xmp(), []
    for content in payloads:
        if content.startswith(XMP_HEADER):
            found += _parse_or_skip(content[len(XMP_HEADER) :], _MAX_XMP_PARTS - found.parts())
        elif content.startswith(XMP_EXTENSION_HEADER) and len(content) > _HEAD_BYTES:
            pieces.append(content)
    guid = found.text(NS_XMP_NOTE, "HasExtendedXMP")
    if not guid or not pieces:
        return found
    return found + _parse_or_skip(_join_extension(pieces, guid), _MAX_XMP_PARTS - found.parts())


def _parse_or_skip(packet: bytes, max_parts: int) -> Xmp:
    """Parse a packet; a damaged one is logged and left out."""
    try:
        return parse_xmp(packet, max_parts)
    except CorruptFileError as error:
        log_skipped("XMP packet", error)
        return Xmp()


def _join_extension(pieces: Iterable[bytes], guid: str) -> bytes:
    """Join the extension that `guid` names; empty where a piece is missing or does not fit."""
    start, by_offset = len(XMP_EXTENSION_HEADER), {}
    total = -1
    for piece in pieces:
        if piece[start : start + 32].lower() == guid.lower().encode():
            total = int.from_bytes(piece[start + 32 : start + 36], "big")
            offset = int.from_bytes(piece[start + 36 : _HEAD_BYTES], "big")
            by_offset[offset] = piece[_HEAD_BYTES:]
    joined = bytearray()
    for offset in sorted(by_offset):
        if offset != len(joined):
            return b""
        joined += by_offset[offset]
    return bytes(joined) if len(joined) == total else b""


def _fields(element: ElementTree.Element) -> dict[str, str]:
    """The fields of a structure, those of nested descriptions included."""
    fields: dict[str, str] = {}
    waiting = [element]
    while waiting:
        current = waiting.pop()
        fields |= {_local(key): value for key, value in current.attrib.items()}
        for child in current:
            if _local(child.tag) == "Description":
                waiting.append(child)
            elif child.text and child.text.strip():
                fields[_local(child.tag)] = child.text.strip()
    return fields


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
