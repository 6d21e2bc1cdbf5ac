"""From a checkpoint to the file that ships: ONNX, its contract inside, parity proven.

The contract is JSON under the metadata key `contract.METADATA_KEY`: input, normalization,
outputs, license, training command, data and numbers. The float32 graph must equal torch within
`PARITY_LIMIT` on several canvas sizes. Then large weights are stored as float16, and the
shipped file must stay within `_FLOAT16_LIMIT` of torch, less than two steps of an 8-bit alpha.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx.numpy_helper
import torch
from torch import nn

from ..canvas import PRESET_SHAPE
from ..errors import InputError, WeightsError
from ..networks.contract import CONTRACT_VERSION, METADATA_KEY
from ..networks.network import Network
from ..option_fields import list_options
from ..system.atomic_write import atomic_draft, refuse_inputs
from ..system.printable_text import label
from .checkpoint import read_checkpoint, refuse_run_file
from .recipe import UNUSED_OPTIONS, Recipe
from .tasks.registry import TRAINING_TASKS
from .tasks.task import TrainingTask

PARITY_LIMIT = 1e-4
"""Largest allowed difference between torch and the float32 graph, as a share of
`TrainingTask.scale`."""

_FLOAT16_LIMIT = 7e-3
"""The same for the shipped file with float16 weights."""

_SIZE_MULTIPLE = 32
_CHECKED_SIZES = (PRESET_SHAPE, PRESET_SHAPE[::-1], (256, 256))
"""Canvases on which the exported graph is compared with torch; the first one is traced."""

_NORMALIZATION = "inside the graph: x * 2 - 1, that is (byte - 127.5) / 127.5"


@dataclass(frozen=True)
class ModelCard:
    """What the file says about itself."""

    license: str = "Apache-2.0"
    command: str = ""
    data: tuple[str, ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)


def load_network(checkpoint: Path) -> tuple[str, nn.Module]:
    """(task, network) of a checkpoint: the running average of its weights.

    Raises InputError for weights that do not fit today's network.
    """
    state = read_checkpoint(checkpoint)
    recipe = state["recipe"]
    encoder = recipe.get("encoder", "lite0")
    try:
        network = TRAINING_TASKS[recipe["task"]].network(encoder)
        network.load_state_dict(state["mean"])
    except (RuntimeError, KeyError) as error:
        raise InputError(
            f"{label(checkpoint)}: its weights do not fit the {recipe['task']} network; "
            "train it again with --start"
        ) from error
    return recipe["task"], network.eval()


def export_onnx(
    checkpoint: Path, out: Path, card: ModelCard | None = None, calibration: float = 1.0
) -> float:
    """Write `out` (ONNX) from a checkpoint; returns the parity, the largest difference.

    `calibration` is the number `TrainingTask.calibrate` fits. Raises WeightsError when parity
    fails. `out` is replaced only by a file that passed.
    """
    refuse_inputs(out, [checkpoint])
    refuse_run_file(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    task, network = load_network(checkpoint)
    module = TRAINING_TASKS[task].export(network, calibration).eval()
    with atomic_draft(out) as fresh:
        _write(module, fresh, TRAINING_TASKS[task])
        _check_parity(module, fresh, task, card or ModelCard(), PARITY_LIMIT)
        _store_as_float16(fresh)
        parity = _check_parity(module, fresh, task, card or ModelCard(), _FLOAT16_LIMIT)
    return parity


def export_checkpoint(
    checkpoint: Path, out: Path, command: str = "", data: Path | None = None
) -> float:
    """`export_onnx` with everything that the checkpoint knows on the model card.

    With `data` the network is calibrated first, on what training never saw.
    """
    refuse_inputs(out, [checkpoint])
    refuse_run_file(out)
    if out.is_dir():
        raise InputError(f"{label(out)}: is a folder; name an .onnx file")
    if data is not None and not data.is_dir():
        raise InputError(f"{label(data)}: is no folder; give the data folder")
    state = read_checkpoint(checkpoint)
    recipe = state["recipe"]
    numbers: dict[str, Any] = {"epochs": state["epoch"]} if "epoch" in state else {}
    if "error" in state:
        numbers["validation error"] = round(float(state["error"]), 4)
    task, calibration = TRAINING_TASKS[recipe["task"]], 1.0
    if data is not None:
        calibration = task.calibrate(load_network(checkpoint)[1], data)
        numbers[task.calibration] = round(calibration, 3)
    card = ModelCard(command=command or _command(recipe), data=_sources(recipe), numbers=numbers)
    return export_onnx(checkpoint, out, card, calibration)


_PLACE_OPTIONS = ("task", "data", "out", "threads", "workers")
"""Options of a recipe that say where a run took place, not what came out of it."""

_PATH_PLACEHOLDERS = {"start": "(an earlier run)", "labels": "(of train labels)"}
"""What stands for paths in the command line stored with a network."""


def _command(recipe: Mapping[str, Any]) -> str:
    """The command line that repeats a recipe."""
    words = ["depthmatte train", recipe["task"]]
    for one in list_options(Recipe):
        value = recipe.get(one.name)
        unused = UNUSED_OPTIONS.get(recipe["task"], ())
        if one.name in (*_PLACE_OPTIONS, *unused) or value is None or not one.flags:
            continue
        flag = one.flags[-1]
        if isinstance(value, bool):
            words.append(flag if value else flag.replace("--", "--no-", 1))
        else:
            words.append(f"{flag} {_PATH_PLACEHOLDERS.get(one.name) or one.format_value(value)}")
    return " ".join(words)


def _sources(recipe: Mapping[str, Any]) -> tuple[str, ...]:
    """What a network learned from; its teacher only where the run had labels."""
    task = recipe["task"]
    taught = recipe.get("labels") and task in _TEACHER_SOURCES
    return (*_DATA_SOURCES[task], _TEACHER_SOURCES[task]) if taught else _DATA_SOURCES[task]


def _check_parity(module: nn.Module, path: Path, task: str, card: ModelCard, limit: float) -> float:
    """Measure parity, refuse more than `limit`, store it with the contract."""
    _store_contract(path, task, module, card, None)
    parity = _parity(module, path, TRAINING_TASKS[task])
    if parity > limit:
        raise WeightsError(f"{task}: ONNX differs from torch by {parity:.2g}; not exported")
    _store_contract(path, task, module, card, parity)
    return parity


def _write(module: nn.Module, path: Path, task: TrainingTask) -> None:
    """Trace to ONNX with free height and width."""
    names: tuple[str, ...] = module.outputs  # type: ignore[assignment]
    free = {2: "height", 3: "width"}
    with warnings.catch_warnings():
        # The tracing exporter is deprecated but gives the smaller and faster graph.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (torch.rand(1, task.channels, *_input_size(task, _CHECKED_SIZES[0])),),
            str(path),
            input_names=["image"],
            output_names=list(names),
            dynamic_axes=dict.fromkeys(("image", *names), free),
            opset_version=17,
            dynamo=False,
        )


def _input_size(task: TrainingTask, canvas: tuple[int, int]) -> tuple[int, int]:
    """The size of the task's input for a canvas."""
    return canvas[0] // task.reduction, canvas[1] // task.reduction


