"""Every option, written once: command line, Python, JSON schema and docs derive from here.

This module is light: it imports neither NumPy nor a network runtime, so that `--help` is
instant. Help texts, choices, ranges and defaults live in the fields (`fields.option`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from .errors import OptionError
from .fields import check, option

Choice = Literal["auto", "nearest", "largest", "all"]
"""Who is cut where there are several people."""

Point = tuple[float, float]
"""(x, y) in pixels of the upright photo, the center of the top left pixel at (0, 0)."""

FusionName = Literal["none", "product", "normalized", "adaptive"]
DepthSource = Literal["auto", "stored", "sensor", "stereo", "mono", "none"]
Interpolation = Literal["bilinear", "nearest"]
DepthKind = Literal["auto", "distance", "inverse", "disparity"]
Orient = Literal["rotate", "pad"]
Color = Literal["keep", "srgb"]
Strip = Literal["none", "gps", "all"]
Device = Literal[
    "auto", "cpu", "cuda", "tensorrt", "coreml", "directml", "rocm", "openvino", "webgpu", "qnn"
]
Format = Literal["png", "webp", "jpg", "tiff"]
Exists = Literal["replace", "skip", "number", "fail"]

_NETWORK = "a name, an .onnx file or URL#sha256=HEX"

NEEDS_DEPTH = ("product", "normalized")
"""Fusions that are 0 wherever no depth was measured."""


def subject_of(value: str | Sequence[float]) -> tuple[Choice, Point | None]:
    """Who is meant by `auto`, `nearest`, `largest`, `all`, `X,Y` or (x, y).

    Parameters
    ----------
    value
        A choice, or a person's place in pixels of the upright photo, as text or two numbers.

    Returns
    -------
    The choice, and the point if there is one.

    Raises
    ------
    OptionError
        For anything else.
    """
    if isinstance(value, str) and value in get_args(Choice):
        return value, None  # type: ignore[return-value]
    try:
        x, y = (float(part) for part in (value.split(",") if isinstance(value, str) else value))
        if math.isfinite(x) and math.isfinite(y):
            return "auto", (x, y)
    except (TypeError, ValueError):
        pass
    known = ", ".join(get_args(Choice))
    raise OptionError(f"subject is {value!r}; give {known}, or X,Y in pixels of the photo")


def _is_subject(value: str | Point) -> bool:
    try:
        subject_of(value)
    except OptionError:
        return False
    return True


@dataclass(frozen=True)
class SensorOptions:
    """How measured depth is used: a depth file, or numbers of the caller's own."""

    preset: float = option(
        1.0, "what d / d_max is taken from for the probability I2; 1 is usual", above=0, high=100
    )
    interpolation: Interpolation = option("bilinear", "how depth is brought to another size")
    blur: float = option(
        0.0, "deviation of a Gaussian blur of the depth, 0 for none", 0, 1000, unit="canvas pixels"
    )
    near: float = option(
        0.0, "depth nearer than this does not count", 0, 1e6, unit="meters from the photo's camera"
    )
    far: float = option(
        math.inf, "depth farther than this does not count", above=0, unit="meters, likewise"
    )
    max_time_difference: float = option(
        0.02,
        "how far photo and depth may lie apart in time; the default is what TUM RGB-D uses, more "
        "than half a frame at 30 per second",
        0,
        1e9,
        unit="seconds",
    )

    def __post_init__(self) -> None:
        check(self)
        if not self.near < self.far:
            raise OptionError(f"near {self.near:g} m must lie below far {self.far:g} m")


