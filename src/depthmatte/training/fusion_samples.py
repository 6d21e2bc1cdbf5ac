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
from ..text import label
from . import mistakes
from .augment import Rng
from .data import Split
from .samples import Key, Sample

SOURCES = ("sensor", "stereo", "mono")

LIES = 0.3
"""Share of samples whose depth is wrong altogether."""

BESIDE, FAR_BESIDE = 0.35, 0.15
"""Shares of samples whose depth lies some pixels beside the photo, and clearly beside it."""

SHARES = {"scene": 6.0, "composite": 2.0, "vikram": 1.0, "pennfudan": 1.0}
"""How often an epoch draws a scene with depth of all kinds, people of composites, and photos of
groups."""

PHOTO_SHARE = 2.0
"""How often an epoch draws an ordinary photo, where there is little to do."""

NARROWED = 0.25
"""Share of samples whose depth camera or second view sees a part of the photo."""

MISPLACED = 0.3
"""Share of estimates that put part of the subject at the background's depth."""

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
        cls, labels: Path | None, preset: tuple[int, int], split: Split = "train"
    ) -> FusionSamples:
        """All maps of one split in `labels`: folders made by `depthmatte train maps`."""
        if labels is None:
            raise InputError(
                "--labels: no maps to learn from; make them with depthmatte train maps"
            )
        files = sorted(labels.rglob(f"{split}_*.npz"))
        if not files:
            raise InputError(
                f"{label(labels)}: holds no {split} maps; make them with depthmatte train maps"
            )
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
            alpha, sure = mistakes.stray(rng, *mistakes.lose(rng, material.matte), truth)
            if source == "mono" and rng.random() < MISPLACED:
                d, prob = mistakes.misplaced(rng, d, prob, truth)
            if source != "mono" and rng.random() < NARROWED:
                prob, at = self._narrowed(rng, d, prob, material) or (prob, at)
        colours = _coloured(rng, material.matte)
        planes = _varied(rng, [alpha, sure, truth, *colours, d, prob], shape)
        alpha, sure, truth, *colours, d, prob = planes
        rgb = np.stack(colours) if colours else None
        known = prob > 0
        stack = features(Matte(alpha, sure, rgb), Depth(np.where(known, d, 0), prob), at)
        return {"image": stack, "alpha": truth[None]}

    def _narrowed(
        self, rng: Rng, d: Float, prob: Float, material: Material
    ) -> tuple[Float, float] | None:
        """I2 of a camera that sees a part of the photo, and the subject's depth by it; None where
        it sees nothing of the subject.
        """
        seen = mistakes.narrowed(rng, prob)
        at = subject_depth(d, seen, material.truth, material.matte.alpha)
        return None if at is None else (seen, at)

    def _lie(self, rng: Rng, d: Float, prob: Float) -> tuple[Float, Float, float]:
        """Depth that has nothing to do with the picture, and where the subject seems to be."""
        if rng.random() < 0.25:
            other = read_material(self.files[int(rng.integers(len(self.files)))])
            if other.depths:
                strange = other.depths[str(rng.choice(sorted(other.depths)))]
                fitting = [np.asarray(resize(plane, d.shape), np.float32) for plane in strange]
                return fitting[0], fitting[1], float(rng.random())
        return mistakes.lie(rng, d, prob)


def subject_depth(d: Float, prob: Float, truth: Float, alpha: Float) -> float | None:
    """Median d over the true subject, where depth and matte see it; None where they do not.

    At run time nobody knows the subject yet: `fuse.subject.meant` guesses it from the people.
    """
    seen = (truth > 0.5) & (alpha > 0.5) & (prob > 0)
    if not seen.any():
        return None
    return float(np.median(d[seen]))


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
