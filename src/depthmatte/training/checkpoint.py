"""A training run on disk: recipe, weights, optimizer and epoch in one file."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import torch

from ..errors import InputError
from ..system.atomic_write import atomic_draft
from ..system.printable_text import describe_os_error, label
from .recipe import TASK_NAMES

RUN_FILES = (
    "last.pt", "best.pt", "log.csv", "steps.csv", "log.png", "report.html", "tensorboard",
)  # fmt: skip
"""The files of a run in its folder; `tensorboard` is a folder."""

_RESUME_KEYS = ("network", "adam", "epoch", "step")
"""What a checkpoint needs in addition to recipe and weights, so that its run can go on."""


_OLD_OPTION_NAMES = {"batch": "batch_size", "rate": "learning_rate", "average": "ema_decay"}
"""Options of recipes in checkpoints of version 0.1 -> their names now."""


def refuse_run_file(path: Path) -> None:
    """Raise InputError where `path`, to be written by something else, is a file of a run."""
    if path.name in RUN_FILES and path.exists():
        raise InputError(f"{label(path)}: is a run's and is not overwritten; write elsewhere")


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a run, whole or not at all; InputError where there is no place for it."""
    # torch turns the system's errors into its own: it writes to memory, and we to the disk.
    held = io.BytesIO()
    torch.save(state, held)
    with atomic_draft(path, folders=True) as draft:
        draft.write_bytes(held.getbuffer())


def read_checkpoint(path: Path, resumed: bool = False) -> dict[str, Any]:
    """The parts of a run on the CPU.

    Only plain values and tensors are unpickled.

    Parameters
    ----------
    path : Path
        A file that `write_checkpoint` wrote.
    resumed : bool
        Whether its run is to go on, which takes more than its weights.

    Returns
    -------
    dict
        `recipe` (options by today's names), `mean` (tensors by name), and of a run its `epoch`,
        `step` and `error`. last.pt has in addition what `training.run.Run.state` lists.

    Raises
    ------
    InputError
        For a file that is missing, damaged or something else.
    """
    alien = InputError(f"{label(path)}: is no checkpoint of depthmatte train; give OUT/last.pt")
    if path.exists() and not path.is_file():
        raise alien
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"{label(path)}: {describe_os_error(error)}; check the path") from error
    except Exception as error:  # torch raises what its unpickler meets: KeyError, IndexError, ...
        raise alien from error
    if not _is_run(state):
        raise alien
    missing = [name for name in _RESUME_KEYS if name not in state]
    if resumed and missing:
        raise InputError(
            f"{label(path)}: holds weights but no run to go on with; begin a new run with "
            f"--start {label(path)}"
        )
    state["recipe"] = {
        _OLD_OPTION_NAMES.get(name, name): value for name, value in state["recipe"].items()
    }
    return state  # type: ignore[no-any-return]


def _is_run(state: Any) -> bool:
    """Whether a file's content has a known task and tensors by name."""
    if not isinstance(state, dict):
        return False
    recipe, mean = state.get("recipe"), state.get("mean")
    return (
        isinstance(recipe, dict)
        and recipe.get("task") in TASK_NAMES
        and isinstance(mean, dict)
        and all(isinstance(value, torch.Tensor) for value in mean.values())
    )
