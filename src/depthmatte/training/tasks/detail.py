"""The detail network's task: patches of composites and photos, varied here, loss, validation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import InputError
from ...segment.refine import DETAIL_INPUTS
from ...system.printable_text import label
from ...types import Float
from ..augment.color import random_tone
from ..data.splits import Split
from ..losses import gradient_l1, weighted_l1
from ..networks.detail import DetailOutput
from ..recipe import Preset
from ..types import Rng, SampleKey, TrainingSample
from .augmentation import DEFAULT_DETAIL_AUGMENTATION, DetailAugmentation, DetailPatch
from .detail_patches import PHOTO_PATCHES
from .task import MaterialOptions, Validator

_PYRAMID_LEVELS = 4
"""Levels of the Laplacian pyramid in the loss."""

_UNSURE_WEIGHT = 3.0
"""What a pixel counts more where truth or coarse alpha is soft.

It does not count more where the two differ. Then the network would rather change certain alpha
than keep it, and a haze would lie along sharp outlines.
"""

_SOFT = 0.02
"""Difference from 0 and 1 from which alpha is soft."""

_DECIDED_WEIGHT = 1.0
"""What a pixel costs that is half sure where the truth is sure."""

_VALIDATION_BATCH = 8


@dataclass(frozen=True)
class DetailSamples:
    """Files of patches; `shares` say how often an epoch draws each."""

    files: list[Path]
    shares: list[float]
    preset: Preset
    augmentation: DetailAugmentation = DEFAULT_DETAIL_AUGMENTATION

    @classmethod
    def from_options(cls, options: MaterialOptions) -> DetailSamples:
        """The training patches in `labels`: a folder made by `depthmatte train composites`."""
        how = options.numbers(DetailAugmentation)
        return cls.of_split(options.labels, options.preset, "train", how)

    @classmethod
    def of_split(
        cls,
        labels: Path | None,
        preset: Preset,
        split: Split,
        augmentation: DetailAugmentation = DEFAULT_DETAIL_AUGMENTATION,
    ) -> DetailSamples:
        """All patches of one split in `labels`; InputError where there are none."""
        if labels is None:
            raise InputError(
                "--labels: no patches to learn from; make them with depthmatte train composites"
            )
        files = sorted(labels.rglob(f"{split}_*.npy"))
        if not files:
            raise InputError(
                f"{label(labels)}: holds no {split} patches; make them with depthmatte train "
                "composites"
            )
        how = augmentation.patch
        photos = f"{split}_{PHOTO_PATCHES}_"
        shares = [how.photo_share if one.name.startswith(photos) else how.share for one in files]
        return cls(files, shares, preset, augmentation)

    def sample(self, key: SampleKey) -> TrainingSample:
        """`image` (10, h, w), `alpha` and `weight` (1, h, w), all in [0, 1]."""
        index, _, seed = key
        rng = np.random.default_rng(seed)
        patches = read_patches(self.files[index])
        part = _cut_window(rng, patches[int(rng.integers(len(patches)))], self.preset)
        how = self.augmentation.patch
        if rng.random() < how.flip_chance:
            part = part[..., ::-1]
        if rng.random() < how.turn_chance:
            part = part.transpose(0, 2, 1)[..., ::-1] if part.shape[1] == part.shape[2] else part
        part = np.ascontiguousarray(part)
        if rng.random() < how.tone_chance:
            part = self._tone(rng, part)
        made = part.astype(np.float32) / np.float32(255)
        if rng.random() < how.noise_chance:
            grain = rng.standard_normal(made[:3].shape, np.float32)
            made[:3] = np.clip(made[:3] + grain * np.float32(rng.uniform(*how.noise)), 0, 1)
        truth = leave_undecided(made[3], made[DETAIL_INPUTS + 1], how)
        return {
            "image": made[:DETAIL_INPUTS],
            "weight": made[DETAIL_INPUTS : DETAIL_INPUTS + 1],
            "alpha": truth[None],
        }

    def _tone(self, rng: Rng, part: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Photo and both layers in the same other light; swapped colors at times."""
        layers = np.concatenate([part[0:3], part[4:7], part[7:10]], axis=1).transpose(1, 2, 0)
        toned = random_tone(rng, np.ascontiguousarray(layers), self.augmentation.color)
        if rng.random() < self.augmentation.patch.swap_chance:
            toned = toned[..., rng.permutation(3)]
        rows = part.shape[1]
        photo, front, back = (
            toned[at * rows : (at + 1) * rows].transpose(2, 0, 1) for at in range(3)
        )
        return np.concatenate([photo, part[3:4], front, back, part[10:]])


def leave_undecided(coarse: Float, truth: Float, how: DetailPatch) -> Float:
    """The truth, and the coarse alpha where that is wrong over a wide area.

    There only the portrait network can tell what belongs to the person. A network that sees a few
    pixels would learn to be half sure of everything. float32 (h, w) each, in [0, 1].
    """
    side = (how.window, how.window)
    gap = cv2.absdiff(cv2.blur(coarse, side), cv2.blur(truth, side))
    low, high = how.undecided
    left = np.clip((gap - np.float32(low)) / np.float32(max(high - low, 1e-6)), 0, 1)
    return np.asarray(truth + left * (coarse - truth), np.float32)


