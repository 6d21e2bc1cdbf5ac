"""Declare `depthmatte feedback` and its commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

feedback_app = typer.Typer(
    help="Store corrected masks, which `train matte --feedback` learns from.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Store = Annotated[
    Path | None,
    typer.Option("--store", help="Use this folder instead of the one in your data folder."),
]
_Id = Annotated[str, typer.Argument(metavar="ID", help="The id, or its first digits.")]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]


@feedback_app.command("add")
def feedback_add_command(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="The photos.")],
    mask: Annotated[
        Path,
        typer.Option(
            help="The corrected mask, or a folder with a mask of each photo's name: "
            "gray with white for the person, or a cut-out."
        ),
    ],
    store: _Store = None,
    note: Annotated[str, typer.Option(help="Keep this remark with the samples.")] = "",
    resize_mask: Annotated[
        bool, typer.Option("--resize-mask", help="Scale masks of another size but equal aspect.")
    ] = False,
    quiet: _Quiet = False,
) -> None:
    """Store photos with their corrected masks.

    Example: depthmatte feedback add photo.jpg --mask fixed.png --note "lost the hat"

    Exit status: 0 success, 1 a photo failed, 2 wrong usage.
    """
    from .commands.feedback import add_samples
    from .output import Reporter

    reporter = Reporter("quiet" if quiet else "lines")
    raise typer.Exit(0 if add_samples(photos, mask, store, note, resize_mask, reporter) else 1)


@feedback_app.command("list")
def feedback_list_command(
    store: _Store = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")] = False,
) -> None:
    """List the stored samples, oldest first."""
    from .commands.feedback import print_samples

    print_samples(store, json)


@feedback_app.command("show")
def feedback_show_command(
    id: _Id,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Write the picture here; else to feedback-ID.png."),
    ] = None,
    store: _Store = None,
) -> None:
    """Write a picture of a sample: photo, today's alpha, corrected mask, difference.

    Example: depthmatte feedback show 4f1c -o sheet.png
    """
    from .commands.feedback import show_sample

    typer.echo(show_sample(id, out, store))


@feedback_app.command("remove")
def feedback_remove_command(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids, or their first digits.")],
    store: _Store = None,
) -> None:
    """Delete samples: photo, masks and provenance."""
    from .commands.feedback import remove_samples

    remove_samples(ids, store)


@feedback_app.command("rollback")
def feedback_rollback_command() -> None:
    """Go back to the matte network that was current before: the same as `networks rollback`."""
    from .commands.networks import roll_back

    roll_back("matte")
