"""Two views so turned that matching points lie in equal rows, and the way back.

Pairs come rectified, with a calibrated Rig, or as they are. A rig's cameras are turned until
both look square to the line between them (Fusiello, Trucco and Verri, "A compact algorithm
for rectification of stereo pairs", 2000). Without calibration the small turns that bring
matched points into equal rows are estimated, for an assumed focal length (after Fusiello
and Irsara, "Quasi-Euclidean epipolar rectification of uncalibrated images", 2011): unlike a
free homography they do not flatten the scene's depth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ...camera import Camera, Rig
from ...canvas import resize
from ...errors import InputError
from ...evidence import ViewSide
from ...lens_distortion import Matrix
from ...types import RGB, Float, Mask
from .disparity import Disparity
from .keypoints import MIN_MATCHES, KeypointMatches
from .rotation_estimation import estimate_rotations

_MIN_EQUAL_ROW_SHARE = 0.8
"""Share of the matches that must lie in equal rows for a pair to count as rectified."""

_MAX_RECTIFIED_SIZE_FACTOR = 2.0
"""A rectified view is at most this many times as large as the photo; the rest is cut off."""


@dataclass(frozen=True)
class RectifiedPair:
    """A rectified pair: uint8 (h, w, 3) of one size, and which of them shows the photo.

    `grid` float32 (H, W, 2) says where each photo pixel lies in its rectified view, x and y,
    NaN where nowhere; None: at the same place. `how` is "given", "calibrated" or "estimated".
    Depth is `focal * baseline / (disparity + doffs)` in metres along the common axis, divided
    by `tilt`, float32 (H, W), along the photo's own; without calibration `baseline` is None.
    """

    left: RGB
    right: RGB
    photo_side: ViewSide
    how: str
    grid: Float | None = None
    focal: float = 1.0
    baseline: float | None = None
    doffs: float = 0.0
    tilt: Float | None = None
    covered: Mask | None = None

    def to_photo_pixels(self, disparity: Disparity) -> Disparity:
        """From the rectified original view to the photo's pixels; still in rectified pixels.

        Probability is 0 where the rectified view does not show a photo pixel.
        """
        if self.grid is None:
            return disparity
        # The nearest pixel: between two surfaces nothing in between is true.
        height, width = disparity.shape
        spots = np.rint(np.nan_to_num(self.grid, nan=-1.0)).astype(np.intp)
        x, y = spots[..., 0], spots[..., 1]
        outside = (x < 0) | (y < 0) | (x >= width) | (y >= height)
        x, y = x.clip(0, width - 1), y.clip(0, height - 1)
        prob = np.where(outside, np.float32(0), disparity.prob[y, x])
        return Disparity(disparity.pixels[y, x], prob)


def pair_from_rectified(
    left: RGB, right: RGB, photo_side: ViewSide, rig: Rig | None = None
) -> RectifiedPair:
    """A pair whose rows agree as they are; a view of another size is scaled to the photo's."""
    photo, other = (left, right) if photo_side == "left" else (right, left)
    other = resize(other, photo.shape[:2])
    left, right = (photo, other) if photo_side == "left" else (other, photo)
    if rig is None:
        return RectifiedPair(left, right, photo_side, "given")
    rig = replace(
        rig, photo=rig.photo.scaled(photo.shape[:2]), other=rig.other.scaled(photo.shape[:2])
    )
    return RectifiedPair(
        left, right, photo_side, "given", None, rig.photo.fx, rig.baseline or None, rig.doffs
    )


def is_rectified(found: KeypointMatches) -> bool:
    """Do the rows of matched points agree? Too few of them cannot say no."""
    steady = found.epipolar_inliers()
    return not steady.is_sufficient or len(found.in_equal_rows()) >= _MIN_EQUAL_ROW_SHARE * len(
        steady
    )


def rectify_calibrated(photo: RGB, other: RGB, rig: Rig) -> RectifiedPair:
    """Rectify by calibration; the photo's own pixels keep about their size.

    Raises InputError where the cameras stand at one place or one behind the other.
    """
    ours, theirs = rig.photo.scaled(photo.shape[:2]), rig.other.scaled(other.shape[:2])
    axes, side = common_axes(ours, theirs)
    original: ViewSide = "left" if side == "right" else "right"
    made = _rotate_pair(photo, other, (ours, theirs), (axes, axes), original)
    return replace(made, how="calibrated", baseline=rig.baseline)


def common_axes(photo: Camera, other: Camera) -> tuple[Matrix, ViewSide]:
    """World -> common frame, x along the line from the left to the right camera; other's side."""
    line = other.rotation.T @ -other.translation - photo.rotation.T @ -photo.translation
    length = float(np.linalg.norm(line))
    if length < 1e-9:
        raise InputError("calibration: both cameras stand at one place; check the translation")
    line = line / length
    seen = photo.rotation @ line
    if abs(seen[2]) > 0.8:
        raise InputError("calibration: one camera stands behind the other; check the translation")
    main = seen[0] if abs(seen[0]) >= abs(seen[1]) else seen[1]
    across = line if main > 0 else -line
    ahead = photo.rotation[2] + other.rotation[2]
    ahead = ahead - (ahead @ across) * across
    if np.linalg.norm(ahead) < 1e-6:
        raise InputError("calibration: both cameras look opposite ways; check the rotation")
    ahead = ahead / np.linalg.norm(ahead)
    return np.stack([across, np.cross(ahead, across), ahead]), "right" if main > 0 else "left"


