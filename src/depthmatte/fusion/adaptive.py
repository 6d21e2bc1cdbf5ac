"""The fusion `adaptive`: depth selects regions, the matte keeps its soft edges.

A small network reads matte, depth and colors (`inputs`) and estimates for each pixel whether it
belongs to the subject. People whom a second view shows far behind it are left out before. Where the
estimate disagrees with alpha, whole regions are dropped or restored (`region_decision`).
Elsewhere alpha stays as it is, hair included. Without depth, without depth on the subject, or with
the map of another photo (`reliability`), nothing changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from ..canvas import resize
from ..errors import WeightsError
from ..networks import registry
from ..networks.network import Network
from ..subjects.instances import find_instances
from ..subjects.select import subject_log_depth
from ..types import Float
from ..values import Depth, Matte
from .inputs import BLOCK_SIDE_PX, FUSION_INPUTS, feature_maps, pool_blocks
from .region_decision import apply_foreground, find_strangers
from .reliability import belongs_to_photo
from .source_policy import is_measured, may_be_foreign


def fuse_adaptive(
    matte: Matte, depth: Depth, load_network: Callable[[], Network] | None = None
) -> Matte:
    """Remove false regions and restore missed ones, guided by depth.

    Parameters
    ----------
    matte : Matte
        Maps (h, w) on the canvas.
    depth : Depth
        On the same canvas. `depth.source` says how far it is trusted, see `source_policy`.
    load_network : callable, optional
        Returns the fusion network. It is called only when the network is needed. By default the
        shipped network is used.

    Returns
    -------
    Matte
        With the fused alpha. Probability and colors stay.

    Raises
    ------
    WeightsError
        When the network cannot be used.
    """
    if not belongs_to_photo(matte, depth):
        return matte
    subject_depth = subject_log_depth(matte, depth)
    if math.isnan(subject_depth):
        return matte
    depth_offset = np.where(
        depth.usable, depth.log_depth - np.float32(subject_depth), np.float32(np.nan)
    )
    near, strangers = matte, None
    if is_measured(depth) and not may_be_foreign(depth):
        # A large stranger would be the network's subject. The map of another photo knows none.
        strangers = find_strangers(
            matte.alpha, depth_offset, find_instances(matte, depth), subject_depth
        )
        near = replace(
            matte,
            alpha=np.where(strangers, np.float32(0), matte.alpha),
            prob=np.where(strangers, np.float32(0), matte.prob),
        )
    foreground = _predict_foreground(
        feature_maps(near, depth, subject_depth),
        _check_channels((load_network or _shipped_network)()),
    )
    if strangers is not None:
        foreground[strangers] = 0
    fused = apply_foreground(matte.alpha, foreground, depth_offset, not is_measured(depth))
    return replace(matte, alpha=fused)


@cache
def _shipped_network() -> Network:
    """The shipped fusion network, loaded once, on all cores."""
    return Network(registry.network_path("fuse")).require_task("fuse")


def _check_channels(network: Network) -> Network:
    """The same network; WeightsError if it expects other inputs."""
    if network.contract.channels != FUSION_INPUTS:
        raise WeightsError(f"{network.name}: made for other features; reinstall depthmatte")
    return network


def _predict_foreground(maps: Sequence[Float], network: Network) -> Float:
    """The foreground probability (h, w); maps are padded to whole blocks and cropped again."""
    rows, columns = maps[0].shape
    step = BLOCK_SIDE_PX * network.contract.multiple
    height, width = (-(-side // step) * step for side in (rows, columns))
    if (height, width) != (rows, columns):
        maps = [np.pad(plane, ((0, height - rows), (0, width - columns))) for plane in maps]
    foreground = resize(network.run(pool_blocks(maps)[None])["verdict"][0, 0], (height, width))
    return np.asarray(np.clip(foreground[:rows, :columns], 0, 1), np.float32)