_DATA_SOURCES = {
    "matte": (
        "PicsArt portraits, Clothing Co-Parsing street photos, small shares of three rougher "
        "sets, people-free backgrounds; binary masks",
        "encoder start: EfficientNet-Lite0 on ImageNet (Apache-2.0)",
    ),
    "depth": (
        "composite scenes of cut-out people on backgrounds, geometry drawn by this project",
        "order across outlines of masked training photos",
        "encoder start: EfficientNet-Lite0 on ImageNet (Apache-2.0)",
    ),
    "stereo": (
        "generated pairs: pictures and cut-out people on sheets at known disparities",
        "encoder start: EfficientNet-Lite0 on ImageNet (Apache-2.0)",
    ),
    "fuse": (
        "maps of composite scenes and training photos: matte, depth of sensors, stereo and "
        "the depth network, with the subject's true alpha",
    ),
}

_TEACHER_SOURCES = {
    "matte": "street outlines softened by MODNet (Apache-2.0) where it agrees with the mask",
    "depth": "weak labels of Tiefenrausch (MIT) on backgrounds and training photos",
}
"""What a teacher adds to a run with `train labels`."""

_OUTPUT_MEANINGS = {
    "matte": {
        "alpha": "S_in, opacity of the portrait in [0, 1]",
        "prob": "I1, probability of being portrait in [0, 1]",
    },
    "depth": {
        "depth": "d, log distance from the scene's nearest (0) to its farthest part (1)",
        "prob": "I2, probability that the true d lies within 0.1 of the estimate",
    },
    "stereo": {
        "disparity": "disparity of the left view in input pixels",
        "prob": "I2, probability that the true disparity lies within 2 pixels of the estimate",
    },
    "fuse": {"verdict": "probability of belonging to the subject in [0, 1]"},
}


_MIN_FLOAT16_SIZE = 1024
"""Weights with more values than this are stored as float16 and cast back when loaded."""


def _store_as_float16(path: Path) -> None:
    """Store large weights in half the bytes; ONNX Runtime folds the casts once, at load."""
    model = onnx.load(str(path))
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
    onnx.save(model, str(path))


def _store_contract(
    path: Path, task: str, module: nn.Module, card: ModelCard, parity: float | None
) -> None:
    """Store the contract in the file."""
    contract = {
        "contract": CONTRACT_VERSION,
        "task": task,
        "input": {
            "name": "image",
            "channels": TRAINING_TASKS[task].channels,
            "range": [0, 1],
            "multiple": _SIZE_MULTIPLE // TRAINING_TASKS[task].reduction,
            "preset": _input_size(TRAINING_TASKS[task], PRESET_SHAPE),
        },
        "outputs": _OUTPUT_MEANINGS[task],
        "normalization": _NORMALIZATION if TRAINING_TASKS[task].pretrained else "none",
        "license": card.license,
        "command": card.command,
        "data": card.data,
        "numbers": {
            "parameters": sum(p.numel() for p in module.parameters()),
            **card.numbers,
        },
        "parity": parity,
    }
    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(contract)})
    onnx.save(model, str(path))


@torch.no_grad()
def _parity(module: nn.Module, path: Path, task: TrainingTask) -> float:
    """Largest difference between torch and ONNX Runtime on smooth and noisy canvases."""
    network = Network(path, trusted=True)
    rng = np.random.default_rng(0)
    worst = 0.0
    for canvas in _CHECKED_SIZES:
        rows, columns = _input_size(task, canvas)
        noise = rng.random((1, task.channels, rows, columns), np.float32)
        ramp = np.broadcast_to(np.linspace(0, 1, columns, dtype=np.float32), noise.shape)
        for image in (noise, np.ascontiguousarray(ramp)):
            ours = network.run(image)
            theirs = module(torch.from_numpy(image))
            for name, value in zip(network.contract.outputs, theirs, strict=True):
                worst = max(worst, float(np.abs(ours[name] - value.numpy()).max()))
    return worst / task.scale
