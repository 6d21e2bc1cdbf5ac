"""What becomes of a matte when a verdict on who belongs to the subject disagrees with it.

The verdict says what goes and what comes back; the matte keeps its soft edges. How far it is
followed depends on where depth comes from: `Trust`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from ..arrays import Float
from ..canvas import resize, scaled
from ..maps import Depth
from .features import COARSE, HALO, NEARBY

SLIGHT = 0.05
"""What is taken from alpha that holds a cut together."""

NEARLY = 0.9
"""Share of `Trust.least` below which nothing of a piece goes: hardly any goes in part."""

CLEARLY = (0.5, 0.7)
"""Share of a piece that must be taken: below the first it stays, above the second it goes."""

MOSTLY = (0.6, 0.7)
"""Share of somebody apart that must be taken before the rest goes too, and for all of it to go."""

FEW = 0.01
"""Share of the portrait below which a piece is nobody, but a thing or a shred."""

MISSING = (0.4, 0.6)
"""What a pixel gains by the verdict from which it is in a piece that may come back, all of it
above the second."""

SURELY = (0.2, 0.3)
"""Share of such a piece that must gain `Trust.restore`: below the first none of it comes back."""

SUBJECT = 0.5
"""Verdict from which a pixel is the subject's, and coarse alpha from which it is somebody's."""

NOBODY = (0.2, 0.3)
"""Verdict below which a pixel is surely not the subject's, and above which it may be."""

REMOTE = (30.0, 45.0)
"""Pixels from the subject up to which loose hair and fingers lie, and from which nothing does."""


@dataclass(frozen=True)
class Trust:
    """How far a verdict is followed: it takes over as its disagreement with the matte goes from
    `drop` to `drop + wide`, or from `restore` to `restore + wide` where it sees more than the
    matte. Where it drops, `lean` is added to its log odds (below 0 drops more).

    A map is believed as its `agreement` with the outline goes through `doubt`, or always where
    that is None. What is dropped must differ from the subject in log depth, more and more so
    through `apart`; what is restored must not differ by more than `along`. Where nothing was
    measured the disagreement must be larger by `blind`. Who is large and farther than the subject
    by `behind` in log depth goes beforehand (`subject.meant`).

    A `wary` fusion cuts off only what lies behind the subject, in pieces of `least` of the
    portrait and more (NEARLY that much is nothing) that the verdict gives up by more than half. One
    whose `restore` is above MISSING restores whole pieces, of which a fifth and more must reach
    it. What nothing ties to the subject goes in any case, however small it is.

    Chosen on held-out maps of training scenes and photos; runs/history/fuse.md says what
    else was in view.
    """

    drop: float
    restore: float
    wide: float = 0.3
    lean: float = 0.0
    doubt: tuple[float, float] | None = None
    apart: tuple[float, float] = (0.08, 0.16)
    along: tuple[float, float] = (0.15, 0.25)
    blind: float = 0.6
    behind: float = 0.25
    least: float = 0.0
    wary: bool = False


MEASURED = Trust(0.2, 0.05, lean=-0.6, doubt=(0.3, 0.5))
"""Depth of a file or a device: an opinion of its own, if it belongs to the photo."""

MATCHED = replace(MEASURED, lean=-1.2, doubt=None, blind=0.4)
"""Depth matched from a second view belongs to the photo: nothing would have matched else. What
the other camera did not see is more often the portrait's own side than too far away."""

ESTIMATED = Trust(0.3, 0.88, apart=(0.06, 0.12), least=0.05, wary=True, behind=math.inf)
"""Depth guessed from the very photo that the matte was made of: a verdict must be very clear
before anything is restored; small cuts go wrong too often, with bags and locks of hair, and so
do those in front, with arms that reach for the lens."""

STORED = replace(MEASURED, restore=0.85)
"""Depth that a phone stored is smoothed along the photo's edges: what touches the portrait, a
trolley or a table, lies at its depth, and is restored only where the verdict is very clear."""

TRUST = {"mono": ESTIMATED, "stereo": MATCHED, "stored": STORED}
"""By `Depth.source`; any other is MEASURED."""


def trust(depth: Depth) -> Trust:
    """How far a verdict by this depth is followed."""
    return TRUST.get(depth.source, MEASURED)


