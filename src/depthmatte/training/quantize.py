"""The precisions of a network file: float32, float16 weights, float16 arithmetic, and int8.

All of them take and return float32. ONNX Runtime's own tools convert. This module decides what
they convert, and proves the result: a float file must equal its original within
`PARITY_LIMITS`, and the quality of an int8 file is measured beside the original's.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.numpy_helper

from ..errors import InputError, OptionError, WeightsError
from ..networks.contract import METADATA_KEY, PRECISIONS
from ..networks.network import Network
from ..networks.registry import network_path
from ..system.atomic_write import atomic_draft, check_writable
from ..system.printable_text import label
from ..types import Float
from .exported.held_out import Quality, calibration_inputs, measure_quality
from .exported.parity import PARITY_LIMITS, largest_difference
from .tasks.registry import TRAINING_TASKS

_MIN_FLOAT16_SIZE = 1024
"""Weights with more values than this are stored as float16 and cast back when loaded."""

_INT8_OPERATIONS = ("Conv", "Add", "Concat", "Resize", "Clip", "Relu", "Mul", "AveragePool")
"""Operations that int8 networks run on bytes. The others are few and stay in float32."""

_MAX_INT8_RANK = 4
"""Convolutions with weights of a higher rank, those of 3-D volumes, stay in float32."""


@dataclass(frozen=True)
class ConversionReport:
    """What a conversion of a network file did.

    Attributes
    ----------
    bytes_before, bytes_after : int
        Sizes of both files.
    parity : float or None
        The largest difference from the original. None for int8.
    before, after : Quality or None
        Quality on held-out samples. None without a data folder.
    """

    bytes_before: int
    bytes_after: int
    parity: float | None
    before: Quality | None
    after: Quality | None


def quantize_network(
    source: str | Path,
    out: Path,
    precision: str,
    data: Path | None = None,
    labels: Path | None = None,
) -> ConversionReport:
    """Write a network file in another precision, with its contract.

    Parameters
    ----------
    source : str or Path
        Name of a shipped network, or an .onnx file that depthmatte exported. A file with float16
        weights keeps their rounding in every precision.
    out : Path
        The .onnx file to write. It is replaced only by a file that passed.
    precision : str
        One of `PRECISIONS`.
    data : Path, optional
        The data folder. int8 needs it. With it, the quality of both files is measured on
        held-out training samples and stored in the contract.
    labels : Path, optional
        The output of `train maps`, which the fusion network needs together with `data`.

    Returns
    -------
    ConversionReport
        Sizes, parity and quality.

    Raises
    ------
    OptionError
        When the precision is unknown or `data` is missing.
    InputError
        When a file or folder cannot be used.
    WeightsError
        When the source is no network of depthmatte, or a float file differs too much.

    Example
    -------
    ::

        quantize_network("matte", Path("matte-int8.onnx"), "int8", Path("DATA"))
    """
    check_precision(precision, data)
    path = network_path(source)
    check_writable(out, [path])
    original = Network(path, trusted=True)
    model = restore_float32(onnx.load(str(path)))
    contract = _read_contract(model)
    task = TRAINING_TASKS.get(original.contract.task)
    if task is None or contract.get("precision") == "int8":
        raise InputError(f"{label(path)}: cannot be converted; give a float network of depthmatte")
    if contract.get("precision") == "float16":
        raise InputError(f"{label(path)}: computes in float16; give the file it was made from")
    parity = before = after = None
    with atomic_draft(out) as draft:
        converted = convert(model, precision, task.name, data, labels)
        write_model(converted, draft, contract | {"precision": precision})
        result = Network(draft, trusted=True)
        if precision in PARITY_LIMITS:
            names = list(original.contract.outputs)

            def run(image: Float) -> list[Any]:
                found = original.run(image)
                return [found[name] for name in names]

            parity = largest_difference(run, result, task)
            require_parity(parity, precision, task.name)
        if data is not None:
            before = measure_quality(original, data, labels)
            after = measure_quality(result, data, labels)
        contract |= {"precision": precision, "parity": parity}
        contract["numbers"] = contract.get("numbers", {}) | quality_numbers(before, after)
        write_model(converted, draft, contract)
        size = draft.stat().st_size
    return ConversionReport(path.stat().st_size, size, parity, before, after)


def check_precision(precision: str, data: Path | None) -> None:
    """Raise OptionError for an unknown precision, and for int8 without a data folder."""
    if precision not in PRECISIONS:
        raise OptionError(f"--precision {precision!r}: is unknown; use {', '.join(PRECISIONS)}")
    if precision == "int8" and data is None:
        raise OptionError("--precision int8: is calibrated on training photos; add --data")
    if data is not None and not data.is_dir():
        raise InputError(f"{label(data)}: is no folder; give the data folder")


def require_parity(parity: float, precision: str, task: str) -> None:
    """Raise WeightsError where a file differs from its original by more than its limit."""
    if not parity <= PARITY_LIMITS[precision]:
        raise WeightsError(
            f"{task}: the {precision} file differs from its original by {parity:.2g}, "
            f"more than {PARITY_LIMITS[precision]:g}; give --precision float32"
        )


def convert(
    model: onnx.ModelProto,
    precision: str,
    task: str,
    data: Path | None = None,
    labels: Path | None = None,
) -> onnx.ModelProto:
    """Return a float32 model in another precision; the model itself is not changed."""
    if precision == "int8":
        assert data is not None
        return _to_int8(model, calibration_inputs(task, data, labels))
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    if precision == "float16":
        return _to_float16(copy)
    return _store_as_float16(copy) if precision == "float16-weights" else copy


def restore_float32(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with weights in float32 that were stored as float16."""
    halves = {
        one.name: one
        for one in model.graph.initializer
        if one.data_type == onnx.TensorProto.FLOAT16
    }
    kept = []
    for node in model.graph.node:
        half = halves.get(node.input[0]) if node.op_type == "Cast" else None
        if half is None:
            kept.append(node)
            continue
        values = onnx.numpy_helper.to_array(half).astype(np.float32)
        half.CopyFrom(onnx.numpy_helper.from_array(values, node.output[0]))
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return model