def read_patches(path: Path) -> NDArray[np.uint8]:
    """Patches as `detail_patches` wrote them, uint8 (n, 12, h, w), read when they are used.

    InputError for another kind of file.
    """
    try:
        patches = np.load(path, mmap_mode="r")
    except (OSError, EOFError, ValueError) as error:
        raise InputError(_no_patches(path)) from error
    if patches.dtype != np.uint8 or patches.ndim != 4 or patches.shape[1] != DETAIL_INPUTS + 2:
        raise InputError(_no_patches(path))
    return np.asarray(patches)


def _no_patches(path: Path) -> str:
    return f"{label(path)}: holds no patches; make them with depthmatte train composites"


def _cut_window(rng: Rng, patch: NDArray[np.uint8], preset: Preset) -> NDArray[np.uint8]:
    """A window of the preset's size, anywhere; the patch is enlarged where it is smaller."""
    rows, columns = preset
    if patch.shape[1] < rows or patch.shape[2] < columns:
        size = max(columns, patch.shape[2]), max(rows, patch.shape[1])
        patch = np.stack([cv2.resize(np.ascontiguousarray(plane), size) for plane in patch])
    top = int(rng.integers(patch.shape[1] - rows + 1))
    left = int(rng.integers(patch.shape[2] - columns + 1))
    return patch[:, top : top + rows, left : left + columns]


def detail_loss(
    out: DetailOutput, batch: dict[str, Tensor], gradient_weight: float = 1.0
) -> dict[str, Tensor]:
    """The detail network on `alpha` and `weight` (n, 1, h, w).

    Only what is used counts: alpha is mixed with the coarse alpha by the weight, as at run time.
    error: absolute error, more where something is soft; pyramid: absolute error of the
    levels of a Laplacian pyramid; gradient: of differences, which strands need; undecided: how far
    alpha is from both 0 and 1 where the truth is one of them. The others have their least mean
    error with a soft edge where nobody can tell to a pixel where a sharp one lies.
    """
    truth, weight = batch["alpha"], batch["weight"]
    used = out.coarse + weight * (out.alpha - out.coarse)
    between = (truth > _SOFT) & (truth < 1 - _SOFT)
    doubtful = (out.coarse > _SOFT) & (out.coarse < 1 - _SOFT)
    importance = (weight > 0) * (1 + _UNSURE_WEIGHT * (between | doubtful))
    halfway = 4 * used.clamp(0, 1) * (1 - used.clamp(0, 1))
    sure = importance * ~between
    return {
        "undecided": _DECIDED_WEIGHT * weighted_l1(halfway, torch.zeros_like(halfway), sure),
        "error": 4 * weighted_l1(used, truth, importance),
        "pyramid": 2 * _pyramid_error(used - truth, (weight > 0).to(truth)),
        "gradient": gradient_weight * gradient_l1(used, truth, (weight > 0).to(truth)),
    }


def _pyramid_error(error: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute value of the levels of the Laplacian pyramid of an error.

    The pyramid is linear, so that that of an error is the difference of those of the two maps.
    """
    total = error.new_zeros(())
    for _ in range(_PYRAMID_LEVELS):
        small = F.avg_pool2d(error, 2)
        fine = error - F.interpolate(small, scale_factor=2.0, mode="bilinear")
        total = total + weighted_l1(fine, torch.zeros_like(fine), weight)
        error, weight = small, F.max_pool2d(weight, 2)
    return total + weighted_l1(error, torch.zeros_like(error), weight)


def detail_validator(options: MaterialOptions) -> Validator:
    """Mean absolute error in the band on the test half of the patches, against their samples."""
    how = options.numbers(DetailAugmentation).patch
    held = DetailSamples.of_split(options.labels, options.preset, "test").files

    @torch.no_grad()
    def validate(network: nn.Module) -> float:
        network.eval()
        device = next(network.parameters()).device
        total = count = 0.0
        for file in held:
            patches = torch.from_numpy(read_patches(file)[:_VALIDATION_BATCH].copy())
            planes = patches.to(device).float() / 255
            weight = planes[:, DETAIL_INPUTS, None]
            truth = torch.stack([_decided(patch, how) for patch in planes])
            out = network(planes[:, :DETAIL_INPUTS])
            used = out.coarse + weight * (out.alpha.clamp(0, 1) - out.coarse)
            total += float(((used - truth).abs() * weight).sum())
            count += float(weight.sum())
        return total / max(count, 1.0)

    return validate


def _decided(patch: Tensor, how: DetailPatch) -> Tensor:
    """What a network should say of a patch (12, h, w): (1, h, w)."""
    coarse, truth = (patch[at].cpu().numpy() for at in (3, DETAIL_INPUTS + 1))
    return torch.from_numpy(leave_undecided(coarse, truth, how))[None].to(patch)
