"""`depthmatte info`: print what photo files hold."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...batch.workers.task_outcome import run_task
from ...evidence import RawDepth
from ...io.files.find import STDIN, FoundPhoto, search_photos
from ...io.photo.photo_reader import PhotoHeader, read_photo_header
from ...photo import Photo
from ...system.printable_text import label
from ...system.standard_streams import binary_stdin
from ..output import Reporter, json_line, print_line, size_fields


def print_info(paths: Sequence[str | os.PathLike[str]], as_json: bool) -> bool:
    """Print what each photo file holds; return False when one cannot be found or read.

    Files that cannot be found or read are reported on stderr, one line each.
    """
    report = Reporter("json" if as_json else "lines")
    found = search_photos(paths, results=True)
    for note in found.notes:
        report.note(note)
    for refused in found.refused:
        report.error(str(refused.error))
    failed = len(found.refused)
    for photo in found.photos:
        outcome = run_task(lambda one: _describe_photo(_read_header(one)), photo, str(photo.path))
        if outcome.result is None:
            failed += 1
            report.error(outcome.error or "")
            continue
        about = {"file": str(photo.path)} | outcome.result
        for line in [json_line(about)] if as_json else _info_lines(about):
            print_line(line)
    return not failed


def _describe_photo(photo: Photo | PhotoHeader) -> dict[str, Any]:
    """Return a photo as one JSON object with upright sizes.

    `near` and `far` are as the file states them, in `unit`. `near_m` and `far_m` are in meters,
    and null when the unit is unknown.
    """
    evidence, camera = photo.evidence, photo.camera
    return {
        **size_fields(photo.shape),
        "depth": None
        if evidence.embedded_depth is None
        else _describe_depth(evidence.embedded_depth),
        "matte": None if evidence.matte is None else size_fields(evidence.matte.shape),
        "stereo": None
        if evidence.second_view is None
        else {"kind": evidence.second_view.kind, "views": 2},
        "camera": camera and {key: getattr(camera, key) for key in ("fx", "fy", "cx", "cy")},
    }


def _describe_depth(stored: RawDepth) -> dict[str, Any]:
    limits = {"near": stored.near, "far": stored.far}
    finite = {
        name: value if value is None or np.isfinite(value) else None
        for name, value in limits.items()
    }
    meters = {f"{name}_m": _to_meters(value, stored.unit) for name, value in limits.items()}
    return (
        {"kind": stored.kind}
        | size_fields(stored.z.shape)
        | finite
        | {"unit": stored.unit}
        | meters
    )


def _to_meters(value: float | None, unit: str | None) -> float | None:
    """Convert a distance that a file states to meters; None when the unit is unknown."""
    if value is None or unit not in ("m", "1/m"):
        return None
    if unit == "1/m":
        value = 1 / value if value else np.inf
    return round(float(value), 6) if np.isfinite(value) else None


def _info_lines(about: dict[str, Any]) -> Iterator[str]:
    yield f"{label(about['file'])}: {about['width']} x {about['height']}"
    depth, matte, stereo, camera = (about[key] for key in ("depth", "matte", "stereo", "camera"))
    if depth:
        limits = (depth["near"], depth["far"])
        span = "" if None in limits else f", {limits[0]:.4g} to {limits[1]:.4g}"
        unit = f" {depth['unit']}" if depth["unit"] else " (no unit)" if span else ""
        yield f"  depth   {depth['kind']}, {depth['width']} x {depth['height']}{span}{unit}"
    if matte:
        yield f"  matte   {matte['width']} x {matte['height']}"
    if stereo:
        yield f"  stereo  {stereo['kind']}, {stereo['views']} views"
    if camera:
        yield "  camera  " + ", ".join(f"{key} {value:.1f}" for key, value in camera.items())
    if not (depth or matte or stereo):
        yield "  no depth, matte or second view"


def _read_header(found: FoundPhoto) -> PhotoHeader:
    """Read a file without its pixels."""
    if found == STDIN:
        return read_photo_header(binary_stdin(), "stdin")
    return read_photo_header(found.path)
