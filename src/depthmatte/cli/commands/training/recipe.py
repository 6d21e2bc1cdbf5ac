"""`depthmatte train TASK --recipe` and `depthmatte train remake`: trainings from recipe files."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ....errors import MissingExtra
from ....option_fields import list_options
from ....training.distributed.launch import refuse_many_workers
from ....training.recipe import ExistingRun, Recipe
from ...flags import flag_help
from .run import TrainingOutput, run_until_stopped

if TYPE_CHECKING:
    from ....training.reporting.events import RunEvent

RecipeName = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        metavar="NAME|FILE",
        help="Train by this recipe: the name of a shipped one, or a TOML file. Flags win over it.",
    ),
]
"""The flag of the training commands."""

_HELP = {one.name: flag_help(one) for one in list_options(Recipe)}


def require_packages(*packages: str) -> None:
    """Raise MissingExtra unless all packages of the extra `train` are installed."""
    if any(importlib.util.find_spec(package) is None for package in packages):
        raise MissingExtra("training", "train")


def train_by_recipe(
    name: str,
    task: str,
    given: Mapping[str, Any],
    existing: ExistingRun,
    output: TrainingOutput,
    ray_workers: int = 0,
) -> None:
    """Train all phases of a recipe; `given` are the flags that were typed, and the folders."""
    from ....training.recipes.recipe_file import read_recipe_file
    from ....training.recipes.recipe_run import train_recipe

    recipe = read_recipe_file(name, task)

    def work(watch: Callable[[RunEvent], None], should_stop: Callable[[], bool]) -> Path:
        return train_recipe(
            recipe,
            given,
            lambda line: None,
            resume=existing.resume,
            replace_run=existing.replace,
            watch=watch,
            should_stop=should_stop,
        )

    run_until_stopped(work, output, given["out"], ray_workers)


def remake_command(
    name: Annotated[
        str,
        typer.Argument(
            help="Train this network again: matte, depth, stereo, fuse, detail, parts, "
            "people, or a file."
        ),
    ],
    data: Annotated[Path, typer.Option(help=_HELP["data"])],
    out: Annotated[Path, typer.Option("-o", "--out", help="Write checkpoints and network here.")],
    labels: Annotated[Path | None, typer.Option(help=_HELP["labels"])] = None,
    steps: Annotated[
        int,
        typer.Option(
            min=0,
            max=1_000_000_000,
            help="Train each phase for at most this many steps, and print a digest of the weights "
            "instead of comparing figures; 0 trains all.",
        ),
    ] = 0,
    evaluate: Annotated[
        list[Path] | None,
        typer.Option(help="Measure IoU on the images/ and masks/ of this folder. Repeat it."),
    ] = None,
    threads: Annotated[
        int, typer.Option(min=1, max=1024, help="Use this many CPU threads. One repeats exactly.")
    ] = 1,
    workers: Annotated[int, typer.Option(min=0, max=256, help=_HELP["workers"])] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the training that OUT holds.")
    ] = False,
) -> None:
    """Train a shipped network again from its recipe, and compare its figures with the stored ones.

    Exit code 1 means that a figure differs by more than the tolerance, or none could be compared.

    Example: depthmatte train remake matte --data DATA --labels work/labels -o work/remade
    """
    require_packages("torch", "matplotlib", "onnx", "onnxscript")
    from ....training.recipes.recipe_file import read_recipe_file
    from ....training.recipes.remake import remake_network

    recipe = read_recipe_file(name)
    given: dict[str, Any] = {"data": (data,), "out": out, "threads": threads, "workers": workers}
    if labels is not None:
        given["labels"] = labels
    refuse_many_workers("train remake")
    made = remake_network(recipe, given, evaluate or (), steps, resume, typer.echo)
    typer.echo(f"digest {made.digest}")
    if steps:
        return
    typer.echo(f"network {made.network}")
    for figure in made.figures:
        typer.echo(str(figure))
    typer.echo("result: " + ("equal" if made.is_proven else "not proven equal"))
    if not made.is_proven:
        raise typer.Exit(1)
