"""Train all phases of a recipe, one after the other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...errors import OptionError
from ...option_fields import to_json_values
from ..checkpoint import read_checkpoint, write_checkpoint
from ..loop import train
from ..recipe import Recipe
from ..reporting.events import RunEvent, RunWatcher
from ..run import make_start_network
from ..tasks.registry import choose_task
from ..weight_average import average_checkpoints
from .recipe_file import START_PART, Phase, RecipeFile


def train_recipe(
    recipe: RecipeFile,
    given: Mapping[str, Any],
    report: Callable[[str], None] = print,
    resume: bool = False,
    replace_run: bool = False,
    most_steps: int = 0,
    watch: RunWatcher = lambda event: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Path:
    """Train every phase of a recipe and average weights where it says so.

    A recipe of one phase trains in `out`. One of several trains each in `out/PHASE`, and writes
    means of weights to `out/PHASE.pt`. What the first phase starts from is written to
    `out/start.pt` where a mean needs it.

    Parameters
    ----------
    recipe : RecipeFile
        The recipe.
    given : mapping of str to Any
        Options that win over the recipe's in every phase: `data` and `out`, and what a user typed.
        `start` holds for the first phase only.
    report : callable
        Called with each line of the report.
    resume, replace_run : bool
        Go on with the phase that was stopped, or give up the earlier run.
    most_steps : int
        Train each phase for at most this many steps; 0 sets no limit.
    watch, should_stop : callable
        As in `loop.train`. A stop ends the phase in progress and begins no other.

    Returns
    -------
    Path
        The checkpoint of the phase that is exported, or of the one that was stopped.

    Raises
    ------
    InputError
        For data, labels or an earlier run that cannot be used.
    """
    single = len(recipe.phases) == 1
    if given.get("out") is None and not single:
        raise OptionError("--out: is missing; name a folder for the phases of this recipe")

    def tell(text: str) -> None:
        report(text)
        watch(RunEvent("note", 0, 0, text, {}))

    made: dict[str, Path] = {}
    for phase in recipe.phases:
        if phase.mix:
            if START_PART in phase.mix:
                made[START_PART] = _write_start(recipe, given)
            parts = [made[name] for name in phase.mix]
            mixed = Path(given["out"]) / f"{phase.name}.pt"
            made[phase.name] = average_checkpoints(parts, phase.shares, mixed)
            tell(f"phase {phase.name}: mean of {', '.join(phase.mix)}")
            continue
        run = recipe_of_phase(recipe, phase, given, made)
        if most_steps:
            run = replace(run, steps=min(run.steps or most_steps, most_steps))
        goes_on = resume and (single or (_folder(run) / "last.pt").exists())
        tell(f"phase {phase.name}: {run.steps or run.epochs} {'steps' if run.steps else 'epochs'}")
        made[phase.name] = train(
            run, report, goes_on, replace_run, watch=watch, should_stop=should_stop
        )
        if should_stop():
            return made[phase.name]
    return made[recipe.exported.name]


def recipe_of_phase(
    recipe: RecipeFile, phase: Phase, given: Mapping[str, Any], made: Mapping[str, Path]
) -> Recipe:
    """The recipe of a phase in its own folder; `made` are the checkpoints of earlier phases."""
    options = dict(given)
    if len(recipe.phases) > 1:
        options["out"] = Path(given["out"]) / phase.name
    if made:
        options.pop("start", None)
    run = recipe.make_recipe(phase, options)
    if run.start is None or run.start not in made:
        return run
    return replace(run, start=str(made[run.start]))


def _write_start(recipe: RecipeFile, given: Mapping[str, Any]) -> Path:
    """Write the network that the first phase starts from as a checkpoint."""
    run = recipe_of_phase(recipe, recipe.phases[0], given, {})
    network = make_start_network(run, choose_task(run))
    path = Path(given["out"]) / f"{START_PART}.pt"
    weights = network.state_dict()
    write_checkpoint(path, {"recipe": to_json_values(run), "mean": weights, "step": 0})
    return path


def _folder(run: Recipe) -> Path:
    """The folder of a phase of several, which always has one."""
    assert run.out is not None
    return run.out


def digest_weights(checkpoint: Path) -> str:
    """SHA-256 in hex over names, types, shapes and bytes of the weights that are exported."""
    weights = read_checkpoint(checkpoint)["mean"]
    digest = hashlib.sha256()
    for name in sorted(weights):
        values = weights[name].contiguous().numpy()
        digest.update(f"{name} {values.dtype.str} {values.shape}\n".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()
