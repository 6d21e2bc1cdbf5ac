"""Options of `depthmatte video` and `depthmatte live`."""

from __future__ import annotations

import re
from dataclasses import MISSING, dataclass
from typing import Literal

from ..errors import OptionError
from ..option_fields import check_options, option

_EFFECT_TAKES = "NAME or NAME:OPTION=VALUE[,...]"
_EFFECT_METAVAR = "NAME[:OPTION=VALUE,...]"


@dataclass(frozen=True)
class VideoOptions:
    """Options of a video that is cut.

    Parameters
    ----------
    out : str
        The file to write, or with `alpha` "png" the folder.
    effect : str, optional
        The effect, such as "blur:strength=0.5". By default the cut-out where the result has
        alpha, and blur elsewhere.
    background : str, optional
        Color or picture to put behind the person, instead of an effect.
    alpha : {"none", "prores", "webm", "ffv1", "png", "pair"}
        How transparency is stored.
    codec : {"auto", "h264", "hevc", "av1", "vp9", "ffv1"}
        How a video without transparency is encoded.
    crf : int, optional
        Quality of the encoder; lower is better and larger.
    audio : {"copy", "none"}
        Whether the sound is copied.
    start, end, every : float, float or None, int
        Part of the video, in seconds, and every which frame.
    depth_every : int
        Every which frame depth is estimated.
    steady : bool
        Whether alpha, depth and subject are kept steady over time.
    json, quiet : bool
        What is printed.

    Raises
    ------
    OptionError
        When a value is not allowed or options contradict each other.
    """

    out: str = option(MISSING, "write the video to this file", flag="-o", metavar="PATH")
    effect: str | None = option(
        None,
        "apply this effect, such as blur:strength=0.5; without it the cut-out where the result "
        "has alpha, else blur",
        takes=_EFFECT_TAKES,
        metavar=_EFFECT_METAVAR,
    )
    background: str | None = option(None, "put this color or picture file behind the person")
    alpha: Literal["none", "prores", "webm", "ffv1", "png", "pair"] = option(
        "none",
        "store transparency",
        choices={
            "none": "no transparency",
            "prores": "ProRes 4444 in .mov",
            "webm": "VP9 in .webm, lossless without --crf",
            "ffv1": "FFV1 in .mkv, lossless",
            "png": "a folder of PNG files",
            "pair": "one video of colors and one of the matte",
        },
    )
    codec: Literal["auto", "h264", "hevc", "av1", "vp9", "ffv1"] = option(
        "auto", "encode a video without transparency by this codec; auto is h264, or vp9 in .webm"
    )
    crf: int | None = option(
        None, "set the quality of the encoder; lower is better and larger", 0, 63
    )
    audio: Literal["copy", "none"] = option(
        "copy", "copy the first sound track unchanged, or leave it out"
    )
    start: float = option(0.0, "begin here", 0, 1e6, unit="seconds")
    end: float | None = option(None, "end here", above=0, high=1e6, unit="seconds")
    every: int = option(1, "keep only every n-th frame", 1, 1_000_000)
    depth_every: int = option(
        1, "estimate depth for every n-th frame; between them it follows the motion", 1, 1000
    )
    steady: bool = option(True, "keep alpha, depth and the choice of the person steady over time")
    json: bool = option(False, "print one JSON line at the end to stdout")
    quiet: bool = option(False, "print errors only", flag="-q")

    def __post_init__(self) -> None:
        check_options(self)
        if self.end is not None and self.end <= self.start:
            raise OptionError(f"end {self.end:g} must be later than start {self.start:g}")
        if self.effect is not None and self.background is not None:
            raise OptionError("--effect and --background exclude each other; leave one out")
        if self.alpha != "none" and self.codec != "auto":
            raise OptionError("--alpha chooses the codec itself; leave --codec out")


