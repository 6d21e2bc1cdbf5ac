"""All options of a cut. The command line, the JSON schema and the docs are made from them.

The fields hold help texts, choices, ranges and defaults (`option_fields.option`). This module
imports neither NumPy nor ONNX Runtime, so that `--help` is fast.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ..errors import OptionError
from ..option_fields import check_options, option
from .correction_options import (
    SUBJECT_PATTERN,
    are_points,
    format_points,
    is_box,
    is_subject,
    parse_box,
    parse_points,
)
from .correction_options import PhotoBox as PhotoBox
from .correction_options import PhotoPoint as PhotoPoint
from .correction_options import SubjectChoice as SubjectChoice
from .correction_options import SubjectRequest as SubjectRequest
from .correction_options import parse_subject as parse_subject
from .crop_options import CropOptions as CropOptions
from .crop_options import parse_crop as parse_crop
from .edge_options import EdgeOptions as EdgeOptions
from .lens_options import LensOptions as LensOptions
from .output_options import ExistsPolicy as ExistsPolicy
from .output_options import OutputOptions as OutputOptions
from .session_options import Device as Device
from .session_options import SessionOptions as SessionOptions

FusionName = Literal["none", "product", "normalized", "adaptive"]
DepthSource = Literal["auto", "stored", "sensor", "stereo", "mono", "none"]
Interpolation = Literal["bilinear", "nearest"]
DepthKind = Literal["auto", "distance", "inverse", "disparity"]
OrientMode = Literal["rotate", "pad"]
ColorMode = Literal["keep", "srgb"]
StripMode = Literal["none", "gps", "all"]
SegmenterName = Literal["network", "spectral"]
QualityLevel = Literal["fast", "good", "best"]
RefineMode = Literal["auto", "none", "detail", "closed-form"]

_FUSIONS_NEEDING_DEPTH = ("product", "normalized")
"""Fusions that are 0 wherever no depth was measured."""


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
        in pixels of the upright photo; or "person:N" or "box:X0,Y0,X1,Y1".
    segmenter : {"network", "spectral"}
        How the photo is segmented.
    quality : {"fast", "good", "best"}
        How much time a cut may take: the network's canvas only, the outline at the size of the
        photo too, or also a mirrored view of the photo.
    refine : {"auto", "none", "detail", "closed-form"}
        How the band along the outline is refined at the size of the photo; "auto" follows the
        quality.
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
    keep, drop : tuple of tuple of float
        Pixels (x, y) of the upright photo where something is missing, and where it is wrong.
    box : tuple of float, optional
        (x0, y0, x1, y1) in pixels of the upright photo: look again there, keep what is inside.
    clean : bool
        Whether specks are removed and pinholes are filled.
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

    subject: str | PhotoPoint = option(
        "auto",
        "choose which person to cut out when there are several",
        takes="auto, nearest, largest, all, X,Y (a pixel of the upright photo, on the person), "
        "person:N (as `depthmatte people` counts) or box:X0,Y0,X1,Y1",
        metavar="WHO",
        read=str,
        valid=is_subject,
        pattern=SUBJECT_PATTERN,
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
    quality: QualityLevel = option(
        "good",
        "choose how much time a cut may take",
        choices={
            "fast": "the small picture that the network sees",
            "good": "and the outline at the size of the photo",
            "best": "and a mirrored view of the photo",
        },
    )
    refine: RefineMode = option(
        "auto",
        "choose how to refine the outline at the size of the photo",
        choices={
            "auto": "none for fast, product, normalized and spectral; else detail",
            "none": "along the edges of the photo",
            "detail": "a small network draws hair and edges anew",
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
        "else depth in the photo's file, else the estimate, where one is needed",
        choices={
            "auto": "",
            "stored": "embedded in the photo's file",
            "sensor": "a depth file",
            "stereo": "a second view",
            "mono": "estimated by the depth network, in any case",
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
    keep: tuple[PhotoPoint, ...] = option(
        (),
        "add what is missing at this pixel of the upright photo; repeat the option for more points",
        takes="X,Y",
        metavar="X,Y",
        repeat=True,
        read=parse_points,
        show=format_points,
        valid=are_points,
    )
    drop: tuple[PhotoPoint, ...] = option(
        (),
        "remove what is wrong at this pixel of the upright photo; repeat the option for more "
        "points",
        takes="X,Y",
        metavar="X,Y",
        repeat=True,
        read=parse_points,
        show=format_points,
        valid=are_points,
    )
    box: PhotoBox | None = option(
        None,
        "look again, closer, in this box of the upright photo, and keep only what is inside",
        takes="X0,Y0,X1,Y1",
        metavar="X0,Y0,X1,Y1",
        read=parse_box,
        valid=is_box,
    )
    clean: bool = option(False, "remove specks beside the person and fill pinholes in her")
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

    @property
    def refinement(self) -> RefineMode:
        """How the outline is refined: what `refine` says, else what goes with the quality.

        The formulas of `product` and `normalized` stay exact, and spectral matting has seen the
        photo itself.
        """
        if self.refine != "auto":
            return self.refine
        is_exact = self.fusion in _FUSIONS_NEEDING_DEPTH or self.segmenter == "spectral"
        return "none" if is_exact or self.quality == "fast" else "detail"
