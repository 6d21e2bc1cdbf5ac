"""Training goes on from what ships: the weights come back out of the ONNX files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from depthmatte.canvas import PRESET_SHAPE
from depthmatte.errors import InputError
from depthmatte.networks.network import Network
from depthmatte.networks.registry import network_path
from depthmatte.training.exported_weights import freeze_folded_norms, read_exported_network
from depthmatte.training.tasks.registry import TRAINING_TASKS

UNSTORED = {"matte": ["detail_head.weight", "detail_head.bias"]}


@pytest.mark.parametrize("name", TRAINING_TASKS)
def test_the_torch_network_answers_as_the_shipped_file(name: str) -> None:
    task = TRAINING_TASKS[name]
    network, missing = read_exported_network(task, name)
    assert missing == UNSTORED.get(name, [])
    shipped = Network(network_path(name))
    temperature = float(shipped.contract.numbers.get("temperature", 1.0))
    rows, columns = (side // task.reduction for side in PRESET_SHAPE)
    image = np.random.default_rng(0).random((1, task.channels, rows, columns), np.float32)
    theirs = shipped.run(image)
    with torch.no_grad():
        ours = task.export(network, temperature).eval()(torch.from_numpy(image))
    first = next(iter(shipped.contract.outputs))
    # Probabilities depend on the temperature, of which the contract holds three digits.
    assert np.abs(theirs[first] - ours[0].numpy()).max() / task.scale < 4e-6


def test_a_folded_norm_stays_the_identity_while_its_bias_learns() -> None:
    network, _ = read_exported_network(TRAINING_TASKS["fuse"], "fuse")
    network.train()
    before = {name: value.clone() for name, value in network.named_buffers()}
    assert freeze_folded_norms(network) == sum(
        isinstance(part, torch.nn.BatchNorm2d) for part in network.modules()
    )
    maps = torch.rand(2, 9, 64, 64)
    network(maps).logits.square().sum().backward()
    norm = next(part for part in network.modules() if isinstance(part, torch.nn.BatchNorm2d))
    assert norm.weight.grad is None
    assert norm.bias.grad is not None
    assert norm.bias.grad.abs().sum() > 0
    assert all(torch.equal(value, before[name]) for name, value in network.named_buffers())


def test_files_that_cannot_be_a_start_are_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no graph")
    with pytest.raises(InputError, match=r"broken\.onnx: is no ONNX file; give another --start"):
        read_exported_network(TRAINING_TASKS["matte"], broken)
    with pytest.raises(InputError, match="is no matte network; give another --start"):
        read_exported_network(TRAINING_TASKS["matte"], "depth")
    with pytest.raises(InputError, match="its layers are not those of today's matte network"):
        read_exported_network(TRAINING_TASKS["matte"], "matte", "mobilenet")
