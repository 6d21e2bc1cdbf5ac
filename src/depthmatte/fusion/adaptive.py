"""The fusion `adaptive`: depth decides what belongs to the subject, the matte how (row B1).

A small network judges from matte, depth and colours (`features`) what belongs to the
subject; where its verdict and the matte disagree clearly, regions are dropped or restored,
elsewhere alpha stays the matte's own, hair included. No depth, or none of the subject,
changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from ..canvas import resize
from ..errors import WeightsError
from ..networks import table
from ..networks.network import Network
from ..subjects.select import drop_instances_behind
from ..types import Float
from ..values import Depth, Matte
from .inputs import BLOCK_SIDE_PX, FUSION_INPUTS, feature_maps, pool_blocks
from .region_decision import apply_foreground, source_policy
from .reliability import depth_reliability


def fuse_adaptive(
    matte: Matte, depth: Depth, load_network: Callable[[], Network] | None = None
) -> Matte:
    """S_in with false regions dropped and missed parts restored where depth knows better.

    Parameters
    ----------
    matte, depth
        The two opinions, on one canvas (h, w).
    judge
        Gives the fusion network when it is needed; the shipped one if not given.

    Raises
    ------
    WeightsError
        When the network cannot be used.
    """
    trusted = source_policy(depth)
    share = depth_reliability(matte, depth)
    if share == 0:
        return matte
    # A map that is half believed may be a wrong one, which tears people.
    near, at = drop_instances_behind(
        matte, depth, trusted.behind_log_depth if share == 1 else math.inf
    )
    if math.isnan(at):
        return matte
    verdict = _predict_foreground(
        feature_maps(near, depth, at), _check_channels((load_network or _shipped_network)())
    )
    away = np.where(depth.usable, depth.log_depth - np.float32(at), np.float32(np.nan))
    fused = apply_foreground(near.alpha, verdict, away, trusted)
    return replace(matte, alpha=matte.alpha + np.float32(share) * (fused - matte.alpha))


@cache
def _shipped_network() -> Network:
    """The shipped fusion network, loaded once, on all cores."""
    return Network(table.network_path("fuse")).require_task("fuse")


def _check_channels(network: Network) -> Network:
    if network.contract.channels != FUSION_INPUTS:
        raise WeightsError(f"{network.name}: made for other features; reinstall depthmatte")
    return network


def _predict_foreground(maps: Sequence[Float], network: Network) -> Float:
    """The verdict (h, w); the maps are filled up to whole blocks and cut again."""
    rows, columns = maps[0].shape
    step = BLOCK_SIDE_PX * network.contract.multiple
    height, width = (-(-side // step) * step for side in (rows, columns))
    if (height, width) != (rows, columns):
        maps = [np.pad(plane, ((0, height - rows), (0, width - columns))) for plane in maps]
    verdict = resize(network.run(pool_blocks(maps)[None])["verdict"][0, 0], (height, width))
    return np.asarray(np.clip(verdict[:rows, :columns], 0, 1), np.float32)
