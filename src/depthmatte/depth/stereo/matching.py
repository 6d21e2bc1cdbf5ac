"""Match two views of a scene: rectified, calibrated or as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ...camera import Rig
from ...errors import InputError
from ...evidence import ViewSide
from ...types import RGB, Float, Mask
from .disparity import (
    Disparity,
    StereoMatcher,
    match_right,
    occlusion_mask,
    shift_view,
    warp_right_to_left,
)
from .keypoints import MIN_MATCHES, KeypointMatches, match_keypoints
from .rectify import (
    RectifiedPair,
    is_rectified,
    pair_from_rectified,
    rectify_calibrated,
    rectify_uncalibrated,
)

_MIN_PARALLAX_WIDTH_SHARE = 1 / 768
"""Range of disparities, as a share of the width, below which a pair has no parallax."""

_MIN_GRAY_STD = 1.0
"""Standard deviation, in gray levels from 0 to 255, below which a view counts as blank."""

_MAX_WRONG_SIGN_SHARE = 0.05
"""Share of keypoint matches that may have the wrong sign by mistake."""

_MIN_MATCHED_SHARE = 0.25
"""Share of a view that must be matched if too few keypoints match."""

_SEARCH_RANGE_FACTORS = (1.5, 0.04)
"""Largest disparity to search: the largest of the keypoints times the first, plus the second as a
share of the width. Smooth objects in front have few keypoints."""


@dataclass(frozen=True)
class StereoMatch:
    """A matched pair.

    `disparity` is on the photo's pixels (h, w), in pixels of `pair`. `hidden` marks photo pixels
    that the other view does not see. `shifted` says that the disparity of infinitely far points is
    unknown.
    """

    disparity: Disparity
    hidden: Mask
    pair: RectifiedPair
    shifted: bool = False


def match_pair(
    left: RGB,
    right: RGB,
    matcher: StereoMatcher,
    photo_side: ViewSide = "left",
    rig: Rig | None = None,
    rectified: bool | None = None,
    shifted: bool = False,
    max_disparity: float | None = None,
) -> StereoMatch:
    """Match two views and move the disparity to the photo's pixels.

    Parameters
    ----------
    left, right : ndarray
        The views, uint8 (h, w, 3).
    matcher : StereoMatcher
        Matches the rectified pair.
    photo_side : str
        Which view is the photo: `left` or `right`.
    rig : Rig, optional
        Calibration of the pair. Its `photo` is the camera of the photo.
    rectified : bool, optional
        Whether matching points lie in equal rows. Keypoints decide if not given.
    shifted : bool
        Whether the pair may be shifted sideways for viewing, so that infinitely far points have
        a disparity. Otherwise negative disparities mean that the views are swapped.
    max_disparity : float, optional
        Largest disparity to expect, in pixels. Keypoints decide if not given.

    Returns
    -------
    StereoMatch
        With probability 0 everywhere where the views show no parallax.

    Raises
    ------
    InputError
        For views that are swapped, differ in shape, or cannot be rectified.
    """
    try:
        return _match_rectified(
            left, right, matcher, photo_side, rig, rectified, shifted, max_disparity
        )
    except cv2.error as error:  # OpenCV asserts on tiny views, for example one pixel wide
        raise InputError(
            "stereo: the views cannot be matched; give two pictures of one scene"
        ) from error


def _match_rectified(
    left: RGB,
    right: RGB,
    matcher: StereoMatcher,
    photo_side: ViewSide,
    rig: Rig | None,
    rectified: bool | None,
    shifted: bool,
    max_disparity: float | None,
) -> StereoMatch:
    pair = _rectify(left, right, photo_side, rig, rectified)
    keypoints = match_keypoints(pair.left, pair.right).epipolar_inliers().in_equal_rows()
    negative_share = _negative_share(keypoints)
    shifted = (
        shifted
        or pair.how == "estimated"
        or _MAX_WRONG_SIGN_SHARE < negative_share < 1 - _MAX_WRONG_SIGN_SHARE
    )
    if not shifted and negative_share >= 1 - _MAX_WRONG_SIGN_SHARE:
        raise InputError("stereo: left and right views seem swapped; exchange them")
    low, high = _disparity_span(keypoints, pair.left.shape[1])
    low = np.floor(min(low, 0.0)) if shifted else 0.0
    disparity = _match_photo_view(
        pair, matcher, int(low), max_disparity or (high - low if high else None)
    )
    few_matches = not keypoints.is_sufficient and (disparity.prob > 0).mean() < _MIN_MATCHED_SHARE
    if few_matches or _has_no_parallax(pair, disparity, shifted):
        disparity = Disparity.none(disparity.shape)
    occluded, uncovered = _occluded_and_uncovered(pair, disparity.pixels)
    disparity = Disparity(disparity.pixels, np.where(uncovered, np.float32(0), disparity.prob))
    visibility = Disparity(disparity.pixels, (~occluded).astype(np.float32))
    return StereoMatch(
        pair.to_photo_pixels(disparity), pair.to_photo_pixels(visibility).prob == 0, pair, shifted
    )


def _rectify(
    left: RGB, right: RGB, photo_side: ViewSide, rig: Rig | None, rectified: bool | None
) -> RectifiedPair:
    """Rectify a pair by what is known about it."""
    photo, other = (left, right) if photo_side == "left" else (right, left)
    if rig is not None and not rig.rectified:
        return rectify_calibrated(photo, other, rig)
    stretch = (photo.shape[1] / photo.shape[0]) / (other.shape[1] / other.shape[0])
    if not 0.95 < stretch < 1.05:
        raise InputError(
            f"stereo: views of {photo.shape[1]} x {photo.shape[0]} and {other.shape[1]} x "
            f"{other.shape[0]} differ in shape; give both uncropped"
        )
    pair = pair_from_rectified(left, right, photo_side, rig)
    if rectified or rig is not None:
        return pair
    keypoints = match_keypoints(pair.left, pair.right)
    return (
        pair
        if is_rectified(keypoints)
        else rectify_uncalibrated(pair.left, pair.right, photo_side, keypoints)
    )


def _negative_share(keypoints: KeypointMatches) -> float:
    """Share of negative values among clear disparities; 0 where there are too few to decide."""
    clear = keypoints.disparity[np.abs(keypoints.disparity) > keypoints.pixel_size]
    return float((clear < 0).mean()) if len(clear) >= MIN_MATCHES else 0.0


def _disparity_span(keypoints: KeypointMatches, width: int) -> tuple[float, float]:
    """Smallest and largest disparity to expect, in pixels; (0, 0) where they are unknown."""
    if not keypoints.is_sufficient:
        return 0.0, 0.0
    low, high = np.percentile(keypoints.disparity, (1, 99))
    factor, margin = _SEARCH_RANGE_FACTORS
    return float(low - margin * width / 2), float(max(factor * high, high) + margin * width)


def _match_photo_view(
    pair: RectifiedPair, matcher: StereoMatcher, low: int, max_disparity: float | None
) -> Disparity:
    """The disparity of the photo's view, with `low` as the smallest value."""
    # Matchers search from 0, so the other view is shifted until the smallest disparity is 0.
    if pair.photo_side == "left":
        found = matcher(pair.left, shift_view(pair.right, low), max_disparity)
    else:
        found = match_right(matcher, shift_view(pair.left, -low), pair.right, max_disparity)
    return replace(found, pixels=found.pixels + np.float32(low)) if low else found


def _has_no_parallax(pair: RectifiedPair, disparity: Disparity, shifted: bool) -> bool:
    """Whether the views are equal or blank, or nothing is matched."""
    known = disparity.pixels[disparity.prob > 0]
    if not known.size or min(pair.left.std(), pair.right.std()) < _MIN_GRAY_STD:
        return True
    low, high = np.percentile(known, (1, 99))
    return bool(
        high - (low if shifted else -pair.doffs) < _MIN_PARALLAX_WIDTH_SHARE * disparity.shape[1]
    )


def _occluded_and_uncovered(pair: RectifiedPair, pixels: Float) -> tuple[Mask, Mask]:
    """Pixels that the other view does not see, and those of them that lie outside its frame."""
    covered = np.ones(pixels.shape, bool) if pair.covered is None else pair.covered
    if pair.photo_side == "left":
        return occlusion_mask(pixels, covered), ~warp_right_to_left(pixels, covered, True)
    mirrored = pixels[:, ::-1], covered[:, ::-1]
    return occlusion_mask(*mirrored)[:, ::-1], ~warp_right_to_left(*mirrored, True)[:, ::-1]
