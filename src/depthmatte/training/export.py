"""From a checkpoint to the file that ships: ONNX, its contract inside, parity proven.

The contract is JSON under the metadata key `contract.METADATA_KEY`: input, normalization,
outputs, license, training command, data and numbers, recipe and hashes. The float32 graph must
equal torch within `PARITY_LIMITS` on several canvas sizes. Then it is converted to the precision
that was asked for, and proven again: a float file by the limit of its precision, an int8 file by
its quality on held-out samples.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn

from ..canvas import PRESET_SHAPE
from ..errors import InputError, WeightsError
from ..networks.contract import CONTRACT_VERSION, DEFAULT_PRECISION
from ..networks.network import Network
from ..networks.registry import NETWORKS
from ..option_fields import list_options, option_names
from ..system.atomic_write import atomic_draft, refuse_inputs
from ..system.printable_text import label
from ..types import Float
from .checkpoint import read_checkpoint, refuse_run_file
from .exported import parity as parities
from .exported.contract_texts import DATA_SOURCES, OUTPUT_MEANINGS, TEACHER_SOURCES
from .exported.held_out import list_used_sets, measure_quality
from .exported.provenance import (
    data_licenses,
    hash_data_sets,
    portable_recipe,
    trainer_version,
)
from .quantize import check_precision, convert, quality_numbers, require_parity, write_model
from .recipe import UNUSED_OPTIONS, Recipe
from .tasks.registry import TRAINING_TASKS
from .tasks.task import MaterialOptions, TrainingTask

_NORMALIZATION = "inside the graph: x * 2 - 1, that is (byte - 127.5) / 127.5"


@dataclass(frozen=True)
class ModelCard:
    """What the file says about itself."""

    license: str = "Apache-2.0"
    command: str = ""
    data: tuple[str, ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    data_sha256: Mapping[str, str] = field(default_factory=dict)
    teacher: str = ""


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
    checkpoint: Path,
    out: Path,
    card: ModelCard | None = None,
    calibration: float = 1.0,
    precision: str | None = None,
    data: Path | None = None,
    labels: Path | None = None,
) -> float | None:
    """Write an ONNX file from a checkpoint. `out` is replaced only by a file that passed.

    Parameters
    ----------
    checkpoint : Path
        The checkpoint of a run.
    out : Path
        The .onnx file to write.
    card : ModelCard, optional
        What the file says about itself.
    calibration : float
        The number that `TrainingTask.calibrate` fits.
    precision : str, optional
        One of `networks.contract.PRECISIONS`. By default `DEFAULT_PRECISION`, or float32 where
        that differs from torch by more than its limit.
    data : Path, optional
        The data folder. int8 is calibrated and measured with its held-out samples.
    labels : Path, optional
        The output of `train maps`, with which an int8 fusion network is calibrated.

    Returns
    -------
    float or None
        The parity: the largest difference from torch, as a share of the task's scale. None for
        int8, whose quality stands in the contract.

    Raises
    ------
    OptionError
        When the precision is unknown, or int8 has no data.
    WeightsError
        When parity fails.
    """
    wanted = precision or DEFAULT_PRECISION
    check_precision(wanted, data)
    refuse_inputs(out, [checkpoint])
    refuse_run_file(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    name, network = load_network(checkpoint)
    task, card = TRAINING_TASKS[name], card or ModelCard()
    module = task.export(network, calibration).eval()
    with atomic_draft(out) as fresh:
        _write(module, fresh, task)
        parity = _check_parity(module, fresh, task, card, "float32")
        if wanted == "float32":
            return parity
        original, whole = Network(fresh, trusted=True), fresh.read_bytes()
        onnx.save(convert(onnx.load(str(fresh)), wanted, name, data, labels), str(fresh))
        if wanted != "int8" or data is None:
            try:
                return _check_parity(module, fresh, task, card, wanted)
            except WeightsError:
                if precision is not None:
                    raise
                fresh.write_bytes(whole)
                return parity
        _store_contract(fresh, task, module, card, None, wanted)
        before, after = (
            measure_quality(one, data, labels) for one in (original, Network(fresh, trusted=True))
        )
        proven = replace(card, numbers={**card.numbers, **quality_numbers(before, after)})
        _store_contract(fresh, task, module, proven, None, wanted)
    return None


def export_checkpoint(
    checkpoint: Path,
    out: Path,
    command: str = "",
    data: Path | None = None,
    precision: str | None = None,
    labels: Path | None = None,
) -> float | None:
    """`export_onnx` with everything that the checkpoint knows on the model card.

    With `data` the network is calibrated first, on what training never saw. The data sets are
    hashed in `data`, else in the folder that the run read, if it is still there.
    """
    check_precision(precision or DEFAULT_PRECISION, data)
    refuse_inputs(out, [checkpoint])
    refuse_run_file(out)
    if out.is_dir():
        raise InputError(f"{label(out)}: is a folder; name an .onnx file")
    state = read_checkpoint(checkpoint)
    recipe = state["recipe"]
    numbers: dict[str, Any] = {"epochs": state["epoch"]} if "epoch" in state else {}
    if "error" in state:
        numbers["validation error"] = round(float(state["error"]), 4)
    task, calibration = TRAINING_TASKS[recipe["task"]], 1.0
    if data is not None:
        options = _material_options(recipe, data)
        calibration = task.calibrate(load_network(checkpoint)[1], options)
        numbers[task.calibration] = round(calibration, 3)
    card = ModelCard(
        command=command or _command(recipe),
        data=_sources(recipe),
        numbers=numbers,
        recipe=portable_recipe(recipe),
        data_sha256=_hash_sets(recipe, data),
        teacher=TEACHER_SOURCES.get(task.name, "") if recipe.get("labels") else "",
    )
    maps = labels or (Path(recipe["labels"]) if recipe.get("labels") else None)
    return export_onnx(checkpoint, out, card, calibration, precision, data, maps)


def _hash_sets(recipe: Mapping[str, Any], data: Path | None) -> dict[str, str]:
    """Hashes of the sets that the samples of a recipe come from; {} where the folder is gone."""
    given = recipe.get("data") or ()
    roots = [Path(given)] if isinstance(given, str) else [Path(one) for one in given]
    root = data or (roots[0] if roots else None)
    if root is None or not root.is_dir():
        return {}
    labels = Path(recipe["labels"]) if recipe.get("labels") else None
    labels = labels if labels is not None and labels.is_dir() else None
    if recipe["task"] in ("fuse", "detail"):
        return {} if labels is None else {"labels": hash_data_sets(labels)[labels.resolve().name]}
    options = replace(_material_options(recipe, root), labels=labels)
    return hash_data_sets(root, labels, list_used_sets(recipe["task"], options))


def _material_options(recipe: Mapping[str, Any], data: Path) -> MaterialOptions:
    """What decided the samples of a stored recipe, read from this data folder."""
    known = {name: recipe[name] for name in option_names(Recipe) if name in recipe}
    return MaterialOptions.from_recipe(Recipe(**{**known, "data": (data,)}))


_PLACE_OPTIONS = (
    "task", "data", "out", "threads", "workers", "sets", "backgrounds", "not_in", "skip_bad",
)  # fmt: skip
"""Options of a recipe that say where a run took place, not what came out of it."""

_PATH_PLACEHOLDERS = {"start": "(an earlier run)", "labels": "(of train labels)"}
"""What stands for paths in the command line stored with a network."""


def _command(recipe: Mapping[str, Any]) -> str:
    """The command line that repeats a recipe."""
    words = ["depthmatte train", recipe["task"]]
    for one in list_options(Recipe):
        value = recipe.get(one.name)
        unused = UNUSED_OPTIONS.get(recipe["task"], ())
        shown = _PATH_PLACEHOLDERS.get(one.name)
        if one.name == "start" and value in NETWORKS:
            shown = str(value)
        if one.name in (*_PLACE_OPTIONS, *unused) or value is None or not one.flags:
            continue
        flag = one.flags[-1]
        if one.metadata.get("repeat"):
            words += [f"{flag} {part}" for part in value]
        elif isinstance(value, bool):
            words.append(flag if value else flag.replace("--", "--no-", 1))
        else:
            words.append(f"{flag} {shown or one.format_value(value)}")
    return " ".join(words)


def _sources(recipe: Mapping[str, Any]) -> tuple[str, ...]:
    """What a network learned from; its teacher only where the run had labels."""
    task = recipe["task"]
    taught = recipe.get("labels") and task in TEACHER_SOURCES
    return (*DATA_SOURCES[task], TEACHER_SOURCES[task]) if taught else DATA_SOURCES[task]


def _check_parity(
    module: nn.Module, path: Path, task: TrainingTask, card: ModelCard, precision: str
) -> float:
    """Measure parity, refuse more than the limit of the precision, store it with the contract."""
    _store_contract(path, task, module, card, None, precision)

    @torch.no_grad()
    def answer(image: Float) -> list[NDArray[np.float32]]:
        return [value.numpy() for value in module(torch.from_numpy(image))]

    parity = parities.largest_difference(answer, Network(path, trusted=True), task)
    require_parity(parity, precision, task.name)
    _store_contract(path, task, module, card, parity, precision)
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
            (
                torch.rand(
                    1, task.channels, *parities.input_shape(task, parities.CHECKED_SHAPES[0])
                ),
            ),
            str(path),
            input_names=["image"],
            output_names=list(names),
            dynamic_axes=dict.fromkeys(("image", *names), free),
            opset_version=17,
            dynamo=False,
        )


def _store_contract(
    path: Path,
    task: TrainingTask,
    module: nn.Module,
    card: ModelCard,
    parity: float | None,
    precision: str,
) -> None:
    """Store the contract in the file."""
    contract = {
        "contract": CONTRACT_VERSION,
        "task": task.name,
        "input": {
            "name": "image",
            "channels": task.channels,
            "range": [0, 1],
            "multiple": task.multiple,
            "preset": parities.input_shape(task, PRESET_SHAPE),
        },
        "outputs": OUTPUT_MEANINGS[task.name],
        "normalization": _NORMALIZATION if task.pretrained else "none",
        "license": card.license,
        "command": card.command,
        "data": card.data,
        "numbers": {
            "parameters": sum(p.numel() for p in module.parameters()),
            **card.numbers,
        },
        "parity": parity,
        "precision": precision,
        "recipe": card.recipe,
        "data_sha256": card.data_sha256,
        "data_licenses": data_licenses(card.data_sha256),
        "trainer": trainer_version(),
        "teacher": card.teacher,
    }
    write_model(onnx.load(str(path)), path, contract)
