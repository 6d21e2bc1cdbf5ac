"""Tiny real ONNX networks, made by code: their answers can be read off the picture.

The matte is the red channel, every probability the green one, the depth the blue one. The
disparity is 100 times the right view's blue, its probability the left one's red.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

CHANNELS = {
    "matte": {"alpha": 0, "prob": 1},
    "depth": {"depth": 2, "prob": 1},
    "stereo": {"disparity": 5, "prob": 0},
}
FACTORS = {"disparity": 100.0}


def planes(task: str) -> int:
    """Input channels: one picture, or a pair."""
    return 6 if task == "stereo" else 3


def contract(task: str, **changes: Any) -> dict[str, Any]:
    """The contract a real network of this task carries, with `changes`."""
    return {
        "contract": 1,
        "task": task,
        "input": {
            "name": "image",
            "channels": planes(task),
            "range": [0, 1],
            "multiple": 32,
            "preset": [320, 256],
        },
        "outputs": {name: f"channel {index}" for name, index in CHANNELS[task].items()},
        "normalization": "none",
        "license": "CC0-1.0",
        "command": "tests/support/tinynets.py",
        "data": ["none"],
        "numbers": {"iou": 0.5},
        "parity": 0.0,
    } | changes


def model(task: str, metadata: str | None = None) -> bytes:
    """The bytes of a network for `task`; `metadata` replaces its contract ("" leaves it out)."""
    size = [1, 1, "h", "w"]
    nodes, outputs, constants = [], [], []
    for name, index in CHANNELS[task].items():
        constants.append(helper.make_tensor(f"{name}_channel", TensorProto.INT64, [1], [index]))
        factor = helper.make_tensor(f"{name}_factor", TensorProto.FLOAT, [], [FACTORS.get(name, 1)])
        constants.append(factor)
        channel = f"{name}_of_image"
        nodes.append(helper.make_node("Gather", ["image", f"{name}_channel"], [channel], axis=1))
        nodes.append(helper.make_node("Mul", [channel, f"{name}_factor"], [name]))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, size))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, planes(task), "h", "w"])
    graph = helper.make_graph(nodes, task, [image], outputs, constants)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    text = json.dumps(contract(task)) if metadata is None else metadata
    if text:
        helper.set_model_props(proto, {"depthmatte": text})
    onnx.checker.check_model(proto)
    return bytes(proto.SerializeToString())


def save(folder: Path) -> dict[str, str]:
    """Write both networks into `folder`; task -> path."""
    paths = {task: folder / f"tiny-{task}.onnx" for task in CHANNELS}
    for task, path in paths.items():
        path.write_bytes(model(task))
    return {task: str(path) for task, path in paths.items()}
