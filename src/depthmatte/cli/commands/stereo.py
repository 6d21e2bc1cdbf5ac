"""`depthmatte stereo`: match two views and write their disparity."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import typer
from numpy.typing import NDArray

from ...depth.stereo.disparity import StereoMatcher
from ...depth.stereo.matching import StereoMatch, match_pair
from ...depth.stereo.network_matcher import FINE_MATCH_SIDE_PX
from ...depth.stereo.second_view import create_matcher
from ...depth.stereo.triangulate import triangulate
from ...errors import InputError, OptionError
from ...evidence import ViewSide
from ...io.calibration import calibration_reader
from ...io.depthmaps import pfm
from ...io.photo.photo_reader import read
from ...io.photo.photo_writer import write
from ...photo import Photo
from ...system.atomic_write import check_writable
from ...system.printable_text import label
from ..downloads import fetch_networks
from ..output import Reporter, size_fields


@dataclass(frozen=True)
class StereoJob:
    """What to match and where to write it. `view` names the view whose pixels are measured."""

    left: Path
    right: Path
    out: Path
    method: str = "stereo"
    view: str = "left"
    calib: Path | None = None
    max_disparity: float | None = None
    holes: bool = False
    preview: Path | None = None
    side: int = FINE_MATCH_SIDE_PX
    threads: int | None = None

    @property
    def inputs(self) -> list[Path]:
        """Files that must not be overwritten."""
        return [path for path in (self.left, self.right, self.calib) if path is not None]


def run_stereo(job: StereoJob, as_json: bool) -> None:
    """Match the pair, write disparity and preview, and print a summary."""
    _check_job(job)
    left, right = read(job.left), read(job.right)
    fetch_networks([job.method], Reporter("json" if as_json else "lines"))
    matching = create_matcher(job.method, job.threads, job.side)
    start = time.perf_counter()
    try:
        found = _match_views(job, left, right, matching)
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
    pfm.write_pfm(pixels, job.out, forbid=job.inputs)
    if job.preview is not None:
        write(_color_preview(found), job.preview, forbid=job.inputs)
    about = _stereo_row(job, found) | {"seconds": round(seconds, 3)}
    typer.echo(json.dumps(about) if as_json else _stereo_line(about))


def _check_job(job: StereoJob) -> None:
    """Raise OptionError for wrong options, and InputError for files that cannot be written."""
    if job.view not in get_args(ViewSide):
        raise OptionError(f"--view {job.view}: unknown; use one of {', '.join(get_args(ViewSide))}")
    if job.out.suffix.lower() != ".pfm":
        raise OptionError(f"{label(job.out)}: disparity is written as PFM; name a .pfm file")
    if job.preview is not None and job.preview.suffix.lower() != ".png":
        raise OptionError(f"{label(job.preview)}: the preview is a PNG; name a .png file")
    for path in (job.out, job.preview):
        if path is not None and path.parent.exists():
            check_writable(path)


def _match_views(job: StereoJob, left: Photo, right: Photo, matching: StereoMatcher) -> StereoMatch:
    photo, other = (left, right) if job.view == "left" else (right, left)
    rig = job.calib and calibration_reader.read_calibration(job.calib, photo.shape, other.shape)
    return match_pair(
        left.rgb,
        right.rgb,
        matching,
        "left" if job.view == "left" else "right",
        rig or None,
        max_disparity=job.max_disparity,
    )


def _color_preview(stereo_match: StereoMatch) -> NDArray[np.uint8]:
    """Color the disparity, uint8 (H, W, 3): far blue, near red, black where not matched."""
    import cv2

    pixels, known = stereo_match.disparity.pixels, stereo_match.disparity.prob > 0
    low, high = np.percentile(pixels[known], (0.5, 99.5))
    share = np.clip((pixels - low) / max(high - low, 1e-6), 0, 1)
    colors = cv2.applyColorMap((share * 255).astype(np.uint8), cv2.COLORMAP_TURBO)[..., ::-1]
    return np.where(known[..., None], colors, np.uint8(0))


def _stereo_row(job: StereoJob, found: StereoMatch) -> dict[str, Any]:
    pixels, known = found.disparity.pixels, found.disparity.prob > 0
    low, middle, high = (float(value) for value in np.percentile(pixels[known], (1, 50, 99)))
    about: dict[str, Any] = {
        "left": str(job.left),
        "right": str(job.right),
        "output": str(job.out),
        "method": job.method,
        "view": job.view,
        **size_fields(pixels.shape),
        "rectified": found.pair.how,
        "disparity_px": {"low": round(low, 3), "median": round(middle, 3), "high": round(high, 3)},
        "matched": round(float(known.mean()), 4),
        "occluded": round(float(found.hidden.mean()), 4),
        "near_m": None,
        "far_m": None,
    }
    depth = triangulate(found)
    if depth.metric:
        near, far = (float(value) for value in np.percentile(depth.z[known], (1, 99)))
        about |= {"near_m": round(near, 4), "far_m": round(far, 4)}
    return about


def _stereo_line(about: dict[str, Any]) -> str:
    span = about["disparity_px"]
    how = {"given": "rectified", "calibrated": "rectified by calibration"}
    metric = about["near_m"] is not None
    depth = f", {about['near_m']:.3g} to {about['far_m']:.3g} m" if metric else ""
    return (
        f"{label(about['left'])} -> {label(about['output'])}: disparity {span['low']:.1f} to "
        f"{span['high']:.1f} pixels{depth}, {about['matched']:.0%} matched "
        f"({about['method']}, {how.get(about['rectified'], 'rectified by matched points')})"
    )
