"""The kinds of video files that can be written: encoders, pixel formats and their settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...errors import InputError, OptionError
from ...system.printable_text import label
from .av_library import find_encoder

CodecName = Literal["auto", "h264", "hevc", "av1", "vp9", "ffv1"]
AlphaKind = Literal["none", "prores", "webm", "ffv1", "png", "pair"]

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""Suffix -> FFmpeg's name of the container."""


@dataclass(frozen=True)
class VideoCodec:
    """One way to encode pictures.

    Parameters
    ----------
    name : str
        As users know it.
    encoders : tuple of str
        FFmpeg's encoders, the best first.
    pixel_format : str
        What the encoder gets.
    suffixes : tuple of str
        Containers that hold it.
    settings : callable
        Quality (CRF, None for the default) -> options of the encoder.
    even : bool
        Whether width and height must be even.
    """

    name: str
    encoders: tuple[str, ...]
    pixel_format: str
    suffixes: tuple[str, ...]
    settings: Callable[[int | None], Mapping[str, str]]
    even: bool = False

    def find_encoder(self) -> str:
        """Return the encoder to use.

        Raises
        ------
        InputError
            When this build of FFmpeg has none.
        """
        found = find_encoder(self.encoders)
        if found is None:
            raise InputError(
                f"{self.name}: this build of FFmpeg has no encoder for it "
                f"({' or '.join(self.encoders)}); choose another codec"
            )
        return found


_VP9 = {"deadline": "good", "cpu-used": "5", "row-mt": "1", "auto-alt-ref": "0"}

_ANY = (".mp4", ".m4v", ".mov", ".mkv")

VIDEO_CODECS = {
    "h264": VideoCodec(
        "H.264",
        ("libx264",),
        "yuv420p",
        _ANY,
        lambda crf: {
            "preset": "veryfast",
            "crf": str(18 if crf is None else crf),
            # The processor time of a fourth of the encoder for the same size and error.
            "x264-params": "b-adapt=0:rc-lookahead=4",
        },
        even=True,
    ),
    "hevc": VideoCodec(
        "HEVC",
        ("libx265",),
        "yuv420p",
        _ANY,
        lambda crf: {
            "preset": "fast",
            "crf": str(21 if crf is None else crf),
            "x265-params": "log-level=none",
        },
        even=True,
    ),
    "av1": VideoCodec(
        "AV1",
        ("libsvtav1",),
        "yuv420p",
        (*_ANY, ".webm"),
        lambda crf: {"preset": "8", "crf": str(25 if crf is None else crf)},
        even=True,
    ),
    "vp9": VideoCodec(
        "VP9",
        ("libvpx-vp9",),
        "yuv420p",
        (".webm", ".mkv", ".mp4"),
        lambda crf: {**_VP9, "crf": str(24 if crf is None else crf), "b": "0"},
    ),
    "ffv1": VideoCodec("FFV1", ("ffv1",), "bgr0", (".mkv",), lambda _: {"level": "3"}),
}
"""Codecs without alpha, by name."""

ALPHA_CODECS = {
    "prores": VideoCodec(
        "ProRes 4444",
        ("prores_ks",),
        "yuva444p10le",
        (".mov", ".mkv"),
        lambda _: {"profile": "4444", "alpha_bits": "16", "vendor": "apl0"},
    ),
    "webm": VideoCodec(
        "VP9 with alpha",
        ("libvpx-vp9",),
        "yuva420p",
        (".webm",),
        # Alpha has the quality of the picture. So it is exact only when both are.
        lambda crf: {**_VP9, **({"lossless": "1"} if crf is None else {"crf": str(crf), "b": "0"})},
    ),
    "ffv1": VideoCodec("FFV1", ("ffv1",), "bgra", (".mkv",), lambda _: {"level": "3"}),
}
"""Codecs with alpha in the same stream, by kind."""

MATTE_CODEC = VideoCodec(
    "lossless H.264",
    ("libx264",),
    "gray",
    _ANY,
    lambda _: {"preset": "veryfast", "qp": "0"},
    even=True,
)
"""How the matte of a color-and-matte pair is encoded: exactly."""

_DEFAULT_CODEC = {".webm": "vp9"}


def choose_codec(name: CodecName, path: Path) -> VideoCodec:
    """Return the codec of a file without alpha.

    Raises
    ------
    OptionError
        When the suffix is unknown, or its container does not hold the codec.
    """
    suffix = check_suffix(path)
    chosen = _DEFAULT_CODEC.get(suffix, "h264") if name == "auto" else name
    return check_container(VIDEO_CODECS[chosen], path)


def check_suffix(path: Path) -> str:
    """Return the suffix of a video file in lower case; OptionError for an unknown one."""
    suffix = path.suffix.lower()
    if suffix not in CONTAINERS:
        raise OptionError(f"{label(path)}: end the name in {', '.join(CONTAINERS)}")
    return suffix


def check_container(codec: VideoCodec, path: Path) -> VideoCodec:
    """Return the codec; OptionError when the container of `path` does not hold it."""
    if check_suffix(path) not in codec.suffixes:
        raise OptionError(
            f"{label(path)}: {path.suffix} does not hold {codec.name}; "
            f"end the name in {' or '.join(codec.suffixes)}"
        )
    return codec
