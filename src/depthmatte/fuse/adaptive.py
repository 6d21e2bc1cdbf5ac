"""The fusion `adaptive`: depth decides what belongs to the subject, the matte how (row B1).

A small network judges from matte, depth and colours (`features`) what belongs to the
subject; where its verdict and the matte disagree clearly, regions are dropped or restored,
elsewhere alpha stays the matte's own, hair included. No depth, or none of the subject,
changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from .. import weights
from ..canvas import Float, resize, scaled
from ..errors import WeightsError
from ..maps import Depth, Matte
from ..network import Network
from .agreement import agreement, belief
from .features import CHANNELS, COARSE, HALO, NEARBY, features
from .subject import meant

MULTIPLE = 32

SLIGHT = 0.05
"""What is taken from alpha that holds a cut together."""

CLEARLY = (0.5, 0.7)
"""Share of a piece that must be taken: below the first it stays, above the second it goes."""


SUBJECT = 0.5
"""Verdict from which a pixel is the subject's."""

NOBODY = (0.2, 0.3)
"""Verdict below which a pixel is surely not the subject's, and above which it may be."""

REMOTE = (20.0, 30.0)
"""Pixels from the subject up to which hair and fingers reach, and from which nothing does."""


@dataclass(frozen=True)
class Trust:
    """How far a verdict is followed: `lean` is added to its log odds (below 0 drops more), and
    it takes over as its disagreement with the matte goes from `drop` to `drop + wide`, or
    from `restore` to `restore + wide` (half-way to 1 at most) where it sees more than the matte.

    A map is believed as its `agreement` with the outline goes through `doubt`, or always where
    that is None. What is dropped must differ from the subject in log depth, more and more so
    through `apart`; what is restored must not differ by more than `along`. Where nothing was
    measured the disagreement must be larger by `blind`.

    A `wary` fusion cuts off only what lies behind the subject, in pieces of `least` of the
    portrait and more (half of that is nothing) that the verdict gives up by more than half.
    What nothing ties to the subject goes however small it is.

    Chosen on held-out maps of training scenes and photos; runs/fuse.md says what else was in view.
    """

    drop: float
    restore: float
    wide: float = 0.3
    lean: float = 0.0
    doubt: tuple[float, float] | None = None
    apart: tuple[float, float] = (0.08, 0.16)
    along: tuple[float, float] = (0.15, 0.25)
    blind: float = 0.1
    least: float = 0.0
    wary: bool = False


MEASURED = Trust(0.2, 0.05, lean=-0.3, doubt=(0.3, 0.5))
"""Depth of a file or a device: an opinion of its own, if it belongs to the photo."""

MATCHED = replace(MEASURED, doubt=None, blind=0.4)
"""Depth matched from a second view belongs to the photo: nothing would have matched else. What
the other camera did not see is more often the portrait's own side than too far away."""

ESTIMATED = Trust(0.3, 0.85, apart=(0.06, 0.12), least=0.03, wary=True)
"""Depth guessed from the very photo that the matte was made of must disagree more clearly,
most of all before anything is restored; small cuts go wrong too often, with bags and locks of
hair, and so do those in front, with arms that reach for the lens."""

STORED = replace(MEASURED, restore=0.85)
"""Depth that a phone stored is smoothed along the photo's edges: what touches the portrait, a
trolley or a table, lies at its depth, and is restored only where the verdict is very clear."""

TRUST = {"mono": ESTIMATED, "stereo": MATCHED, "stored": STORED}
"""By `Depth.source`; any other is MEASURED."""


def adaptive(matte: Matte, depth: Depth, threads: int | None = None) -> Matte:
    """S_in with false regions dropped and missed parts restored where depth knows better.

    `threads` limits the CPU threads of the network. WeightsError when it cannot be used.
    """
    at = meant(matte, depth)
    if math.isnan(at):
        return matte
    trust = TRUST.get(depth.source, MEASURED)
    share = belief(agreement(matte, depth), trust.doubt) if trust.doubt else 1.0
    if share == 0:
        return matte
    verdict = _judged(features(matte, depth, at), judge(threads))
    away = np.where(depth.usable, depth.log - np.float32(at), np.float32(np.nan))
    fused = decide(matte.alpha, verdict, away, trust)
    return replace(matte, alpha=matte.alpha + np.float32(share) * (fused - matte.alpha))


def decide(alpha: Float, verdict: Float, away: Float, trust: Trust) -> Float:
    """Alpha (h, w) with the verdict's changes: soft edges, and what is far from depth, stay.

    `verdict` is float32 (h, w), the probability of belonging; `away` how far each pixel is
    behind the subject in log depth (below 0 before it), NaN where nothing was measured: there
    depth cannot object.
    """
    verdict = _leaning(verdict, trust.lean)
    shape = alpha.shape[0], alpha.shape[1]
    small = scaled(shape, 1 / COARSE)
    shrunk = np.asarray(resize(alpha, small), np.float32)
    coarse = np.asarray(resize(shrunk, shape), np.float32)
    known = np.isfinite(away)
    near = _near(known, small)
    crisp = np.clip((verdict - np.float32(SUBJECT)) * COARSE + np.float32(0.5), 0, 1)
    spare = near * _elsewhere(away, known, trust) * (alpha - np.minimum(crisp, alpha))
    cut = _dropping(coarse, verdict, known, trust) * spare
    if trust.wary:
        cut = _whole(cut, alpha, trust.least)
    loose = _loose(shrunk, np.asarray(resize(verdict, small), np.float32))
    cut = np.maximum(cut, np.asarray(resize(loose, shape), np.float32) * spare)
    fused = alpha - cut
    gain = near * _restoring(coarse, verdict, away, known, trust)
    fused += gain * (np.maximum(crisp, fused) - fused)
    return np.asarray(np.clip(fused, 0, 1), np.float32)


