"""The command line. Heavy imports wait inside the commands, so that `--help` is instant.

To add a command: write a function here that only collects options, and import what does
the work inside it. Options come from dataclasses (`options.py`) through `flags`. A group of
commands has a file of its own, as `train` has. How errors end a command stands in `group.py`.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from .. import __version__
from ..errors import OptionError
from ..options import CutOptions, OutputOptions, SessionOptions
from .flags import flags
from .group import OneLine, leave
from .report import tolerate

app = typer.Typer(
    name="depthmatte",
    cls=OneLine,
    help="Cut people out of photos: a segmentation network and a depth network, fused.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # help through rich costs a tenth of a second
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Entry point of the `depthmatte` command."""
    tolerate()
    leave(app)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"depthmatte {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


Out = Annotated[Path, typer.Option("-o", "--out", help="Folder for the results.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Errors only.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
JsonLines = Annotated[bool, typer.Option("--json", help="One JSON line per photo on stdout.")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads; all cores if not given.")]
Places = Annotated[
    list[str],
    typer.Argument(metavar="PATH...", help="Photos, folders and patterns; - for stdin."),
]


@app.command()
@flags(CutOptions, SessionOptions, OutputOptions)
def cut(
    paths: Places,
    output: OutputOptions,
    asked: CutOptions,
    session: SessionOptions,
    depth: Annotated[
        Path | None,
        typer.Option("--depth", help="Depth file of the photo, or a folder with one for each."),
    ] = None,
    right: Annotated[
        Path | None, typer.Option(help="The second view of a stereo pair, or a folder of them.")
    ] = None,
    calib: Annotated[
        Path | None,
        typer.Option(help="Calibration of the cameras, or a folder with one for each photo."),
    ] = None,
) -> None:
    """Cut the people out of photos; folders are searched and their sub-folders kept.

    Example: depthmatte cut photo.jpg --depth depth.png --calib rig.json --save alpha,sheet

    Exit status: 0 all done, 1 something failed, 2 wrong usage.
    """
    from .cut import cut_all
    from .given import Given
    from .job import Job
    from .report import Report

    job = Job(asked, session, output, Given(depth, right, calib))
    quiet = output.quiet or output.out == "-"  # stdout is for the picture alone
    report = Report("json" if output.json else "quiet" if quiet else "lines")
    raise typer.Exit(1 if cut_all(paths, job, report) else 0)


@app.command()
def demo(
    out: Out = Path("out/demo"),
    photo: Annotated[
        Path | None, typer.Option(help="A photo of your own instead of the sample.")
    ] = None,
) -> None:
    """Run everything on one photo and say where the pictures are."""
    from ..demo import show

    for name, path in show(out, photo).items():
        typer.echo(f"{name:<12} {path}")


EVALUATED = ("orient", "second_look", "device", "threads", "matte_network", "depth_network")
"""Options of a cut that `evaluate` takes: it goes through all fusions itself."""


@app.command()
@flags(CutOptions, SessionOptions, only=EVALUATED)
def evaluate(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="Each holds images and masks with equal stems."),
    ],
    asked: CutOptions,
    session: SessionOptions,
    json: Annotated[Path | None, typer.Option(help="Write the table as JSON.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the table as CSV.")] = None,
    ablation: Annotated[
        bool,
        typer.Option(
            "--ablation", help="Every fusion with every source of depth; DIR may hold scenes."
        ),
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(help="With --ablation: bars of false and missed area.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="With --ablation: the ten photos gained and lost most on.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Measure the quality of every fusion against true masks.

    Example: depthmatte evaluate scenes --ablation --csv table.csv --plot table.png
    """
    from ..session import Session
    from .evaluation import Targets, ablate_all, evaluate_all
    from .report import Report

    targets = Targets(json, csv, plot, sheet)
    report = Report("quiet" if quiet else "lines")
    if ablation:
        ablate_all(folders, Session(session), asked, targets, report)
        return
    if plot or sheet:
        raise OptionError("--plot and --sheet: go with --ablation; add it")
    evaluate_all(folders, Session(session), asked, targets, report)


@app.command()
def info(
    paths: Places,
    json: JsonLines = False,
) -> None:
    """Tell what a photo's file holds: depth, a matte, a second view, the camera."""
    from .planes import show

    raise typer.Exit(0 if show(paths, json) else 1)


@app.command()
def extract(
    paths: Places,
    out: Out = Path("out"),
) -> None:
    """Write the depth, matte and second view that a photo's file holds as pictures."""
    from .planes import extract_all

    raise typer.Exit(0 if extract_all(paths, out) else 1)


@app.command()
def stereo(
    left: Annotated[Path, typer.Argument(metavar="LEFT", help="The left view.")],
    right: Annotated[Path, typer.Argument(metavar="RIGHT", help="The right view.")],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="PFM file: disparity in pixels of the left view.")
    ],
    method: Annotated[
        str, typer.Option(help="network, sgbm, an .onnx file or URL#sha256=HEX.")
    ] = "network",
    view: Annotated[str, typer.Option(help="left or right: whose pixels are measured.")] = "left",
    calib: Annotated[
        Path | None, typer.Option(help="Calibration; the camera of --view is its first.")
    ] = None,
    max_disparity: Annotated[
        float | None, typer.Option(min=1, help="Largest disparity in pixels; found if not given.")
    ] = None,
    holes: Annotated[
        bool, typer.Option("--holes", help="Write infinity where nothing was matched.")
    ] = False,
    preview: Annotated[Path | None, typer.Option(help="PNG file: disparity in colours.")] = None,
    side: Annotated[
        int, typer.Option(min=64, max=4096, help="Longer side at which the network matches.")
    ] = 1280,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Match two views of one scene: disparity of every pixel.

    Example: depthmatte stereo left.jpg right.jpg -o disparity.pfm --preview disparity.png
    """
    from .stereo import Job, run

    job = Job(left, right, out, method, view, calib, max_disparity, holes, preview, side, threads)
    run(job, json)


@app.command()
def networks(
    json: Json = False,
    verify: Annotated[bool, typer.Option("--verify", help="Check every checksum.")] = False,
) -> None:
    """List the networks: licence, size, checksum, what they promise, what they run on."""
    from .listing import list_networks

    raise typer.Exit(0 if list_networks(json, verify) else 1)


@app.command()
def effects(
    json: Json = False,
) -> None:
    """List the effects and their options."""
    from .listing import list_effects

    list_effects(json)


class Training(TyperGroup):
    """The commands of `train`, whose options are read when somebody asks for one of them."""

    @property
    def commands(self) -> MutableMapping[str, Any]:
        """Every command by its name."""
        return _training()

    @commands.setter
    def commands(self, _: Any) -> None:
        pass


@cache
def _training() -> MutableMapping[str, Any]:
    from typer.main import get_group

    from . import train

    return get_group(train.app).commands


app.add_typer(
    typer.Typer(
        cls=Training,
        help="Train, label and export the networks (needs the extra `train`).",
        no_args_is_help=True,
        rich_markup_mode=None,
        callback=lambda: None,
    ),
    name="train",
)
