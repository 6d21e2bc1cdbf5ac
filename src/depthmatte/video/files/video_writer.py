"""Write one video file: pictures that are encoded, and sound that is copied."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...system.printable_text import label
from .av_library import describe_av_error, load_av
from .color_tags import ColorTags
from .video_codecs import CONTAINERS, VideoCodec
from .video_frame import VideoFrame

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.packet import Packet

_ARRAY_FORMATS = {2: "gray", 3: "rgb24", 4: "rgba"}


class VideoWriter:
    """A video file that is being written.

    Parameters
    ----------
    draft : Path
        The file to write.
    target : Path
        Its final name, which chooses the container and stands in messages.
    codec : VideoCodec
        How pictures are encoded.
    shape : tuple of int
        (H, W) of the pictures.
    time_base : Fraction
        Seconds per unit of the frames' times. Times are kept, also where they are uneven.
    rate : Fraction
        Mean number of frames per second.
    color : ColorTags
        How the colors are encoded.
    crf : int, optional
        Quality of the encoder, lower is better.
    audio : AudioStream, optional
        Sound track whose packets are copied.
    pixel_aspect : Fraction, optional
        Width to height of a pixel.
    origin : float
        Time that becomes the beginning of the file, in seconds on the clock of the frames.
    low_delay : bool
        Encode at once and fast, for live pictures.

    Raises
    ------
    InputError
        When the encoder is missing, or the container does not take the sound.
    """

    def __init__(
        self,
        draft: Path,
        target: Path,
        codec: VideoCodec,
        shape: tuple[int, int],
        time_base: Fraction,
        rate: Fraction,
        color: ColorTags,
        crf: int | None = None,
        audio: AudioStream | None = None,
        pixel_aspect: Fraction | None = None,
        origin: float = 0.0,
        low_delay: bool = False,
    ) -> None:
        av = load_av()
        os.environ.setdefault("SVT_LOG", "1")  # else SVT-AV1 writes its settings to stderr
        self._target, self._codec = target, codec
        self._color, self._time_base = color.for_output(shape), time_base
        self._origin = origin
        container = CONTAINERS[target.suffix.lower()]
        encoder = codec.find_encoder()
        options = {"movflags": "+faststart"} if container in ("mp4", "mov") else {}
        self._container = av.open(f"file:{draft}", "w", format=container, options=options)
        try:
            self._stream = self._add_video(encoder, shape, rate, crf, pixel_aspect, low_delay)
            self._sound = None if audio is None else self._add_sound(audio)
        except BaseException:
            self.discard()
            raise

    def _add_video(
        self,
        encoder: str,
        shape: tuple[int, int],
        rate: Fraction,
        crf: int | None,
        pixel_aspect: Fraction | None,
        low_delay: bool,
    ) -> Any:
        settings = dict(self._codec.settings(crf))
        if low_delay and encoder == "libx264":
            settings.pop("x264-params", None)  # it would win over the tuning
            settings |= {"preset": "ultrafast", "tune": "zerolatency"}
        stream = self._container.add_stream(encoder, rate=rate, options=settings)
        height, width = self._coded_shape(shape)
        stream.height, stream.width, stream.pix_fmt = height, width, self._codec.pixel_format
        stream.time_base = stream.codec_context.time_base = self._time_base
        if pixel_aspect:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        context, tags = stream.codec_context, self._color
        context.color_primaries, context.color_trc = tags.primaries, tags.transfer
        if not self._codec.pixel_format.startswith(("bgr", "rgb", "gbr")):
            context.colorspace = tags.coded_matrix(shape)
            gray = self._codec.pixel_format == "gray"
            context.color_range = 2 if tags.full_range or gray else 1
        if self._codec.pixel_format == "yuva420p":
            stream.metadata["alpha_mode"] = "1"
        return stream

    def _coded_shape(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return (H, W), where the codec wants it rounded up to even numbers."""
        step = 2 if self._codec.even else 1
        return -(-shape[0] // step) * step, -(-shape[1] // step) * step

    def _add_sound(self, audio: AudioStream) -> Any:
        name = audio.codec_context.name
        canonical = audio.codec.canonical_name
        if not {name, canonical} & set(self._container.supported_codecs):
            raise InputError(
                f"{label(self._target)}: {self._target.suffix} does not hold the sound "
                f"({canonical}); end the name in .mkv, or leave the sound out with --audio none"
            )
        return self._container.add_stream_from_template(audio)

    def write(self, picture: NDArray[np.uint8], frame: VideoFrame) -> None:
        """Encode one picture at the time of a frame.

        Parameters
        ----------
        picture : ndarray
            uint8 (H, W), (H, W, 3) or (H, W, 4) with straight alpha.
        frame : VideoFrame
            Gives the time.

        Raises
        ------
        InputError
            When the file cannot be written.
        """
        av = load_av()
        height, width = self._coded_shape((picture.shape[0], picture.shape[1]))
        down, right = height - picture.shape[0], width - picture.shape[1]
        if down or right:
            picture = np.asarray(
                cv2.copyMakeBorder(picture, 0, down, 0, right, cv2.BORDER_REPLICATE), np.uint8
            )
        kind = _ARRAY_FORMATS[picture.shape[2] if picture.ndim == 3 else 2]
        raw = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=kind)
        coded = raw if kind == "gray" else self._color.encode(raw, self._codec.pixel_format)
        if picture.ndim == 3 and self._codec.pixel_format.startswith("yuva"):
            _set_alpha(coded, picture[..., 3])
        coded.pts = frame.pts - round(self._origin / frame.time_base)
        coded.time_base = frame.time_base
        self._mux(coded)

    def _mux(self, frame: Any) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except load_av().FFmpegError as error:
            raise self._write_error(error) from error

    def _write_error(self, error: Exception) -> InputError:
        return InputError(
            f"{label(self._target)}: cannot be written ({describe_av_error(error)}); "
            "make room or choose another codec"
        )

    def write_sound(self, packet: Packet[Any]) -> None:
        """Copy a packet of the sound track as it is."""
        if self._sound is None:
            return
        shift = round(self._origin / packet.time_base)
        if packet.pts is not None:
            packet.pts -= shift
        if packet.dts is not None:
            packet.dts -= shift
        packet.stream = self._sound
        try:
            self._container.mux_one(packet)
        except load_av().FFmpegError as error:
            raise self._write_error(error) from error

    def close(self) -> None:
        """Encode what is waiting and complete the file."""
        self._mux(None)
        try:
            self._container.close()
        except load_av().FFmpegError as error:
            raise self._write_error(error) from error

    def discard(self) -> None:
        """Close a file that is not completed."""
        try:
            self._container.close()
        except load_av().FFmpegError:  # the draft is removed anyway
            return


def _set_alpha(frame: Any, alpha: NDArray[np.uint8]) -> None:
    """Write alpha into its plane without loss; FFmpeg's scaler may round it by one level."""
    plane, bits = frame.planes[3], frame.format.components[3].bits
    kind = np.dtype(np.uint8 if bits == 8 else "<u2")
    levels = np.rint(alpha * np.float32((2**bits - 1) / 255)).astype(kind)
    rows = np.zeros((plane.height, plane.line_size // kind.itemsize), kind)
    rows[: levels.shape[0], : levels.shape[1]] = levels
    plane.update(rows.tobytes())
