"""Declare the commands of the command line.

A command here only collects its options. Heavy modules are imported inside the function, so
that `--help` is fast. Options come from dataclasses (`options`) through `option_flags`.
`exit_codes.py` turns errors into messages and exit statuses.
"""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from .. import __version__
from ..errors import OptionError
from ..option_fields import option_names
from ..options import CutOptions, LensOptions, OutputOptions, SessionOptions
from ..server.serve_options import ServeOptions
from .exit_codes import OneLineErrorGroup, run_and_exit
from .feedback_app import feedback_app
from .flags import option_flags
from .labels_app import labels_app
from .networks_app import networks_app
from .output import escape_unencodable
from .video_commands import add_video_commands

app = typer.Typer(
    name="depthmatte",
    cls=OneLineErrorGroup,
    help="Cut people out of photos with a segmentation network and depth.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,  # rich would slow down --help by a tenth of a second
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command `depthmatte` and exit."""
    if "_DEPTHMATTE_COMPLETE" in os.environ:
        sys.modules["rich"] = None  # type: ignore[assignment]  # typer loads it on every Tab
    escape_unencodable()
    run_and_exit(app)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"depthmatte {__version__}")
        raise typer.Exit


@app.callback()
def _root_callback(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass


_OutFolder = Annotated[Path, typer.Option("-o", "--out", help="Write results into this folder.")]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]
_JsonLines = Annotated[
    bool, typer.Option("--json", help="Print one JSON line per photo to stdout.")
]
_Threads = Annotated[
    int | None, typer.Option(min=1, help="Limit the CPU threads; without it all cores are used.")
]
_PhotoPaths = Annotated[
    list[str],
    typer.Argument(metavar="PATH...", help="Photos, folders or patterns; - reads stdin."),
]
_BatchPaths = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH...",
        help="Photos, folders, patterns, .csv or .jsonl manifests, or s3:// URLs; - reads stdin.",
    ),
]


@app.command("cut")
@option_flags(CutOptions, SessionOptions, OutputOptions, LensOptions)
def cut_command(
    paths: _BatchPaths,
    output: OutputOptions,
    options: CutOptions,
    session: SessionOptions,
    lens: LensOptions,
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
    strokes: Annotated[
        Path | None,
        typer.Option(
            help="Obey the strokes in this transparent picture, or in a folder with one per photo: "
            "green or white keeps, red or black drops."
        ),
    ] = None,
) -> None:
    """Cut people out of photos. Folders are searched with their subfolders.

    Example: depthmatte cut photo.jpg --depth depth.png --calib rig.json --save alpha,sheet

    Exit status: 0 success, 1 a photo failed, 2 wrong usage.
    """
    from ..batch.cutting.job import CutJob
    from ..batch.cutting.side_inputs import SideInputs
    from .commands.cut import cut_photos
    from .output import Reporter

    output = replace(output, effect=lens.add_to(output.effect))
    job = CutJob(options, session, output, SideInputs(depth, right, calib, strokes))
    quiet = output.quiet or output.out == "-"  # then stdout holds only the picture
    report = Reporter("json" if output.json else "quiet" if quiet else "lines")
    raise typer.Exit(1 if cut_photos(paths, job, report) else 0)


_PEOPLE_OPTIONS = ("depth_source", "orient", *option_names(SessionOptions))
"""Options of a cut that `people` takes. It lists everybody, whoever is cut out."""


@app.command("people")
@option_flags(CutOptions, SessionOptions, only=_PEOPLE_OPTIONS)
def people_command(
    paths: _PhotoPaths,
    options: CutOptions,
    session: SessionOptions,
    json: Annotated[
        bool, typer.Option("--json", help="Print a JSON list of people per photo, one per line.")
    ] = False,
    sheet: Annotated[
        Path | None, typer.Option(help="Write the photo with everybody numbered to this PNG file.")
    ] = None,
) -> None:
    """List the people in photos: box, area, depth and score.

    Example: depthmatte people group.jpg --sheet people.png
    """
    from .commands.people import list_people

    raise typer.Exit(0 if list_people(paths, options, session, json, sheet) else 1)


@app.command("demo")
def demo_command(
    out: _OutFolder = Path("out/demo"),
    photo: Annotated[
        Path | None, typer.Option(help="Use this photo instead of the sample.")
    ] = None,
) -> None:
    """Cut one photo, write every kind of picture, print their paths."""
    from .commands.demo import write_demo

    for name, path in write_demo(out, photo).items():
        typer.echo(f"{name:<12} {path}")


_EVALUATE_OPTIONS = ("quality", "orient", "second_look", *option_names(SessionOptions))
"""Options of a cut that `evaluate` takes. It varies the fusion itself."""


@app.command("evaluate")
@option_flags(CutOptions, SessionOptions, only=_EVALUATE_OPTIONS)
def evaluate_command(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR...", help="Folders with images/ and masks/, matched by file name."
        ),
    ],
    options: CutOptions,
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
        typer.Option(
            help="Show the 12 worst photos in this file; with --ablation the largest changes."
        ),
    ] = None,
    per_photo: Annotated[
        Path | None,
        typer.Option(
            help="Write the metrics of each photo to this CSV file; print intervals of the means."
        ),
    ] = None,
    quiet: _Quiet = False,
) -> None:
    """Measure every fusion against ground-truth masks.

    Example: depthmatte evaluate scenes --ablation --csv table.csv --plot table.png
    """
    from ..session import Session
    from .commands.evaluate import EvaluationFiles, report_ablation, report_evaluation
    from .output import Reporter

    targets = EvaluationFiles(json, csv, plot, sheet, per_photo)
    report = Reporter("quiet" if quiet else "lines")
    if ablation and per_photo:
        raise OptionError("--per-photo and --ablation: give one of them")
    if ablation:
        report_ablation(folders, Session(session), options, targets, report)
        return
    if plot:
        raise OptionError("--plot goes with --ablation; add it")
    report_evaluation(folders, Session(session), options, targets, report)


@app.command("info")
def info_command(
    paths: _PhotoPaths,
    json: _JsonLines = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print why embedded data was passed over.")
    ] = False,
) -> None:
    """Print what photo files hold: depth, matte, second view, camera."""
    from .commands.info import print_info
    from .output import debug_log_on_stderr

    with debug_log_on_stderr(verbose):
        success = print_info(paths, json)
    raise typer.Exit(0 if success else 1)


@app.command("extract")
def extract_command(
    paths: _PhotoPaths,
    out: _OutFolder = Path("out"),
) -> None:
    """Write the embedded depth, matte and second view as pictures."""
    from .commands.extract import extract_photos

    raise typer.Exit(0 if extract_photos(paths, out) else 1)


@app.command("stereo")
def stereo_command(
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
    threads: _Threads = None,
    json: _Json = False,
) -> None:
    """Match two views and write the disparity of every pixel.

    Example: depthmatte stereo left.jpg right.jpg -o disparity.pfm --preview disparity.png
    """
    from .commands.stereo import StereoJob, run_stereo

    job = StereoJob(
        left, right, out, method, view, calib, max_disparity, holes, preview, side, threads
    )
    run_stereo(job, json)


app.add_typer(networks_app, name="networks")


@app.command("serve")
@option_flags(ServeOptions, SessionOptions)
def serve_command(server: ServeOptions, session: SessionOptions) -> None:
    """Serve cutting over HTTP, with a page for people (needs the extra `server`).

    Example: depthmatte serve --port 8000
    """
    from .commands.serve import serve

    serve(server, session)


add_video_commands(app)


@app.command("effects")
def effects_command(
    json: _Json = False,
) -> None:
    """List the effects and their options."""
    from .commands.effects import list_effects

    list_effects(json)


app.add_typer(labels_app, name="labels")
app.add_typer(feedback_app, name="feedback")


class _LazyTrainGroup(TyperGroup):
    """The group `train`, whose commands load on first use so that `--help` stays fast."""

    @property
    def commands(self) -> MutableMapping[str, Any]:
        """The commands by name."""
        return _train_commands()

    @commands.setter
    def commands(self, _: Any) -> None:
        pass

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; `train matte --feedback` is `train feedback`."""
        if args[:1] == ["matte"] and "--feedback" in args:
            args = ["feedback", *(word for word in args[1:] if word != "--feedback")]
        return super().resolve_command(ctx, args)


@cache
def _train_commands() -> MutableMapping[str, Any]:
    from typer.main import get_group

    from .commands.training import export, feedback, train

    train.train_app.command("feedback")(feedback.feedback_command)
    return {**get_group(train.train_app).commands, **get_group(export.export_app).commands}


app.add_typer(
    typer.Typer(
        cls=_LazyTrainGroup,
        help="Train, label and export networks (needs the extra `train`).",
        no_args_is_help=True,
        rich_markup_mode=None,
        callback=lambda: None,
    ),
    name="train",
)
