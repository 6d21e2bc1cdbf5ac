"""Two views of a scene matched, whatever state they come in."""

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
"""Share of the width that disparities must reach to tell anything about depth."""

_MIN_GRAY_STD = 1.0
"""Grey levels a view must vary by (standard deviation) to be matched at all."""

_MAX_WRONG_SIGN_SHARE = 0.05
"""Share of matches that may have the wrong sign by mistake."""

_MIN_MATCHED_SHARE = 0.25
"""Share of a view that must be matched when hardly any single point is."""

_SEARCH_RANGE_FACTORS = (1.5, 0.04)
"""Nearest things may have this many times the disparity of any matched point, plus this
share of the width: points are few on the smooth things in front."""


@dataclass(frozen=True)
class StereoMatch:
    """A matched pair: `disparity` on the photo's own pixels, counted in those of `pair`.

    `hidden` is True where the other view does not see a photo pixel. `shifted` says that
    nobody knows the disparity of infinitely far things.
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
    """Match two views, uint8 (h, w, 3), and bring the disparity to the original one's pixels.

    `rectified` says whether rows agree, None that nobody knows; `rig` calibrates the pair,
    its `photo` being the original view. `shifted` allows pairs cut for viewing, whose
    infinitely far things have some disparity; otherwise negative ones mean swapped views.
    `reach` is the largest disparity to expect. Where the views show no parallax,
    probability is 0. Raises InputError for views that are swapped, differ in shape, or
    whose rows cannot be brought together.
    """
    try:
        return _match_rectified(
            left, right, matcher, photo_side, rig, rectified, shifted, max_disparity
        )
    except cv2.error as error:  # OpenCV asserts on views that are hardly any, one pixel wide
        raise InputError(
            "stereo: the views cannot be matched; give two pictures of one scene"
        ) from error


def _match_rectified(
    left: RGB,
    right: RGB,
    matching: StereoMatcher,
    original: ViewSide,
    rig: Rig | None,
    rectified: bool | None,
    shifted: bool,
    reach: float | None,
) -> StereoMatch:
    pair = _rectify(left, right, original, rig, rectified)
    found = match_keypoints(pair.left, pair.right).epipolar_inliers().in_equal_rows()
    behind = _negative_share(found)
    shifted = (
        shifted
        or pair.how == "estimated"
        or _MAX_WRONG_SIGN_SHARE < behind < 1 - _MAX_WRONG_SIGN_SHARE
    )
    if not shifted and behind >= 1 - _MAX_WRONG_SIGN_SHARE:
        raise InputError("stereo: left and right views seem swapped; exchange them")
    low, high = _disparity_span(found, pair.left.shape[1])
    low = np.floor(min(low, 0.0)) if shifted else 0.0
    disparity = _match_photo_view(pair, matching, int(low), reach or (high - low if high else None))
    strange = not found.is_sufficient and (disparity.prob > 0).mean() < _MIN_MATCHED_SHARE
    if strange or _has_no_parallax(pair, disparity, shifted):
        disparity = Disparity.none(disparity.shape)
    unseen, uncovered = _occluded_and_uncovered(pair, disparity.pixels)
    disparity = Disparity(disparity.pixels, np.where(uncovered, np.float32(0), disparity.prob))
    sights = Disparity(disparity.pixels, (~unseen).astype(np.float32))
    return StereoMatch(
        pair.to_photo_pixels(disparity), pair.to_photo_pixels(sights).prob == 0, pair, shifted
    )


def _rectify(
    left: RGB, right: RGB, original: ViewSide, rig: Rig | None, rectified: bool | None
) -> RectifiedPair:
    photo, other = (left, right) if original == "left" else (right, left)
    if rig is not None and not rig.rectified:
        return rectify_calibrated(photo, other, rig)
    stretch = (photo.shape[1] / photo.shape[0]) / (other.shape[1] / other.shape[0])
    if not 0.95 < stretch < 1.05:
        raise InputError(
            f"stereo: views of {photo.shape[1]} x {photo.shape[0]} and {other.shape[1]} x "
            f"{other.shape[0]} differ in shape; give both uncropped"
        )
    pair = pair_from_rectified(left, right, original, rig)
    if rectified or rig is not None:
        return pair
    found = match_keypoints(pair.left, pair.right)
    return (
        pair
        if is_rectified(found)
        else rectify_uncalibrated(pair.left, pair.right, original, found)
    )


def _negative_share(found: KeypointMatches) -> float:
    """Share of negative ones among clear disparities; 0 where there are too few to tell."""
    clear = found.disparity[np.abs(found.disparity) > found.pixel_size]
    return float((clear < 0).mean()) if len(clear) >= MIN_MATCHES else 0.0


def _disparity_span(found: KeypointMatches, width: int) -> tuple[float, float]:
    """Least and largest disparity to expect, in pixels; (0, 0) where nobody knows."""
    if not found.is_sufficient:
        return 0.0, 0.0
    low, high = np.percentile(found.disparity, (1, 99))
    times, more = _SEARCH_RANGE_FACTORS
    return float(low - more * width / 2), float(max(times * high, high) + more * width)


def _match_photo_view(
    pair: RectifiedPair, matching: StereoMatcher, low: int, reach: float | None
) -> Disparity:
    """The original view's disparity, found from `low` on."""
    # Matchers count from 0: the other view is moved until that is where disparities begin.
    if pair.photo_side == "left":
        found = matching(pair.left, shift_view(pair.right, low), reach)
    else:
        found = match_right(matching, shift_view(pair.left, -low), pair.right, reach)
    return replace(found, pixels=found.pixels + np.float32(low)) if low else found


def _has_no_parallax(pair: RectifiedPair, disparity: Disparity, shifted: bool) -> bool:
    """Equal or blank views, and those in which nothing is matched."""
    known = disparity.pixels[disparity.prob > 0]
    if not known.size or min(pair.left.std(), pair.right.std()) < _MIN_GRAY_STD:
        return True
    low, high = np.percentile(known, (1, 99))
    return bool(
        high - (low if shifted else -pair.doffs) < _MIN_PARALLAX_WIDTH_SHARE * disparity.shape[1]
    )


def _occluded_and_uncovered(pair: RectifiedPair, pixels: Float) -> tuple[Mask, Mask]:
    """What of the original the other view does not see, and what of that was never in it."""
    covered = np.ones(pixels.shape, bool) if pair.covered is None else pair.covered
    if pair.photo_side == "left":
        return occlusion_mask(pixels, covered), ~warp_right_to_left(pixels, covered, True)
    mirrored = pixels[:, ::-1], covered[:, ::-1]
    return occlusion_mask(*mirrored)[:, ::-1], ~warp_right_to_left(*mirrored, True)[:, ::-1]
