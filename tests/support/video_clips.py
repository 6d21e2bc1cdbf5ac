"""Small videos made by the tests: drawings and the astronaut moved over a background."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]


def drawing(index: int, shape: tuple[int, int] = (48, 64)) -> RGB:
    """A smooth picture with a square that moves to the right; index 0 is its first place."""
    height, width = shape
    rgb = np.empty((height, width, 3), np.uint8)
    rgb[..., 0] = np.linspace(40, 200, width)
    rgb[..., 1] = np.linspace(60, 180, height)[:, None]
    rgb[..., 2] = 90
    left = (4 + 2 * index) % (width - 12)
    rgb[height // 3 : height // 3 + 12, left : left + 12] = (220, 40, 40)
    return rgb


def write_clip(
    path: Path,
    frames: Iterable[RGB],
    times: Sequence[int] | None = None,
    *,
    rate: int = 25,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    sound: bool = False,
    rotation: int = 0,
    tags: dict[str, int] | None = None,
    container: dict[str, str] | None = None,
) -> Path:
    """Write a video with PyAV alone. `times` are in 1/90000 seconds."""
    with av.open(str(path), "w", options=container or {}) as file:
        chosen = {"crf": "10", "preset": "ultrafast"} if codec == "libx264" else {}
        stream: Any = file.add_stream(codec, rate=rate, options={**chosen, **(options or {})})
        track: Any = file.add_stream("aac", rate=44_100) if sound else None
        begun = False
        count = 0
        for index, rgb in enumerate(frames):
            if not begun:
                stream.height, stream.width, stream.pix_fmt = *rgb.shape[:2], pixel_format
                stream.time_base = stream.codec_context.time_base = Fraction(1, 90_000)
                for name, value in (tags or {}).items():
                    setattr(stream.codec_context, name, value)
                if rotation:
                    stream.set_display_rotation(rotation)
                begun = True
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            matrix = (tags or {}).get("colorspace", 5)
            frame = frame.reformat(format=pixel_format, dst_colorspace=9 if matrix == 9 else 5)
            frame.pts = times[index] if times else index * 90_000 // rate
            frame.time_base = Fraction(1, 90_000)
            file.mux(stream.encode(frame))
            count = frame.pts
        if sound:
            samples = np.arange(int(44_100 * (count / 90_000 + 1 / rate)))
            wave = (np.sin(samples / 15) * 9000).astype(np.int16)
            for start in range(0, len(wave), 1024):
                piece: Any = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(wave[None, start : start + 1024]), "s16", "mono"
                )
                piece.sample_rate, piece.pts = 44_100, start
                piece.time_base = Fraction(1, 44_100)
                file.mux(track.encode(piece))
            file.mux(track.encode(None))
        file.mux(stream.encode(None))
    return path


def sound_packets(path: Path) -> list[tuple[bytes, float]]:
    """The packets of the sound: bytes and time in seconds."""
    with av.open(str(path)) as file:
        return [
            (bytes(packet), float(packet.pts * packet.time_base))
            for packet in file.demux(file.streams.audio[0])
            if packet.pts is not None
        ]


def frame_times(path: Path) -> list[float]:
    """The times of all frames in seconds."""
    with av.open(str(path)) as file:
        return [float(frame.time) for frame in file.decode(video=0)]
