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

from ..canvas import resize, scale_shape
from ..types import Float
from ..values import Depth
from .inputs import BLOCK_SIDE_PX, DEPTH_REACH_BLOCKS, SOFT_EDGE_WINDOW_PX

_MIN_REMOVED_ALPHA = 0.05
"""What is taken from alpha that holds a cut together."""

_NEGLIGIBLE_AREA_FACTOR = 0.9
"""Share of `Trust.least` below which nothing of a piece goes: hardly any goes in part."""

_PIECE_REMOVED_SHARES = (0.5, 0.7)
"""Share of a piece that must be taken: below the first it stays, above the second it goes."""

_PERSON_REMOVED_SHARES = (0.6, 0.7)
"""Share of somebody apart that must be taken before the rest goes too, and for all of it to go."""

_MIN_PERSON_AREA_SHARE = 0.01
"""Share of the portrait below which a piece is nobody, but a thing or a shred."""

_RESTORED_PIECE_GAINS = (0.4, 0.6)
"""What a pixel gains by the verdict from which it is in a piece that may come back, all of it
above the second."""

_RESTORED_PIECE_SURE_SHARES = (0.2, 0.3)
"""Share of such a piece that must gain `Trust.restore`: below the first none of it comes back."""

_MIN_SUBJECT_PROB = 0.5
"""Verdict from which a pixel is the subject's, and coarse alpha from which it is somebody's."""

_BACKGROUND_PROBS = (0.2, 0.3)
"""Verdict below which a pixel is surely not the subject's, and above which it may be."""

_ISOLATION_DISTANCES_PX = (30.0, 45.0)
"""Pixels from the subject up to which loose hair and fingers lie, and from which nothing does."""


@dataclass(frozen=True)
class SourcePolicy:
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

    drop_threshold: float
    restore_threshold: float
    ramp_width: float = 0.3
    drop_logit_bias: float = 0.0
    consistency_range: tuple[float, float] | None = None
    drop_log_depth_offsets: tuple[float, float] = (0.08, 0.16)
    restore_log_depth_offsets: tuple[float, float] = (0.15, 0.25)
    unmeasured_margin: float = 0.6
    behind_log_depth: float = 0.25
    min_removed_area_share: float = 0.0
    is_conservative: bool = False


_MEASURED_POLICY = SourcePolicy(0.2, 0.05, drop_logit_bias=-0.6, consistency_range=(0.3, 0.5))
"""Depth of a file or a device: an opinion of its own, if it belongs to the photo."""

_MATCHED_POLICY = replace(
    _MEASURED_POLICY, drop_logit_bias=-1.2, consistency_range=None, unmeasured_margin=0.4
)
"""Depth matched from a second view belongs to the photo: nothing would have matched else. What
the other camera did not see is more often the portrait's own side than too far away."""

_ESTIMATED_POLICY = SourcePolicy(
    0.3,
    0.88,
    drop_log_depth_offsets=(0.06, 0.12),
    min_removed_area_share=0.05,
    is_conservative=True,
    behind_log_depth=math.inf,
)
"""Depth guessed from the very photo that the matte was made of: a verdict must be very clear
before anything is restored; small cuts go wrong too often, with bags and locks of hair, and so
do those in front, with arms that reach for the lens."""

_EMBEDDED_POLICY = replace(_MEASURED_POLICY, restore_threshold=0.85)
"""Depth that a phone stored is smoothed along the photo's edges: what touches the portrait, a
trolley or a table, lies at its depth, and is restored only where the verdict is very clear."""

_POLICY_BY_SOURCE = {
    "mono": _ESTIMATED_POLICY,
    "stereo": _MATCHED_POLICY,
    "stored": _EMBEDDED_POLICY,
}
"""By `Depth.source`; any other is MEASURED."""


def source_policy(depth: Depth) -> SourcePolicy:
    """How far a verdict by this depth is followed."""
    return _POLICY_BY_SOURCE.get(depth.source, _MEASURED_POLICY)


