"""`depthmatte train`: collect options. `depthmatte.training` does the work and needs torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ....errors import OptionError
from ....option_fields import list_options
from ....training.recipe import UNUSED_OPTIONS, ExistingRun, RayOptions, Recipe
from ...flags import GivenFlags, flag_help, option_flags
from .check import check_command
from .recipe import RecipeName, remake_command, require_packages, train_by_recipe
from .run import TrainingOutput, run_training

train_app = typer.Typer(
    help="Train, label and export networks (needs the extra `train`).",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_HELP = {one.name: flag_help(one) for one in list_options(Recipe)}

_Data = Annotated[Path, typer.Option(help="Read the photos of this data folder.")]
_Seed = Annotated[int, typer.Option(min=0, help=_HELP["seed"])]


def _of_recipe(given: GivenFlags) -> dict[str, Any]:
    """The typed flags that are options of a recipe."""
    names = {one.name for one in list_options(Recipe)}
    return {name: value for name, value in given.items() if name in names}


def _make_train_command(task: str, about: str) -> Callable[..., Any]:
    """Make the command that trains the network of a task, with the options that it uses."""
    unused = {
        one.name: one.default
        for one in list_options(Recipe)
        if one.name in UNUSED_OPTIONS.get(task, ())
    }

    @option_flags(Recipe, ExistingRun, RayOptions, TrainingOutput, fixed={"task": task, **unused})
    def run(
        recipe: Recipe,
        existing: ExistingRun,
        ray: RayOptions,
        output: TrainingOutput,
        given: GivenFlags,
        recipe_name: RecipeName = None,
    ) -> None:
        require_packages("torch", "matplotlib", "tensorboard")
        if recipe_name is None:
            return run_training(recipe, existing, output, ray.ray_workers)
        folders = {"data": recipe.data, "out": recipe.out}
        return train_by_recipe(
            recipe_name,
            task,
            {**folders, **_of_recipe(given)},
            existing,
            output,
            ray.ray_workers,
        )

    run.__doc__ = about
    return run


train_app.command("matte")(
    _make_train_command(
        "matte",
        """Train the matte network on photos with masks. With --feedback: see `train feedback`.

        Example: depthmatte train matte --data DATA -o work/matte --epochs 8

        Exit status: 0 success, 1 failure, 2 wrong usage, 130 stopped by Ctrl-C.
        """,
    )
)
train_app.command("depth")(
    _make_train_command(
        "depth",
        """Train the depth network on composed scenes and weak labels.

        Example: depthmatte train depth --data DATA --labels work/labels -o work/depth
        """,
    )
)
train_app.command("stereo")(
    _make_train_command(
        "stereo",
        """Train the stereo network on generated pairs.

        Example: depthmatte train stereo --data DATA --preset 320x192 --landscape 1 -o work/stereo
        """,
    )
)
train_app.command("fuse")(
    _make_train_command(
        "fuse",
        """Train the fusion network on the output of `train maps`.

        Example: depthmatte train fuse --data DATA --labels work/maps -o work/fuse
        """,
    )
)


train_app.command("detail")(
    _make_train_command(
        "detail",
        """Train the detail network on the output of `train composites`.

        Example: depthmatte train detail --data DATA --labels work/composites -o work/detail
        """,
    )
)


train_app.command("parts")(
    _make_train_command(
        "parts",
        """Train the parts network on photos with masks and the output of `train labels parts`.

        Example: depthmatte train parts --data DATA --labels work/part-labels -o work/parts
        """,
    )
)


train_app.command("people")(
    _make_train_command(
        "people",
        """Train the network that tells people apart, on scenes of groups and on photos with masks.

        Example: depthmatte train people --data DATA --start matte -o work/people
        """,
    )
)


@train_app.command("report")
def report_command(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder of a run.")],
) -> None:
    """Write OUT/report.html: figures, curves, worst cases, calibration, recipe and data.

    A run does this at its end. Example: depthmatte train report work/matte-1
    """
    require_packages("torch", "matplotlib")
    from ....training.reporting.report import write_report

    typer.echo(write_report(out, typer.echo))


train_app.command("check")(check_command)
train_app.command("remake")(remake_command)


@train_app.command("labels")
def labels_command(
    task: Annotated[str, typer.Argument(help="Make labels for matte, depth or parts.")],
    data: _Data,
    teacher: Annotated[
        Path, typer.Option(help="Use this file as the teacher: ONNX, for parts TFLite.")
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="Write the labels into this folder.")
    ] = Path("work/labels"),
    threads: Annotated[int, typer.Option(min=1, help="Use this many CPU threads.")] = 1,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Label this set of photos for matte or parts; repeat it for more."
        ),
    ] = None,
    short_side: Annotated[
        int,
        typer.Option(min=64, max=2048, help="Set the shorter side of the matte teacher's input."),
    ] = 512,
) -> None:
    """Make labels for the training photos with a third-party teacher network.

    For depth: minus log disparity (Tiefenrausch). For matte: soft alpha (MODNet). For parts: hair,
    skin, clothes and things (MediaPipe's multi-class selfie segmentation; needs the extra teacher).
    Without --set, matte labels are made for street photos, or for all photos of a folder of your
    own, and part labels for all photos with masks.
    """
    require_packages("torch")
    from ....training.data import teachers

    if task not in ("matte", "depth", "parts"):
        raise OptionError(f"labels {task!r}: is unknown; use matte, depth or parts")
    if task == "depth" and sets:
        raise OptionError("--set: names sets of photos for matte; leave it out for depth")
    if task == "parts":
        from ....training.tasks import parts_labels

        looks = parts_labels.SelfieMulticlass(teacher, threads)
        photos = parts_labels.list_part_photos(data, sets or ())
        count = parts_labels.write_part_labels(photos, looks, out)
    elif task == "depth":
        count = teachers.write_depth_labels(teachers.list_depth_photos(data), teacher, out, threads)
    else:
        count = teachers.write_matte_labels(
            teachers.list_matte_teacher_photos(data, sets or ()), teacher, out, threads, short_side
        )
    typer.echo(f"{count} labels made in {out}")


@train_app.command("maps")
def maps_command(
    data: _Data,
    out: Annotated[Path, typer.Option("-o", "--out", help="Write the maps into this folder.")] = (
        Path("work/maps")
    ),
    count: Annotated[int, typer.Option(min=1, help="Draw this many training scenes.")] = 600,
    composites: Annotated[
        int, typer.Option(min=0, help="Paste people into this many other photos.")
    ] = 600,
    companions: Annotated[
        float,
        typer.Option(
            "--companions",
            "--beside",
            min=0,
            max=1,
            help="Set the share of composites in which the portrait has several people.",
        ),
    ] = 0.25,
    distractors: Annotated[
        float,
        typer.Option(
            "--distractors",
            "--crowded",
            min=0,
            max=1,
            help="Set the share of composites with other people behind the portrait.",
        ),
    ] = 0.7,
    tall_distractors: Annotated[
        bool,
        typer.Option(
            "--tall-distractors", "--tall", help="Make distractors nearly as tall as the portrait."
        ),
    ] = False,
    seed: _Seed = 0,
    matte: Annotated[
        str, typer.Option("--matte-network", help="Use this matte network.")
    ] = "matte",
    depth: Annotated[
        str, typer.Option("--depth-network", help="Use this depth network.")
    ] = "depth",
    pairs: Annotated[
        str, typer.Option("--stereo-network", help="Match with stereo, sgbm or an .onnx file.")
    ] = "stereo",
    threads: Annotated[int, typer.Option(min=1, help="Use this many CPU threads.")] = 1,
) -> None:
    """Draw scenes and composites, and store the matte and depth maps of each.

    Example: depthmatte train maps --data DATA -o work/maps --count 600
    """
    require_packages("torch")
    from ....training.tasks.fusion_maps import ALIGNED_CROWD, TALL_DISTRACTOR_HEIGHT, make_maps
    from ...downloads import fetch_networks
    from ...output import Reporter

    networks = {"matte": matte, "depth": depth, "pairs": pairs}
    fetch_networks(networks.values(), Reporter())
    crowd = replace(ALIGNED_CROWD, companions=companions, distractors=distractors)
    if tall_distractors:
        crowd = replace(crowd, distractor_height=TALL_DISTRACTOR_HEIGHT)
    made = make_maps(
        data, out, count, seed, threads, typer.echo, composites=composites, crowd=crowd, **networks
    )
    typer.echo(f"{made} maps made in {out}")


@train_app.command("composites")
def composites_command(
    data: _Data,
    labels: Annotated[
        Path | None,
        typer.Option(help="Soften outlines of photos by this output of `train labels matte`."),
    ] = None,
    out: Annotated[
        Path, typer.Option("-o", "--out", help="Write the patches into this folder.")
    ] = Path("work/composites"),
    count: Annotated[int, typer.Option(min=1, help="Draw this many composites.")] = 1500,
    photos: Annotated[
        int,
        typer.Option(
            min=0, help="Store patches of at most this many photos with masks too; with --labels."
        ),
    ] = 1000,
    seed: _Seed = 0,
    matte: Annotated[
        str, typer.Option("--matte-network", help="Use this matte network.")
    ] = "matte",
    threads: Annotated[int, typer.Option(min=1, help="Use this many CPU threads.")] = 1,
) -> None:
    """Draw people with strands of hair before backgrounds, and store patches of their outlines.

    Example: depthmatte train composites --data DATA --labels work/mattes -o work/composites
    """
    require_packages("torch")
    from ....training.tasks.detail_patches import make_detail_patches
    from ...downloads import fetch_networks
    from ...output import Reporter

    fetch_networks([matte], Reporter())
    made = make_detail_patches(data, labels, out, count, seed, threads, typer.echo, matte, photos)
    typer.echo(f"{made} files of patches made in {out}")


@train_app.command("mix")
def mix_command(
    checkpoints: Annotated[
        list[Path], typer.Argument(help="Average these checkpoints (OUT/last.pt of each phase).")
    ],
    shares: Annotated[
        str, typer.Option(help="Weight the checkpoints by these numbers, separated by commas.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Write the average to this file.")],
) -> None:
    """Average the weights of several checkpoints of one network.

    Example: depthmatte train mix a/last.pt b/last.pt --shares 1,3 -o mixed.pt
    """
    require_packages("torch")
    from ....training.weight_average import average_checkpoints

    try:
        numbers = [float(word) for word in shares.split(",")]
    except ValueError:
        raise OptionError(f"--shares {shares}: are not numbers; write for example 1,3") from None
    typer.echo(f"checkpoint {average_checkpoints(checkpoints, numbers, out)}")
