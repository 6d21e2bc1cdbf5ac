"""`depthmatte stereo`: two views in, disparity out."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import typer
from numpy.typing import NDArray

from ..depth.binocular import FINE
from ..depth.disparity import Matcher
from ..depth.distance import distance
from ..depth.pair import Match, match
from ..depth.stereo import matcher
from ..errors import InputError, OptionError
from ..evidence import Side
from ..io import calibration, pfm
from ..io.image import read
from ..io.replace import check_place
from ..io.write import write
from ..photo import Photo
from ..text import label
from .report import size


@dataclass(frozen=True)
class Job:
    """What to match and where to write it; `view` is the original, whose pixels count."""

    left: Path
    right: Path
    out: Path
    method: str = "stereo"
    view: str = "left"
    calib: Path | None = None
    max_disparity: float | None = None
    holes: bool = False
    preview: Path | None = None
    side: int = FINE
    threads: int | None = None

    @property
    def inputs(self) -> list[Path]:
        """Files that are never overwritten."""
        return [path for path in (self.left, self.right, self.calib) if path is not None]


def run(job: Job, as_json: bool) -> None:
    """Match the pair, write disparity as PFM and a preview, and say what was found."""
    _check(job)
    left, right = read(job.left), read(job.right)
    matching = matcher(job.method, job.threads, job.side)
    start = time.perf_counter()
    try:
        found = _matched(job, left, right, matching)
    except InputError as error:
        raise InputError(f"{label(job.left)}: {error}") from None
    seconds = time.perf_counter() - start
    disparity = found.disparity
    if not disparity.prob.any():
        raise InputError(
            f"{label(job.left)}: nothing matches {label(job.right)} (equal, blank or unrelated "
            "views, or no parallax); give two views of one scene"
        )
    pixels = disparity.pixels
    if job.holes:
        pixels = np.where(disparity.prob > 0, pixels, np.float32(np.inf))
    pfm.write(pixels, job.out, forbid=job.inputs)
    if job.preview is not None:
        write(preview(found), job.preview, forbid=job.inputs)
    about = _report(job, found) | {"seconds": round(seconds, 3)}
    typer.echo(json.dumps(about) if as_json else _line(about))


def _check(job: Job) -> None:
    """OptionError before any work for options, InputError for places that cannot do."""
    if job.view not in get_args(Side):
        raise OptionError(f"--view {job.view}: unknown; use one of {', '.join(get_args(Side))}")
    if job.out.suffix.lower() != ".pfm":
        raise OptionError(f"{label(job.out)}: disparity is written as PFM; name a .pfm file")
    if job.preview is not None and job.preview.suffix.lower() != ".png":
        raise OptionError(f"{label(job.preview)}: the preview is a PNG; name a .png file")
    for path in (job.out, job.preview):
        if path is not None and path.parent.exists():
            check_place(path)


def _matched(job: Job, left: Photo, right: Photo, matching: Matcher) -> Match:
    photo, other = (left, right) if job.view == "left" else (right, left)
    rig = job.calib and calibration.read(job.calib, photo.shape, other.shape)
    return match(
        left.rgb,
        right.rgb,
        matching,
        "left" if job.view == "left" else "right",
        rig or None,
        reach=job.max_disparity,
    )


def preview(found: Match) -> NDArray[np.uint8]:
    """Disparity in colours, uint8 (H, W, 3): far blue, near red, black where nothing matched."""
    import cv2

    pixels, known = found.disparity.pixels, found.disparity.prob > 0
    low, high = np.percentile(pixels[known], (0.5, 99.5))
    share = np.clip((pixels - low) / max(high - low, 1e-6), 0, 1)
    colours = cv2.applyColorMap((share * 255).astype(np.uint8), cv2.COLORMAP_TURBO)[..., ::-1]
    return np.where(known[..., None], colours, np.uint8(0))


def _report(job: Job, found: Match) -> dict[str, Any]:
    pixels, known = found.disparity.pixels, found.disparity.prob > 0
    low, middle, high = (float(value) for value in np.percentile(pixels[known], (1, 50, 99)))
    about: dict[str, Any] = {
        "left": str(job.left),
        "right": str(job.right),
        "output": str(job.out),
        "method": job.method,
        "view": job.view,
        **size(pixels.shape),
        "rectified": found.pair.how,
        "disparity_px": {"low": round(low, 3), "median": round(middle, 3), "high": round(high, 3)},
        "matched": round(float(known.mean()), 4),
        "occluded": round(float(found.hidden.mean()), 4),
        "near_m": None,
        "far_m": None,
    }
    depth = distance(found)
    if depth.metric:
        near, far = (float(value) for value in np.percentile(depth.z[known], (1, 99)))
        about |= {"near_m": round(near, 4), "far_m": round(far, 4)}
    return about


def _line(about: dict[str, Any]) -> str:
    span = about["disparity_px"]
    how = {"given": "rectified", "calibrated": "rectified by calibration"}
    metric = about["near_m"] is not None
    depth = f", {about['near_m']:.3g} to {about['far_m']:.3g} m" if metric else ""
    return (
        f"{label(about['left'])} -> {label(about['output'])}: disparity {span['low']:.1f} to "
        f"{span['high']:.1f} pixels{depth}, {about['matched']:.0%} matched "
        f"({about['method']}, {how.get(about['rectified'], 'rectified by matched points')})"
    )