def rectify_uncalibrated(
    left: RGB, right: RGB, photo_side: ViewSide, found: KeypointMatches
) -> RectifiedPair:
    """Rectify by matched points alone, for an ordinary lens; depth stays relative.

    Raises InputError where too few points match or no small turn makes their rows agree.
    """
    steady = found.epipolar_inliers()
    if not steady.is_sufficient:
        raise InputError(
            f"stereo: only {len(steady)} points match in both views, {MIN_MATCHES} are needed; "
            "give views that overlap, or a calibration"
        )
    cameras, turns = estimate_rotations(left.shape[:2], right.shape[:2], steady)
    photo, other = (left, right) if photo_side == "left" else (right, left)
    if photo_side == "right":
        cameras, turns = cameras[::-1], turns[::-1]
    return replace(_rotate_pair(photo, other, cameras, turns, photo_side), how="estimated")


def _rotate_pair(
    photo: RGB,
    other: RGB,
    cameras: tuple[Camera, Camera],
    axes: tuple[Matrix, Matrix],
    original: ViewSide,
) -> RectifiedPair:
    """Show both views through one common lens; `axes` turn the world into its frame.

    The photo is `cameras[0]`'s. Both views share focal length and centre, so that
    infinitely far things have disparity 0.
    """
    focal = cameras[0].fx
    homes = [turn @ camera.rotation.T for camera, turn in zip(cameras, axes, strict=True)]
    grid, tilt = _project_to_common_frame(cameras[0], homes[0], focal)
    (x, y), shape = _common_frame(
        grid, _project_to_common_frame(cameras[1], homes[1], focal)[0], photo.shape[:2]
    )
    lens = np.array([[focal, 0, -x], [0, focal, -y], [0, 0, 1]])
    ours = _remap_view(photo, cameras[0], homes[0], lens, shape)
    theirs = _remap_view(other, cameras[1], homes[1], lens, shape)
    everything = np.full(other.shape[:2], 255, np.uint8)
    covered = _remap_view(everything, cameras[1], homes[1], lens, shape) > 0
    left, right = (ours, theirs) if original == "left" else (theirs, ours)
    grid = grid - np.array([x, y], np.float32)
    return RectifiedPair(left, right, original, "", grid, focal, tilt=tilt, covered=covered)


def _project_to_common_frame(camera: Camera, home: Matrix, focal: float) -> tuple[Float, Float]:
    """Where every pixel lands in the common frame, float32 (h, w, 2), the axis at (0, 0).

    And how far along the common axis a point lies that is 1 ahead of the camera, (h, w).
    """
    rays = camera.rays()
    points = rays @ home[:, :2].T.astype(np.float32) + home[:, 2].astype(np.float32)
    with np.errstate(all="ignore"):
        plane = points[..., :2] / points[..., 2:] * np.float32(focal)
    seen = points[..., 2:] > 0.1
    return np.where(seen, plane, np.float32(np.nan)), np.where(seen, points[..., 2:], 1)[..., 0]


def _common_frame(
    ours: Float, theirs: Float, shape: tuple[int, int]
) -> tuple[tuple[float, float], tuple[int, int]]:
    """The corner (x, y) and (h, w) of a frame that holds the photo, and beside it the other."""
    # Not np.nanmin, which warns aloud where a lens shows nothing at all.
    low, high = np.fmin.reduce(ours, (0, 1)), np.fmax.reduce(ours, (0, 1))
    beside = np.fmin.reduce(theirs[..., 0], None), np.fmax.reduce(theirs[..., 0], None)
    if not np.isfinite([*low, *high, *beside]).all():
        raise InputError("stereo: calibration shows no common view; check its numbers")
    longest = _MAX_RECTIFIED_SIZE_FACTOR * max(shape)
    middle = (low + high) / 2
    low[0], high[0] = min(low[0], beside[0]), max(high[0], beside[1])
    low, high = np.maximum(low, middle - longest / 2), np.minimum(high, middle + longest / 2)
    width, height = (int(size) for size in np.ceil(high - low) + 1)
    return (float(low[0]), float(low[1])), (height, width)


def _remap_view(
    view: NDArray[np.uint8], camera: Camera, home: Matrix, lens: Matrix, shape: tuple[int, int]
) -> NDArray[np.uint8]:
    """`view` seen through `lens` after the turn `home`; black where it shows nothing."""
    if camera.model == "equidistant":
        x, y = _fisheye_remap(camera, home, lens, shape)
    else:
        distortion = np.array(camera.distortion) if camera.distortion else None
        where = cv2.initUndistortRectifyMap(
            camera.matrix, distortion, home, lens, shape[::-1], cv2.CV_32FC1
        )
        x, y = (np.asarray(each, np.float32) for each in where)
    return np.asarray(cv2.remap(view, x, y, cv2.INTER_LINEAR), np.uint8)


def _fisheye_remap(
    camera: Camera, home: Matrix, lens: Matrix, shape: tuple[int, int]
) -> tuple[Float, Float]:
    """Where `camera` sees what each pixel of `shape` shows: x and y, outside where nowhere."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    rays = np.stack([x, y, np.ones_like(x)], axis=-1) @ np.linalg.inv(lens).T @ home
    alone = replace(camera, rotation=np.eye(3), translation=np.zeros(3))
    spots = np.nan_to_num(alone.project(rays), nan=-1e4).clip(-1e4, 1e6).astype(np.float32)
    return np.ascontiguousarray(spots[..., 0]), np.ascontiguousarray(spots[..., 1])
