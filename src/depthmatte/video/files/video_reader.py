"""Read videos: upright frames with their times, and the packets of the sound."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InputError, OptionError
from ...system.printable_text import Place, describe_os_error, label
from .av_library import describe_av_error, load_av
from .color_tags import ColorTags
from .orientation import Turn, read_display_matrix
from .video_frame import VideoFrame

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.packet import Packet

_FORMATS = (
    "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,ogg,flv,asf,mxf,nut,gif,apng,ivf,h264,hevc,"
    "obu,m4v,yuv4mpegpipe,dv"
)
"""Formats that are opened. Playlists, which name other files and addresses, are not among them."""

_MAX_PIXELS = 50_000_000
"""Largest frame. A frame takes about 20 bytes per pixel in each of several stages."""

_MAX_LEADING_ERRORS = 300
"""Packets that may fail before the first frame, as in a recording that starts in mid-stream."""

_SHORT_BY_SECONDS, _SHORT_BY_SHARE = 0.5, 0.05
"""How much earlier than its header says a video may end before it counts as cut off."""


def read_video(
    path: Place, start: float = 0.0, end: float | None = None, every: int = 1
) -> VideoReader:
    """Open a video, to read its frames one by one.

    Parameters
    ----------
    path : path
        A file with a video stream: MP4, MOV, MKV, WebM, AVI, MPEG-TS and others.
    start, end : float
        Seconds from the beginning of the video; `end` itself is left out.
    every : int
        Return only every n-th frame.

    Returns
    -------
    VideoReader
        Iterate it once. Only a few frames are in memory. It is a context manager.

    Raises
    ------
    InputError
        When the file cannot be read or holds no video; later, when it is damaged.
    MissingExtra
        When the extra `video` is not installed.
    OptionError
        When `start`, `end` and `every` cannot be used.

    Examples
    --------
    >>> import depthmatte as dm
    >>> with dm.read_video("clip.mp4", every=10) as video:  # doctest: +SKIP
    ...     for frame in video:
    ...         dm.cut(frame.rgb).save(f"{frame.index:06}.png")
    """
    return VideoReader(path, start, end, every)


class VideoReader:
    """A video that is being read. `read_video` opens it.

    Parameters
    ----------
    path : path
        The file.
    start, end, every : float, float or None, int
        As in `read_video`.

    Attributes
    ----------
    shape : tuple of int
        (H, W) of the upright frames.
    time_base : Fraction
        Seconds per unit of time.
    rate : Fraction
        Mean number of frames per second.
    duration : float or None
        Seconds, where the file says it.
    beginning : float
        Time of the first frame on the clock of the file, in seconds.
    color : ColorTags
        How its numbers become colors.
    pixel_format : str
        FFmpeg's name of how pixels are stored.
    pixel_aspect : Fraction or None
        Width to height of a pixel, upright, where it is not 1.
    audio : AudioStream or None
        The first sound track.
    notes : list of str
        What is unusual and was dealt with, such as HDR.
    """

    def __init__(
        self, path: Place, start: float = 0.0, end: float | None = None, every: int = 1
    ) -> None:
        self.name = label(path)
        if not (start >= 0 and (end is None or end > start) and every >= 1):
            raise OptionError(
                f"start {start:g}, end {end}, every {every}: give 0 <= start < end in seconds, "
                "and every 1 or more"
            )
        self._start, self._end, self._every = float(start), end, every
        self.notes: list[str] = []
        self._container = self._open(path)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        height, width = self.shape
        return f"VideoReader({self.name!r}, {width} x {height}, {float(self.rate):.3g} per second)"

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _open(self, path: Place) -> Any:
        av = load_av()
        try:
            if not os.path.exists(path):
                raise InputError(f"{self.name}: there is no such file; check the path")
            if not os.path.isfile(path):
                raise InputError(f"{self.name}: is not a file; give a video file")
            with Path(path).open("rb"):
                pass
            # "file:" keeps FFmpeg from reading a name such as "concat:..." as a protocol.
            return av.open(
                f"file:{os.fspath(path)}",
                options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"},
                metadata_errors="replace",
            )
        except (av.FFmpegError, ValueError) as error:
            raise InputError(
                f"{self.name}: cannot be read as a video ({describe_av_error(error)}); "
                "give an MP4, MOV, MKV, WebM or AVI file that plays"
            ) from error
        except OSError as error:
            raise InputError(
                f"{self.name}: cannot be read ({describe_os_error(error)}); check the file"
            ) from error

    def _prepare(self) -> None:
        """Choose the streams, and decode the first frame for what only frames tell."""
        streams = [
            stream
            for stream in self._container.streams.video
            if not int(stream.disposition) & _ATTACHED_PICTURE and stream.codec_context is not None
        ]
        if not streams:
            raise InputError(
                f"{self.name}: holds no video stream that can be decoded; give another file"
            )
        self._stream = streams[0]
        width, height = self._stream.width, self._stream.height
        if not 0 < width * height <= _MAX_PIXELS:
            raise InputError(
                f"{self.name}: its frames have {width} x {height} pixels, and the limit is "
                f"{_MAX_PIXELS // 1_000_000} megapixels; scale the video down"
            )
        self._stream.thread_type = "AUTO"
        sounds = [
            track for track in self._container.streams.audio if track.codec_context is not None
        ]
        self.audio: AudioStream | None = next(iter(sounds), None)
        self.time_base = self._stream.time_base or Fraction(1, 90_000)
        self.rate = self._stream.average_rate or self._stream.guessed_rate or Fraction(25)
        self.duration = self._read_duration()
        self.beginning = self._read_beginning()
        self._skipped_errors = 0
        if self._start:
            self._seek()
        self._packets = self._container.demux()
        self._last_pts: int | None = None
        self._latest = 0.0
        self.damaged_frames = 0
        self._decoder = self._decode()
        self._waiting: list[Any] = []
        first = self._find_first_frame()
        self._stored, self.pixel_format = (first.height, first.width), str(first.format.name)
        self._turn = self._read_turn(first)
        self.shape = self._turn.shape(self._stored)
        self.color = ColorTags.from_frame(first)
        aspect = self._stream.sample_aspect_ratio
        aspect = aspect if aspect and aspect != 1 else None
        self.pixel_aspect = 1 / aspect if aspect and self._turn.transpose else aspect
        self._note_conversions(first)

    def _read_duration(self) -> float | None:
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        return self._container.duration / 1_000_000 if self._container.duration else None

    def _read_beginning(self) -> float:
        """Return the time of the first frame in seconds on the clock of the file."""
        start = self._stream.start_time
        if start is not None:
            return float(start * self.time_base)
        return (self._container.start_time or 0) / 1_000_000

    def _seek(self) -> None:
        av = load_av()
        target = int((self.beginning + self._start) / self.time_base)
        try:
            self._container.seek(target, stream=self._stream, backward=True)
        except av.FFmpegError:  # a file without an index is read from its beginning
            self._container.seek(0)

    def _find_first_frame(self) -> Any:
        for item in self._decoder:
            self._waiting.append(item)
            if not _is_packet(item):
                return item
        raise InputError(
            f"{self.name}: no frame can be decoded"
            + (f" from {self._start:g} s on" if self._start else "")
            + "; give another file or a smaller --start"
        )

    def _read_turn(self, frame: Any) -> Turn:
        from av.sidedata.sidedata import Type

        try:
            matrix = bytes(frame.side_data[Type.DISPLAYMATRIX])
        except KeyError:
            return Turn()
        turn = read_display_matrix(matrix)
        if turn is None:
            self.notes.append("is turned by an angle that is no multiple of 90 degrees; not turned")
        return turn or Turn()

    def _note_conversions(self, frame: Any) -> None:
        depth = max(component.bits for component in frame.format.components)
        if self.color.is_hdr:
            self.notes.append("is HDR; it is converted to the ordinary range (BT.709, 8 bits)")
        elif depth > 8:
            self.notes.append(f"has {depth} bits per channel; it is converted to 8")
        if frame.interlaced_frame:
            self.notes.append("is interlaced; its lines are not separated")
        if any(stream.type == "subtitle" for stream in self._container.streams):
            self.notes.append("has subtitles; they are not kept")
        if len(self._container.streams.audio) > 1:
            self.notes.append("has several sound tracks; the first one is kept")

    @property
    def frame_count(self) -> int | None:
        """Number of frames to come, estimated from duration and rate; None if unknown."""
        if self.duration is None:
            return None
        span = min(self.duration, self._end if self._end is not None else self.duration)
        return max(1, round((span - self._start) * float(self.rate) / self._every))

    def __iter__(self) -> Iterator[VideoFrame]:
        for item in self.items():
            if isinstance(item, VideoFrame):
                yield item

    def decoded_frames(self) -> Iterator[tuple[Any, float]]:
        """Yield PyAV's frames as they are stored, neither turned nor converted, and their times.

        Raises
        ------
        InputError
            Where the video is damaged.
        """
        for item in self._all_items():
            if not _is_packet(item):
                yield item, self._time_of(item)
        self._check_complete()

    def items(self) -> Iterator[VideoFrame | Packet[Any]]:
        """Yield frames and packets of the sound in the order of the file.

        Packets outside `start` and `end` are left out.

        Raises
        ------
        InputError
            Where the video is damaged, after everything before has been yielded.
        """
        count = 0
        for item in self._all_items():
            if _is_packet(item):
                if self._is_wanted_sound(item):
                    yield item
                continue
            time = self._time_of(item)
            if time < self._start - _HALF_TICK:
                continue
            if self._end is not None and time >= self._end - _HALF_TICK:
                return
            if count % self._every == 0:
                yield self._make_frame(item, count, time)
            count += 1
        self._check_complete()

    def _all_items(self) -> Iterator[Any]:
        waiting, self._waiting = self._waiting, []
        yield from waiting
        yield from self._decoder

    def _decode(self) -> Iterator[Any]:
        """Yield decoded frames, and packets of the sound, as they come."""
        av = load_av()
        while True:
            try:
                packet = next(self._packets, None)
                if packet is None:
                    return
                self._note_time(packet)
                if packet.stream.type == "audio" and packet.stream is self.audio:
                    if packet.dts is not None:
                        yield packet
                    continue
                if packet.stream is not self._stream:
                    continue
                frames = packet.decode()
            except (av.FFmpegError, ValueError) as error:
                if self._last_pts is None and self._skipped_errors < _MAX_LEADING_ERRORS:
                    self._skipped_errors += 1
                    continue
                raise InputError(self._damage(describe_av_error(error))) from error
            for frame in frames:
                self._fix_time(frame)
                self.damaged_frames += bool(frame.is_corrupt)
                yield frame

    def _note_time(self, packet: Any) -> None:
        if packet.pts is not None and packet.time_base is not None:
            end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            self._latest = max(self._latest, end)

    def _fix_time(self, frame: Any) -> None:
        """Give a frame a presentation time later than that of the frame before."""
        last = self._last_pts
        step = max(1, round(1 / (self.rate * self.time_base)))
        if frame.pts is None:
            frame.pts = 0 if last is None else last + step
        if last is not None and frame.pts <= last:
            frame.pts = last + 1
        self._last_pts = frame.pts

    def _time_of(self, frame: Any) -> float:
        return float(frame.pts * self.time_base) - self.beginning

    def _is_wanted_sound(self, packet: Any) -> bool:
        time = float(packet.pts * packet.time_base) if packet.pts is not None else 0.0
        time -= self.beginning
        late = self._end is not None and time >= self._end
        return not late and (not self._start or time >= self._start)

    def _make_frame(self, frame: Any, index: int, time: float) -> VideoFrame:
        rgb = self._turn.apply(self.color.decode(frame, self._stored))
        return VideoFrame(rgb, index, frame.pts, self.time_base, time)

    def _check_complete(self) -> None:
        """Raise InputError where the file ends long before its header says."""
        whole = (self._container.duration or 0) / 1_000_000
        whole += (self._container.start_time or 0) / 1_000_000
        missing = whole - self._latest
        if self._end is None and missing > max(_SHORT_BY_SECONDS, _SHORT_BY_SHARE * whole):
            raise InputError(self._damage(f"it ends {missing:.1f} s before its header says"))

    def _damage(self, why: str) -> str:
        at = max(0.0, (self._last_pts or 0) * float(self.time_base) - self.beginning)
        return f"{self.name}: is damaged after {at:.2f} s ({why}); use an undamaged copy"


_ATTACHED_PICTURE = 0x400
"""FFmpeg's disposition of a cover picture."""

_HALF_TICK = 1e-6


def _is_packet(item: Any) -> bool:
    return isinstance(item, load_av().Packet)
