"""The command line. Heavy imports wait inside the commands, so that `--help` is instant.

To add a command: write a function here that only collects options, and import what does
the work inside it. Options come from dataclasses (`options.py`) through `flags`. A group of
commands has a file of its own, as `train` has. How errors end a command stands in `group.py`.
"""

from __future__ import annotations

import os
import sys
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
    help="Cut people out of photos with a segmentation network and depth.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,  # help through rich costs a tenth of a second
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Entry point of the `depthmatte` command."""
    if "_DEPTHMATTE_COMPLETE" in os.environ:
        sys.modules["rich"] = None  # type: ignore[assignment]  # typer would load it for every Tab
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
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass


Out = Annotated[Path, typer.Option("-o", "--out", help="Write results into this folder.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]
JsonLines = Annotated[bool, typer.Option("--json", help="Print one JSON line per photo to stdout.")]
Threads = Annotated[
    int | None, typer.Option(min=1, help="Limit the CPU threads; without it all cores are used.")
]
Places = Annotated[
    list[str],
    typer.Argument(metavar="PATH...", help="Photos, folders or patterns; - reads stdin."),
]


@app.command("cut")
@flags(CutOptions, SessionOptions, OutputOptions)
def cut(
    paths: Places,
    output: OutputOptions,
    asked: CutOptions,
    session: SessionOptions,
    depth: Annotated[
        Path | None,
        typer.Option("--depth", help="Use this depth file, or a folder with one file per photo."),
    ] = None,
    right: Annotated[
        Path | None, typer.Option(help="Use this second view, or a folder with one per photo.")
    ] = None,
    calib: Annotated[
        Path | None,
        typer.Option(help="Use this camera calibration, or a folder with one per photo."),
    ] = None,
) -> None:
    """Cut people out of photos. Folders are searched with their subfolders.

    Example: depthmatte cut photo.jpg --depth depth.png --calib rig.json --save alpha,sheet

    Exit status: 0 success, 1 a photo failed, 2 wrong usage.
    """
    from .cut import cut_all
    from .given import Given
    from .job import Job
    from .report import Report

    job = Job(asked, session, output, Given(depth, right, calib))
    quiet = output.quiet or output.out == "-"  # stdout is for the picture alone
    report = Report("json" if output.json else "quiet" if quiet else "lines")
    raise typer.Exit(1 if cut_all(paths, job, report) else 0)


@app.command("demo")
def demo(
    out: Out = Path("out/demo"),
    photo: Annotated[
        Path | None, typer.Option(help="Use this photo instead of the sample.")
    ] = None,
) -> None:
    """Cut one photo, write every kind of picture, print their paths."""
    from ..demo import show

    for name, path in show(out, photo).items():
        typer.echo(f"{name:<12} {path}")


EVALUATED = ("orient", "second_look", "device", "threads", "matte_network", "depth_network")
"""Options of a cut that `evaluate` takes: it goes through all fusions itself."""


@app.command("evaluate")
@flags(CutOptions, SessionOptions, only=EVALUATED)
def evaluate(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR...", help="Folders with images/ and masks/, matched by file name."
        ),
    ],
    asked: CutOptions,
    session: SessionOptions,
    json: Annotated[Path | None, typer.Option(help="Write the table to this JSON file.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the table to this CSV file.")] = None,
    ablation: Annotated[
        bool,
        typer.Option(
            "--ablation", help="Measure every fusion with every depth source; DIR may hold scenes."
        ),
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(help="With --ablation: plot false and missed area to this file.")
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="With --ablation: show the 10 best and 10 worst changes in this file."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Measure every fusion against ground-truth masks.

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
        raise OptionError("--plot and --sheet: need --ablation; add it")
    evaluate_all(folders, Session(session), asked, targets, report)


@app.command("info")
def info(
    paths: Places,
    json: JsonLines = False,
) -> None:
    """Print what photo files hold: depth, matte, second view, camera."""
    from .planes import show

    raise typer.Exit(0 if show(paths, json) else 1)


@app.command("extract")
def extract(
    paths: Places,
    out: Out = Path("out"),
) -> None:
    """Write the embedded depth, matte and second view as pictures."""
    from .extract import extract_all

    raise typer.Exit(0 if extract_all(paths, out) else 1)


@app.command("stereo")
def stereo(
    left: Annotated[Path, typer.Argument(metavar="LEFT", help="The left view.")],
    right: Annotated[Path, typer.Argument(metavar="RIGHT", help="The right view.")],
    out: Annotated[
        Path,
        typer.Option(
            "-o", "--out", help="Write the disparity, in pixels of --view, to this PFM file."
        ),
    ],
    method: Annotated[
        str, typer.Option(help="Match with stereo, sgbm, an .onnx file or URL#sha256=HEX.")
    ] = "stereo",
    view: Annotated[
        str, typer.Option(help="Measure the pixels of the left or the right view.")
    ] = "left",
    calib: Annotated[
        Path | None, typer.Option(help="Use this calibration; its first camera is that of --view.")
    ] = None,
    max_disparity: Annotated[
        float | None,
        typer.Option(min=1, help="Limit the disparity, in pixels; estimated if not given."),
    ] = None,
    holes: Annotated[
        bool, typer.Option("--holes", help="Write infinity where no match was found.")
    ] = False,
    preview: Annotated[
        Path | None, typer.Option(help="Write a color picture of the disparity to this PNG file.")
    ] = None,
    side: Annotated[
        int,
        typer.Option(
            min=64, max=4096, help="Scale the longer side to this many pixels for the network."
        ),
    ] = 1280,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Match two views and write the disparity of every pixel.

    Example: depthmatte stereo left.jpg right.jpg -o disparity.pfm --preview disparity.png
    """
    from .stereo import Job, run

    job = Job(left, right, out, method, view, calib, max_disparity, holes, preview, side, threads)
    run(job, json)


@app.command("networks")
def networks(
    json: Json = False,
    verify: Annotated[bool, typer.Option("--verify", help="Verify every checksum.")] = False,
) -> None:
    """List the networks with license, size, checksum and metrics."""
    from .listing import list_networks

    raise typer.Exit(0 if list_networks(json, verify) else 1)


@app.command("effects")
def effects(
    json: Json = False,
) -> None:
    """List the effects and their options."""
    from .effect_list import list_effects

    list_effects(json)


class Training(TyperGroup):
    """The group `train`. Its commands load on first use, so that `--help` stays fast."""

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
        help="Train, label and export networks (needs the extra `train`).",
        no_args_is_help=True,
        rich_markup_mode=None,
        callback=lambda: None,
    ),
    name="train",
)
