"""Tensors of the Open Inference Protocol v2: JSON, and the binary tensor data extension."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...system.printable_text import short
from .bounded_json import parse_bounded_json

_DATATYPE, _BYTES_PER_VALUE = "FP32", 4

_MAX_VALUES = 6 * 4_000_000
"""Most numbers of an input: six planes of four megapixels."""

_MAX_DIMENSIONS, _MAX_SIDE, _MAX_TENSORS = 4, 65_536, 8


@dataclass(frozen=True)
class InferenceRequest:
    """A request to run a network.

    Parameters
    ----------
    id : str
        The caller's id, given back in the answer.
    inputs : dict of str to ndarray
        float32 tensors by name.
    outputs : tuple of str
        Outputs that are wanted; empty for all.
    binary : dict of str to bool
        Output -> whether it is wanted as bytes. "" stands for outputs not named.
    """

    id: str
    inputs: dict[str, NDArray[np.float32]]
    outputs: tuple[str, ...] = ()
    binary: dict[str, bool] = field(default_factory=lambda: {"": False})


def parse_inference_request(body: bytes, header_length: int | None) -> InferenceRequest:
    """Parse the body of an inference request.

    Parameters
    ----------
    body : bytes
        JSON, and behind it the bytes of binary tensors.
    header_length : int or None
        Length of the JSON; None when there is nothing behind it.

    Raises
    ------
    InputError
        For a body that breaks the protocol or its limits.
    """
    if header_length is not None and not 0 < header_length <= len(body):
        raise InputError("Inference-Header-Content-Length does not fit the body; correct it")
    end = len(body) if header_length is None else header_length
    stated = parse_bounded_json(body[:end], "the request", "send inputs as the protocol says")
    if not isinstance(stated, dict):
        raise InputError("the request is no JSON object; send inputs as the protocol says")
    inputs: dict[str, NDArray[np.float32]] = {}
    rest = memoryview(body)[end:]
    for one in _objects(stated, "inputs"):
        name = _name(one)
        inputs[name], rest = _tensor(one, name, rest)
    if len(rest):
        raise InputError(f"{len(rest)} bytes belong to no input; state binary_data_size")
    wanted = [(_name(one), _parameters(one)) for one in _objects(stated, "outputs")]
    binary = {name: bool(given.get("binary_data")) for name, given in wanted}
    binary[""] = bool(_parameters(stated).get("binary_data_output"))
    identity = stated.get("id", "")
    return InferenceRequest(
        short(identity, 200) if isinstance(identity, str) else "",
        inputs,
        tuple(name for name, _ in wanted),
        binary,
    )


def _objects(stated: Mapping[str, Any], key: str) -> Sequence[dict[str, Any]]:
    found = stated.get(key) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise InputError(f"{key}: is no list of objects; send it as the protocol says")
    if len(found) > _MAX_TENSORS:
        raise InputError(f"{key}: are {len(found)}; send at most {_MAX_TENSORS}")
    return found


def _name(one: Mapping[str, Any]) -> str:
    name = one.get("name")
    if not isinstance(name, str) or not name:
        raise InputError("a tensor has no name; give one")
    return name


def _parameters(one: Mapping[str, Any]) -> dict[str, Any]:
    found = one.get("parameters") or {}
    if not isinstance(found, dict):
        raise InputError("parameters: are no object; leave them out")
    return found


def _tensor(
    one: Mapping[str, Any], name: str, rest: memoryview
) -> tuple[NDArray[np.float32], memoryview]:
    """Return the tensor of an input, and the bytes of those behind it."""
    shown, shape = short(name), one.get("shape")
    if not isinstance(shape, list) or not 0 < len(shape) <= _MAX_DIMENSIONS:
        raise InputError(f"{shown}: has no shape; give up to 4 positive integers")
    if not all(type(side) is int and 0 < side <= _MAX_SIDE for side in shape):
        raise InputError(f"{shown}: its shape is none; give up to 4 positive integers")
    if one.get("datatype") != _DATATYPE:
        raise InputError(f"{shown}: datatype {short(one.get('datatype'))} is not FP32; convert it")
    count = math.prod(shape)
    if count > _MAX_VALUES:
        raise InputError(f"{shown}: has {count} numbers; send at most {_MAX_VALUES}")
    size = _parameters(one).get("binary_data_size")
    if size is not None:
        length = count * _BYTES_PER_VALUE
        if size != length or len(rest) < length:
            raise InputError(f"{shown}: shape and bytes disagree; send {count} float32")
        values = np.frombuffer(rest[:length], "<f4").astype(np.float32)
        return _finite(values.reshape(shape), shown), rest[length:]
    try:
        flat = np.asarray(one.get("data"), np.float32).ravel()
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise InputError(f"{shown}: data is no list of numbers; send one") from None
    if flat.size != count:
        raise InputError(f"{shown}: has {flat.size} numbers where its shape says {count}")
    return _finite(flat.reshape(shape), shown), rest


def _finite(values: NDArray[np.float32], shown: str) -> NDArray[np.float32]:
    if not np.isfinite(values).all():
        raise InputError(f"{shown}: holds NaN or infinity; send finite numbers")
    return values


def encode_inference_answer(
    request: InferenceRequest, model: str, outputs: Mapping[str, NDArray[np.float32]]
) -> tuple[bytes, int | None]:
    """Encode the answer.

    Parameters
    ----------
    request : InferenceRequest
        Says which outputs are wanted, and how.
    model : str
        Name of the network.
    outputs : mapping of str to ndarray
        float32 tensors by name.

    Returns
    -------
    tuple of bytes and int or None
        The body, and the length of its JSON where bytes follow.

    Raises
    ------
    InputError
        For a wanted output that there is not.
    """
    rows, tails = [], []
    for name in request.outputs or tuple(outputs):
        if name not in outputs:
            raise InputError(f"output {short(name)}: unknown; use {', '.join(outputs)}")
        values = outputs[name]
        row: dict[str, Any] = {"name": name, "datatype": _DATATYPE, "shape": list(values.shape)}
        if request.binary.get(name, request.binary[""]):
            content = np.ascontiguousarray(values, "<f4").tobytes()
            row["parameters"] = {"binary_data_size": len(content)}
            tails.append(content)
        else:
            row["data"] = values.ravel().tolist()
        rows.append(row)
    answer = {"model_name": model, "model_version": "1", "outputs": rows}
    head = json.dumps({**answer, "id": request.id} if request.id else answer).encode()
    return b"".join((head, *tails)), len(head) if tails else None