@dataclass(frozen=True)
class LiveOptions:
    """Options of live cutting.

    Parameters
    ----------
    source : str
        A video file, which is played at its own speed, or a camera.
    sink : str
        A video file or a video device.
    effect, background : str, optional
        As in `VideoOptions`; by default blur.
    size : str
        Largest size WIDTHxHEIGHT of the picture; larger ones are scaled down.
    rate : float
        Frames per second to hold. The canvas of the networks shrinks until it is held.
    seconds : float, optional
        Stop after this time.
    depth, right : str, optional
        A depth camera or a second camera beside that of the source, or recordings of them.
    calib : str, optional
        The calibration of both cameras.
    max_time_difference : float
        Largest time between a frame and its depth or second view, in seconds. Others are left out.
    depth_every : int, optional
        Every which frame depth is estimated, where the effect uses it. By default every fourth
        one, where it cannot do without. Depth of a sensor is used for every frame.
    steady : bool
        Whether alpha, depth and subject are kept steady over time.
    json, quiet : bool
        What is printed.

    Raises
    ------
    OptionError
        When a value is not allowed or options contradict each other.
    """

    source: str = option(
        MISSING,
        "take the picture from here",
        takes="a video file, /dev/videoN, v4l2:DEVICE, avfoundation:N, dshow:video=NAME or "
        "realsense[:SERIAL|FILE], which gives depth too",
        metavar="FILE|DEVICE",
    )
    sink: str = option(
        MISSING,
        "show the result here",
        takes="a video file (.mkv, .mp4, .mov), /dev/videoN, v4l2:DEVICE or window",
        metavar="FILE|DEVICE",
    )
    depth: str | None = option(
        None,
        "take depth from here",
        takes="a video of 16-bit gray frames, or a device that gives them",
        metavar="FILE|DEVICE",
    )
    right: str | None = option(
        None,
        "take a second view, from the right of the source or as --calib says, from here",
        takes="what --source takes",
        metavar="FILE|DEVICE",
    )
    calib: str | None = option(
        None, "read the calibration of both cameras from this file", metavar="FILE"
    )
    max_time_difference: float = option(
        0.02,
        "allow this much time between a frame and its depth or second view; others are left out",
        0,
        1,
        unit="seconds",
    )
    effect: str | None = option(
        None,
        "apply this effect; without it blur",
        takes=_EFFECT_TAKES,
        metavar=_EFFECT_METAVAR,
    )
    background: str | None = option(None, "put this color or picture file behind the person")
    size: str = option(
        "640x360",
        "scale larger pictures down to this size",
        takes="WIDTHxHEIGHT",
        metavar="WIDTHxHEIGHT",
        pattern=r"^[0-9]{2,4}x[0-9]{2,4}$",
        valid=lambda text: re.fullmatch(r"[0-9]{2,4}x[0-9]{2,4}", text) is not None,
    )
    rate: float = option(30.0, "hold this many frames per second", 1, 240)
    seconds: float | None = option(
        None, "stop after this time; without it at the end of the file or by Ctrl-C", above=0
    )
    depth_every: int | None = option(
        None,
        "estimate depth for every n-th frame, for effects that use it; without it every 4th one, "
        "where the effect has a focus, an aperture or a shadow",
        1,
        1000,
    )
    steady: bool = option(True, "keep alpha, depth and the choice of the person steady over time")
    json: bool = option(False, "print one JSON line at the end to stdout")
    quiet: bool = option(False, "print errors only", flag="-q")

    def __post_init__(self) -> None:
        check_options(self)
        if self.effect is not None and self.background is not None:
            raise OptionError("--effect and --background exclude each other; leave one out")
        if self.depth is not None and self.right is not None:
            raise OptionError("--depth and --right exclude each other; leave one out")
        if self.calib is not None and self.depth is None and self.right is None:
            raise OptionError("--calib goes with --depth or --right; give one")

    @property
    def largest_shape(self) -> tuple[int, int]:
        """(H, W) of `size`."""
        width, height = self.size.split("x")
        return int(height), int(width)
