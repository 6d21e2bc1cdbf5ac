"""Declare `depthmatte labels` and its commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..option_fields import option_names
from ..options import CutOptions, SessionOptions
from ..training.data.formats.options import LabelExport, LabelImport
from .flags import option_flags

labels_app = typer.Typer(
    help="Correct predictions in Label Studio or CVAT, and train on them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_EXPORT_OPTIONS = (
    *option_names(LabelExport),
    "orient",
    "second_look",
    "device",
    "threads",
    "matte_network",
    "network",
    "remote",
    "remote_timeout",
    "remote_retries",
    "remote_fallback",
)
"""Options that `labels export` takes: it runs the matte network alone."""

_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]


@labels_app.command("export")
@option_flags(LabelExport, CutOptions, SessionOptions, only=_EXPORT_OPTIONS)
def export_labels_command(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Photos, folders or patterns.")
    ],
    export: LabelExport,
    options: CutOptions,
    session: SessionOptions,
    quiet: _Quiet = False,
) -> None:
    """Predict the people in photos, and write labels for correction in a labeling tool.

    Example: depthmatte labels export photos --format label-studio -o to-correct

    Exit status: 0 success, 1 a photo failed, 2 wrong usage.
    """
    from .commands.labels import export_predictions

    raise typer.Exit(0 if export_predictions(paths, export, options, session, quiet) else 1)


@labels_app.command("import")
@option_flags(LabelImport)
def import_labels_command(
    file: Annotated[Path, typer.Argument(help="COCO JSON, Label Studio JSON or CVAT XML.")],
    options: LabelImport,
    quiet: _Quiet = False,
) -> None:
    """Write the photos and masks of a corrected label file for `train matte --data`.

    Example: depthmatte labels import tasks.json --images to-correct/images -o corrected

    Exit status: 0 success, 1 a photo was left out, 2 wrong usage.
    """
    from .commands.labels import import_corrections

    raise typer.Exit(0 if import_corrections(file, options, quiet) else 1)
