"""All options of a cut. The command line, the JSON schema and the docs are made from them.

The fields hold help texts, choices, ranges and defaults (`option_fields.option`). This module
imports neither NumPy nor ONNX Runtime, so that `--help` is fast.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ..errors import OptionError
from ..option_fields import check_options, option
from .crop_options import CropOptions as CropOptions
from .crop_options import parse_crop as parse_crop
from .edge_options import EdgeOptions as EdgeOptions
from .output_options import ExistsPolicy as ExistsPolicy
from .output_options import OutputOptions as OutputOptions
from .session_options import Device as Device
from .session_options import SessionOptions as SessionOptions

SubjectChoice = Literal["auto", "nearest", "largest", "all"]
"""Which person is cut out when there are several."""

_PhotoPoint = tuple[float, float]
"""(x, y) in pixels of the upright photo. The center of the top left pixel is (0, 0)."""

FusionName = Literal["none", "product", "normalized", "adaptive"]
DepthSource = Literal["auto", "stored", "sensor", "stereo", "mono", "none"]
Interpolation = Literal["bilinear", "nearest"]
DepthKind = Literal["auto", "distance", "inverse", "disparity"]
OrientMode = Literal["rotate", "pad"]
ColorMode = Literal["keep", "srgb"]
StripMode = Literal["none", "gps", "all"]
SegmenterName = Literal["network", "spectral"]
RefineMode = Literal["none", "closed-form"]

_NUMBER = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"

_FUSIONS_NEEDING_DEPTH = ("product", "normalized")
"""Fusions that are 0 wherever no depth was measured."""


def parse_subject(value: str | Sequence[float]) -> tuple[SubjectChoice, _PhotoPoint | None]:
    """Read the option `subject`.

    Parameters
    ----------
    value : str or sequence of float
        "auto", "nearest", "largest" or "all", or a pixel of the upright photo on the person,
        as "X,Y" or (x, y).

    Returns
    -------
    choice : str
        The choice; "auto" when a point is given.
    point : tuple of float or None
        The point, if there is one.

    Raises
    ------
    OptionError
        For any other value.

    Examples
    --------
    >>> parse_subject("640,360")
    ('auto', (640.0, 360.0))
    """
    if isinstance(value, str) and value in get_args(SubjectChoice):
        return value, None  # type: ignore[return-value]
    try:
        x, y = (float(part) for part in (value.split(",") if isinstance(value, str) else value))
        if math.isfinite(x) and math.isfinite(y):
            return "auto", (x, y)
    except (TypeError, ValueError):
        pass
    known = ", ".join(get_args(SubjectChoice))
    raise OptionError(f"subject is {value!r}; give {known}, or X,Y in pixels of the photo")


def _is_subject(value: str | _PhotoPoint) -> bool:
    try:
        parse_subject(value)
    except OptionError:
        return False
    return True


@dataclass(frozen=True)
class SensorOptions:
    """Options for measured depth: a depth file, or depth numbers from the caller.

    Parameters
    ----------
    preset : float
        Offset of the depth confidence, offset - d / d_max, above 0 and at most 100.
    interpolation : {"bilinear", "nearest"}
        How depth is resampled.
    blur : float
        Standard deviation of a Gaussian blur in canvas pixels; 0 turns it off.
    near, far : float
        Range of depth to use, in meters from the photo's camera.
    max_time_difference : float
        Largest time between photo and depth frame in seconds.

    Raises
    ------
    OptionError
        When a value is out of range or `near` is not below `far`.

    Examples
    --------
    >>> import depthmatte as dm
    >>> sensor = dm.SensorOptions(near=0.4, far=5)
    >>> dm.cut("photo.jpg", depth="depth.png", sensor=sensor)  # doctest: +SKIP
    """

    preset: float = option(
        1.0,
        "set the offset of the depth confidence, offset - d / d_max; the formulas use 1",
        above=0,
        high=100,
    )
    interpolation: Interpolation = option("bilinear", "choose how depth is resampled")
    blur: float = option(
        0.0,
        "blur the depth with a Gaussian of this standard deviation; 0 turns it off",
        0,
        1000,
        unit="canvas pixels",
    )
    near: float = option(
        0.0, "ignore depth nearer than this", 0, 1e6, unit="meters from the photo's camera"
    )
    far: float = option(
        math.inf, "ignore depth farther than this", above=0, unit="meters from the photo's camera"
    )
    max_time_difference: float = option(
        0.02,
        "allow this much time between photo and depth frame; the default is that of TUM RGB-D",
        0,
        1e9,
        unit="seconds",
    )

    def __post_init__(self) -> None:
        check_options(self)
        if not self.near < self.far:
            raise OptionError(f"near {self.near:g} m must lie below far {self.far:g} m")


@dataclass(frozen=True)
class CutOptions:
    """Options of one cut. Changing them does not load a network again.

    Parameters
    ----------
    subject : str or tuple of float
        Which person to cut out: "auto", "nearest", "largest", "all", or a point on the person
        in pixels of the upright photo.
    segmenter : {"network", "spectral"}
        How the photo is segmented.
    refine : {"none", "closed-form"}
        Whether the band along the outline is solved again at the size of the photo.
    fusion : {"adaptive", "normalized", "product", "none"}
        How segmentation and depth are combined.
    depth_source : {"auto", "stored", "sensor", "stereo", "mono", "none"}
        Where depth comes from.
    depth_kind : {"auto", "distance", "inverse", "disparity"}
        What the numbers of a depth file mean.
    depth_scale : float, optional
        Units per meter of a depth file. Integer files default to 1000 (millimeters).
    sensor : SensorOptions, optional
        How measured depth is used.
    orient : {"pad", "rotate"}
        How a landscape photo is fitted into the network input.
    second_look : bool
        Whether a small person in a large photo is cut a second time, zoomed in.
    edge : EdgeOptions, optional
        How the edge of the matte is changed.
    color : {"keep", "srgb"}
        The color space of the results.
    strip : {"none", "gps", "all"}
        Which metadata is removed from the results.

    Raises
    ------
    OptionError
        When a value is not allowed, or the fusion needs depth and the source is "none".

    Examples
    --------
    >>> import depthmatte as dm
    >>> options = dm.CutOptions(subject="nearest", depth_source="mono")
    >>> dm.cut("photo.jpg", options=options)  # doctest: +SKIP
    """

    subject: str | _PhotoPoint = option(
        "auto",
        "choose which person to cut out when there are several",
        takes="auto, nearest, largest, all, or X,Y (a pixel of the upright photo, on the person)",
        metavar="WHO",
        read=str,
        valid=_is_subject,
        pattern=rf"^({'|'.join(get_args(SubjectChoice))}|\s*{_NUMBER}\s*,\s*{_NUMBER}\s*)$",
    )
    segmenter: SegmenterName = option(
        "network",
        "choose how to segment the photo",
        choices={
            "network": "the matte network",
            "spectral": "spectral matting, grouped by subject X,Y, else by the network; "
            "needs the extra refine",
        },
    )
    refine: RefineMode = option(
        "none",
        "choose how to refine the outline at the size of the photo",
        choices={
            "none": "along the edges of the photo",
            "closed-form": "solve alpha from the colors; needs the extra refine",
        },
    )
    fusion: FusionName = option(
        "adaptive",
        "choose how to combine segmentation and depth",
        choices={
            "none": "segmentation only",
            "product": "alpha x foreground probability x nearness x depth confidence",
            "normalized": "product, divided by its maximum",
            "adaptive": "depth selects regions, the matte keeps its soft edges",
        },
    )
    depth_source: DepthSource = option(
        "auto",
        "choose the depth source; auto uses a given depth file, else a given second view, "
        "else depth in the photo's file, else the estimate",
        choices={
            "auto": "",
            "stored": "embedded in the photo's file",
            "sensor": "a depth file",
            "stereo": "a second view",
            "mono": "estimated by the depth network",
            "none": "no depth",
        },
    )
    depth_kind: DepthKind = option(
        "auto",
        "say what the numbers in a depth file mean; auto assumes distance unless the format "
        "says otherwise",
    )
    depth_scale: float | None = option(
        None,
        "set the units per meter in a depth file; integer files default to 1000 (mm)",
        above=0,
        high=1e9,
    )
    sensor: SensorOptions | None = option(
        None, "set how a depth file is used, for example near=0.4,far=5"
    )
    orient: OrientMode = option(
        "pad",
        "choose how to fit a landscape photo into the network input",
        choices={"pad": "keep it upright and pad", "rotate": "rotate it to portrait"},
    )
    second_look: bool = option(
        True, "cut a small person in a large photo a second time, zoomed in; doubles its time"
    )
    edge: EdgeOptions | None = option(
        None, "change the edge of the matte, for example shift=-1,feather=1"
    )
    color: ColorMode = option(
        "keep",
        "choose the color space of the results",
        choices={"keep": "the photo's own profile", "srgb": "convert to sRGB"},
    )
    strip: StripMode = option(
        "none",
        "choose which metadata to remove from the results",
        choices={
            "none": "nothing",
            "gps": "the location",
            "all": "everything except the color profile",
        },
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.fusion in _FUSIONS_NEEDING_DEPTH and self.depth_source == "none":
            raise OptionError(
                f"fusion {self.fusion} needs depth; leave depth on or use another fusion"
            )
