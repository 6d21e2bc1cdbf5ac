"""Train a shipped network again from its recipe, and compare its figures with the stored ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...depth import no_depth
from ...errors import OptionError
from ...evaluation.run import evaluate_folders, find_samples
from ...fusion import FUSIONS
from ...networks.network import Network
from ...pipeline import Pipeline
from ...segment.portrait_network import create_segmenter
from ..export import export_checkpoint, load_network
from ..tasks.registry import choose_task
from ..tasks.task import MaterialOptions
from .recipe_file import Phase, RecipeFile
from .recipe_run import digest_weights, recipe_of_phase, train_recipe


@dataclass(frozen=True)
class FigureCheck:
    """One figure: as measured, and as stored with the recipe; None for one that is not there."""

    name: str
    measured: float | None
    stored: float | None
    tolerance: float

    @property
    def is_equal(self) -> bool | None:
        """Whether both differ by at most the tolerance; None where one is missing."""
        if self.measured is None or self.stored is None:
            return None
        return math.isclose(self.measured, self.stored, rel_tol=0, abs_tol=self.tolerance)

    def __str__(self) -> str:
        """One line for a report."""
        if self.measured is None:
            return f"{self.name}: not measured, stored {self.stored:.4f}"
        if self.stored is None:
            return f"{self.name}: {self.measured:.4f}, none stored"
        verdict = "equal" if self.is_equal else "not equal"
        return (
            f"{self.name}: {self.measured:.4f}, stored {self.stored:.4f}: "
            f"{verdict} within {self.tolerance:g}"
        )


@dataclass(frozen=True)
class RemadeNetwork:
    """What came out.

    Attributes
    ----------
    checkpoint : Path
        The checkpoint of the exported phase.
    digest : str
        SHA-256 over all its weights, in hex.
    network : Path or None
        The exported file; None for a shortened training.
    figures : tuple of FigureCheck
        The figures that were measured or stored; empty for a shortened training.
    """

    checkpoint: Path
    digest: str
    network: Path | None = None
    figures: tuple[FigureCheck, ...] = field(default=())

    @property
    def is_proven(self) -> bool:
        """Whether some stored figure was measured, and none of them differs."""
        verdicts = [one.is_equal for one in self.figures]
        return True in verdicts and False not in verdicts


def remake_network(
    recipe: RecipeFile,
    given: Mapping[str, Any],
    evaluate: Sequence[Path] = (),
    most_steps: int = 0,
    resume: bool = False,
    report: Callable[[str], None] = print,
) -> RemadeNetwork:
    """Train all phases of a recipe, export the network and compare its figures.

    On one thread of one machine two equal trainings give equal weights. Other machines and more
    threads add numbers in another order, so their figures are equal within a tolerance only.

    Parameters
    ----------
    recipe : RecipeFile
        The recipe.
    given : mapping of str to Any
        Options that win: `data`, `out`, and for example `labels`, `threads`.
    evaluate : sequence of Path
        Folders with images/ and masks/ on which the portrait network's IoU is measured. Each is
        known by its last two parts, such as `picsart/eval`.
    most_steps : int
        Train each phase for at most this many steps, and neither export nor compare; 0 trains all.
    resume : bool
        Go on with an earlier training in `out`.
    report : callable
        Called with each line of the report.

    Raises
    ------
    InputError
        For data, labels, folders or an earlier run that cannot be used.
    """
    if evaluate and recipe.task != "matte":
        raise OptionError(f"--evaluate: only matte has masks to compare with, not {recipe.task}")
    for folder in evaluate:
        find_samples(folder)
    checkpoint = train_recipe(recipe, given, report, resume=resume, most_steps=most_steps)
    digest = digest_weights(checkpoint)
    if most_steps:
        return RemadeNetwork(checkpoint, digest)
    network = Path(given["out"]) / f"{recipe.task}.onnx"
    command = f"depthmatte train remake {recipe.name}"
    data = Path(given["data"][0]) if recipe.export.calibrate else None
    export_checkpoint(checkpoint, network, command, data)
    figures = _compare(recipe, given, checkpoint, _measure_iou(network, evaluate))
    return RemadeNetwork(checkpoint, digest, network, tuple(figures))


def _compare(
    recipe: RecipeFile, given: Mapping[str, Any], checkpoint: Path, ious: Mapping[str, float]
) -> Iterator[FigureCheck]:
    stored = recipe.figures
    error = _measure_validation(recipe, given, checkpoint)
    yield FigureCheck("validation error", error, stored.validation, stored.tolerance)
    for name in dict.fromkeys((*stored.evaluated, *ious)):
        yield FigureCheck(
            f"IoU of {name}", ious.get(name), stored.evaluated.get(name), stored.tolerance
        )


def _measure_validation(recipe: RecipeFile, given: Mapping[str, Any], checkpoint: Path) -> float:
    """The validation error of the exported weights, on the photos its last training held out."""
    last = _last_training(recipe)
    run = recipe_of_phase(recipe, last, given, {})
    validate = choose_task(run).validator(MaterialOptions.from_recipe(run))
    return validate(load_network(checkpoint)[1])


def _last_training(recipe: RecipeFile) -> Phase:
    return [phase for phase in recipe.phases if not phase.mix][-1]


def _measure_iou(network: Path, folders: Sequence[Path]) -> dict[str, float]:
    """Mean IoU of the exported portrait network, without depth, by the folder's name."""
    if not folders:
        return {}
    alone = {"none": FUSIONS["none"]}
    pipeline = Pipeline(create_segmenter(Network(network)), no_depth, alone["none"])
    table = evaluate_folders(folders, pipeline, fusions=alone)
    return {
        "/".join(folder.absolute().parts[-2:]): table[folder.as_posix()]["none"]["iou"]
        for folder in folders
    }
