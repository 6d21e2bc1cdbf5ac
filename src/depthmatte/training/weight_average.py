"""Weight averages of several phases of a run (Wortsman et al. 2022, robust fine-tuning).

A last phase on ordinary photos improves them and gets worse on unusual ones. The average of its
weights and those before it keeps most of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from ..errors import InputError
from ..system.atomic_write import refuse_inputs
from ..system.printable_text import label
from .checkpoint import read_checkpoint, refuse_run_file, write_checkpoint


def average_checkpoints(checkpoints: Sequence[Path], shares: Sequence[float], out: Path) -> Path:
    """Write the weighted mean of several checkpoints' weights; the rest is the last one's.

    Parameters
    ----------
    checkpoints : sequence of Path
        Checkpoints of one network.
    shares : sequence of float
        One positive number for each.
    out : Path
        The checkpoint to write.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    InputError
        Unless every checkpoint has a share, shares are positive, and all hold the same network.
    """
    if len(checkpoints) != len(shares) or not shares or min(shares) < 0 or sum(shares) <= 0:
        raise InputError("--shares: give one positive number for each checkpoint")
    refuse_inputs(out, checkpoints)
    refuse_run_file(out)
    states = [read_checkpoint(path) for path in checkpoints]
    shapes = [{name: value.shape for name, value in state["mean"].items()} for state in states]
    if any(other != shapes[0] for other in shapes):
        raise InputError(
            f"{label(checkpoints[-1])}: holds another network than {label(checkpoints[0])}"
        )
    mean = {
        name: _mean([state["mean"][name] for state in states], shares)
        for name in states[-1]["mean"]
    }
    write_checkpoint(out, {**states[-1], "mean": mean})
    return out


def _mean(values: Sequence[torch.Tensor], shares: Sequence[float]) -> torch.Tensor:
    """Weighted mean; counters (whole numbers) are taken from the last."""
    if not values[-1].dtype.is_floating_point:
        return values[-1]
    total = torch.zeros_like(values[0])
    for value, share in zip(values, shares, strict=True):
        total += value * (share / sum(shares))
    return total
