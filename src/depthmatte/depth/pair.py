"""Two views of a scene matched, whatever state they come in."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..arrays import RGB, Float, Mask
from ..camera import Rig
from ..errors import InputError
from ..evidence import Side
from .disparity import Disparity, Matcher, across, hidden, match_right, moved
from .features import FEW, Matches, matches
from .rectify import Rectified, calibrated, estimated, given, is_rectified

PARALLAX = 1 / 768
"""Share of the width that disparities must reach to tell anything about depth."""

BLANK = 1.0
"""Grey levels a view must vary by (standard deviation) to be matched at all."""

MIXED = 0.05
"""Share of matches that may have the wrong sign by mistake."""

COMMON = 0.25
"""Share of a view that must be matched when hardly any single point is."""

REACH = (1.5, 0.04)
"""Nearest things may have this many times the disparity of any matched point, plus this
share of the width: points are few on the smooth things in front."""


@dataclass(frozen=True)
class Match:
    """A matched pair: `disparity` on the photo's own pixels, counted in those of `pair`.

    `hidden` is True where the other view does not see a photo pixel. `shifted` says that
    nobody knows the disparity of infinitely far things.
    """

    disparity: Disparity
    hidden: Mask
    pair: Rectified
    shifted: bool = False


def match(
    left: RGB,
    right: RGB,
    matching: Matcher,
    original: Side = "left",
    rig: Rig | None = None,
    rectified: bool | None = None,
    shifted: bool = False,
    reach: float | None = None,
) -> Match:
    """Match two views, uint8 (h, w, 3), and bring the disparity to the original one's pixels.

    `rectified` says whether rows agree, None that nobody knows; `rig` calibrates the pair,
    its `photo` being the original view. `shifted` allows pairs cut for viewing, whose
    infinitely far things have some disparity; otherwise negative ones mean swapped views.
    `reach` is the largest disparity to expect. Where the views show no parallax,
    probability is 0. Raises InputError for views that are swapped, differ in shape, or
    whose rows cannot be brought together.
    """
    try:
        return _match(left, right, matching, original, rig, rectified, shifted, reach)
    except cv2.error as error:  # OpenCV asserts on views that are hardly any, one pixel wide
        raise InputError(
            "stereo: the views cannot be matched; give two pictures of one scene"
        ) from error


def _match(
    left: RGB,
    right: RGB,
    matching: Matcher,
    original: Side,
    rig: Rig | None,
    rectified: bool | None,
    shifted: bool,
    reach: float | None,
) -> Match:
    pair = _rectify(left, right, original, rig, rectified)
    found = matches(pair.left, pair.right).epipolar().level()
    behind = _behind(found)
    shifted = shifted or pair.how == "estimated" or MIXED < behind < 1 - MIXED
    if not shifted and behind >= 1 - MIXED:
        raise InputError("stereo: left and right views seem swapped; exchange them")
    low, high = _span(found, pair.left.shape[1])
    low = np.floor(min(low, 0.0)) if shifted else 0.0
    disparity = _matched(pair, matching, int(low), reach or (high - low if high else None))
    strange = not found.enough and (disparity.prob > 0).mean() < COMMON
    if strange or _tells_nothing(pair, disparity, shifted):
        disparity = Disparity.none(disparity.shape)
    unseen, uncovered = _unseen(pair, disparity.pixels)
    disparity = Disparity(disparity.pixels, np.where(uncovered, np.float32(0), disparity.prob))
    sights = Disparity(disparity.pixels, (~unseen).astype(np.float32))
    return Match(pair.back(disparity), pair.back(sights).prob == 0, pair, shifted)


def _rectify(
    left: RGB, right: RGB, original: Side, rig: Rig | None, rectified: bool | None
) -> Rectified:
    photo, other = (left, right) if original == "left" else (right, left)
    if rig is not None and not rig.rectified:
        return calibrated(photo, other, rig)
    stretch = (photo.shape[1] / photo.shape[0]) / (other.shape[1] / other.shape[0])
    if not 0.95 < stretch < 1.05:
        raise InputError(
            f"stereo: views of {photo.shape[1]} x {photo.shape[0]} and {other.shape[1]} x "
            f"{other.shape[0]} differ in shape; give both uncropped"
        )
    pair = given(left, right, original, rig)
    if rectified or rig is not None:
        return pair
    found = matches(pair.left, pair.right)
    return pair if is_rectified(found) else estimated(pair.left, pair.right, original, found)


def _behind(found: Matches) -> float:
    """Share of negative ones among clear disparities; 0 where there are too few to tell."""
    clear = found.disparity[np.abs(found.disparity) > found.pixel]
    return float((clear < 0).mean()) if len(clear) >= FEW else 0.0


def _span(found: Matches, width: int) -> tuple[float, float]:
    """Least and largest disparity to expect, in pixels; (0, 0) where nobody knows."""
    if not found.enough:
        return 0.0, 0.0
    low, high = np.percentile(found.disparity, (1, 99))
    times, more = REACH
    return float(low - more * width / 2), float(max(times * high, high) + more * width)


def _matched(pair: Rectified, matching: Matcher, low: int, reach: float | None) -> Disparity:
    """The original view's disparity, found from `low` on."""
    # Matchers count from 0: the other view is moved until that is where disparities begin.
    if pair.original == "left":
        found = matching(pair.left, moved(pair.right, low), reach)
    else:
        found = match_right(matching, moved(pair.left, -low), pair.right, reach)
    return replace(found, pixels=found.pixels + np.float32(low)) if low else found


def _tells_nothing(pair: Rectified, disparity: Disparity, shifted: bool) -> bool:
    """Equal or blank views, and those in which nothing is matched."""
    known = disparity.pixels[disparity.prob > 0]
    if not known.size or min(pair.left.std(), pair.right.std()) < BLANK:
        return True
    low, high = np.percentile(known, (1, 99))
    return bool(high - (low if shifted else -pair.doffs) < PARALLAX * disparity.shape[1])


def _unseen(pair: Rectified, pixels: Float) -> tuple[Mask, Mask]:
    """What of the original the other view does not see, and what of that was never in it."""
    covered = np.ones(pixels.shape, bool) if pair.covered is None else pair.covered
    if pair.original == "left":
        return hidden(pixels, covered), ~across(pixels, covered, True)
    mirrored = pixels[:, ::-1], covered[:, ::-1]
    return hidden(*mirrored)[:, ::-1], ~across(*mirrored, True)[:, ::-1]