def _elsewhere(away: Float, known: NDArray[np.bool_], trust: Trust) -> Float:
    """How surely a pixel (h, w) does not lie at the subject's depth; 1 where nobody knows."""
    behind = away if trust.wary else np.abs(away)
    return np.where(known, _ramp(behind, trust.apart), np.float32(1))


def _dropping(coarse: Float, verdict: Float, known: NDArray[np.bool_], trust: Trust) -> Float:
    """Share of what a pixel (h, w) can lose that goes by how the verdict disagrees with
    `coarse`, alpha as coarse as it; `known` says where depth was measured.
    """
    window = np.ones((HALO, HALO), np.uint8)
    lost = np.maximum(coarse - verdict, cv2.dilate(coarse, window) - cv2.dilate(verdict, window))
    asked = np.where(known, np.float32(0), np.float32(trust.blind))
    return _ramp(lost - asked, (trust.drop, trust.drop + trust.wide))


def _loose(alpha: Float, verdict: Float) -> Float:
    """Share of a coarse pixel (h / COARSE, w / COARSE) that goes because nothing ties it to the
    subject, however small it is: soft ones REMOTE from it, and pieces that hold nothing of it.
    """
    subject, solid = verdict >= SUBJECT, alpha >= SUBJECT
    if not subject.any():
        return np.zeros_like(verdict)
    count, piece = cv2.connectedComponents(solid.astype(np.uint8), connectivity=4)
    ties = np.zeros(count, bool)
    ties[piece[subject & solid]] = True
    tied, edge = ties[piece], np.ones((HALO // COARSE + 1,) * 2, np.uint8)
    distance = cv2.distanceTransform((~subject).astype(np.uint8), cv2.DIST_L2, 3)
    remote = _ramp(np.asarray(distance, np.float32) * np.float32(COARSE), REMOTE)
    apart = np.maximum(remote, cv2.dilate((solid & ~tied).astype(np.float32), edge))
    apart[cv2.dilate(tied.astype(np.uint8), edge) > 0] = 0
    return apart * (1 - _ramp(verdict, NOBODY))


def _restoring(
    coarse: Float, verdict: Float, away: Float, known: NDArray[np.bool_], trust: Trust
) -> Float:
    """Share of every pixel (h, w) that comes back where the verdict sees more than the matte."""
    beside = np.where(known, 1 - _ramp(np.abs(away), trust.along), np.float32(1))
    most = min(trust.restore + trust.wide, (1 + trust.restore) / 2)
    return beside * _ramp(verdict - coarse, (trust.restore, most))


def _leaning(verdict: Float, lean: float) -> Float:
    """The verdict with `lean` added to its log odds."""
    odds = np.float32(math.exp(lean))
    return np.asarray(verdict * odds / (1 - verdict + verdict * odds), np.float32)


def _whole(cut: Float, alpha: Float, least: float) -> Float:
    """What is taken from alpha (h, w), less of it in pieces that are under `least` of alpha or
    not `CLEARLY` taken; nothing in those under half of `least` or not half taken.
    """
    count, label = cv2.connectedComponents((cut > SLIGHT).astype(np.uint8))
    inside = label > 0
    piece = label[inside]
    taken, there = (np.bincount(piece, x[inside], count).astype(np.float32) for x in (cut, alpha))
    enough = max(1.0, least * float(alpha.sum()))
    large = _ramp(taken, (0.5 * enough, enough))
    share = np.asarray(taken / np.maximum(there, SLIGHT), np.float32)
    clear = _ramp(share, CLEARLY)
    whole = np.zeros_like(cut)
    whole[inside] = cut[inside] * (large * clear)[piece]
    return whole


def _near(known: NDArray[np.bool_], small: tuple[int, int]) -> Float:
    """1 near measured pixels, 0 far from them, float32 (h, w); looked up at size `small`."""
    shape = known.shape[0], known.shape[1]
    block = np.ones((COARSE, COARSE), np.uint8)
    coarse = resize(cv2.dilate(known.astype(np.uint8), block), small, nearest=True)
    coarse = cv2.dilate(coarse, np.ones((NEARBY, NEARBY), np.uint8))
    return np.asarray(resize(coarse.astype(np.float32), shape), np.float32)


def _ramp(values: Float, ends: tuple[float, float]) -> Float:
    """0 below the first end, 1 above the second, a line between."""
    low, high = ends
    return np.asarray(np.clip((values - low) / (high - low), 0, 1), np.float32)


@lru_cache(maxsize=2)
def judge(threads: int | None = None) -> Network:
    """The shipped fusion network, loaded once."""
    network = Network(weights.path("fuse"), threads).expect("fuse")
    if network.contract.channels != CHANNELS:
        raise WeightsError(f"{network.name}: made for other features; reinstall depthmatte")
    return network


def _judged(stack: Float, network: Network) -> Float:
    """The verdict (h, w); the stack is filled up to whole blocks and cut again."""
    _, rows, columns = stack.shape
    fill = (-rows % MULTIPLE, -columns % MULTIPLE)
    whole = np.pad(stack, ((0, 0), (0, fill[0]), (0, fill[1]))) if any(fill) else stack
    verdict = network.run(whole[None])["verdict"][0, 0, :rows, :columns]
    return np.clip(verdict, 0, 1)
