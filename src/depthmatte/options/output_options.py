"""Options of `depthmatte cut` for its results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..option_fields import check_options, option
from .crop_options import parse_crop

_OutputFormat = Literal["png", "webp", "jpg", "tiff", "avif", "exr"]
ExistsPolicy = Literal["replace", "skip", "number", "fail"]


@dataclass(frozen=True)
class OutputOptions:
    """Options of `depthmatte cut` for the results: which ones, their names and their folder."""

    out: str = option(
        "out",
        "write results into this folder; for a single result, a file name or - (stdout) works too",
        flag="-o",
        metavar="PLACE",
    )
    save: str = option(
        "",
        "save these results, separated by commas: alpha, mask, trimap, depth, depth_mm, prob, "
        "depth_prob, validity, cutout, sheet, layers, color_alpha, parts, part_masks, correction; "
        "without --save, --effect and --background: cutout",
        metavar="LIST",
    )
    effect: tuple[str, ...] = option(
        (),
        "apply an effect, such as blur:strength=0.5; repeat the option for more effects, and name "
        "their files as in blur@soft:strength=0.2; `depthmatte effects` lists them",
        takes="NAME or NAME:OPTION=VALUE[,...]",
        metavar="NAME[:OPTION=VALUE,...]",
        repeat=True,
    )
    background: str | None = option(None, "put this color or picture file behind the person")
    format: _OutputFormat = option(
        "png",
        "set the file format of cutouts, effects and sheets; maps are always PNG; exr holds linear "
        "light with alpha and depth, and needs the extra exr",
    )
    bits: Literal["8", "16", "32"] = option(
        "8",
        "write alpha, prob and depth_prob with this many bits; depth always has 16; the colors of "
        "EXR have 16, or 32 when asked for",
    )
    crop: str | None = option(
        None,
        "crop the results to a frame around the person, such as square:margin=0.1",
        takes="subject, square, passport or W:H, with options after a colon",
        metavar="SHAPE[:OPTION=VALUE,...]",
    )
    each: bool = option(
        False,
        "write results of each person apart, as photo.person1.cutout.png, in the order of "
        "`depthmatte people`; with the subject auto those of everybody",
    )
    write_depth: Literal["gdepth"] | None = option(
        None, "also write the photo as a JPEG with embedded depth", metavar="KIND"
    )
    name: str = option(
        "{stem}.{kind}",
        "name each result by this template; the suffix is added",
        takes="a text with {stem}, {kind}, {name}, {suffix}, {folder}, {ext}, {index}",
        metavar="TEMPLATE",
    )
    exists: ExistsPolicy = option(
        "replace",
        "choose what to do when a result exists",
        choices={
            "replace": "overwrite it",
            "skip": "keep it",
            "number": "add a number: photo.cutout-2.png",
            "fail": "stop with an error for this photo",
        },
    )
    resume: bool = option(False, "skip photos that an earlier run finished")
    jobs: int | None = option(
        None, "process this many photos at once; without it one per core", low=1, high=256
    )
    watch: bool = option(
        False, "go on watching the folders, and cut new photos once they are complete; Ctrl-C ends"
    )
    report: Literal["html"] | None = option(
        None,
        "write a contact sheet of all photos, failures first, as report.html",
        metavar="KIND",
    )
    ray: str | None = option(
        None,
        "cut on the machines of a Ray cluster: auto, local, HOST:PORT or ray://HOST:PORT",
        metavar="ADDRESS",
    )
    json: bool = option(False, "print one JSON line per photo to stdout")
    quiet: bool = option(False, "print errors only", flag="-q")

    def __post_init__(self) -> None:
        check_options(self)
        if self.crop is not None:
            parse_crop(self.crop)
