"""A look at the turned photo, where the network doubts what it sees.

Networks learn from upright people. Of a person who stands on her head they are less sure, and
they say so in the probability.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from ..types import Float, Mask

_Maps = Mapping[str, Float]
"""Alpha and probability, float32 (h, w)."""

_MAX_DOUBT = 0.0255
"""Doubt above which the photo is looked at again. It is the largest of 95 percent of 164 upright
portraits and street photos held out from training. Of the same portraits upside down three
quarters lie above it."""

_SAME_DOUBT = 1.15
"""Ratio of the doubts of two looks up to which neither is upright: the person may lie sideways.
Upside down, street photos are doubted 1.26 times as much as upright, and portraits twice."""

_LEAST_PORTRAIT_SHARE = 0.005
"""Share of the photo that a portrait covers at least. Less is nobody, and nobody is an answer."""

_LEAST_TURNED_SHARE = 0.1
"""Share of the photo that the portrait covers at least for a turned look. Of 20 composed scenes
with several small people 3 were doubted less upside down, wrongly; 2 of them are below it."""

_LEAST_AGREEMENT = 0.5
"""IoU of the portraits of both looks, at least. Turned, the network sees the same person better. A
look at somebody else may be surer and wrong, as of a cat behind a person."""

_LEAST_OUTLINE = 2.0
"""Outline over the root of the area, at least. That of a disc is 3.5, without what the photo's
border cuts off."""


def measure_doubt(prob: Float, inside: Mask | None = None) -> float:
    """Measure how much a network doubts its answer.

    A pixel of probability p is in doubt by 1 - |2 p - 1|: 0 where the network is sure, 1 where it
    cannot tell. All doubt over the length of the outline is the width of the band in doubt. This
    width is returned as a share of the portrait's size, the root of its area.

    Parameters
    ----------
    prob : ndarray
        Probability that a pixel belongs to a person, float32 (h, w) in [0, 1]; 0 on padding.
    inside : ndarray, optional
        bool (h, w): where the canvas shows the photo. By default everywhere.

    Returns
    -------
    float
        At least 0. It is 0 where there is nobody.

    Examples
    --------
    >>> import numpy as np
    >>> sure = np.zeros((100, 100), np.float32)
    >>> sure[20:80, 20:80] = 1
    >>> measure_doubt(sure)
    0.0
    """
    portrait = (prob >= 0.5).astype(np.uint8)
    area = np.count_nonzero(portrait)
    size = prob.size if inside is None else np.count_nonzero(inside)
    if area < _LEAST_PORTRAIT_SHARE * size or not area:
        return 0.0
    doubt = float(np.sum(1 - np.abs(2 * prob - 1), dtype=np.float64))
    inner = cv2.erode(portrait, np.ones((3, 3), np.uint8))
    outline = max(area - np.count_nonzero(inner), _LEAST_OUTLINE * area**0.5)
    return float(doubt / outline / area**0.5)


def is_doubtful(prob: Float, inside: Mask | None = None) -> bool:
    """Whether an answer is worth another look; the parameters are those of `measure_doubt`."""
    return measure_doubt(prob, inside) > _MAX_DOUBT


def choose_turn(predict: Callable[[Float], _Maps], rgb: Float, inside: Mask) -> dict[str, Float]:
    """Run a network, and again on the turned picture where it doubts its answer.

    The answer of least doubt is taken whole. Small people are always in doubt, and get no turned
    look. The second look is upside down. Where both looks
    are in doubt alike, a look at each side follows: four runs at most.

    Parameters
    ----------
    predict : callable
        float32 (1, 3, h, w) in [0, 1] -> maps (h, w), one of them "prob".
    rgb : ndarray
        The picture, float32 (1, 3, h, w).
    inside : ndarray
        bool (h, w): where it shows the photo.

    Returns
    -------
    dict of str to ndarray
        The maps of the picture as it was given, 0 outside the photo.
    """

    def look(turns: int) -> tuple[float, dict[str, Float]]:
        turned = np.ascontiguousarray(np.rot90(rgb, turns, (2, 3)))
        maps = {
            name: np.where(inside, np.rot90(plane, -turns), np.float32(0))
            for name, plane in predict(turned).items()
        }
        return measure_doubt(maps["prob"], inside), maps

    given = look(0)
    share = np.count_nonzero(given[1]["prob"] >= 0.5) / np.count_nonzero(inside)
    if given[0] <= _MAX_DOUBT or share < _LEAST_TURNED_SHARE:
        return given[1]

    def look_turned(turns: int) -> tuple[float, dict[str, Float]]:
        # A look in which nobody is seen has no doubt: it must not win over one that shows somebody.
        found = look(turns)
        return found if _shows_the_same(given[1], found[1]) else (np.inf, found[1])

    looks = [given, look_turned(2)]
    better, worse = sorted(doubt for doubt, _ in looks)
    if better > _MAX_DOUBT and worse < _SAME_DOUBT * better:
        looks += [look_turned(turns) for turns in (1, 3)]
    return min(looks, key=lambda each: each[0])[1]


def _shows_the_same(given: _Maps, found: _Maps) -> bool:
    """Whether two looks show about the same portrait."""
    first, second = (each["prob"] >= 0.5 for each in (given, found))
    common, either = np.count_nonzero(first & second), np.count_nonzero(first | second)
    return bool(common >= _LEAST_AGREEMENT * max(1, int(either)))
