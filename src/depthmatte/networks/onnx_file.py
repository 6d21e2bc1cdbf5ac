"""Read an ONNX file without running it: its metadata, and whether an untrusted file is safe.

ONNX Runtime expands constants and functions while it loads a file, so that a file of one
kilobyte can exhaust the memory. This module finds such files from the graph alone. Field
numbers are those of onnx.proto3, and the wire format is that of protobuf.
"""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import WeightsError
from ..system.printable_text import describe_os_error

MAX_FILE_BYTES = 2**31 - 1
"""Largest file size: the limit of protobuf."""

_MAX_FIELDS = 2_000_000
"""Largest number of fields that are read. The largest networks have some hundred thousand."""

_MAX_NODES = 50_000
"""Largest number of nodes of a graph after its functions are expanded."""

_MAX_CONCAT_VALUES = 1 << 24
"""Largest number of values of concatenated constants that may be folded."""

_KEEPS_SIZE = frozenset(
    {"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
)
"""Operations whose result is not larger than their input, so that folding is safe."""

_MULTIPLY = frozenset({"Add", "Div", "Gather", "Mul", "Slice", "Sub"})
"""Operations whose result has at most as many values as the product of their inputs. They
compute shapes and may be folded up to `_MAX_SHAPE_VALUES`."""

_MAX_SHAPE_VALUES = 1 << 20

_MAX_RANK = 16
"""Largest number of dimensions of a usual shape."""

_Buffer = memoryview
_Value = int | memoryview


def open_buffer(source: Path | bytes) -> _Buffer:
    """Map a file into memory; its bytes are read when they are used.

    Raises
    ------
    WeightsError
        When the file cannot be read or is too large. The message does not name the file.
    """
    if isinstance(source, bytes):
        return memoryview(source)
    try:
        with source.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_FILE_BYTES:
                raise WeightsError("is larger than 2 GB")
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b"")
    except OSError as error:
        raise WeightsError(f"cannot be read, {describe_os_error(error)}") from None


def read_metadata(content: _Buffer) -> dict[str, str]:
    """Return the metadata of a file by key.

    Raises
    ------
    WeightsError
        When this is not an ONNX file. The message does not name the file.
    """
    found: dict[str, str] = {}
    graph = False
    for number, value in _fields(content, _Budget(_MAX_FIELDS)):
        graph = graph or number == 7
        if number == 14:
            parts = {n: _text(v) for n, v in _fields(_as_buffer(value), _Budget(8))}
            key = parts.get(1, "")
            if key in found:
                raise WeightsError(f"has metadata {key[:40]!r} twice")
            found[key] = parts.get(2, "")
    if not graph:
        raise WeightsError("holds no graph")
    return found


def can_fold_constants(content: _Buffer) -> bool:
    """Return whether folding the constants of an untrusted file cannot exhaust the memory.

    Raises
    ------
    WeightsError
        When the file must not be loaded at all: its weights stand in other files or are sparse,
        or its functions expand without limit. The message does not name the file.
    """
    reader = _Reader(_Budget(_MAX_FIELDS))
    for number, value in _fields(content, reader.budget):
        if number == 25:
            reader.function(_as_buffer(value))
    for number, value in _fields(content, reader.budget):
        if number == 7:
            reader.graph(_as_buffer(value))
    if reader.count_expanded_nodes() > _MAX_NODES:
        raise WeightsError(f"expands to more than {_MAX_NODES} nodes")
    return reader.foldable


class _Budget:
    """Count down the number of fields that may still be read."""

    def __init__(self, limit: int) -> None:
        self._left = limit

    def spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise WeightsError("has too many parts")


