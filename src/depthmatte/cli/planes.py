"""What a photo's file holds: told by `info`, written as pictures by `extract`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray

from ..errors import InputError
from ..evidence import RawDepth, Reason
from ..io.find import find
from ..io.image import read
from ..io.label import label
from ..io.write import to_16bit, write
from ..photo import Photo


def show(paths: list[Path], as_json: bool) -> bool:
    """Print what each photo holds; False when one of them cannot be read."""
    refused: list[InputError] = []
    for found in find(paths, refused=refused):
        try:
            about = {"file": str(found.path)} | describe(read(found.path))
        except InputError as error:
            refused.append(error)
            continue
        if as_json:
            typer.echo(json.dumps(about))
        else:
            for line in _lines(about):
                typer.echo(line)
    for refusal in refused:
        typer.echo(f"depthmatte: {refusal}", err=True)
    return not refused


def describe(photo: Photo) -> dict[str, Any]:
    """A photo as one JSON object: sizes are upright, `near` and `far` as the file states them."""
    height, width = photo.shape
    evidence, camera = photo.evidence, photo.camera
    return {
        "width": width,
        "height": height,
        "depth": None if evidence.stored is None else _depth(evidence.stored),
        "matte": None if evidence.matte is None else _size(evidence.matte),
        "stereo": None if evidence.second is None else {"kind": evidence.second.kind, "views": 2},
        "camera": camera and {key: getattr(camera, key) for key in ("fx", "fy", "cx", "cy")},
    }


def _depth(stored: RawDepth) -> dict[str, Any]:
    finite = {
        name: value if value is None or np.isfinite(value) else None
        for name, value in (("near", stored.near), ("far", stored.far))
    }
    return {"kind": stored.kind} | _size(stored.z) | finite | {"unit": stored.unit}


def _size(plane: NDArray[Any]) -> dict[str, Any]:
    return {"width": plane.shape[1], "height": plane.shape[0]}


def _lines(about: dict[str, Any]) -> Iterator[str]:
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


def extract(path: Path, out: Path) -> None:
    """Write what a photo holds into a folder, upright, and say what was written.

    Raises InputError when it holds nothing.
    """
    photo = read(path)
    evidence, written = photo.evidence, []
    if evidence.stored is not None:
        picture, meaning = _picture(evidence.stored)
        written.append((write(picture, out / f"{path.stem}.depth.png", forbid=path), meaning))
    if evidence.matte is not None:
        place = out / f"{path.stem}.matte.png"
        written.append((write(evidence.matte, place, forbid=path), "portrait effects matte"))
    if evidence.second is not None:
        view = evidence.second
        place = out / f"{path.stem}.{view.side}.png"
        meaning = f"second view, from the {view.side}"
        written.append((write(view.rgb, place, photo.meta, forbid=path), meaning))
    if not written:
        raise InputError(
            f"{label(path)}: holds no depth, matte or second view; "
            "give the phone's original file, not one that was edited or sent"
        )
    for place, meaning in written:
        typer.echo(f"{label(place)}: {meaning}")


def _picture(stored: RawDepth) -> tuple[NDArray[np.uint16], str]:
    """Depth as 16 bits, and what they mean."""
    if not stored.metric:
        return to_16bit(stored.z), f"{stored.kind}, relative: 0 near, 65535 far"
    millimetres = np.rint(np.minimum(stored.z * 1000, 65_535)).astype(np.uint16)
    millimetres[stored.validity != Reason.VALID] = 0
    return millimetres, f"{stored.kind}, millimetres, 0 where nothing was measured"
