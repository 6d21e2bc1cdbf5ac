"""Parse small JSON, YAML and XML files into dictionaries, lists, texts and numbers.

Files may come from untrusted sources, so everything is limited: 1 MiB, 32 levels, 100,000
values, no aliases, no entities, no Python objects. YAML and XML give texts only;
`rig_checks.parse_numbers` converts them to numbers.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.parsers import expat

from ...errors import InputError
from ...system.printable_text import Place, describe_os_error, label

_MAX_FILE_BYTES = 2**20
"""Limit of the file size: calibrations are small."""

_MAX_NESTING = 32
"""Limit of nested levels; known formats use five."""

_MAX_VALUES = 100_000
"""Limit of values, keys included."""


class MarkupError(ValueError):
    """The text has another format, or exceeds a limit; the message is part of a sentence."""


def read_small_text(path: Place) -> str:
    """Read the text of a small file.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    str

    Raises
    ------
    InputError
        For what cannot be read, is no regular file, is too large, or is not UTF-8 text.
    """
    name = label(path)
    try:
        found = Path(path).stat()
        if stat.S_ISDIR(found.st_mode):
            raise InputError(f"{name}: is a folder; give a calibration file")
        if not stat.S_ISREG(found.st_mode):  # a pipe could block forever
            raise InputError(f"{name}: is not a file; give a calibration file")
        if found.st_size > _MAX_FILE_BYTES:
            raise InputError(f"{name}: is too large for a calibration; give another file")
        return Path(path).read_text("utf-8")
    except OSError as error:
        raise InputError(
            f"{name}: cannot be read ({describe_os_error(error)}); check the path"
        ) from error
    except ValueError as error:
        raise InputError(f"{name}: is not text; give a calibration file") from error


def parse_markup(content: str) -> Any:
    """Parse JSON, XML or YAML; the first character decides which.

    Parameters
    ----------
    content : str
        The text.

    Returns
    -------
    object
        Nested dictionaries, lists, texts and (JSON only) numbers.

    Raises
    ------
    MarkupError
        For other text, and for text that exceeds the limits of this module.
    """
    if len(content) > _MAX_FILE_BYTES:
        raise MarkupError("is too large")
    if content.startswith(("{", "[")):
        return _json(content)
    return _xml(content) if content.startswith("<") else _yaml(content)


def _json(content: str) -> Any:
    try:
        found = json.loads(content)
    except RecursionError as error:
        raise MarkupError("is nested too deeply") from error
    except ValueError as error:
        raise MarkupError(f"is not valid JSON ({error})") from error
    waiting, level, count = [found], 0, 0
    while waiting:
        level, count = level + 1, count + len(waiting)
        if level > _MAX_NESTING or count > _MAX_VALUES:
            raise MarkupError("is nested too deeply" if level > _MAX_NESTING else "holds too much")
        inside: list[Any] = []
        for value in waiting:
            if isinstance(value, dict):
                inside.extend(value.values())
            elif isinstance(value, list):
                inside.extend(value)
        waiting = inside
    return found


class _Tree:
    """Builds nested values from events, without recursion."""

    def __init__(self) -> None:
        self.root: Any = None
        self._open: list[Any] = []
        self._keys: list[str | None] = []
        self._count = 0

    def start(self, value: dict[str, Any] | list[Any]) -> None:
        self.add(value)
        self._open.append(value)
        self._keys.append(None)
        if len(self._open) > _MAX_NESTING:
            raise MarkupError("is nested too deeply")

    def end(self) -> None:
        self._open.pop()
        self._keys.pop()

    def add(self, value: Any) -> None:
        self._count += 1
        if self._count > _MAX_VALUES:
            raise MarkupError("holds too much")
        if not self._open:
            self.root = value
        elif isinstance(self._open[-1], list):
            self._open[-1].append(value)
        elif self._keys[-1] is not None:
            self._open[-1][self._keys[-1]] = value
            self._keys[-1] = None
        elif isinstance(value, str):
            self._keys[-1] = value
        else:
            raise MarkupError("has a key that is no text")


def _yaml(content: str) -> Any:
    import yaml  # here, not above: YAML is rarely needed

    if content.startswith("%YAML"):  # OpenCV's first line is not valid YAML
        content = content.partition("\n")[2]
    tree = _Tree()
    # OpenCV's tags (!!opencv-matrix) are ignored: the entries hold everything.
    try:
        for event in yaml.parse(content, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.MappingStartEvent):
                tree.start({})
            elif isinstance(event, yaml.SequenceStartEvent):
                tree.start([])
            elif isinstance(event, yaml.ScalarEvent):
                tree.add(event.value)
            elif isinstance(event, yaml.CollectionEndEvent):
                tree.end()
            elif isinstance(event, yaml.AliasEvent):
                raise MarkupError("has an alias (*), which is not supported")
            elif isinstance(event, yaml.DocumentEndEvent):
                break  # `rostopic echo` writes several messages
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, MarkupError):
            raise
        raise MarkupError("is not valid YAML") from error
    return tree.root


def _xml(content: str) -> Any:
    """Elements as OpenCV writes them: nested ones are mappings, or lists if all are named `_`."""
    reader = expat.ParserCreate()
    names: list[str] = []
    elements: list[tuple[list[tuple[str, Any]], list[str]]] = [([], [])]
    count = 0

    def refuse(*_: Any) -> None:
        raise MarkupError("declares entities, which are not supported")

    def start(name: str, _: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(names) >= _MAX_NESTING or count > _MAX_VALUES:
            raise MarkupError("is nested too deeply" if count <= _MAX_VALUES else "holds too much")
        names.append(name)
        elements.append(([], []))

    def end(_: str) -> None:
        inside, words = elements.pop()
        value: Any = "".join(words).strip()
        if inside:
            listed = all(name == "_" for name, _ in inside)
            value = [each for _, each in inside] if listed else dict(inside)
        elements[-1][0].append((names.pop(), value))

    handlers: dict[str, Callable[..., None]] = {
        "StartDoctypeDeclHandler": refuse,
        "EntityDeclHandler": refuse,
        "StartElementHandler": start,
        "EndElementHandler": end,
        "CharacterDataHandler": lambda words: elements[-1][1].append(words),
    }
    for name, handler in handlers.items():
        setattr(reader, name, handler)
    try:
        reader.Parse(content.encode("utf-8"), True)
    except (expat.ExpatError, UnicodeError) as error:
        raise MarkupError("is not valid XML") from error
    return elements[0][0][0][1]
