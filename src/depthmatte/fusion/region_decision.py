"""Remove and restore regions of alpha where the foreground probability disagrees with it.

The network decides which regions belong to the subject. Alpha keeps its soft edges. How far the
network is followed depends on the source of depth: see `source_policy`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import resize, scale_shape
from ..types import Float
from .inputs import BLOCK_SIDE_PX, DEPTH_REACH_BLOCKS, SOFT_EDGE_WINDOW_PX
from .source_policy import SourcePolicy

# The constants about whole regions were chosen on held-out maps of training scenes, with the
# dance video and PicsArt photos in view. The file runs/history/fuse.md has the figures.

_MIN_REMOVED_ALPHA = 0.05
"""Removed alpha from which a pixel belongs to a removed region."""

_NEGLIGIBLE_AREA_FACTOR = 0.9
"""Share of `SourcePolicy.min_removed_area_share` up to which a region stays; it is fully removable
at 1, so that few regions are removed in part."""

_PIECE_REMOVED_SHARES = (0.5, 0.7)
"""Share of a region's alpha that must be removed: up to the first it stays, from the second the
removal is full."""

_PERSON_REMOVED_SHARES = (0.6, 0.7)
"""The same for a person apart from the subject: up to the first the rest stays, from the second the
whole person is removed."""

_MIN_PERSON_AREA_SHARE = 0.01
"""Share of the summed alpha up to which a connected region is too small to be a person."""

_RESTORED_PIECE_GAINS = (0.4, 0.6)
"""Foreground probability minus alpha from which a pixel may be restored with its region, and from
which it is restored in full."""

_RESTORED_PIECE_SURE_SHARES = (0.2, 0.3)
"""Share of such a region's pixels that must reach `SourcePolicy.restore_threshold`: up to the first
nothing is restored, from the second the whole region."""

_MIN_SUBJECT_PROB = 0.5
"""Foreground probability from which a pixel is the subject's, and block alpha from which it is a
person's."""

_BACKGROUND_PROBS = (0.2, 0.3)
"""Foreground probability up to which a pixel is surely background, and from which it may be the
subject's."""

_ISOLATION_DISTANCES_PX = (30.0, 45.0)
"""Distance from the subject, in canvas pixels, up to which loose hair and fingers stay, and from
which everything unconnected is removed. The second was set with two PicsArt photos in view."""

