"""Where a run is kept. A run never overwrites another."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ...errors import InputError
from ...system.printable_text import describe_os_error, label
from ..checkpoint import RUN_FILES, read_checkpoint
from ..recipe import ExistingRun, Recipe

_DEFAULT_PARENT = Path("work")
"""Folder of the runs whose recipe names none."""


def choose_run_folder(recipe: Recipe, existing: ExistingRun) -> Path:
    """The folder of a run. Nothing is made or changed yet.

    Without `out` a new run gets work/TASK-1, -2 and so on, and `resume` goes on with the newest
    of these that is not finished.

    Raises
    ------
    InputError
        Where a run could not be kept in `out` or would destroy another, and where there is none
        to go on with.
    """
    if recipe.out is not None:
        _check_run_folder(recipe.out, existing)
        return recipe.out
    if existing.replace:
        raise InputError("--replace: replaces no run of its own choice; give the run's --out")
    if existing.resume:
        return _find_unfinished(recipe.task)
    out = _next_folder(recipe.task)
    _check_run_folder(out, existing)
    return out


def claim_run_folder(out: Path, is_numbered: bool, existing: ExistingRun, task: str) -> Path:
    """Make the folder of a run that begins, and move a run that it replaces aside.

    The files of the earlier run go to OUT/replaced-1, -2 and so on.

    Parameters
    ----------
    out : Path
        What `choose_run_folder` gave.
    is_numbered : bool
        Whether its name was chosen, so that another process may have taken it meanwhile.
    existing : ExistingRun
        What happens to the run that the folder holds.
    task : str
        The task of the run.

    Returns
    -------
    Path
        The folder; another than `out` where that was taken meanwhile.
    """
    try:
        while is_numbered and not existing.resume:
            out.parent.mkdir(parents=True, exist_ok=True)
            try:
                out.mkdir()
                return out
            except FileExistsError:
                out = _next_folder(task)
        out.mkdir(parents=True, exist_ok=True)
        there = list_run_files(out)
        if existing.replace and there:
            aside = next(
                place
                for number in range(1, 1_000_000)
                if not os.path.lexists(place := out / f"replaced-{number}")
            )
            aside.mkdir()
            for name in there:
                os.rename(out / name, aside / name)
    except OSError as error:
        raise InputError(
            f"{label(out)}: cannot be written ({describe_os_error(error)}); give another --out"
        ) from error
    return out


def list_run_files(out: Path) -> list[str]:
    """The names of a run's files that a folder holds."""
    return [name for name in RUN_FILES if os.path.lexists(out / name)]


def _check_run_folder(out: Path, existing: ExistingRun) -> None:
    there = list_run_files(out)
    if existing.resume and "last.pt" not in there:
        remedy = "give --replace instead" if there else "leave --resume out"
        raise InputError(
            f"{label(out / 'last.pt')}: no checkpoint to go on from; {remedy}, "
            "or give the run's --out"
        )
    if there and not (existing.resume or existing.replace):
        raise InputError(
            f"{label(out)}: holds an earlier run ({', '.join(there)}); "
            "give another --out, --resume to go on with it, or --replace to move it aside"
        )
    nearest = next(place for place in (out, *out.absolute().parents) if os.path.lexists(place))
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise InputError(f"{label(out)}: no folder can be written there; give another --out")


def _numbered_folders(task: str) -> dict[int, Path]:
    """The folders work/TASK-N by their number."""
    found = {}
    for path in _DEFAULT_PARENT.glob(f"{task}-*"):
        match = re.fullmatch(rf"{task}-([1-9][0-9]{{0,8}})", path.name)
        if match:
            found[int(match[1])] = path
    return found


def _next_folder(task: str) -> Path:
    return _DEFAULT_PARENT / f"{task}-{max(_numbered_folders(task), default=0) + 1}"


def _find_unfinished(task: str) -> Path:
    for _, path in sorted(_numbered_folders(task).items(), reverse=True):
        checkpoint = path / "last.pt"
        if checkpoint.is_file() and not read_checkpoint(checkpoint).get("finished"):
            return path
    raise InputError(
        f"--resume: no run in {_DEFAULT_PARENT}/{task}-* is unfinished; give the run's --out"
    )
