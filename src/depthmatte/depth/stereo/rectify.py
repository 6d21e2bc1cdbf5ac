"""Rectify pairs, so that matching points lie in equal rows, and map the results back.

Pairs come rectified, with a calibrated Rig, or as they are. The cameras of a rig are rotated until
both look at right angles to the line between them (Fusiello, Trucco and Verri, "A compact algorithm
for rectification of stereo pairs", 2000). Without calibration small rotations are estimated for an
assumed focal length (after Fusiello and Irsara, "Quasi-Euclidean epipolar rectification of
uncalibrated images", 2011). Unlike a free homography, rotations do not distort depth.
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
"""Share of the keypoint matches in equal rows from which a pair counts as rectified."""

_MAX_RECTIFIED_SIZE_FACTOR = 2.0
"""Largest size of a rectified view, in sizes of the photo. The rest is cropped."""


@dataclass(frozen=True)
class RectifiedPair:
    """A rectified pair.

    Depth along the common axis is `focal * baseline / (disparity + doffs)`. Depth along the
    photo's own axis is this divided by `tilt`.

    Parameters
    ----------
    left, right : ndarray
        The views, uint8 (h, w, 3), of one size.
    photo_side : str
        Which view shows the photo: `left` or `right`.
    how : str
        How it was rectified: `given`, `calibrated` or `estimated`.
    grid : ndarray, optional
        Place (x, y) of each photo pixel in its rectified view, float32 (H, W, 2), NaN where it
        has none. Not given: photo and rectified view are the same.
    focal : float
        Focal length in pixels.
    baseline : float, optional
        Distance of the cameras in meters; not given without calibration.
    doffs : float
        Difference of the principal points, x_right - x_left, in pixels.
    tilt : ndarray, optional
        Depth along the common axis divided by depth along the photo's axis, float32 (H, W).
    covered : ndarray, optional
        Where the other view holds picture content, boolean (h, w).
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
        """Move a disparity map from the rectified view to the photo's pixels.

        Values stay in pixels of the rectified view. Probability is 0 where the rectified view
        does not show a photo pixel.
        """
        if self.grid is None:
            return disparity
        # Nearest neighbor, because interpolation would invent depth between surfaces.
        height, width = disparity.shape
        positions = np.rint(np.nan_to_num(self.grid, nan=-1.0)).astype(np.intp)
        x, y = positions[..., 0], positions[..., 1]
        outside = (x < 0) | (y < 0) | (x >= width) | (y >= height)
        x, y = x.clip(0, width - 1), y.clip(0, height - 1)
        prob = np.where(outside, np.float32(0), disparity.prob[y, x])
        return Disparity(disparity.pixels[y, x], prob)


def pair_from_rectified(
    left: RGB, right: RGB, photo_side: ViewSide, rig: Rig | None = None
) -> RectifiedPair:
    """Make a pair from views that are rectified already.

    Parameters
    ----------
    left, right : ndarray
        The views, uint8 (h, w, 3). The other view is scaled to the photo's size.
    photo_side : str
        Which view is the photo: `left` or `right`.
    rig : Rig, optional
        Calibration of the pair.

    Returns
    -------
    RectifiedPair
        The views as they are.
    """
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
    """Whether matching points lie in equal rows; True also where there are too few of them."""
    inliers = found.epipolar_inliers()
    return not inliers.is_sufficient or len(found.in_equal_rows()) >= _MIN_EQUAL_ROW_SHARE * len(
        inliers
    )


def rectify_calibrated(photo: RGB, other: RGB, rig: Rig) -> RectifiedPair:
    """Rectify a pair by its calibration; the photo keeps about its scale.

    Parameters
    ----------
    photo, other : ndarray
        The views, uint8 (h, w, 3).
    rig : Rig
        Calibration of the pair.

    Returns
    -------
    RectifiedPair
        With a baseline in meters.

    Raises
    ------
    InputError
        For cameras at one place, one behind the other, or facing away from each other.
    """
    cameras = rig.photo.scaled(photo.shape[:2]), rig.other.scaled(other.shape[:2])
    axes, side = common_axes(*cameras)
    photo_side: ViewSide = "left" if side == "right" else "right"
    pair = _rotate_pair(photo, other, cameras, (axes, axes), photo_side)
    return replace(pair, how="calibrated", baseline=rig.baseline)


def common_axes(photo: Camera, other: Camera) -> tuple[Matrix, ViewSide]:
    """The common frame of two cameras.

    Parameters
    ----------
    photo, other : Camera
        The cameras.

    Returns
    -------
    axes : ndarray
        Rotation from the world to the common frame, float64 (3, 3). Its x axis runs from the
        left to the right camera.
    other_side : str
        Whether the other camera is the `left` or `right` one.

    Raises
    ------
    InputError
        For cameras at one place, one behind the other, or facing away from each other.
    """
    line = other.rotation.T @ -other.translation - photo.rotation.T @ -photo.translation
    length = float(np.linalg.norm(line))
    if length < 1e-9:
        raise InputError("calibration: both cameras stand at one place; check the translation")
    line = line / length
    photo_line = photo.rotation @ line
    if abs(photo_line[2]) > 0.8:
        raise InputError("calibration: one camera stands behind the other; check the translation")
    main = photo_line[0] if abs(photo_line[0]) >= abs(photo_line[1]) else photo_line[1]
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
    """Rectify a pair by matched keypoints alone, for lenses of usual focal length.

    Parameters
    ----------
    left, right : ndarray
        The views, uint8 (h, w, 3).
    photo_side : str
        Which view is the photo: `left` or `right`.
    found : KeypointMatches
        Matches of the views.

    Returns
    -------
    RectifiedPair
        Without a baseline, so depth is relative.

    Raises
    ------
    InputError
        Where too few points match, or no small rotation brings them into equal rows.
    """
    inliers = found.epipolar_inliers()
    if not inliers.is_sufficient:
        raise InputError(
            f"stereo: only {len(inliers)} points match in both views, {MIN_MATCHES} are needed; "
            "give views that overlap, or a calibration"
        )
    cameras, rotations = estimate_rotations(left.shape[:2], right.shape[:2], inliers)
    photo, other = (left, right) if photo_side == "left" else (right, left)
    if photo_side == "right":
        cameras, rotations = cameras[::-1], rotations[::-1]
    return replace(_rotate_pair(photo, other, cameras, rotations, photo_side), how="estimated")


