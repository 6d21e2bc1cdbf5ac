"""How far fusion follows the depth of each source: thresholds by `Depth.source`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..values import Depth


@dataclass(frozen=True)
class SourcePolicy:
    """Thresholds of the adaptive fusion for one kind of depth.

    The network gives each pixel a foreground probability in [0, 1]. Where it differs from
    alpha, alpha is removed or restored. "Log depth" is `Depth.log_depth`, in [0, 1].

    The values were chosen on held-out maps of training scenes and photos. The file
    runs/history/fuse.md lists the sets that were looked at.

    Parameters
    ----------
    drop_threshold : float
        Alpha minus foreground probability from which alpha is removed.
    restore_threshold : float
        Foreground probability minus alpha from which alpha is restored. Above 0.6 only whole
        regions are restored.
    ramp_width : float
        Width of the range above each threshold in which the change grows from 0 to full.
    drop_logit_bias : float
        Added to the log odds of the foreground probability before removal. Negative values
        remove more.
    consistency_range : tuple of float, or None
        Edge consistency (`reliability.edge_consistency`) up to which the depth map is ignored,
        and from which it is followed in full. None: always followed in full.
    drop_log_depth_offsets : tuple of float
        Distance from the subject in log depth up to which nothing is removed, and from which
        removal is full.
    restore_log_depth_offsets : tuple of float
        Distance from the subject in log depth up to which restoration is full, and from which
        nothing is restored.
    unmeasured_margin : float
        Added to `drop_threshold` where depth was not measured.
    behind_log_depth : float
        Large people who are farther than the subject by more than this log depth are removed
        before the network runs.
    min_removed_area_share : float
        Smallest region that may be removed, as a share of the summed alpha. Conservative
        policies only.
    is_conservative : bool
        Remove only what lies behind the subject, and only whole regions. Regions without any
        connection to the subject are removed in any case.
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
"""Depth from a file or a device. It does not depend on the matte, but may be of another photo."""

_MATCHED_POLICY = replace(
    _MEASURED_POLICY, drop_logit_bias=-1.2, consistency_range=None, unmeasured_margin=0.4
)
"""Depth matched with a second view. It belongs to the photo, or the views would not match.

Pixels that the other camera did not see are more often the side of the subject than far away.
`unmeasured_margin` was raised after two test scenes lost an arm at the edge of the second view.
"""

_ESTIMATED_POLICY = SourcePolicy(
    0.3,
    0.88,
    drop_log_depth_offsets=(0.06, 0.12),
    min_removed_area_share=0.05,
    is_conservative=True,
    behind_log_depth=math.inf,
)
"""Depth estimated from the photo alone.

The estimate errs where the matte errs, so only a very clear difference restores anything. Small
removals go wrong too often, with bags and hair. So do removals in front of the subject, with arms
that reach for the camera. The values were set with P3M and the dance video in view.
"""

_EMBEDDED_POLICY = replace(_MEASURED_POLICY, restore_threshold=0.85)
"""Depth that a phone stored in the photo.

Phones smooth it along edges of the photo. Objects that touch the subject then lie at its depth,
so only a very clear difference restores anything. Set after one photo of two children in a cart.
"""

_POLICY_BY_SOURCE = {
    "stored": _EMBEDDED_POLICY,
    "sensor": _MEASURED_POLICY,
    "stereo": _MATCHED_POLICY,
    "mono": _ESTIMATED_POLICY,
}
"""Policy of each built-in `Depth.source`. Any other source counts as an estimate."""


def source_policy(depth: Depth) -> SourcePolicy:
    """Thresholds for this depth, by its source.

    Parameters
    ----------
    depth : Depth
        Only `depth.source` is read.

    Returns
    -------
    SourcePolicy
        That of the built-in source. A source that is not built in counts as an estimate: a
        user's own function may return an estimate, and trusting it like a sensor removes people.
    """
    return _POLICY_BY_SOURCE.get(depth.source, _ESTIMATED_POLICY)


def is_measured(depth: Depth) -> bool:
    """Whether the depth comes from a built-in source that measures, not from an estimate."""
    return source_policy(depth) is not _ESTIMATED_POLICY
