"""Training samples of the fusion network: maps of scenes and photos, made once, varied here.

A file of maps (`fusion_maps`) holds what the networks and sensors said about one picture
and who the subject really is. Depth that lies (upside down, of another scene, constant)
is shown too: there the right answer is the matte as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import Float, resize
from ..errors import InputError
from ..fuse.features import features
from ..maps import Depth, Matte
from .augment import Rng
from .data import Split
from .samples import Key, Sample

SOURCES = ("sensor", "stereo", "mono")

LIES = 0.3
"""Share of samples whose depth is wrong altogether."""

LOST = 0.4
"""Share of samples in which pieces are cut out of S_in and I1."""

BESIDE, FAR_BESIDE = 0.35, 0.15
"""Shares of samples whose depth lies some pixels beside the photo, and clearly beside it."""

SHARES = {"scene": 4.0, "composite": 3.0}
"""How often an epoch draws a scene with depth of all kinds, and a person before a crowd."""

PHOTO_SHARE = 2.0
"""How often an epoch draws an ordinary photo, where there is little to do."""

STRAY = 0.25
"""Share of samples in which pieces beside the person are added to S_in and I1."""

MISPLACED = 0.3
"""Share of estimates that put part of the subject at the background's depth."""

NARROW = (0.15, 0.35)
"""How wide a limb is at most, as a share of the subject's size, the root of its area."""

LIMB = 0.005
"""Least area of a limb as a share of the subject's."""

COLOURLESS = 0.1
"""Share of samples without colours: of a matte that does not say what it was cut from."""


@dataclass(frozen=True)
class Material:
    """One picture: all maps float32 (h, w) in [0, 1]; `depths` maps a source to (d, I2)."""

    matte: Matte
    truth: Float
    depths: dict[str, tuple[Float, Float]]


def read_material(path: Path) -> Material:
    """Maps as `fusion_maps` wrote them; InputError for another kind of file."""
    try:
        with np.load(path) as stored:
            planes = {name: stored[name] for name in stored.files}
        depths = {
            source: (planes[source].astype(np.float32), _unit(planes[f"{source}_prob"]))
            for source in SOURCES
            if source in planes
        }
        matte = Matte(_unit(planes["alpha"]), _unit(planes["prob"]), _unpacked(planes["rgb"]))
        return Material(matte, _unit(planes["truth"]), depths)
    except (OSError, ValueError, KeyError, cv2.error) as error:
        raise InputError(f"{path}: holds no maps; make them with depthmatte train maps") from error


def _share(path: Path) -> float:
    """How often an epoch draws this file: `SPLIT_KIND_...` says of what it is."""
    return SHARES.get(path.name.split("_")[1], PHOTO_SHARE)