def _rotate_pair(
    photo: RGB,
    other: RGB,
    cameras: tuple[Camera, Camera],
    axes: tuple[Matrix, Matrix],
    photo_side: ViewSide,
) -> RectifiedPair:
    """Render both views with one common camera matrix; `axes` rotate the world to its frame.

    `cameras[0]` is the photo's. Both views share focal length and principal point, so that
    infinitely far points have disparity 0.
    """
    focal = cameras[0].fx
    rotations = [axis @ camera.rotation.T for camera, axis in zip(cameras, axes, strict=True)]
    grid, tilt = _project_to_common_frame(cameras[0], rotations[0], focal)
    (x, y), shape = _common_frame(
        grid, _project_to_common_frame(cameras[1], rotations[1], focal)[0], photo.shape[:2]
    )
    matrix = np.array([[focal, 0, -x], [0, focal, -y], [0, 0, 1]])
    photo_view = _remap_view(photo, cameras[0], rotations[0], matrix, shape)
    other_view = _remap_view(other, cameras[1], rotations[1], matrix, shape)
    white = np.full(other.shape[:2], 255, np.uint8)
    covered = _remap_view(white, cameras[1], rotations[1], matrix, shape) > 0
    left, right = (photo_view, other_view) if photo_side == "left" else (other_view, photo_view)
    grid = grid - np.array([x, y], np.float32)
    return RectifiedPair(left, right, photo_side, "", grid, focal, tilt=tilt, covered=covered)


def _project_to_common_frame(camera: Camera, rotation: Matrix, focal: float) -> tuple[Float, Float]:
    """Place of each pixel in the common frame, float32 (h, w, 2), with the axis at (0, 0).

    The second result is the depth along the common axis of points at depth 1 along the camera's
    axis, float32 (h, w).
    """
    rays = camera.rays()
    points = rays @ rotation[:, :2].T.astype(np.float32) + rotation[:, 2].astype(np.float32)
    with np.errstate(all="ignore"):
        plane = points[..., :2] / points[..., 2:] * np.float32(focal)
    ahead = points[..., 2:] > 0.1
    return np.where(ahead, plane, np.float32(np.nan)), np.where(ahead, points[..., 2:], 1)[..., 0]


def _common_frame(
    photo_grid: Float, other_grid: Float, shape: tuple[int, int]
) -> tuple[tuple[float, float], tuple[int, int]]:
    """Corner (x, y) and size (h, w) of a frame as high as the photo and as wide as both views."""
    # np.nanmin would warn where a lens model covers no pixel.
    low, high = np.fmin.reduce(photo_grid, (0, 1)), np.fmax.reduce(photo_grid, (0, 1))
    other_x = np.fmin.reduce(other_grid[..., 0], None), np.fmax.reduce(other_grid[..., 0], None)
    if not np.isfinite([*low, *high, *other_x]).all():
        raise InputError("stereo: calibration shows no common view; check its numbers")
    longest = _MAX_RECTIFIED_SIZE_FACTOR * max(shape)
    middle = (low + high) / 2
    low[0], high[0] = min(low[0], other_x[0]), max(high[0], other_x[1])
    low, high = np.maximum(low, middle - longest / 2), np.minimum(high, middle + longest / 2)
    width, height = (int(size) for size in np.ceil(high - low) + 1)
    return (float(low[0]), float(low[1])), (height, width)


def _remap_view(
    view: NDArray[np.uint8],
    camera: Camera,
    rotation: Matrix,
    matrix: Matrix,
    shape: tuple[int, int],
) -> NDArray[np.uint8]:
    """Render `view` with the camera `matrix` after a rotation; black where it has no content."""
    if camera.model == "equidistant":
        x, y = _fisheye_remap(camera, rotation, matrix, shape)
    else:
        distortion = np.array(camera.distortion) if camera.distortion else None
        maps = cv2.initUndistortRectifyMap(
            camera.matrix, distortion, rotation, matrix, shape[::-1], cv2.CV_32FC1
        )
        x, y = (np.asarray(plane, np.float32) for plane in maps)
    return np.asarray(cv2.remap(view, x, y, cv2.INTER_LINEAR), np.uint8)


def _fisheye_remap(
    camera: Camera, rotation: Matrix, matrix: Matrix, shape: tuple[int, int]
) -> tuple[Float, Float]:
    """Place x, y in the picture of `camera` for each pixel of `shape`; outside if it has none."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    rays = np.stack([x, y, np.ones_like(x)], axis=-1) @ np.linalg.inv(matrix).T @ rotation
    at_origin = replace(camera, rotation=np.eye(3), translation=np.zeros(3))
    positions = np.nan_to_num(at_origin.project(rays), nan=-1e4).clip(-1e4, 1e6).astype(np.float32)
    return np.ascontiguousarray(positions[..., 0]), np.ascontiguousarray(positions[..., 1])
