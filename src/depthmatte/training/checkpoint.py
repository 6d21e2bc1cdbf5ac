"""A training run on disk: recipe, weights, optimiser and epoch in one file."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import torch

from ..errors import InputError


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write under a temporary name, then replace: a stop half-way loses nothing."""
    fresh = path.with_suffix(".part")
    torch.save(state, fresh)
    os.replace(fresh, path)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The parts of a run on the CPU: `recipe`, `mean`, `network`, `adam`, `epoch`, `error`.

    Only plain values and tensors are unpickled. Raises InputError for a file that is
    missing, damaged or something else.
    """
    alien = InputError(f"{path}: is no checkpoint of depthmatte train; give OUT/last.pt")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; check the path") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise alien from error
    if not isinstance(state, dict) or not {"recipe", "mean"} <= set(state):
        raise alien
    return state