_SOFT_EDGE_KERNEL = np.ones((SOFT_EDGE_WINDOW_PX // BLOCK_SIDE_PX + 1,) * 2, np.uint8)
"""Neighborhood, in blocks, of the soft edge that is removed with a person."""


@dataclass(frozen=True)
class _RegionMaps:
    """Inputs of the decision, float32 (h, w), and maps derived from them.

    `biased_foreground` is the foreground probability used for removal. `depth_offset` is the
    log depth minus the subject's, NaN where depth was not measured.
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
        """Alpha at the resolution of the network's output, (h, w) / BLOCK_SIDE_PX."""
        return np.asarray(
            resize(self.alpha, scale_shape(self.shape, 1 / BLOCK_SIDE_PX)), np.float32
        )

    @cached_property
    def block_foreground(self) -> Float:
        """`biased_foreground` at the resolution of the network's output."""
        return np.asarray(resize(self.biased_foreground, self.block_alpha.shape), np.float32)

    @cached_property
    def components(self) -> tuple[int, NDArray[np.int32]]:
        """Number of labels, and the connected components of `block_alpha`, from 1."""
        solid = (self.block_alpha >= _MIN_SUBJECT_PROB).astype(np.uint8)
        count, label = cv2.connectedComponents(solid, connectivity=4)
        return count, np.asarray(label, np.int32)

    @cached_property
    def blurred_alpha(self) -> Float:
        """Alpha as coarse as the network's output, at full size."""
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
    """Alpha with regions removed and restored; soft edges stay.

    Pixels far from any measured depth stay as they are.

    Parameters
    ----------
    alpha : ndarray
        float32 (h, w) in [0, 1].
    foreground : ndarray
        Probability of belonging to the subject, float32 (h, w) in [0, 1].
    depth_offset : ndarray
        Log depth minus the subject's, float32 (h, w): negative in front of the subject, NaN
        where depth was not measured.
    policy : SourcePolicy
        Thresholds for the source of depth.

    Returns
    -------
    ndarray
        Fused alpha, float32 (h, w) in [0, 1].
    """
    maps = _RegionMaps(
        alpha, foreground, _bias_logit(foreground, policy.drop_logit_bias), depth_offset
    )
    removed = maps.near_measured * _removed_alpha(maps, policy)
    fused = alpha - removed
    gain = np.where(
        removed > _MIN_REMOVED_ALPHA,
        np.float32(0),
        maps.near_measured * _restored_share(maps, policy),
    )
    fused += gain * (np.maximum(_sharpen(foreground), fused) - fused)
    return np.asarray(np.clip(fused, 0, 1), np.float32)


def _removed_alpha(maps: _RegionMaps, policy: SourcePolicy) -> Float:
    """Alpha removed from every pixel (h, w)."""
    removable = _off_subject_depth(maps, policy) * (
        maps.alpha - np.minimum(_sharpen(maps.biased_foreground), maps.alpha)
    )
    removed = _removal_share(maps, policy) * removable
    if policy.is_conservative:
        removed = _limit_to_whole_components(removed, maps.alpha, policy.min_removed_area_share)
    removed = np.maximum(removed, _isolated_share(maps) * removable)
    return np.maximum(removed, _remove_whole_people(removed, maps))


def _off_subject_depth(maps: _RegionMaps, policy: SourcePolicy) -> Float:
    """How clearly a pixel (h, w) lies off the subject's depth, 0 to 1; 1 where not measured."""
    offset = maps.depth_offset if policy.is_conservative else np.abs(maps.depth_offset)
    return np.where(maps.known, _ramp(offset, policy.drop_log_depth_offsets), np.float32(1))


def _removal_share(maps: _RegionMaps, policy: SourcePolicy) -> Float:
    """Share of the removable alpha (h, w) that goes because alpha exceeds the foreground."""
    window, coarse = (
        np.ones((SOFT_EDGE_WINDOW_PX, SOFT_EDGE_WINDOW_PX), np.uint8),
        maps.blurred_alpha,
    )
    around = cv2.dilate(coarse, window) - cv2.dilate(maps.biased_foreground, window)
    excess = np.maximum(coarse - maps.biased_foreground, around)
    measured, unmeasured = policy.drop_threshold, policy.drop_threshold + policy.unmeasured_margin
    share = _ramp(excess, (measured, measured + policy.ramp_width))
    unknown = ~maps.known
    # The ramp ends at 1: foreground probability 0 removes a pixel even where depth is unknown.
    share[unknown] = _ramp(excess[unknown], (unmeasured, min(1.0, unmeasured + policy.ramp_width)))
    return share


def _isolated_share(maps: _RegionMaps) -> Float:
    """Share of the removable alpha (h, w) that goes because it is isolated from the subject.

    Isolated pixels lie far from the subject, in a component without subject pixels. The size
    of the component does not matter.
    """
    subject, (count, label) = maps.block_foreground >= _MIN_SUBJECT_PROB, maps.components
    if not subject.any():
        return np.zeros_like(maps.alpha)
    connected = np.zeros(count, bool)
    connected[label[subject]] = True
    connected[0] = False
    distance = cv2.distanceTransform((~subject).astype(np.uint8), cv2.DIST_L2, 3)
    isolated = _ramp(
        np.asarray(distance, np.float32) * np.float32(BLOCK_SIDE_PX), _ISOLATION_DISTANCES_PX
    )
    isolated[cv2.dilate(connected[label].astype(np.uint8), _SOFT_EDGE_KERNEL) > 0] = 0
    return np.asarray(
        resize(isolated * (1 - _ramp(maps.block_foreground, _BACKGROUND_PROBS)), maps.shape),
        np.float32,
    )


def _restored_share(maps: _RegionMaps, policy: SourcePolicy) -> Float:
    """Share of every pixel (h, w) to restore where the foreground probability exceeds alpha."""
    at_subject_depth = np.where(
        maps.known,
        1 - _ramp(np.abs(maps.depth_offset), policy.restore_log_depth_offsets),
        np.float32(1),
    )
    gain = maps.foreground - maps.blurred_alpha
    if policy.restore_threshold > _RESTORED_PIECE_GAINS[1]:
        return at_subject_depth * _restored_component_share(
            at_subject_depth * gain, policy.restore_threshold
        )
    return at_subject_depth * _ramp(
        gain, (policy.restore_threshold, policy.restore_threshold + policy.ramp_width)
    )


def _restored_component_share(gain: Float, restore_threshold: float) -> Float:
    """Share of every pixel (h, w) to restore, decided for connected regions of `gain`.

    A region is restored as a whole if enough of it reaches `restore_threshold`. Half a helmet
    looks worse than none.
    """
    count, label = cv2.connectedComponents((gain > _RESTORED_PIECE_GAINS[0]).astype(np.uint8))
    if count == 1:
        return np.zeros_like(gain)
    inside = label > 0
    inside_label = label[inside]
    area = np.bincount(inside_label, minlength=count)
    sure = np.bincount(
        inside_label[gain[inside] > restore_threshold], minlength=count
    ) / np.maximum(area, 1)
    share = _ramp(np.asarray(sure, np.float32), _RESTORED_PIECE_SURE_SHARES)[label] * _ramp(
        gain, _RESTORED_PIECE_GAINS
    )
    # The region's edge is restored too, or a seam stays between the region and the matte.
    return np.asarray(
        cv2.dilate(share, np.ones((SOFT_EDGE_WINDOW_PX, SOFT_EDGE_WINDOW_PX), np.uint8)), np.float32
    )


def _sharpen(foreground: Float) -> Float:
    """The foreground probability with edges as steep as a matte's."""
    steep = (foreground - np.float32(_MIN_SUBJECT_PROB)) * BLOCK_SIDE_PX + np.float32(0.5)
    return np.asarray(np.clip(steep, 0, 1), np.float32)


def _bias_logit(prob: Float, bias: float) -> Float:
    """The probability with `bias` added to its log odds."""
    if not bias:
        return prob
    odds_factor = np.float32(math.exp(bias))
    weighted = prob * odds_factor
    return np.asarray(weighted / (1 - prob + weighted), np.float32)


def _limit_to_whole_components(removed: Float, alpha: Float, min_area_share: float) -> Float:
    """Removed alpha (h, w), reduced in regions that are small or only partly removed."""
    count, label = cv2.connectedComponents((removed > _MIN_REMOVED_ALPHA).astype(np.uint8))
    if count == 1:
        return np.zeros_like(removed)
    inside = label > 0
    inside_label = label[inside]
    removed_sum, alpha_sum = (
        np.bincount(inside_label, x[inside], count).astype(np.float32) for x in (removed, alpha)
    )
    min_area = max(1.0, min_area_share * float(alpha.sum()))
    large = _ramp(removed_sum, (_NEGLIGIBLE_AREA_FACTOR * min_area, min_area))
    share = np.asarray(removed_sum / np.maximum(alpha_sum, _MIN_REMOVED_ALPHA), np.float32)
    clear = _ramp(share, _PIECE_REMOVED_SHARES)
    limited = np.zeros_like(removed)
    limited[inside] = removed[inside] * (large * clear)[inside_label]
    return limited


def _remove_whole_people(removed: Float, maps: _RegionMaps) -> Float:
    """Alpha (h, w) removed with people apart from the subject who are mostly removed already.

    The subject is the component with the most foreground probability. Small components stay
    as they are.
    """
    count, label = maps.components
    if count <= 2:
        return np.zeros_like(removed)
    block_removed = np.asarray(resize(removed, maps.block_alpha.shape), np.float32)
    alpha_sum, removed_sum, foreground_sum = (
        np.bincount(label.ravel(), plane.ravel(), count)
        for plane in (maps.block_alpha, block_removed, maps.block_foreground * maps.block_alpha)
    )
    removed_share = _ramp(
        np.asarray(removed_sum / np.maximum(alpha_sum, _MIN_REMOVED_ALPHA), np.float32),
        _PERSON_REMOVED_SHARES,
    )
    removed_share[alpha_sum <= _MIN_PERSON_AREA_SHARE * maps.block_alpha.sum()] = 0
    removed_share[[0, 1 + int(foreground_sum[1:].argmax())]] = 0
    # Soft edges go with the person next to them.
    share = np.where(
        label > 0, removed_share[label], cv2.dilate(removed_share[label], _SOFT_EDGE_KERNEL)
    )
    return np.asarray(resize(share, maps.shape, nearest=True), np.float32) * maps.alpha


def _ramp(values: Float, ends: tuple[float, float]) -> Float:
    """0 below the first end, 1 above the second, linear in between."""
    low, high = (np.float32(end) for end in ends)
    ramp = np.asarray(values - low, np.float32)
    ramp /= high - low
    return np.asarray(np.clip(ramp, 0, 1, out=ramp))
