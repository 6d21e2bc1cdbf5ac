"""Cut the photo of a request: read the uploads, attach them, run the pipeline."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from ..canvas import Letterbox
from ..errors import InputError, OptionError
from ..evidence import RawDepth
from ..feedback.mask_input import check_mask_values, fit_mask_to_photo, read_corrected_mask
from ..io.depthmaps.depth_reader import read_depth_file
from ..io.photo.photo_reader import read
from ..io.stroke_picture import attach_strokes
from ..option_fields import merge_options, to_json_values
from ..options import CutOptions, EdgeOptions, SensorOptions
from ..photo import Photo
from ..portrait import Portrait
from ..session import Session, apply_photo_options, attach_inputs
from ..values import Matte
from .kept_portraits import KeptPortrait, Upload

_READING_OPTIONS = ("depth_scale", "depth_kind", "color", "strip")
"""Options that change how the files are read. Others need the pipeline only."""

_MAX_OPTIONS_LENGTH = 16_384


class PhotoCut(NamedTuple):
    """A portrait, and the time of a cut.

    Attributes
    ----------
    portrait : Portrait
        The portrait.
    timings : dict of str to float
        Milliseconds of "read" and of the stages of the pipeline.
    """

    portrait: Portrait
    timings: dict[str, float]


def parse_cut_options(text: str | bytes) -> CutOptions:
    """Parse options from the text of a JSON object; OptionError for anything else."""
    if not text or not text.strip():
        return CutOptions()
    if len(text) > _MAX_OPTIONS_LENGTH:
        raise OptionError(f"options: are longer than {_MAX_OPTIONS_LENGTH} characters; shorten")
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        raise OptionError('options: are no JSON; give one such as {"fusion": "none"}') from None
    if not isinstance(values, dict):
        raise OptionError('options: are no JSON object; give one such as {"fusion": "none"}')
    nested = {"sensor": SensorOptions, "edge": EdgeOptions}
    if any(isinstance(value, dict) for name, value in values.items() if name not in nested):
        raise OptionError("options: only sensor and edge take objects; give texts and numbers")
    try:
        for name, cls in nested.items():
            if isinstance(values.get(name), dict):
                values[name] = merge_options(cls, None, values[name])
        return merge_options(CutOptions, None, values)
    except TypeError as error:
        raise OptionError(f"options: {error}; look at /v1/schema") from None


def cut_uploads(
    session: Session,
    files: Mapping[str, Upload],
    options: CutOptions,
    max_pixels: int,
    threads: int | None = None,
) -> PhotoCut:
    """Cut the photo of a request.

    Parameters
    ----------
    session : Session
        The networks.
    files : mapping of str to Upload
        "photo", and any of "depth", "calib", "right" and "strokes".
    options : CutOptions
        How to cut.
    max_pixels : int
        Limit of the photo and the second view.
    threads : int, optional
        CPU threads of each network.

    Returns
    -------
    PhotoCut

    Raises
    ------
    InputError
        When a file or option cannot be used.
    """
    start = perf_counter()
    photo = _read_uploads(files, options, max_pixels)
    read_ms = 1000 * (perf_counter() - start)
    portrait = session.pipeline(options, threads)(photo)
    return PhotoCut(portrait, {"read": read_ms, **portrait.timings})


def _read_uploads(files: Mapping[str, Upload], options: CutOptions, max_pixels: int) -> Photo:
    given = files["photo"]
    photo = read(given.content, given.name, max_pixels=max_pixels)
    right = files.get("right")
    view = read(right.content, right.name, max_pixels, evidence=False) if right else None
    # Depth, calibration and strokes are read from files: their readers take paths.
    with tempfile.TemporaryDirectory(prefix="depthmatte-") as folder:
        paths = {
            name: _write_upload(Path(folder), name, files[name])
            for name in ("depth", "calib", "strokes")
            if name in files
        }
        try:
            depth, how = _read_depth(paths.get("depth"), options, max_pixels)
            attached = attach_inputs(photo, depth, view, paths.get("calib"), how)
            attached = attach_strokes(attached, paths.get("strokes"))
        except InputError as error:
            kind = OptionError if isinstance(error, OptionError) else InputError
            raise kind(re.sub(rf"{re.escape(folder)}[/\\]\w+[/\\]", "", str(error))) from None
    return apply_photo_options(attached, options)


def _read_depth(
    path: Path | None, options: CutOptions, max_pixels: int
) -> tuple[RawDepth | None, CutOptions]:
    """Read a depth file within the limit of pixels; return it and the options still to apply."""
    if path is None:
        return None, options
    raw = read_depth_file(path, options.depth_scale, max_pixels, options.depth_kind)
    return raw, replace(options, depth_scale=None, depth_kind="auto")


def _write_upload(folder: Path, kind: str, upload: Upload) -> Path:
    """Write an upload under a name of our own that ends like its own, and return the path."""
    suffix = re.sub(r"[^A-Za-z0-9.]", "", Path(upload.name).suffix)[:12]
    path = folder / kind / f"{kind}{suffix}"
    path.parent.mkdir()
    path.write_bytes(upload.content)
    return path


def cut_again(
    session: Session,
    kept: KeptPortrait,
    options: CutOptions,
    max_pixels: int,
    threads: int | None = None,
) -> PhotoCut:
    """Cut a kept photo with other options; its files are read again only where they must."""
    same = all(getattr(options, name) == getattr(kept.options, name) for name in _READING_OPTIONS)
    if not same:
        return cut_uploads(session, kept.files, options, max_pixels, threads)
    portrait = session.pipeline(options, threads)(kept.portrait.photo)
    return PhotoCut(portrait, dict(portrait.timings))


def replace_alpha(kept: KeptPortrait, content: bytes, max_pixels: int) -> Portrait:
    """Return the portrait with a corrected matte in place of its own.

    Parameters
    ----------
    kept : KeptPortrait
        The portrait.
    content : bytes
        A gray picture of the photo's size or aspect, 255 for the person; of a picture with
        alpha, the alpha.
    max_pixels : int
        Limit of the picture.

    Returns
    -------
    Portrait
        With a matte of photo size.

    Raises
    ------
    InputError
        For a picture that is no matte of this photo.
    """
    levels = _read_matte(content, max_pixels)
    shape = kept.portrait.photo.shape
    levels = fit_mask_to_photo(check_mask_values(levels, "alpha"), shape, "alpha", True)
    alpha = levels.astype(np.float32) / np.float32(255)
    return replace(
        kept.portrait,
        matte=Matte(alpha, alpha),
        fit=Letterbox.identity(shape),
        full_fit=kept.portrait.depth_fit,
        edits=(),
        clean=False,
        refine=None,
    )


def _read_matte(content: bytes, max_pixels: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    read(content, "alpha", max_pixels, evidence=False)  # its errors name no file of ours
    with tempfile.TemporaryDirectory(prefix="depthmatte-") as folder:
        path = Path(folder) / "alpha.png"
        path.write_bytes(content)
        try:
            return read_corrected_mask(path)
        except InputError as error:
            raise InputError(str(error).replace(str(path), "alpha")) from None


def options_to_json(options: CutOptions) -> dict[str, Any]:
    """Return the options that differ from their defaults, as JSON values."""
    defaults = to_json_values(CutOptions())
    return {
        name: value
        for name, value in to_json_values(options).items()
        if value != defaults.get(name)
    }