def _unpacked(rgb: NDArray[Any]) -> Float:
    """A WebP file's bytes -> colours float32 (3, h, w)."""
    bgr = cv2.imdecode(rgb, cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError("no picture")
    return _unit(np.ascontiguousarray(bgr.transpose(2, 0, 1)[::-1]))


def _unit(plane: NDArray[Any]) -> Float:
    return plane.astype(np.float32) / np.float32(255)


@dataclass(frozen=True)
class FusionSamples:
    """Files of maps; `shares` say how often an epoch draws each."""

    files: list[Path]
    shares: list[float]
    preset: tuple[int, int]

    @classmethod
    def of(
        cls,
        data: Path,
        preset: tuple[int, int],
        labels: Path | None = None,
        strength: float = 1.0,
        split: Split = "train",
    ) -> FusionSamples:
        """All maps of one split in `labels`: folders made by `depthmatte train maps`."""
        files = sorted(labels.rglob(f"{split}_*.npz")) if labels else []
        if not files:
            raise InputError(f"{labels}: holds no maps; make them with depthmatte train maps")
        return cls(files, [_share(path) for path in files], preset)

    def plain(self) -> Iterator[tuple[Float, Float]]:
        """Every picture with every source as it is: features and the true alpha."""
        for path in self.files:
            material = read_material(path)
            for d, prob in material.depths.values():
                at = subject_depth(d, prob, material.truth, material.matte.alpha)
                if at is not None:
                    depth = Depth(np.where(prob > 0, d, 0), prob)
                    yield features(material.matte, depth, at), material.truth

    def sample(self, key: Key) -> Sample:
        """`image` (CHANNELS, h, w) and `alpha` (1, h, w): what the fused alpha should be."""
        index, landscape, seed = key
        rng = np.random.default_rng(seed)
        material = read_material(self.files[index])
        shape = self.preset[::-1] if landscape else self.preset
        source = str(rng.choice(sorted(material.depths)))
        d, prob = material.depths[source]
        at = subject_depth(d, prob, material.truth, material.matte.alpha)
        if rng.random() < LIES or at is None:
            d, prob, at = self._lie(rng, d, prob)
            truth = material.matte.alpha
            alpha, sure = material.matte.alpha, material.matte.prob
        else:
            truth = material.truth
            alpha, sure = _stray(rng, *_lose(rng, material.matte), truth)
            if source == "mono" and rng.random() < MISPLACED:
                d, prob = _misplaced(rng, d, prob, truth)
        colours = _coloured(rng, material.matte)
        planes = _varied(rng, [alpha, sure, truth, *colours, d, prob], shape)
        alpha, sure, truth, *colours, d, prob = planes
        rgb = np.stack(colours) if colours else None
        known = prob > 0
        stack = features(Matte(alpha, sure, rgb), Depth(np.where(known, d, 0), prob), at)
        return {"image": stack, "alpha": truth[None]}

    def _lie(self, rng: Rng, d: Float, prob: Float) -> tuple[Float, Float, float]:
        """Depth that has nothing to do with the picture, and where the subject seems to be."""
        if rng.random() < 0.25:
            other = read_material(self.files[int(rng.integers(len(self.files)))])
            if other.depths:
                strange = other.depths[str(rng.choice(sorted(other.depths)))]
                fitting = [np.asarray(resize(plane, d.shape), np.float32) for plane in strange]
                return fitting[0], fitting[1], float(rng.random())
        return _lie(rng, d, prob)


def subject_depth(d: Float, prob: Float, truth: Float, alpha: Float) -> float | None:
    """Median d over the true subject, where depth and matte see it; None where they do not."""
    seen = (truth > 0.5) & (alpha > 0.5) & (prob > 0)
    if not seen.any():
        return None
    return float(np.median(d[seen]))


def _lie(rng: Rng, d: Float, prob: Float) -> tuple[Float, Float, float]:
    """Depth upside down, mirrored, constant or made up, and where the subject seems to be."""
    kind = rng.integers(4)
    if kind == 0:
        d, prob = d[::-1], prob[::-1]
    elif kind == 1:
        d, prob = d[:, ::-1], prob[:, ::-1]
    elif kind == 2:
        d, prob = np.full_like(d, rng.random()), np.full_like(prob, rng.uniform(0.2, 1))
    else:
        rough = rng.random((int(rng.integers(2, 7)), int(rng.integers(2, 7)))).astype(np.float32)
        d = np.clip(cv2.resize(rough, d.shape[::-1], interpolation=cv2.INTER_CUBIC), 0, 1)
        prob = np.full_like(prob, rng.uniform(0.2, 1))
    return np.ascontiguousarray(d), np.ascontiguousarray(prob), float(rng.random())


def _lose(rng: Rng, matte: Matte) -> tuple[Float, Float]:
    """Cut ovals and bars out of the matte now and then, as a network misses limbs and bags."""
    if rng.random() >= LOST or not (matte.alpha > 0.5).any():
        return matte.alpha, matte.prob
    rows, columns = np.nonzero(matte.alpha > 0.5)
    hole = _ovals(rng, rows, columns, np.sqrt(rows.size), matte.alpha.shape)
    left = np.float32(rng.choice([0.0, 0.0, 0.25]))
    keep = 1 - hole * (1 - left)
    return matte.alpha * keep, matte.prob * keep


def _stray(rng: Rng, alpha: Float, prob: Float, truth: Float) -> tuple[Float, Float]:
    """Add ovals just outside the person now and then, as a network takes in who stands behind."""
    size = np.sqrt(float((truth > 0.5).sum()))
    if rng.random() >= STRAY or size < 1:
        return alpha, prob
    side = 2 * max(1, round(0.15 * size)) + 1
    around = cv2.dilate((truth > 0.5).astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    rows, columns = np.nonzero(around & (truth < 0.5))
    if not rows.size:
        return alpha, prob
    extra = _ovals(rng, rows, columns, size, alpha.shape) * (1 - truth)
    high = extra * np.float32(rng.uniform(0.6, 1))
    return np.maximum(alpha, high), np.maximum(prob, high * np.float32(rng.uniform(0.7, 1)))


def _misplaced(rng: Rng, d: Float, prob: Float, truth: Float) -> tuple[Float, Float]:
    """Part of the subject at the depth of what lies behind, as estimates do it; surely or not.

    Half the time limbs, where people are narrow, at the depth beside them; else a shoulder or
    the like.
    """
    rows, columns = np.nonzero(truth > 0.5)
    outside = d[truth < 0.05]
    if not rows.size or not outside.size:
        return d, prob
    size = np.sqrt(rows.size)
    if rng.random() < 0.5:
        wrong, far = _limbs(rng, truth, size), _beside(d, truth)
    else:
        wrong = _ovals(rng, rows, columns, size, d.shape, (0.1, 0.6))
        far = np.full_like(d, np.percentile(outside, rng.uniform(30, 95)))
    # Estimates that fail fade from right to wrong; they seldom step there.
    wrong = np.asarray(cv2.GaussianBlur(wrong, (0, 0), rng.uniform(1, 6)), np.float32)
    return d + wrong * (far - d), prob * (1 - wrong * np.float32(rng.uniform(0, 0.7)))


def _limbs(rng: Rng, truth: Float, size: float) -> Float:
    """1 on some of the places where the subject is narrow, and a little around them."""
    solid = (truth > 0.5).astype(np.uint8)
    width = 2 * round(size * rng.uniform(*NARROW) / 2) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    narrow = cv2.morphologyEx(solid, cv2.MORPH_TOPHAT, disc)
    count, label, stats, _ = cv2.connectedComponentsWithStats(narrow)
    large = stats[:, cv2.CC_STAT_AREA] >= LIMB * size**2
    chosen = large & (rng.random(count) < 0.5)
    chosen[0] = False
    around = cv2.dilate(chosen[label].astype(np.uint8), np.ones((5, 5), np.uint8))
    return np.asarray(around, np.float32)


def _beside(d: Float, truth: Float) -> Float:
    """d with every pixel of the subject as the nearest one outside."""
    inside = (truth >= 0.05).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(
        inside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    outside = inside == 0
    owner = np.zeros(int(nearest.max()) + 1, np.float32)
    owner[nearest[outside]] = d[outside]
    return np.asarray(owner[nearest], np.float32)


def _ovals(
    rng: Rng,
    rows: NDArray[Any],
    columns: NDArray[Any],
    size: float,
    shape: tuple[int, ...],
    axes: tuple[float, float] = (0.06, 0.35),
) -> Float:
    """One to three soft ovals about points among (rows, columns).

    Their half `axes` are shares of a person's `size`.
    """
    drawn: Any = np.zeros(shape, np.float32)
    for _ in range(int(rng.integers(1, 4))):
        spot = int(rng.integers(rows.size))
        half = [max(2, round(size * share)) for share in rng.uniform(*axes, 2)]
        centre = (int(columns[spot]), int(rows[spot]))
        cv2.ellipse(drawn, centre, half, rng.uniform(0, 180), 0, 360, 1.0, -1)
    return np.asarray(cv2.GaussianBlur(drawn, (0, 0), rng.uniform(0.5, 2.5)), np.float32)


def _coloured(rng: Rng, matte: Matte) -> list[Float]:
    """The picture's three colours in other light; none now and then."""
    if matte.rgb is None or rng.random() < COLOURLESS:
        return []
    gamma = np.exp(rng.normal(0, 0.2))
    gains = np.exp(rng.normal(0, 0.12) + rng.normal(0, 0.05, 3))
    return [
        np.clip(plane**gamma * gain, 0, 1).astype(np.float32)
        for plane, gain in zip(matte.rgb, gains, strict=True)
    ]


def _varied(rng: Rng, planes: list[Float], shape: tuple[int, int]) -> list[Float]:
    """Mirror, scale and move all maps together onto `shape`; depth, the last two of them, may
    lie a little beside.
    """
    height, width = planes[0].shape
    scale = min(shape[0] / height, shape[1] / width) * np.exp(rng.uniform(-0.2, 0.35))
    mirrored = rng.random() < 0.5
    matrix = np.array(
        [
            [-scale if mirrored else scale, 0, shape[1] / 2],
            [0, scale, shape[0] / 2],
        ]
    )
    middle = np.array([width / 2, height / 2]) * (1 + rng.uniform(-0.12, 0.12, 2))
    matrix[:, 2] -= matrix[:, :2] @ middle
    aside = matrix.copy()
    if rng.random() < BESIDE:
        aside[:, 2] += rng.normal(0, 3, 2)
    elif rng.random() < FAR_BESIDE:
        aside[:, 2] += rng.choice([-1, 1], 2) * rng.uniform(0, 14, 2)
    moved = [
        cv2.warpAffine(plane, m, shape[::-1], flags=method)
        for plane, m, method in zip(
            planes,
            [matrix] * (len(planes) - 2) + [aside] * 2,
            [cv2.INTER_LINEAR] * (len(planes) - 2) + [cv2.INTER_NEAREST] * 2,
            strict=True,
        )
    ]
    return [np.asarray(np.clip(plane, 0, 1), np.float32) for plane in moved]
