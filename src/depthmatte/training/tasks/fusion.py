"""The fusion network's task: maps of scenes and photos, made once and varied here, and loss.

A file of maps (`tasks.fusion_maps`) holds what networks and sensors said about one picture and
which pixels are the subject. Wrong depth is shown too: upside down, of another scene, constant.
There the right answer is the matte as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ...canvas import resize
from ...errors import InputError
from ...fusion.inputs import stack_features
from ...system.printable_text import label
from ...types import Float
from ...values import Depth, Matte
from ..augment.corruptions import (
    add_false_positives,
    crop_field_of_view,
    drop_regions,
    misplace_depth,
    wrong_depth,
)
from ..data.assets import GROUP_SETS
from ..data.splits import Split
from ..losses import soft_iou
from ..networks.fusion import FusionOutput
from ..recipe import Preset
from ..types import Rng, SampleKey, TrainingSample
from .augmentation import DEFAULT_FUSION_AUGMENTATION, FusionAugmentation, FusionSampling
from .task import MaterialOptions, Validator, as_batch

_DEPTH_SOURCES = ("sensor", "stereo", "mono")


@dataclass(frozen=True)
class FusionMaps:
    """One picture, all maps float32 (h, w) in [0, 1].

    `depths` maps a source to log depth and depth probability.
    """

    matte: Matte
    truth: Float
    depths: dict[str, tuple[Float, Float]]


def read_fusion_maps(path: Path) -> FusionMaps:
    """Maps as `fusion_maps` wrote them; InputError for another kind of file."""
    try:
        with np.load(path) as stored:
            planes = {name: stored[name] for name in stored.files}
        depths = {
            source: (planes[source].astype(np.float32), _from_bytes(planes[f"{source}_prob"]))
            for source in _DEPTH_SOURCES
            if source in planes
        }
        matte = Matte(
            _from_bytes(planes["alpha"]), _from_bytes(planes["prob"]), _decode_webp(planes["rgb"])
        )
        return FusionMaps(matte, _from_bytes(planes["truth"]), depths)
    except (OSError, ValueError, KeyError, cv2.error) as error:
        raise InputError(f"{path}: holds no maps; make them with depthmatte train maps") from error


def _share(path: Path, sampling: FusionSampling) -> float:
    """How often an epoch draws this file: `SPLIT_KIND_...` says of what it is."""
    kind = path.name.split("_")[1]
    if kind in GROUP_SETS:
        return sampling.group_share
    known = {"scene": sampling.scene_share, "composite": sampling.composite_share}
    return known.get(kind, sampling.photo_share)


def _decode_webp(rgb: NDArray[Any]) -> Float:
    """A WebP file's bytes -> colors float32 (3, h, w)."""
    bgr = cv2.imdecode(rgb, cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError("no picture")
    return _from_bytes(np.ascontiguousarray(bgr.transpose(2, 0, 1)[::-1]))


def _from_bytes(plane: NDArray[Any]) -> Float:
    return plane.astype(np.float32) / np.float32(255)


@dataclass(frozen=True)
class FusionSamples:
    """Files of maps; `shares` say how often an epoch draws each."""

    files: list[Path]
    shares: list[float]
    preset: tuple[int, int]
    augmentation: FusionAugmentation = DEFAULT_FUSION_AUGMENTATION

    @classmethod
    def from_options(cls, options: MaterialOptions) -> FusionSamples:
        """The training maps in `labels`: folders made by `depthmatte train maps`."""
        how = options.numbers(FusionAugmentation)
        return cls.of_split(options.labels, options.preset, "train", how)

    @classmethod
    def of_split(
        cls,
        labels: Path | None,
        preset: Preset,
        split: Split,
        augmentation: FusionAugmentation = DEFAULT_FUSION_AUGMENTATION,
    ) -> FusionSamples:
        """All maps of one split in `labels`; InputError where there are none."""
        if labels is None:
            raise InputError(
                "--labels: no maps to learn from; make them with depthmatte train maps"
            )
        files = sorted(labels.rglob(f"{split}_*.npz"))
        if not files:
            raise InputError(
                f"{label(labels)}: holds no {split} maps; make them with depthmatte train maps"
            )
        shares = [_share(path, augmentation.sampling) for path in files]
        return cls(files, shares, preset, augmentation)

    def iter_plain(self) -> Iterator[tuple[Float, Float]]:
        """Every picture with every source as it is: features and the true alpha."""
        for path in self.files:
            material = read_fusion_maps(path)
            for d, prob in material.depths.values():
                at = subject_depth(d, prob, material.truth, material.matte.alpha)
                if at is not None:
                    depth = Depth(np.where(prob > 0, d, 0), prob)
                    yield stack_features(material.matte, depth, at), material.truth

    def sample(self, key: SampleKey) -> TrainingSample:
        """`image` (9, h, w) and `alpha` (1, h, w): what the fused alpha should be."""
        index, landscape, seed = key
        rng = np.random.default_rng(seed)
        material = read_fusion_maps(self.files[index])
        shape = self.preset[::-1] if landscape else self.preset
        source = str(rng.choice(sorted(material.depths)))
        d, prob = material.depths[source]
        at = subject_depth(d, prob, material.truth, material.matte.alpha)
        how, corruption = self.augmentation.sampling, self.augmentation.corruption
        if rng.random() < how.wrong_depth_chance or at is None:
            d, prob, at = self._wrong_depth(rng, d, prob)
            truth = material.matte.alpha
            alpha, sure = material.matte.alpha, material.matte.prob
        else:
            truth = material.truth
            alpha, sure = drop_regions(rng, material.matte, corruption)
            alpha, sure = add_false_positives(rng, alpha, sure, truth, corruption)
            if source == "mono" and rng.random() < how.misplaced_chance:
                d, prob = misplace_depth(rng, d, prob, truth, corruption)
            if source != "mono" and rng.random() < how.cropped_field_chance:
                prob, at = self._crop_field_of_view(rng, d, prob, material) or (prob, at)
        colors = _vary_light(rng, material.matte, how)
        planes = _vary_geometry(rng, [alpha, sure, truth, *colors, d, prob], shape, how)
        alpha, sure, truth, *colors, d, prob = planes
        rgb = np.stack(colors) if colors else None
        known = prob > 0
        stack = stack_features(Matte(alpha, sure, rgb), Depth(np.where(known, d, 0), prob), at)
        return {"image": stack, "alpha": truth[None]}

    def _crop_field_of_view(
        self, rng: Rng, d: Float, prob: Float, material: FusionMaps
    ) -> tuple[Float, float] | None:
        """Depth probability of a camera that sees a part of the photo, and the subject's depth.

        None where the camera sees nothing of the subject.
        """
        seen = crop_field_of_view(rng, prob, self.augmentation.corruption)
        at = subject_depth(d, seen, material.truth, material.matte.alpha)
        return None if at is None else (seen, at)

    def _wrong_depth(self, rng: Rng, d: Float, prob: Float) -> tuple[Float, Float, float]:
        """Depth that has nothing to do with the picture, and where the subject seems to be."""
        if rng.random() < self.augmentation.sampling.other_scene_share:
            other = read_fusion_maps(self.files[int(rng.integers(len(self.files)))])
            if other.depths:
                strange = other.depths[str(rng.choice(sorted(other.depths)))]
                fitting = [np.asarray(resize(plane, d.shape), np.float32) for plane in strange]
                return fitting[0], fitting[1], float(rng.random())
        return wrong_depth(rng, d, prob, self.augmentation.corruption)


def subject_depth(d: Float, prob: Float, truth: Float, alpha: Float) -> float | None:
    """Median d over the true subject, where depth and matte see it; None where they do not.

    At run time the truth is unknown: `subjects.select.subject_log_depth` estimates this depth.
    """
    seen = (truth > 0.5) & (alpha > 0.5) & (prob > 0)
    if not seen.any():
        return None
    return float(np.median(d[seen]))


def _vary_light(rng: Rng, matte: Matte, how: FusionSampling) -> list[Float]:
    """The picture's three colors in other light; sometimes none."""
    if matte.rgb is None or rng.random() < how.no_color_chance:
        return []
    gamma = np.exp(rng.normal(0, how.gamma_spread))
    exposure = rng.normal(0, how.gain_spread)
    gains = np.exp(exposure + rng.normal(0, how.white_balance_spread, 3))
    return [
        np.clip(plane**gamma * gain, 0, 1).astype(np.float32)
        for plane, gain in zip(matte.rgb, gains, strict=True)
    ]


def _vary_geometry(
    rng: Rng, planes: list[Float], shape: tuple[int, int], how: FusionSampling
) -> list[Float]:
    """Mirror, scale and move all maps together onto `shape`; depth, the last two of them, may
    be shifted a little.
    """
    height, width = planes[0].shape
    scale = min(shape[0] / height, shape[1] / width) * np.exp(rng.uniform(*how.zoom))
    mirrored = rng.random() < how.flip_chance
    matrix = np.array(
        [
            [-scale if mirrored else scale, 0, shape[1] / 2],
            [0, scale, shape[0] / 2],
        ]
    )
    middle = np.array([width / 2, height / 2]) * (1 + rng.uniform(-how.move, how.move, 2))
    matrix[:, 2] -= matrix[:, :2] @ middle
    aside = matrix.copy()
    if rng.random() < how.offset_chance:
        aside[:, 2] += rng.normal(0, how.offset_spread, 2)
    elif rng.random() < how.large_offset_chance:
        aside[:, 2] += rng.choice([-1, 1], 2) * rng.uniform(0, how.large_offset, 2)
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


def fusion_loss(out: FusionOutput, truth: Tensor) -> dict[str, Tensor]:
    """The fusion network against the subject's true alpha (n, 1, h, w).

    verdict: cross-entropy at a quarter of the size; error: absolute error of the fused
    alpha; iou: soft IoU, so that small subjects count.
    """
    coarse = F.avg_pool2d(truth, truth.shape[-1] // out.logits.shape[-1])
    return {
        "verdict": F.binary_cross_entropy_with_logits(out.logits, coarse),
        "error": 4 * (out.alpha - truth).abs().mean(),
        "iou": 0.5 * soft_iou(out.alpha, truth),
    }


def fusion_validator(options: MaterialOptions) -> Validator:
    """1 - mean IoU of the fused alpha on the test half of the maps, every source in turn."""
    held = FusionSamples.of_split(options.labels, options.preset, "test")

    @torch.no_grad()
    def validate(network: nn.Module) -> float:
        network.eval()
        scores = []
        for stack, truth in held.iter_plain():
            alpha = network(as_batch(network, stack)).alpha[0, 0].cpu().numpy()
            guess, true = alpha > 0.5, truth > 0.5
            scores.append((guess & true).sum() / max(1, (guess | true).sum()))
        return 1 - float(np.mean(scores))

    return validate