class _Reader:
    """Walk graphs and functions, and collect sizes of constants and calls of functions."""

    def __init__(self, budget: _Budget) -> None:
        self.budget = budget
        self.foldable = True
        self._sizes: dict[str, int] = {}  # constant -> number of values
        self._known: set[str] = {""}
        self._calls: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self._main: list[tuple[str, str]] = []

    def function(self, content: _Buffer) -> None:
        """Read a local function and collect its calls."""
        self.foldable = False
        names: dict[int, str] = {1: "", 10: ""}
        calls: list[tuple[str, str]] = []
        for number, value in _fields(content, self.budget):
            if number in names:
                names[number] = _text(value)
            elif number == 7:
                calls += self._node(_as_buffer(value))
        self._calls.setdefault((names[10], names[1]), []).extend(calls)

    def graph(self, content: _Buffer) -> None:
        """Read the main graph, whose parts may stand in any order."""
        self._main += self._graph(content)

    def count_expanded_nodes(self) -> int:
        """Count the nodes of the main graph after every call is replaced by its function."""
        counts: dict[tuple[str, str], int] = {}
        stack, active = [(call, False) for call in self._calls], set[tuple[str, str]]()
        while stack:
            name, ready = stack.pop()
            if ready:
                active.discard(name)
                counts[name] = sum(counts.get(call, 1) for call in self._calls[name])
            elif name not in counts:
                if name in active:
                    raise WeightsError("has a function that calls itself")
                active.add(name)
                stack.append((name, True))
                inner = [call for call in set(self._calls[name]) if call in self._calls]
                if active.intersection(inner):
                    raise WeightsError("has a function that calls itself")
                stack += [(call, False) for call in inner if call not in counts]
        return sum(counts.get(call, 1) for call in self._main)

    def _graph(self, content: _Buffer) -> list[tuple[str, str]]:
        for number, value in _fields(content, self.budget):
            if number == 5:
                name, size = self._tensor(_as_buffer(value))
                self._sizes[name] = size
                self._known.add(name)
            elif number == 11:
                first = next((v for n, v in _fields(_as_buffer(value), self.budget) if n == 1), b"")
                self._known.add(_text(_as_buffer(first)) if first else "")
            elif number == 15:
                raise WeightsError("has sparse weights; save it with dense ones")
        calls: list[tuple[str, str]] = []
        for number, value in _fields(content, self.budget):
            if number == 1:
                calls += self._node(_as_buffer(value))
        return calls

    def _node(self, content: _Buffer) -> list[tuple[str, str]]:
        """Return the calls of a node: its own operation, and those of graphs inside it."""
        inputs: list[str] = []
        outputs: list[str] = []
        kind = domain = ""
        calls: list[tuple[str, str]] = []
        constant = 1
        for number, value in _fields(content, self.budget):
            if number == 1:
                inputs.append(_text(value))
            elif number == 2:
                outputs.append(_text(value))
            elif number == 4:
                kind = _text(value)
            elif number == 7:
                domain = _text(value)
            elif number == 5:
                inner, size = self._attribute(_as_buffer(value))
                calls += inner
                constant = max(constant, size)
        self._constants(kind, inputs, outputs, constant)
        return [*calls, (domain, kind)]

    def _constants(self, kind: str, inputs: list[str], outputs: list[str], constant: int) -> None:
        """Track the sizes of constants; `constant` is that of the node's own tensor."""
        if not self._known.issuperset(inputs):
            self.foldable = False  # nodes out of order cannot be tracked
        self._known.update(outputs)
        named = [name for name in inputs if name]
        size = None
        if kind == "Constant":
            size = constant
        elif kind in ("Shape", "Size"):
            size = _MAX_RANK
        elif all(name in self._sizes for name in named):
            size = self._computed(kind, [self._sizes[name] for name in named])
        if size is not None:
            self._sizes.update(dict.fromkeys(outputs, size))

    def _computed(self, kind: str, sizes: list[int]) -> int:
        """Return the largest result size of an operation on constants of these sizes."""
        if kind == "Concat":
            self.foldable = self.foldable and sum(sizes) <= _MAX_CONCAT_VALUES
            return sum(sizes)
        if kind == "DequantizeLinear":  # one scale for each channel
            self.foldable = self.foldable and max(sizes[1:], default=0) <= sizes[0]
        elif kind in _KEEPS_SIZE:
            self.foldable = self.foldable and max(sizes[1:], default=0) <= _MAX_RANK
        elif kind not in _MULTIPLY or math.prod(sizes) > _MAX_SHAPE_VALUES:
            self.foldable = False
        else:
            return math.prod(sizes)
        return max(sizes, default=0)

    def _attribute(self, content: _Buffer) -> tuple[list[tuple[str, str]], int]:
        """Return the calls of graphs in an attribute, and the size of its tensor."""
        calls: list[tuple[str, str]] = []
        size = 1
        for number, value in _fields(content, self.budget):
            if number in (6, 11):
                calls += self._graph(_as_buffer(value))
            elif number in (5, 10):
                size = self._tensor(_as_buffer(value))[1]
            elif number in (22, 23):
                raise WeightsError("has sparse weights; save it with dense ones")
            elif number in (7, 8, 9) and isinstance(value, memoryview):
                size = max(size, len(value))
        return calls, size

    def _tensor(self, content: _Buffer) -> tuple[str, int]:
        """Return the name of a tensor and its number of values."""
        name, dimensions = "", [1]
        for number, value in _fields(content, self.budget):
            if number == 8:
                name = _text(value)
            elif number == 13 or (number == 14 and value == 1):
                raise WeightsError("keeps its weights in another file; save it as one file")
            elif number == 1:
                dimensions += [value] if isinstance(value, int) else _varints(value)
        return name, math.prod(dimensions)


def _fields(content: _Buffer, budget: _Budget) -> Iterator[tuple[int, _Value]]:
    """Yield the fields of a message as (number, value); WeightsError when it is malformed."""
    place, end = 0, len(content)
    while place < end:
        budget.spend()
        tag, place = _varint(content, place)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, place = _varint(content, place)
            yield number, value
            continue
        if kind == 2:
            size, place = _varint(content, place)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise WeightsError("is no ONNX file")
        if size > end - place or not number:
            raise WeightsError("is cut short or no ONNX file")
        yield number, content[place : place + size]
        place += size


def _varint(content: _Buffer, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(content) and shift < 70:
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
    raise WeightsError("is cut short or no ONNX file")


def _varints(content: _Buffer) -> list[int]:
    """Read packed numbers, at most as many as are needed to reject a shape."""
    place, found = 0, list[int]()
    while place < len(content) and len(found) < 2 * _MAX_RANK:
        value, place = _varint(content, place)
        found.append(value)
    return found


def _as_buffer(value: _Value | bytes) -> _Buffer:
    if isinstance(value, int):
        raise WeightsError("is no ONNX file")
    return memoryview(value)


def _text(value: _Value) -> str:
    try:
        return str(_as_buffer(value), "utf-8")
    except UnicodeDecodeError:
        raise WeightsError("has names that are not UTF-8") from None
