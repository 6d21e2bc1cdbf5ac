"""Where the pictures of a video go: one file, a pair of files, or a folder of PNG files.

Everything is written as a draft and appears complete. That also holds for what was made before a
damaged place of the input.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..effects import Cutout, Effect
from ..effects.foreground import portrait_foreground
from ..errors import InputError, OptionError
from ..io.photo.photo_writer import write
from ..portrait import Portrait
from ..system.atomic_write import atomic_draft, check_writable
from ..system.printable_text import describe_os_error, label
from .files.video_codecs import (
    ALPHA_CODECS,
    MATTE_CODEC,
    AlphaKind,
    VideoCodec,
    check_container,
    choose_codec,
)
from .files.video_frame import VideoFrame
from .files.video_reader import VideoReader
from .files.video_writer import VideoWriter
from .video_options import VideoOptions

if TYPE_CHECKING:
    from av.packet import Packet

Pictures = tuple[NDArray[np.uint8], ...]
"""What is written for one frame: one picture, or color and matte."""

Renderer = Callable[[Portrait], Pictures]


class VideoOutput(Protocol):
    """Takes the pictures of each frame and the packets of the sound."""

    def write(self, pictures: Pictures, frame: VideoFrame) -> None:
        """Write the pictures of a frame."""

    def write_sound(self, packet: Packet[Any]) -> None:
        """Copy a packet of the sound."""


class _Files:
    """Video files that are written side by side; the first one has the sound."""

    def __init__(self, writers: list[VideoWriter]) -> None:
        self._writers = writers

    def write(self, pictures: Pictures, frame: VideoFrame) -> None:
        for writer, picture in zip(self._writers, pictures, strict=True):
            writer.write(picture, frame)

    def write_sound(self, packet: Packet[Any]) -> None:
        self._writers[0].write_sound(packet)


class _Folder:
    """A folder of PNG files, and the list `times.csv` of the time of each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._times = ["file,seconds"]

    def write(self, pictures: Pictures, frame: VideoFrame) -> None:
        name = f"{frame.index:06}.png"
        write(pictures[0], self._folder / name)
        self._times.append(f"{name},{frame.time:.6f}")

    def write_sound(self, packet: Packet[Any]) -> None:
        """Leave the sound out: a folder of pictures has none."""

    def close(self) -> None:
        (self._folder / "times.csv").write_text("\n".join(self._times) + "\n", "utf-8")


def choose_alpha(options: VideoOptions, effect: Effect | None) -> AlphaKind:
    """Return how transparency is stored: as asked, or for a cut-out as the suffix says.

    Raises
    ------
    OptionError
        When the result has transparency and the file cannot hold it, or the other way round.
    """
    has_alpha = isinstance(effect, Cutout) or getattr(effect, "color", None) == "transparent"
    if isinstance(effect, Cutout) and effect.crop:
        raise OptionError("--effect cutout:crop=true: all frames need one size; leave crop out")
    if options.alpha != "none":
        if effect is not None and not has_alpha:
            raise OptionError("--alpha stores a cut-out; leave --effect and --background out")
        return options.alpha
    if not has_alpha:
        return "none"
    by_suffix: dict[str, AlphaKind] = {".mov": "prores", ".webm": "webm", ".mkv": "ffv1"}
    kind = by_suffix.get(Path(options.out).suffix.lower())
    if kind is None:
        raise OptionError(
            f"{label(options.out)}: cannot hold transparency; end the name in "
            f"{', '.join(by_suffix)}, or give --alpha"
        )
    return kind


def list_targets(options: VideoOptions, alpha: AlphaKind) -> dict[Path, VideoCodec | None]:
    """Return the files to write and their codecs; a folder of PNG files has none.

    Raises
    ------
    OptionError
        When a suffix does not go with a codec.
    """
    out = Path(options.out)
    if alpha == "png":
        return {out: None}
    if alpha == "pair":
        color, matte = (out.with_stem(f"{out.stem}-{part}") for part in ("color", "matte"))
        return {
            color: choose_codec("auto", color),
            matte: check_container(MATTE_CODEC, matte),
        }
    codec = check_container(ALPHA_CODECS[alpha], out) if alpha in ALPHA_CODECS else None
    return {out: codec or choose_codec(options.codec, out)}


def check_targets(targets: dict[Path, VideoCodec | None], source: Path) -> None:
    """Check before the work that everything can be written after it.

    Raises
    ------
    InputError
        Where a place cannot be written, is the input, or a folder for PNG files is not empty,
        and where an encoder is missing.
    """
    for target, codec in targets.items():
        if codec is not None:
            check_writable(target, [source])
            codec.find_encoder()
        elif target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise InputError(f"{label(target)}: exists and is no empty folder; name a new one")
        elif not target.parent.is_dir():
            raise InputError(f"{label(target)}: its folder does not exist; make it first")


def make_renderer(effect: Effect | None, alpha: AlphaKind) -> Renderer:
    """Return the function that makes the pictures of a frame from its portrait."""
    if alpha == "pair":
        return lambda portrait: (portrait_foreground(portrait), _matte_levels(portrait))
    chosen = effect or Cutout()
    return lambda portrait: (chosen(portrait),)


def _matte_levels(portrait: Portrait) -> NDArray[np.uint8]:
    return np.asarray(np.rint(portrait.alpha * np.float32(255)), np.uint8)


@contextmanager
def open_output(
    targets: dict[Path, VideoCodec | None], options: VideoOptions, video: VideoReader
) -> Iterator[VideoOutput]:
    """Open the files to write; they appear when the block ends without an error.

    Raises
    ------
    InputError
        When a file cannot be written.
    """
    folder = next((target for target, codec in targets.items() if codec is None), None)
    if folder is not None:
        with _draft_folder(folder) as draft:
            pictures = _Folder(draft)
            yield pictures
            pictures.close()
        return
    audio = video.audio if options.audio == "copy" else None
    with ExitStack() as stack:
        writers: list[VideoWriter] = []
        for target, codec in targets.items():
            assert codec is not None
            draft = stack.enter_context(atomic_draft(target))
            writers.append(
                stack.enter_context(
                    _closing(
                        VideoWriter(
                            draft,
                            target,
                            codec,
                            video.shape,
                            video.time_base,
                            video.rate / options.every,
                            video.color,
                            options.crf,
                            None if writers else audio,
                            video.pixel_aspect,
                            video.beginning + options.start if options.start else 0.0,
                        )
                    )
                )
            )
        yield _Files(writers)


@contextmanager
def _closing(writer: VideoWriter) -> Iterator[VideoWriter]:
    """Complete the file at the end of the block, or give it up after an error."""
    try:
        yield writer
    except BaseException:
        writer.discard()
        raise
    writer.close()


@contextmanager
def _draft_folder(target: Path) -> Iterator[Path]:
    """Yield a folder that becomes `target` on success and is removed on failure."""
    draft = target.parent / f".{os.urandom(8).hex()}.depthmatte.folder"
    try:
        draft.mkdir()
        yield draft
        if target.exists():
            target.rmdir()  # it is empty, `check_targets` has seen to it
        os.replace(draft, target)
    except OSError as error:
        raise InputError(
            f"{label(target)}: cannot be written ({describe_os_error(error)}); "
            "make room or write elsewhere"
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