@dataclass(frozen=True)
class CutOptions:
    """What is asked of one photo. Nothing here makes a network load anew."""

    subject: str | Point = option(
        "auto",
        "who is cut where there are several people",
        takes="auto, nearest, largest, all, or X,Y (a person's place in pixels of the photo)",
        metavar="WHO",
        read=str,
        valid=_is_subject,
    )
    fusion: FusionName = option(
        "adaptive",
        "how segmentation and depth are joined",
        choices={
            "none": "the segmentation alone",
            "product": "the product of all four",
            "normalized": "the same, stretched",
            "adaptive": "depth decides regions, the matte its edges",
        },
    )
    depth_source: DepthSource = option(
        "auto",
        "whose depth counts; auto takes what the caller gave (a depth file, then a second view), "
        "else what the photo's file holds, else the estimate",
        choices={
            "auto": "",
            "stored": "in the photo's file",
            "sensor": "a depth file",
            "stereo": "a second view",
            "mono": "the estimate",
            "none": "",
        },
    )
    depth_kind: DepthKind = option(
        "auto",
        "what the numbers of a depth file are; auto takes them for distances where its format "
        "does not say otherwise",
    )
    depth_scale: float | None = option(
        None,
        "units per meter in a depth file; of whole numbers 1000 (mm) if not given",
        above=0,
        high=1e9,
    )
    sensor: SensorOptions | None = option(None, "how a depth file is used")
    orient: Orient = option(
        "pad",
        "how a landscape photo lies before the networks",
        choices={"pad": "upright", "rotate": "turned to portrait"},
    )
    second_look: bool = option(
        True, "look at a small portrait in a large photo again, closer; twice the time there"
    )
    color: Color = option(
        "keep",
        "the colors of the results",
        choices={"keep": "in the photo's profile", "srgb": "converted"},
    )
    strip: Strip = option(
        "none",
        "what the results leave out of the photo's metadata",
        choices={"none": "nothing", "gps": "the place", "all": "everything but the color profile"},
    )

    def __post_init__(self) -> None:
        check(self)
        if self.fusion in NEEDS_DEPTH and self.depth_source == "none":
            raise OptionError(
                f"fusion {self.fusion} needs depth; leave depth on or use another fusion"
            )


@dataclass(frozen=True)
class SessionOptions:
    """What is loaded, and on what it runs: a change here is another session."""

    device: Device = option(
        "auto",
        "what the networks run on",
        choices={name: {"auto": "the best there is"}.get(name, "") for name in get_args(Device)},
    )
    threads: int | None = option(
        None, "CPU threads for one photo; all cores if not given", low=1, high=1024
    )
    matte_network: str | Path = option(
        "matte", "the matte network", takes=_NETWORK, metavar="NETWORK", read=str
    )
    depth_network: str | Path = option(
        "depth", "the depth network", takes=_NETWORK, metavar="NETWORK", read=str
    )
    stereo_network: str | Path = option(
        "stereo",
        "what matches two views",
        takes=f"sgbm, or {_NETWORK}",
        metavar="NETWORK",
        read=str,
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class OutputOptions:
    """What `depthmatte cut` makes of each photo, and where it goes."""

    out: str = option(
        "out",
        "folder for the results; a file's name for the one result of one photo; - for stdout",
        flag="-o",
        metavar="PLACE",
    )
    save: str = option(
        "",
        "any of alpha, mask, depth, depth_mm, prob, depth_prob, validity, cutout, sheet, with "
        "commas; cutout if not given, nothing beside an effect",
        metavar="LIST",
    )
    effect: tuple[str, ...] = option(
        (),
        "a picture to make, such as blur:strength=0.5; may be repeated, as blur@soft:... for "
        "another file; see `depthmatte effects`",
        takes="NAME or NAME:OPTION=VALUE,...",
        metavar="NAME[:OPTION=VALUE,...]",
        repeat=True,
    )
    background: str | None = option(
        None, "color or picture behind the person: short for a background effect"
    )
    format: Format = option("png", "of cut-out, effects and sheet; maps are PNG")
    write_depth: Literal["gdepth"] | None = option(
        None, "also write the photo as a JPEG that holds the depth", metavar="KIND"
    )
    name: str = option(
        "{stem}.{kind}",
        "name of each result without its ending",
        takes="a text with {stem}, {kind}, {name}, {suffix}, {folder}, {ext}, {index}",
        metavar="TEMPLATE",
    )
    exists: Exists = option(
        "replace",
        "what happens to a result that is there already",
        choices={
            "replace": "",
            "skip": "what exists is not made again",
            "number": "the next free one: photo.cutout-2.png",
            "fail": "the photo fails",
        },
    )
    resume: bool = option(False, "skip photos whose results an earlier run has made")
    jobs: int | None = option(
        None, "photos in work at once; as many as there are cores if not given", low=1, high=256
    )
    json: bool = option(False, "one JSON line per photo on stdout")
    quiet: bool = option(False, "errors only", flag="-q")

    def __post_init__(self) -> None:
        check(self)