EDGE = np.ones((HALO // COARSE + 1,) * 2, np.uint8)
"""Coarse pixels of the soft edge that goes with somebody."""


@dataclass(frozen=True)
class _Case:
    """What is decided on, float32 (h, w): `alpha`, the `verdict` and `away` as `decide` has
    them, the verdict that drops, `leant`, and what follows from them.
    """

    alpha: Float
    verdict: Float
    leant: Float
    away: Float

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """Where depth was measured."""
        return np.asarray(np.isfinite(self.away))

    @cached_property
    def shape(self) -> tuple[int, int]:
        """(h, w)."""
        return self.alpha.shape[0], self.alpha.shape[1]

    @cached_property
    def shrunk(self) -> Float:
        """Alpha at the verdict's own size, (h, w) / COARSE."""
        return np.asarray(resize(self.alpha, scaled(self.shape, 1 / COARSE)), np.float32)

    @cached_property
    def blunt(self) -> Float:
        """The verdict that drops, at its own size."""
        return np.asarray(resize(self.leant, self.shrunk.shape), np.float32)

    @cached_property
    def pieces(self) -> tuple[int, NDArray[np.int32]]:
        """What of `shrunk` hangs together, numbered from 1, and how many numbers there are."""
        solid = (self.shrunk >= SUBJECT).astype(np.uint8)
        count, label = cv2.connectedComponents(solid, connectivity=4)
        return count, np.asarray(label, np.int32)

    @cached_property
    def coarse(self) -> Float:
        """Alpha as coarse as the verdict, at full size."""
        return np.asarray(resize(self.shrunk, self.shape), np.float32)

    @cached_property
    def near(self) -> Float:
        """1 near measured pixels, 0 far from them."""
        height, width = self.shrunk.shape
        block = np.ones((COARSE, COARSE), np.uint8)
        coarse = cv2.dilate(self.known.astype(np.uint8), block)
        coarse = resize(coarse, (height, width), nearest=True)
        coarse = cv2.dilate(coarse, np.ones((NEARBY, NEARBY), np.uint8))
        return np.asarray(resize(coarse.astype(np.float32), self.shape), np.float32)


def decide(alpha: Float, verdict: Float, away: Float, trust: Trust) -> Float:
    """Alpha (h, w) with the verdict's changes: soft edges, and what is far from depth, stay.

    `verdict` is float32 (h, w), the probability of belonging; `away` how far each pixel is
    behind the subject in log depth (below 0 before it), NaN where nothing was measured: there
    depth cannot object.
    """
    case = _Case(alpha, verdict, _leaning(verdict, trust.lean), away)
    taken = case.near * _taken(case, trust)
    fused = alpha - taken
    gain = np.where(taken > SLIGHT, np.float32(0), case.near * _restoring(case, trust))
    fused += gain * (np.maximum(_crisp(verdict), fused) - fused)
    return np.asarray(np.clip(fused, 0, 1), np.float32)


def _taken(case: _Case, trust: Trust) -> Float:
    """What goes of every pixel's alpha (h, w)."""
    spare = _elsewhere(case, trust) * (case.alpha - np.minimum(_crisp(case.leant), case.alpha))
    cut = _dropping(case, trust) * spare
    if trust.wary:
        cut = _whole(cut, case.alpha, trust.least)
    cut = np.maximum(cut, _loose(case) * spare)
    return np.maximum(cut, _altogether(cut, case))


def _elsewhere(case: _Case, trust: Trust) -> Float:
    """How surely a pixel (h, w) does not lie at the subject's depth; 1 where nobody knows."""
    behind = case.away if trust.wary else np.abs(case.away)
    return np.where(case.known, _ramp(behind, trust.apart), np.float32(1))


def _dropping(case: _Case, trust: Trust) -> Float:
    """Share of what a pixel (h, w) can lose that goes by how verdict and matte disagree."""
    window, coarse = np.ones((HALO, HALO), np.uint8), case.coarse
    around = cv2.dilate(coarse, window) - cv2.dilate(case.leant, window)
    lost = np.maximum(coarse - case.leant, around)
    seen, unseen = trust.drop, trust.drop + trust.blind
    share = _ramp(lost, (seen, seen + trust.wide))
    blind = ~case.known
    # A verdict of 0 is clear enough in any case.
    share[blind] = _ramp(lost[blind], (unseen, min(1.0, unseen + trust.wide)))
    return share


def _loose(case: _Case) -> Float:
    """Share of what a pixel (h, w) can lose that goes because nothing ties it to the subject: it
    is REMOTE, and not of a piece that holds any of the subject. However small it is.
    """
    subject, (count, piece) = case.blunt >= SUBJECT, case.pieces
    if not subject.any():
        return np.zeros_like(case.alpha)
    ties = np.zeros(count, bool)
    ties[piece[subject]] = True
    ties[0] = False
    distance = cv2.distanceTransform((~subject).astype(np.uint8), cv2.DIST_L2, 3)
    apart = _ramp(np.asarray(distance, np.float32) * np.float32(COARSE), REMOTE)
    apart[cv2.dilate(ties[piece].astype(np.uint8), EDGE) > 0] = 0
    return np.asarray(resize(apart * (1 - _ramp(case.blunt, NOBODY)), case.shape), np.float32)


def _restoring(case: _Case, trust: Trust) -> Float:
    """Share of every pixel (h, w) that comes back where the verdict sees more than the matte."""
    beside = np.where(case.known, 1 - _ramp(np.abs(case.away), trust.along), np.float32(1))
    gain = case.verdict - case.coarse
    if trust.restore > MISSING[1]:
        return beside * _regained(beside * gain, trust.restore)
    return beside * _ramp(gain, (trust.restore, trust.restore + trust.wide))


def _regained(gain: Float, restore: float) -> Float:
    """Share of every pixel (h, w) that comes back: pieces that gain MISSING, all of a piece if
    enough of it gains `restore`. Half a helmet is worse than none.
    """
    count, label = cv2.connectedComponents((gain > MISSING[0]).astype(np.uint8))
    if count == 1:
        return np.zeros_like(gain)
    inside = label > 0
    piece = label[inside]
    area = np.bincount(piece, minlength=count)
    sure = np.bincount(piece[gain[inside] > restore], minlength=count) / np.maximum(area, 1)
    share = _ramp(np.asarray(sure, np.float32), SURELY)[label] * _ramp(gain, MISSING)
    # Over its rim too, or a seam stays between the piece and the matte it belongs to.
    return np.asarray(cv2.dilate(share, np.ones((HALO, HALO), np.uint8)), np.float32)


def _crisp(verdict: Float) -> Float:
    """The verdict with a matte's edges."""
    steep = (verdict - np.float32(SUBJECT)) * COARSE + np.float32(0.5)
    return np.asarray(np.clip(steep, 0, 1), np.float32)


def _leaning(verdict: Float, lean: float) -> Float:
    """The verdict with `lean` added to its log odds."""
    if not lean:
        return verdict
    odds = np.float32(math.exp(lean))
    given = verdict * odds
    return np.asarray(given / (1 - verdict + given), np.float32)


def _whole(cut: Float, alpha: Float, least: float) -> Float:
    """What is taken from alpha (h, w), less of it in pieces that are under `least` of alpha or
    not `CLEARLY` taken; nothing in those under NEARLY `least` or not half taken.
    """
    count, label = cv2.connectedComponents((cut > SLIGHT).astype(np.uint8))
    if count == 1:
        return np.zeros_like(cut)
    inside = label > 0
    piece = label[inside]
    taken, there = (np.bincount(piece, x[inside], count).astype(np.float32) for x in (cut, alpha))
    enough = max(1.0, least * float(alpha.sum()))
    large = _ramp(taken, (NEARLY * enough, enough))
    share = np.asarray(taken / np.maximum(there, SLIGHT), np.float32)
    clear = _ramp(share, CLEARLY)
    whole = np.zeros_like(cut)
    whole[inside] = cut[inside] * (large * clear)[piece]
    return whole


def _altogether(cut: Float, case: _Case) -> Float:
    """What is taken (h, w) of those who stand apart from the subject and mostly go: all.

    Who is meant is who has most of the verdict; small things go as they did.
    """
    count, piece = case.pieces
    if count <= 2:
        return np.zeros_like(cut)
    lost = np.asarray(resize(cut, case.shrunk.shape), np.float32)
    there, taken, meant = (
        np.bincount(piece.ravel(), plane.ravel(), count)
        for plane in (case.shrunk, lost, case.blunt * case.shrunk)
    )
    goes = _ramp(np.asarray(taken / np.maximum(there, SLIGHT), np.float32), MOSTLY)
    goes[there <= FEW * case.shrunk.sum()] = 0
    goes[[0, 1 + int(meant[1:].argmax())]] = 0
    # Soft edges go with whoever they are next to.
    share = np.where(piece > 0, goes[piece], cv2.dilate(goes[piece], EDGE))
    return np.asarray(resize(share, case.shape, nearest=True), np.float32) * case.alpha


def _ramp(values: Float, ends: tuple[float, float]) -> Float:
    """0 below the first end, 1 above the second, a line between."""
    low, high = (np.float32(end) for end in ends)
    ramp = np.asarray(values - low, np.float32)
    ramp /= high - low
    return np.asarray(np.clip(ramp, 0, 1, out=ramp))
