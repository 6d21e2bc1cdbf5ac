"""Read JSON and XML label files from untrusted sources: bounded, and without XML entities."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.parsers import expat

from ....errors import InputError
from ....system.printable_text import describe_os_error, label, short

_MAX_FILE_BYTES = 2**29
"""Limit of the size of a label file: the largest of COCO's own has 470 MB."""

_MAX_NESTING = 32
"""Limit of nested XML elements; CVAT uses six."""


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Parameters
    ----------
    path : Path
        The file, of 512 MiB at most.

    Returns
    -------
    object

    Raises
    ------
    InputError
        For what cannot be read, is too large, or is no JSON.
    """
    content = _read_bytes(path)
    try:
        return json.loads(content)
    except RecursionError as error:
        raise InputError(f"{label(path)}: is nested too deeply; export it again") from error
    except ValueError as error:
        raise InputError(
            f"{label(path)}: is not valid JSON ({short(error)}); export it again"
        ) from error


def read_xml(
    path: Path,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str, str], None],
) -> None:
    """Read an XML file element by element.

    Parameters
    ----------
    path : Path
        The file, of 512 MiB at most.
    start : callable
        Is called with the name and the attributes of each element.
    end : callable
        Is called with the name and the text of each element.

    Raises
    ------
    InputError
        For what cannot be read, is too large, declares a document type or entities, or is no XML.
    """
    parser = expat.ParserCreate()
    texts: list[list[str]] = []
    name = label(path)

    def refuse(*_: Any) -> None:
        raise InputError(f"{name}: declares XML entities, which are refused; export it again")

    def open_element(tag: str, attributes: dict[str, str]) -> None:
        if len(texts) >= _MAX_NESTING:
            raise InputError(f"{name}: is nested too deeply; export it again")
        texts.append([])
        start(tag, attributes)

    def add_text(text: str) -> None:
        if texts:
            texts[-1].append(text)

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = open_element
    parser.EndElementHandler = lambda tag: end(tag, "".join(texts.pop()).strip())
    parser.CharacterDataHandler = add_text
    try:
        parser.Parse(_read_bytes(path), True)
    except (expat.ExpatError, ValueError) as error:
        raise InputError(f"{name}: is not valid XML ({short(error)}); export it again") from error


def _read_bytes(path: Path) -> bytes:
    name = label(path)
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe could block forever
            raise InputError(f"{name}: is not a file; give a label file")
        if found.st_size > _MAX_FILE_BYTES:
            raise InputError(
                f"{name}: is larger than {_MAX_FILE_BYTES >> 20} MiB; split it into several files"
            )
        content = path.read_bytes()
        if content.startswith(b"PK"):
            raise InputError(f"{name}: is a ZIP file; unpack it and give the label file in it")
        return content
    except OSError as error:
        raise InputError(
            f"{name}: cannot be read ({describe_os_error(error)}); check the path"
        ) from error
    except ValueError as error:
        raise InputError(f"{name}: is not a path; check it") from error


def as_mapping(value: object) -> Mapping[str, Any]:
    """Return a JSON object; an empty one for other values."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return a JSON array; an empty one for other values."""
    return value if isinstance(value, list) else []


def read_size(height: object, width: object) -> tuple[Any, Any] | None:
    """Return (height, width) where a file gives both; texts of digits become numbers."""
    if height is None or width is None:
        return None
    sizes = [int(one) if isinstance(one, str) and one.isdecimal() and len(one) < 10 else one
             for one in (height, width)]  # fmt: skip
    return sizes[0], sizes[1]
