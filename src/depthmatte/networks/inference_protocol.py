"""Messages of the Open Inference Protocol v2 over HTTP, with its binary tensor extension.

A request is a JSON header, with the arrays in it as lists or as raw bytes behind it. Answers
have the same form. Nothing here opens a connection. Answers are not trusted: types, shapes and
sizes are checked before an array is made.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..system.printable_text import printable_excerpt, short

HEADER_LENGTH = "Inference-Header-Content-Length"
"""HTTP header with the bytes of the JSON part of a message whose arrays are raw bytes."""

BINARY_EXTENSION = "binary_tensor_data"
"""Name of the extension in the metadata of a server."""

MAX_HEADER_BYTES = 1 << 20
"""Largest JSON part of an answer, and largest metadata."""

_JSON_BYTES_PER_NUMBER = 32
"""Largest length of a number in JSON, with its comma."""

_FLOAT_TYPE = "FP32"

_MAX_TENSORS, _MAX_RANK = 64, 8


class ProtocolError(ValueError):
    """An answer breaks the protocol. The message is one printable phrase."""


@dataclass(frozen=True)
class TensorMetadata:
    """What a server says about an input or output.

    Parameters
    ----------
    name : str
        Name of the tensor.
    datatype : str
        Its type, such as "FP32".
    shape : tuple of int
        Its shape. -1 is any size.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]

    def admits(self, shape: Sequence[int]) -> bool:
        """Return whether an array of this shape fits."""
        return len(shape) == len(self.shape) and all(
            known in (-1, size) for known, size in zip(self.shape, shape, strict=True)
        )


@dataclass(frozen=True)
class ModelMetadata:
    """What a server says about a model: its inputs and outputs by name."""

    inputs: Mapping[str, TensorMetadata]
    outputs: Mapping[str, TensorMetadata]


def read_model_metadata(content: bytes) -> ModelMetadata:
    """Read the answer to GET v2/models/NAME; ProtocolError when it is none."""
    found = _read_object(content)
    return ModelMetadata(_read_tensors(found, "inputs"), _read_tensors(found, "outputs"))


def has_binary_extension(content: bytes) -> bool:
    """Return whether the answer to GET v2 lists the binary tensor extension."""
    found = _read_object(content).get("extensions")
    return isinstance(found, list) and BINARY_EXTENSION in found


def encode_request(
    inputs: Mapping[str, NDArray[np.float32]], outputs: Sequence[str], binary: bool
) -> tuple[bytes, dict[str, str]]:
    """Encode an inference request.

    Parameters
    ----------
    inputs : mapping of str to ndarray
        float32 arrays by name.
    outputs : sequence of str
        Outputs to ask for.
    binary : bool
        Whether arrays travel as raw bytes, in little-endian order, or as JSON numbers.

    Returns
    -------
    body : bytes
        The body of the request.
    headers : dict of str to str
        Its HTTP headers.
    """
    tensors: list[dict[str, Any]] = []
    blocks: list[bytes] = []
    for name, values in inputs.items():
        tensor: dict[str, Any] = {
            "name": name,
            "shape": list(values.shape),
            "datatype": _FLOAT_TYPE,
        }
        if binary:
            blocks.append(np.ascontiguousarray(values, "<f4").tobytes())
            tensor["parameters"] = {"binary_data_size": len(blocks[-1])}
        else:
            tensor["data"] = [float(value) for value in values.ravel()]
        tensors.append(tensor)
    wanted = [
        {"name": name, "parameters": {"binary_data": True}} if binary else {"name": name}
        for name in outputs
    ]
    header = json.dumps({"inputs": tensors, "outputs": wanted}, separators=(",", ":")).encode()
    if not binary:
        return header, {"Content-Type": "application/json"}
    return b"".join((header, *blocks)), {
        "Content-Type": "application/octet-stream",
        HEADER_LENGTH: str(len(header)),
    }


def max_answer_bytes(outputs: int, shape: Sequence[int]) -> int:
    """Return the size of the largest answer with this many outputs of this shape."""
    return MAX_HEADER_BYTES + outputs * math.prod(shape) * _JSON_BYTES_PER_NUMBER


