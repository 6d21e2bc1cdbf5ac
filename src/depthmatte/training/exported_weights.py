"""Read the weights of an exported network back into torch, so that training can go on from it.

An exported graph holds convolutions only: batch norm was folded into them. Its convolutions stand
in the order in which they run, and so do those of the torch network. They are matched by that
order and checked by shape. The norm after each becomes the identity with the folded bias. Such a
norm must keep its statistics during training: see `freeze_folded_norms`.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import onnx
import onnx.numpy_helper
import torch
from torch import Tensor, nn

from ..canvas import PRESET_SHAPE
from ..errors import InputError
from ..networks.contract import METADATA_KEY
from ..networks.registry import network_path
from ..system.printable_text import label
from .tasks.task import TrainingTask

_CONVOLUTIONS = (nn.Conv2d, nn.Conv3d)
_NORMS = (nn.BatchNorm2d, nn.BatchNorm3d)

_Layer = tuple[nn.Module, nn.Module | None]
"""A convolution and the norm that follows it."""


def read_exported_network(
    task: TrainingTask, source: str | Path, encoder: str = "lite0"
) -> tuple[nn.Module, list[str]]:
    """Make the torch network of an exported ONNX file.

    Parameters
    ----------
    task : TrainingTask
        The task that the file's contract must name.
    source : str or Path
        Name of a shipped network, or an .onnx file that `export_onnx` wrote.
    encoder : str
        The encoder family of the file's network.

    Returns
    -------
    network : torch.nn.Module
        The task's network in evaluation mode. It answers as the file does, to rounding.
    missing : list of str
        Names of parameters that the file does not hold, those of heads that only training uses.
        They have their random start.

    Raises
    ------
    InputError
        For a file that is missing, of another task, or of another version of the network.
    """
    path = network_path(source)
    graph, contract = _read_graph(path)
    if contract.get("task") != task.name:
        raise InputError(f"{label(path)}: is no {task.name} network; give another --start")
    network = task.network(encoder).eval()
    layers = _list_layers(task.export(network, 1.0).eval(), task)
    stored = _list_convolutions(graph)
    matched = _match_in_order(layers, stored)
    if matched is None:
        raise InputError(
            f"{label(path)}: its layers are not those of today's {task.name} network; "
            "give a checkpoint as --start"
        )
    with torch.no_grad():
        for (convolution, norm), (weight, bias) in zip(matched, stored, strict=True):
            _fill(convolution, norm, weight, bias)
        if "sharpness" in contract.get("numbers", {}):
            # The export multiplies the logits; here the last convolution does.
            head = matched[-1][0]
            for value in head.parameters():
                value.mul_(float(contract["numbers"]["sharpness"]))
    filled = {
        id(value) for layer in matched for part in layer if part for value in part.parameters()
    }
    return network, [name for name, value in network.named_parameters() if id(value) not in filled]


def read_task(source: str | Path) -> str:
    """The task that the contract of an exported ONNX file names, "" where it names none."""
    return str(_read_graph(network_path(source))[1].get("task", ""))


def freeze_folded_norms(network: nn.Module) -> int:
    """Keep the statistics of norms that `read_exported_network` filled; how many there are.

    Their scale stays 1, which the convolution before them can express. Their bias learns.
    """
    folded = [module for module in network.modules() if _is_folded(module)]
    for norm in folded:
        norm.eval()
        norm.weight.requires_grad_(False)
    return len(folded)


def _is_folded(module: nn.Module) -> bool:
    """Whether a module is a norm whose statistics make it the identity."""
    if not isinstance(module, _NORMS):
        return False
    mean, variance = module.running_mean, module.running_var
    if mean is None or variance is None:
        return False
    return not mean.any() and bool((variance == 1 - module.eps).all())


def _fill(convolution: nn.Module, norm: nn.Module | None, weight: Tensor, bias: Tensor) -> None:
    """Write a folded convolution into a convolution and its norm."""
    convolution.weight.copy_(weight)  # type: ignore[operator]
    if norm is None:
        convolution.bias.copy_(bias)  # type: ignore[operator]
        return
    norm.running_mean.zero_()  # type: ignore[operator]
    norm.running_var.fill_(1 - norm.eps)  # type: ignore[operator]
    norm.weight.fill_(1)  # type: ignore[operator]
    norm.bias.copy_(bias)  # type: ignore[operator]


@torch.no_grad()
def _list_layers(module: nn.Module, task: TrainingTask) -> list[_Layer]:
    """The convolutions of a network in the order in which they run."""
    ran: list[nn.Module] = []
    hooks = [
        part.register_forward_hook(lambda part, *_: ran.append(part))
        for part in module.modules()
        if isinstance(part, (*_CONVOLUTIONS, *_NORMS))
    ]
    rows, columns = (side // task.reduction for side in PRESET_SHAPE)
    module(torch.zeros(1, task.channels, rows, columns))
    for hook in hooks:
        hook.remove()
    return [
        (one, after if isinstance(after, _NORMS) else None)
        for one, after in pairwise([*ran, None])
        if isinstance(one, _CONVOLUTIONS)
    ]


def _match_in_order(
    layers: list[_Layer], stored: list[tuple[Tensor, Tensor]]
) -> list[_Layer] | None:
    """The layer of each stored convolution. Layers may be left over, stored ones may not."""
    rest = iter(layers)
    matched = []
    for weight, _ in stored:
        layer = next((one for one in rest if one[0].weight.shape == weight.shape), None)
        if layer is None:
            return None
        matched.append(layer)
    return matched


def _read_graph(path: Path) -> tuple[onnx.GraphProto, dict[str, Any]]:
    """The graph of an ONNX file and its contract, {} where it has none."""
    try:
        model = onnx.load(str(path))
    except Exception as error:  # protobuf and onnx raise errors of their own
        raise InputError(f"{label(path)}: is no ONNX file; give another --start") from error
    texts = [one.value for one in model.metadata_props if one.key == METADATA_KEY]
    try:
        contract = json.loads(texts[0]) if texts else {}
    except ValueError:
        contract = {}
    return model.graph, contract if isinstance(contract, dict) else {}


def _list_convolutions(graph: onnx.GraphProto) -> list[tuple[Tensor, Tensor]]:
    """(weight, bias) of each convolution, float32, in the order of the graph."""
    values = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    for node in graph.node:  # large weights are stored as float16 and cast
        if node.op_type == "Cast" and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]]
    found = []
    for node in graph.node:
        if node.op_type == "Conv" and all(name in values for name in node.input[1:]):
            weight = torch.tensor(values[node.input[1]]).float()
            bias = torch.zeros(len(weight))
            if len(node.input) > 2:
                bias = torch.tensor(values[node.input[2]]).float()
            found.append((weight, bias))
    return found
