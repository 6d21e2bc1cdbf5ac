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

from .. import weights
from ..arrays import Float
from ..canvas import resize
from ..errors import WeightsError
from ..maps import Depth, Matte
from ..network import Network
from .agreement import believed
from .decision import decide, trust
from .features import COARSE, INPUTS, blocks, planes
from .subject import meant


def adaptive(matte: Matte, depth: Depth, judge: Callable[[], Network] | None = None) -> Matte:
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
    trusted = trust(depth)
    share = believed(matte, depth)
    if share == 0:
        return matte
    # A map that is half believed may be a wrong one, which tears people.
    near, at = meant(matte, depth, trusted.behind if share == 1 else math.inf)
    if math.isnan(at):
        return matte
    verdict = _judged(planes(near, depth, at), _fitting((judge or shipped)()))
    away = np.where(depth.usable, depth.log - np.float32(at), np.float32(np.nan))
    fused = decide(near.alpha, verdict, away, trusted)
    return replace(matte, alpha=matte.alpha + np.float32(share) * (fused - matte.alpha))


@cache
def shipped() -> Network:
    """The shipped fusion network, loaded once, on all cores."""
    return Network(weights.path("fuse")).expect("fuse")


def _fitting(network: Network) -> Network:
    if network.contract.channels != INPUTS:
        raise WeightsError(f"{network.name}: made for other features; reinstall depthmatte")
    return network


def _judged(maps: Sequence[Float], network: Network) -> Float:
    """The verdict (h, w); the maps are filled up to whole blocks and cut again."""
    rows, columns = maps[0].shape
    step = COARSE * network.contract.multiple
    height, width = (-(-side // step) * step for side in (rows, columns))
    if (height, width) != (rows, columns):
        maps = [np.pad(plane, ((0, height - rows), (0, width - columns))) for plane in maps]
    verdict = resize(network.run(blocks(maps)[None])["verdict"][0, 0], (height, width))
    return np.asarray(np.clip(verdict[:rows, :columns], 0, 1), np.float32)