def decode_answer(
    body: bytes, header_length: str | None, outputs: Sequence[str], shape: Sequence[int]
) -> list[NDArray[np.float32]]:
    """Decode the answer to an inference request.

    Parameters
    ----------
    body : bytes
        The body of the answer.
    header_length : str or None
        The HTTP header `HEADER_LENGTH` of the answer.
    outputs : sequence of str
        Outputs that were asked for.
    shape : sequence of int
        Shape that every output must have.

    Returns
    -------
    list of ndarray
        float32 arrays of `shape`, in the order of `outputs`. They may hold NaN.

    Raises
    ------
    ProtocolError
        When the answer is damaged, or an output is missing or has another type or shape.
    """
    end = len(body)
    if header_length is not None:
        is_number = header_length.isdecimal() and len(header_length) < 12
        end = int(header_length) if is_number else -1
        if not 0 < end <= min(len(body), MAX_HEADER_BYTES):
            raise ProtocolError(f"its {HEADER_LENGTH} is {short(header_length)}")
    found = _read_object(body[:end]).get("outputs")
    if not isinstance(found, list) or len(found) > _MAX_TENSORS:
        raise ProtocolError("it sends no list of outputs")
    arrays: dict[str, NDArray[np.float32]] = {}
    for tensor in found:
        about = _read_tensor(tensor)
        size = _binary_size(tensor)
        block = body[end : end + (size or 0)]
        end += size or 0
        if about.name not in outputs:
            continue
        if about.datatype != _FLOAT_TYPE or about.shape != tuple(shape):
            raise ProtocolError(
                f"output {short(about.name)} is {short(about.datatype)} {about.shape} "
                f"where {_FLOAT_TYPE} {tuple(shape)} is needed"
            )
        arrays[about.name] = _read_values(tensor, about, size, block)
    missing = [name for name in outputs if name not in arrays]
    if missing:
        raise ProtocolError(f"it sends no output {short(missing[0])}")
    if end != len(body):
        raise ProtocolError(f"it sends {len(body)} bytes where {end} are announced")
    return [arrays[name] for name in outputs]


def read_error(content: bytes) -> str:
    """Return the text of an error answer, printable; "" when there is none."""
    try:
        found = _read_object(content).get("error", "")
    except ProtocolError:
        return ""
    return printable_excerpt(found, 120) if isinstance(found, str) else ""


def _read_values(
    tensor: Mapping[str, Any], about: TensorMetadata, size: int | None, block: bytes
) -> NDArray[np.float32]:
    count = math.prod(about.shape)
    if size is not None:
        if size != 4 * count or len(block) != size:
            raise ProtocolError(
                f"output {short(about.name)} has {len(block)} bytes where {4 * count} are needed"
            )
        return np.frombuffer(block, "<f4").astype(np.float32).reshape(about.shape)
    try:
        with np.errstate(over="ignore"):  # infinity then
            values = np.asarray(tensor.get("data"), np.float32)
    except (TypeError, ValueError, OverflowError):
        raise ProtocolError(f"output {short(about.name)} holds no numbers") from None
    if values.size != count:  # the data may be nested or flat
        raise ProtocolError(
            f"output {short(about.name)} has {values.size} numbers where {count} are needed"
        )
    return values.reshape(about.shape)


def _binary_size(tensor: Mapping[str, Any]) -> int | None:
    """Return the announced raw bytes of a tensor; None when its data stands in the JSON."""
    parameters = tensor.get("parameters")
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
        raise ProtocolError("it announces no size of its raw bytes")
    return size


def _read_object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ProtocolError("it sends no JSON object")
    return found


def _read_tensors(found: Mapping[str, Any], key: str) -> dict[str, TensorMetadata]:
    tensors = found.get(key)
    if not isinstance(tensors, list) or not 0 < len(tensors) <= _MAX_TENSORS:
        raise ProtocolError(f"it sends no list of {key}")
    return {about.name: about for about in map(_read_tensor, tensors)}


def _read_tensor(tensor: Any) -> TensorMetadata:
    """Read name, type and shape; ProtocolError for anything else."""
    if isinstance(tensor, dict):
        name, datatype, shape = (tensor.get(key) for key in ("name", "datatype", "shape"))
        if (
            isinstance(name, str)
            and isinstance(datatype, str)
            and isinstance(shape, list)
            and len(shape) <= _MAX_RANK
            and all(type(size) is int and -1 <= size < 1 << 31 for size in shape)
        ):
            return TensorMetadata(name, datatype, tuple(shape))
    raise ProtocolError("it describes a tensor without name, datatype and shape")