_SOFT_EDGE_KERNEL = np.ones((SOFT_EDGE_WINDOW_PX // BLOCK_SIDE_PX + 1,) * 2, np.uint8)
"""Coarse pixels of the soft edge that goes with somebody."""


@dataclass(frozen=True)
class _Case:
    """What is decided on, float32 (h, w): `alpha`, the `verdict` and `away` as `decide` has
    them, the verdict that drops, `leant`, and what follows from them.
    """

    alpha: Float
    foreground: Float
    biased_foreground: Float
    depth_offset: Float

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """Where depth was measured."""
        return np.asarray(np.isfinite(self.depth_offset))

    @cached_property
    def shape(self) -> tuple[int, int]:
        """(h, w)."""
        return self.alpha.shape[0], self.alpha.shape[1]

    @cached_property
    def block_alpha(self) -> Float:
        """Alpha at the verdict's own size, (h, w) / COARSE."""
        return np.asarray(
            resize(self.alpha, scale_shape(self.shape, 1 / BLOCK_SIDE_PX)), np.float32
        )

    @cached_property
    def block_foreground(self) -> Float:
        """The verdict that drops, at its own size."""
        return np.asarray(resize(self.biased_foreground, self.block_alpha.shape), np.float32)

    @cached_property
    def components(self) -> tuple[int, NDArray[np.int32]]:
        """What of `shrunk` hangs together, numbered from 1, and how many numbers there are."""
        solid = (self.block_alpha >= _MIN_SUBJECT_PROB).astype(np.uint8)
        count, label = cv2.connectedComponents(solid, connectivity=4)
        return count, np.asarray(label, np.int32)

    @cached_property
    def blurred_alpha(self) -> Float:
        """Alpha as coarse as the verdict, at full size."""
        return np.asarray(resize(self.block_alpha, self.shape), np.float32)

    @cached_property
    def near_measured(self) -> Float:
        """1 near measured pixels, 0 far from them."""
        height, width = self.block_alpha.shape
        block = np.ones((BLOCK_SIDE_PX, BLOCK_SIDE_PX), np.uint8)
        coarse = cv2.dilate(self.known.astype(np.uint8), block)
        coarse = resize(coarse, (height, width), nearest=True)
        coarse = cv2.dilate(coarse, np.ones((DEPTH_REACH_BLOCKS, DEPTH_REACH_BLOCKS), np.uint8))
        return np.asarray(resize(coarse.astype(np.float32), self.shape), np.float32)


def apply_foreground(
    alpha: Float, foreground: Float, depth_offset: Float, policy: SourcePolicy
) -> Float:
    """Alpha (h, w) with the verdict's changes: soft edges, and what is far from depth, stay.

    `verdict` is float32 (h, w), the probability of belonging; `away` how far each pixel is
    behind the subject in log depth (below 0 before it), NaN where nothing was measured: there
    depth cannot object.
    """
    case = _Case(alpha, foreground, _bias_logit(foreground, policy.drop_logit_bias), depth_offset)
    taken = case.near_measured * _removed_alpha(case, policy)
    fused = alpha - taken
    gain = np.where(
        taken > _MIN_REMOVED_ALPHA,
        np.float32(0),
        case.near_measured * _restored_share(case, policy),
    )
    fused += gain * (np.maximum(_sharpen(foreground), fused) - fused)
    return np.asarray(np.clip(fused, 0, 1), np.float32)


def _removed_alpha(case: _Case, trust: SourcePolicy) -> Float:
    """What goes of every pixel's alpha (h, w)."""
    spare = _off_subject_depth(case, trust) * (
        case.alpha - np.minimum(_sharpen(case.biased_foreground), case.alpha)
    )
    cut = _removal_share(case, trust) * spare
    if trust.is_conservative:
        cut = _limit_to_whole_components(cut, case.alpha, trust.min_removed_area_share)
    cut = np.maximum(cut, _isolated_share(case) * spare)
    return np.maximum(cut, _remove_whole_people(cut, case))


def _off_subject_depth(case: _Case, trust: SourcePolicy) -> Float:
    """How surely a pixel (h, w) does not lie at the subject's depth; 1 where nobody knows."""
    behind = case.depth_offset if trust.is_conservative else np.abs(case.depth_offset)
    return np.where(case.known, _ramp(behind, trust.drop_log_depth_offsets), np.float32(1))


def _removal_share(case: _Case, trust: SourcePolicy) -> Float:
    """Share of what a pixel (h, w) can lose that goes by how verdict and matte disagree."""
    window, coarse = (
        np.ones((SOFT_EDGE_WINDOW_PX, SOFT_EDGE_WINDOW_PX), np.uint8),
        case.blurred_alpha,
    )
    around = cv2.dilate(coarse, window) - cv2.dilate(case.biased_foreground, window)
    lost = np.maximum(coarse - case.biased_foreground, around)
    seen, unseen = trust.drop_threshold, trust.drop_threshold + trust.unmeasured_margin
    share = _ramp(lost, (seen, seen + trust.ramp_width))
    blind = ~case.known
    # A verdict of 0 is clear enough in any case.
    share[blind] = _ramp(lost[blind], (unseen, min(1.0, unseen + trust.ramp_width)))
    return share


def _isolated_share(case: _Case) -> Float:
    """Share of what a pixel (h, w) can lose that goes because nothing ties it to the subject: it
    is REMOTE, and not of a piece that holds any of the subject. However small it is.
    """
    subject, (count, piece) = case.block_foreground >= _MIN_SUBJECT_PROB, case.components
    if not subject.any():
        return np.zeros_like(case.alpha)
    ties = np.zeros(count, bool)
    ties[piece[subject]] = True
    ties[0] = False
    distance = cv2.distanceTransform((~subject).astype(np.uint8), cv2.DIST_L2, 3)
    apart = _ramp(
        np.asarray(distance, np.float32) * np.float32(BLOCK_SIDE_PX), _ISOLATION_DISTANCES_PX
    )
    apart[cv2.dilate(ties[piece].astype(np.uint8), _SOFT_EDGE_KERNEL) > 0] = 0
    return np.asarray(
        resize(apart * (1 - _ramp(case.block_foreground, _BACKGROUND_PROBS)), case.shape),
        np.float32,
    )


def _restored_share(case: _Case, trust: SourcePolicy) -> Float:
    """Share of every pixel (h, w) that comes back where the verdict sees more than the matte."""
    beside = np.where(
        case.known,
        1 - _ramp(np.abs(case.depth_offset), trust.restore_log_depth_offsets),
        np.float32(1),
    )
    gain = case.foreground - case.blurred_alpha
    if trust.restore_threshold > _RESTORED_PIECE_GAINS[1]:
        return beside * _restored_component_share(beside * gain, trust.restore_threshold)
    return beside * _ramp(
        gain, (trust.restore_threshold, trust.restore_threshold + trust.ramp_width)
    )


def _restored_component_share(gain: Float, restore: float) -> Float:
    """Share of every pixel (h, w) that comes back: pieces that gain MISSING, all of a piece if
    enough of it gains `restore`. Half a helmet is worse than none.
    """
    count, label = cv2.connectedComponents((gain > _RESTORED_PIECE_GAINS[0]).astype(np.uint8))
    if count == 1:
        return np.zeros_like(gain)
    inside = label > 0
    piece = label[inside]
    area = np.bincount(piece, minlength=count)
    sure = np.bincount(piece[gain[inside] > restore], minlength=count) / np.maximum(area, 1)
    share = _ramp(np.asarray(sure, np.float32), _RESTORED_PIECE_SURE_SHARES)[label] * _ramp(
        gain, _RESTORED_PIECE_GAINS
    )
    # Over its rim too, or a seam stays between the piece and the matte it belongs to.
    return np.asarray(
        cv2.dilate(share, np.ones((SOFT_EDGE_WINDOW_PX, SOFT_EDGE_WINDOW_PX), np.uint8)), np.float32
    )


def _sharpen(verdict: Float) -> Float:
    """The verdict with a matte's edges."""
    steep = (verdict - np.float32(_MIN_SUBJECT_PROB)) * BLOCK_SIDE_PX + np.float32(0.5)
    return np.asarray(np.clip(steep, 0, 1), np.float32)


def _bias_logit(verdict: Float, lean: float) -> Float:
    """The verdict with `lean` added to its log odds."""
    if not lean:
        return verdict
    odds = np.float32(math.exp(lean))
    given = verdict * odds
    return np.asarray(given / (1 - verdict + given), np.float32)


def _limit_to_whole_components(cut: Float, alpha: Float, least: float) -> Float:
    """What is taken from alpha (h, w), less of it in pieces that are under `least` of alpha or
    not `CLEARLY` taken; nothing in those under NEARLY `least` or not half taken.
    """
    count, label = cv2.connectedComponents((cut > _MIN_REMOVED_ALPHA).astype(np.uint8))
    if count == 1:
        return np.zeros_like(cut)
    inside = label > 0
    piece = label[inside]
    taken, there = (np.bincount(piece, x[inside], count).astype(np.float32) for x in (cut, alpha))
    enough = max(1.0, least * float(alpha.sum()))
    large = _ramp(taken, (_NEGLIGIBLE_AREA_FACTOR * enough, enough))
    share = np.asarray(taken / np.maximum(there, _MIN_REMOVED_ALPHA), np.float32)
    clear = _ramp(share, _PIECE_REMOVED_SHARES)
    whole = np.zeros_like(cut)
    whole[inside] = cut[inside] * (large * clear)[piece]
    return whole


def _remove_whole_people(cut: Float, case: _Case) -> Float:
    """What is taken (h, w) of those who stand apart from the subject and mostly go: all.

    Who is meant is who has most of the verdict; small things go as they did.
    """
    count, piece = case.components
    if count <= 2:
        return np.zeros_like(cut)
    lost = np.asarray(resize(cut, case.block_alpha.shape), np.float32)
    there, taken, meant = (
        np.bincount(piece.ravel(), plane.ravel(), count)
        for plane in (case.block_alpha, lost, case.block_foreground * case.block_alpha)
    )
    goes = _ramp(
        np.asarray(taken / np.maximum(there, _MIN_REMOVED_ALPHA), np.float32),
        _PERSON_REMOVED_SHARES,
    )
    goes[there <= _MIN_PERSON_AREA_SHARE * case.block_alpha.sum()] = 0
    goes[[0, 1 + int(meant[1:].argmax())]] = 0
    # Soft edges go with whoever they are next to.
    share = np.where(piece > 0, goes[piece], cv2.dilate(goes[piece], _SOFT_EDGE_KERNEL))
    return np.asarray(resize(share, case.shape, nearest=True), np.float32) * case.alpha


def _ramp(values: Float, ends: tuple[float, float]) -> Float:
    """0 below the first end, 1 above the second, a line between."""
    low, high = (np.float32(end) for end in ends)
    ramp = np.asarray(values - low, np.float32)
    ramp /= high - low
    return np.asarray(np.clip(ramp, 0, 1, out=ramp))
