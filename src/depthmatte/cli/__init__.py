"""The command line. Heavy imports wait inside the commands, so that `--help` is instant.

To add a command: write a function here that only collects options, and import what does
the work inside it. A group of commands has a file of its own, as `train` has. Whatever
raises a DepthmatteError becomes one line on stderr and exit status 1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from .. import __version__
from ..errors import DepthmatteError, InputError
from ..io.label import label, reason
from . import train

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells expect it."""


class OneLine(TyperGroup):
    """A command group whose users see one line instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; errors we raise on purpose, and the system's, end it with status 1."""
        try:
            return super().invoke(ctx)
        except DepthmatteError as error:
            typer.echo(f"depthmatte: {error}", err=True)
            raise typer.Exit(1) from None
        except BrokenPipeError:  # the reader went away: click ends quietly
            raise
        except OSError as error:
            place = label(error.filename) if isinstance(error.filename, str) else "the system"
            problem = f"{place}: {reason(error)}; check path, permissions and space left"
            typer.echo(f"depthmatte: {problem}", err=True)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            typer.echo("depthmatte: stopped", err=True)
            raise typer.Exit(INTERRUPTED) from None


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
    app()


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
Fusion = Annotated[
    str,
    typer.Option(
        help="none (segmentation alone), product, normalized or adaptive. Default: adaptive."
    ),
]
Orient = Annotated[
    str,
    typer.Option(help="Landscape photos: pad keeps them upright, rotate turns them."),
]
SecondLook = Annotated[
    bool,
    typer.Option(
        "--second-look/--no-second-look",
        help="Look at a small portrait in a large photo again, closer; twice the time there.",
    ),
]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads; all cores if not given.")]
MatteNetwork = Annotated[
    str,
    typer.Option("--matte-network", help="Matte network: a name, an .onnx file or URL#sha256=HEX."),
]
DepthNetwork = Annotated[
    str,
    typer.Option("--depth-network", help="Depth network: a name, an .onnx file or URL#sha256=HEX."),
]
DepthSource = Annotated[
    str,
    typer.Option(
        help="auto (stored, else sensor, else stereo, else mono), or one of them, or none."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Errors only.")]


@app.command()
def cut(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Photos and folders.")],
    out: Out = Path("out"),
    save: Annotated[
        str,
        typer.Option(
            metavar="LIST",
            help="Any of alpha,mask,depth,depth_mm,prob,depth_prob,validity,cutout,sheet. "
            "Default: cutout, or nothing beside an effect.",
        ),
    ] = "",
    effect: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:OPTION=VALUE,...]",
            help="Picture to make, such as blur:strength=0.5; may be repeated. "
            "See `depthmatte effects`.",
        ),
    ] = None,
    background: Annotated[
        str | None,
        typer.Option(help="Colour or picture behind the person: short for a background effect."),
    ] = None,
    fusion: Fusion = "",
    orient: Orient = "pad",
    file_format: Annotated[
        str,
        typer.Option(
            "--format",
            help="png, webp, jpg or tiff, for effects, cut-out and sheet; maps are PNG.",
        ),
    ] = "png",
    subject: Annotated[
        str,
        typer.Option(
            metavar="WHO", help="auto, nearest, largest, all, or X,Y: a person's place in pixels."
        ),
    ] = "auto",
    depth: Annotated[
        Path | None,
        typer.Option("--depth", help="Depth file of the photo, or a folder with one for each."),
    ] = None,
    depth_scale: Annotated[
        float | None,
        typer.Option(help="Units per metre in a whole-number depth file; default 1000 (mm)."),
    ] = None,
    right: Annotated[
        Path | None, typer.Option(help="The second view of a stereo pair, or a folder of them.")
    ] = None,
    calib: Annotated[
        Path | None, typer.Option(help="Calibration: JSON, OpenCV YAML or XML, or calib.txt.")
    ] = None,
    sensor: Annotated[
        str | None,
        typer.Option(
            metavar="OPTION=VALUE[,...]",
            help="How --depth is used: near, far (metres), blur, preset, interpolation.",
        ),
    ] = None,
    depth_source: DepthSource = "auto",
    write_depth: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="gdepth: also write the photo as a JPEG with depth."),
    ] = None,
    matte: MatteNetwork = "matte",
    depth_network: DepthNetwork = "depth",
    stereo_network: Annotated[
        str, typer.Option(help="Stereo: network, sgbm, an .onnx file or URL#sha256=HEX.")
    ] = "network",
    second_look: SecondLook = True,
    threads: Threads = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON line per photo on stdout.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Cut the people out of photos; folders are searched and their sub-folders kept.

    Example: depthmatte cut photo.jpg --depth depth.png --calib rig.json --save alpha,sheet

    Exit status: 0 all done, 1 something failed, 2 wrong usage.
    """
    from .given import Given
    from .order import order
    from .photos import cut_all
    from .report import Report

    todo = order(
        out=out,
        save=save,
        effects=effect or [],
        background=background,
        suffix=file_format,
        fusing=fusion,
        orient=orient,
        matte_network=matte,
        depth_network=depth_network,
        threads=threads,
        depth_source=depth_source,
        subject=subject,
        write_depth=write_depth,
        given=Given(depth, right, calib, depth_scale),
        stereo_network=stereo_network,
        sensor=sensor,
        second_look=second_look,
    )
    report = Report("json" if json else "quiet" if quiet else "lines")
    failed = cut_all(paths, todo, report)
    raise typer.Exit(1 if failed else 0)


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


@app.command()
def evaluate(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="Each holds images and masks with equal stems."),
    ],
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
    orient: Orient = "pad",
    second_look: SecondLook = True,
    matte: MatteNetwork = "matte",
    depth: DepthNetwork = "depth",
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Measure the quality of every fusion against true masks.

    Example: depthmatte evaluate scenes --ablation --csv table.csv --plot table.png
    """
    from .evaluation import ablate_all, evaluate_all
    from .order import order
    from .report import Report

    todo = order(
        orient=orient,
        matte_network=matte,
        depth_network=depth,
        threads=threads,
        second_look=second_look,
    )
    report = Report("quiet" if quiet else "lines")
    if ablation:
        ablate_all(folders, todo, json, csv, plot, sheet, report)
        return
    if plot or sheet:
        raise InputError("--plot and --sheet: go with --ablation; add it")
    evaluate_all(folders, todo, json, csv, report)


@app.command()
def info(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Photos and folders.")],
    json: Annotated[
        bool, typer.Option("--json", help="One JSON line per photo on stdout.")
    ] = False,
) -> None:
    """Tell what a photo's file holds: depth, a matte, a second view, the camera."""
    from .planes import show

    raise typer.Exit(0 if show(paths, json) else 1)


@app.command()
def extract(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="A photo as the phone wrote it.")],
    out: Out = Path("out"),
) -> None:
    """Write the depth, matte and second view that a photo's file holds as pictures."""
    from .planes import extract

    extract(photo, out)


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
    json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """Match two views of one scene: disparity of every pixel.

    Example: depthmatte stereo left.jpg right.jpg -o disparity.pfm --preview disparity.png
    """
    from .stereo import Job, run

    job = Job(left, right, out, method, view, calib, max_disparity, holes, preview, side, threads)
    run(job, json)


@app.command()
def networks(
    json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Check every checksum.")] = False,
) -> None:
    """List the networks: licence, size, checksum, what they promise, what they run on."""
    from .listing import list_networks

    raise typer.Exit(0 if list_networks(json, verify) else 1)


@app.command()
def effects(
    json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """List the effects and their options."""
    from .listing import list_effects

    list_effects(json)


app.add_typer(train.app, name="train")