def write_model(model: onnx.ModelProto, path: Path, contract: dict[str, Any]) -> None:
    """Write a model with its contract."""
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(contract)})
    onnx.save(model, str(path))


def _read_contract(model: onnx.ModelProto) -> dict[str, Any]:
    """The contract of a model as JSON; `Network` has checked it."""
    text = next(one.value for one in model.metadata_props if one.key == METADATA_KEY)
    contract: dict[str, Any] = json.loads(text)
    return contract


def quality_numbers(before: Quality | None, after: Quality | None) -> dict[str, float]:
    """Quality of a file and of its original, as numbers of a contract."""
    if before is None or after is None:
        return {}
    return {
        after.measure: round(after.value, 5),
        f"{before.measure} of the original": round(before.value, 5),
    }


def _store_as_float16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store large weights in half the bytes; ONNX Runtime folds the casts once, at load."""
    casts = []
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size <= _MIN_FLOAT16_SIZE:
            continue
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), name + "_half"))
        casts.append(
            onnx.helper.make_node("Cast", [name + "_half"], [name], to=onnx.TensorProto.FLOAT)
        )
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*casts, *nodes])
    onnx.checker.check_model(model)
    return model


def _to_float16(model: onnx.ModelProto) -> onnx.ModelProto:
    """All arithmetic in float16 between float32 inputs and outputs."""
    # networks.runtime, imported above, has set ORT's environment before this first use.
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    with _quiet_logs():
        converted = OnnxModel(convert_float_to_float16(model, keep_io_types=True))
        converted.topological_sort()  # it appends its casts at the end
    result: onnx.ModelProto = converted.model
    return result


def _to_int8(model: onnx.ModelProto, inputs: Iterable[Float]) -> onnx.ModelProto:
    """Static quantization in QDQ form: bytes for values, int8 per channel for weights.

    Weights have seven bits: processors without VNNI add pairs of products in 16 bits, which
    eight bits overflow.
    """
    from onnxruntime import quantization

    name = model.graph.input[0].name
    rest = iter(inputs)

    class _Inputs(quantization.CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, Float] | None:
            image = next(rest, None)
            return None if image is None else {name: image}

    with tempfile.TemporaryDirectory() as folder, _quiet_logs():
        folded, quantized = Path(folder) / "folded.onnx", Path(folder) / "int8.onnx"
        folded.write_bytes(_fold_constants(model, Path(folder)))
        ready = onnx.load(str(folded))
        quantization.quantize_static(
            str(folded),
            str(quantized),
            _Inputs(),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=list(_INT8_OPERATIONS),
            nodes_to_exclude=_list_volume_nodes(ready),
            per_channel=True,
            reduce_range=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
        return onnx.load(str(quantized))


def _fold_constants(model: onnx.ModelProto, folder: Path) -> bytes:
    """The model after ONNX Runtime's basic optimizations, which the quantizer expects."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(folder / "basic.onnx")
    onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return (folder / "basic.onnx").read_bytes()


def _list_volume_nodes(model: onnx.ModelProto) -> list[str]:
    """Names of the convolutions over 3-D volumes."""
    ranks = {one.name: len(one.dims) for one in model.graph.initializer}
    return [
        node.name
        for node in model.graph.node
        if node.op_type == "Conv" and ranks.get(node.input[1], 0) > _MAX_INT8_RANK
    ]


@contextmanager
def _quiet_logs() -> Iterator[None]:
    """Keep the converters' advice to their developers off the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
