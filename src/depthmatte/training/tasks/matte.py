"""The portrait network's task: samples of photos with masks, loss and validation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ...canvas import to_canvas
from ...evaluation.metrics import iou
from ...types import RGB
from ..augment.color import obscure_region, random_color
from ..augment.copy_paste import (
    DEFAULT_CROWD,
    CrowdOptions,
    cut_out_person,
    paste_people,
    replace_background,
)
from ..augment.geometry import Stack, random_geometry
from ..cutout_image import CutoutImage
from ..data.folders import LabeledPhoto, label_file, read_gray, read_rgb
from ..data.splits import list_backgrounds, list_matte_photos
from ..losses import outline_band, soft_iou
from ..networks.matte import PortraitLogits, upsample_like
from ..types import Rng, SampleKey, TrainingSample
from .task import (
    CasePredictor,
    HeldOutCase,
    MaterialOptions,
    Validator,
    as_batch,
    to_network_input,
)

_MIN_TEACHER_IOU = 0.88
"""Least IoU of a teacher's matte with the mask before it may soften the outline."""

_OBSCURE_SHARE = 0.3
"""Share of photos in which part of the person is blurred or painted over."""

_REPLACE_BACKGROUND_SHARE = 0.25
"""Share of well-masked photos whose background is replaced."""

_COPY_PASTE_SHARE = 0.5
"""Share of well-masked photos whose people are pasted into another picture."""

CLEAN_MASK_SETS = ("picsart", "ccp", "unlabelled", "portraits")
"""Sets whose outlines are good enough to cut people from."""


@dataclass(frozen=True)
class MatteSamples:
    """Photos with masks; `shares` say how often an epoch draws each item."""

    items: list[LabeledPhoto]
    shares: list[float]
    backgrounds: list[Path]
    preset: tuple[int, int]
    labels: Path | None = None
    strength: float = 1.0

    @classmethod
    def from_options(cls, options: MaterialOptions) -> MatteSamples:
        """All training photos below the data folder; `labels` are a teacher's soft mattes."""
        items, shares, _ = list_matte_photos(options.data, options.labels)
        backgrounds = list_backgrounds(options.data, "train")
        return cls(items, shares, backgrounds, options.preset, options.labels, options.strength)

    def sample(self, key: SampleKey) -> TrainingSample:
        """`image` (3, h, w) in [0, 1] and `alpha` (1, h, w) in [0, 1]."""
        index, landscape, seed = key
        rng = np.random.default_rng(seed)
        item = self.items[index]
        stack = self.read_stack(item)
        clean = item.group in CLEAN_MASK_SETS
        is_pasted = clean and rng.random() < _COPY_PASTE_SHARE * self.strength
        pasted = self.copy_paste(rng, stack, landscape) if is_pasted else None
        if pasted is not None:
            stack = pasted
        else:
            stack = random_geometry(rng, stack, landscape, self.strength)
            if clean and rng.random() < _REPLACE_BACKGROUND_SHARE * self.strength:
                stack = replace_background(rng, stack, self._draw_background(rng))
        if rng.random() < _OBSCURE_SHARE:
            stack = obscure_region(rng, replace(stack, rgb=np.ascontiguousarray(stack.rgb)))
        fit, image = to_network_input(random_color(rng, stack.rgb, self.strength), self.preset)
        alpha = to_canvas(np.ascontiguousarray(stack.truths[0]), fit).astype(np.float32)
        return {"image": image, "alpha": alpha[None] / np.float32(255)}

    def copy_paste(
        self, rng: Rng, stack: Stack, landscape: bool, crowd: CrowdOptions = DEFAULT_CROWD
    ) -> Stack | None:
        """Paste the photo's person into another picture; None for a photo without a person.

        Aligned companions are shown as the person is: whole, or cut off by the lower frame.
        """
        person = cut_out_person(stack)
        if person is None:
            return None
        count = 4 if crowd.aligned else 1
        companions = self._draw_people(rng, count) if rng.random() < crowd.companions else []
        if crowd.aligned:
            companions = [one for one in companions if one.touches == person.touches][:2]
        distractors = self._draw_people(rng, 8) if rng.random() < crowd.distractors else []
        distractors = [one for one in distractors if not one.touches]
        people = [person, *companions]
        background = self._draw_background(rng)
        return paste_people(rng, people, distractors, background, landscape, crowd)

    def read_stack(self, item: LabeledPhoto) -> Stack:
        """A photo with its mask, softened where a teacher agrees."""
        rgb, mask = item.read()
        return Stack(rgb, (soften_outline(mask, self._soft(item)),))

    def _draw_background(self, rng: Rng) -> RGB:
        return read_rgb(self.backgrounds[int(rng.integers(len(self.backgrounds)))])

    def _draw_people(self, rng: Rng, count: int) -> list[CutoutImage]:
        """The people of `count` photos; fewer where a photo gives none."""
        drawn = [self.items[int(rng.integers(len(self.items)))] for _ in range(count)]
        people = [
            cut_out_person(self.read_stack(item)) for item in drawn if item.group in CLEAN_MASK_SETS
        ]
        return [one for one in people if one is not None]

    def _soft(self, item: LabeledPhoto) -> NDArray[np.uint8] | None:
        """The teacher's matte of a photo, uint8 (H, W), where one was made."""
        file = self.labels and label_file(self.labels, item.photo, ".png")
        return read_gray(file) if file and file.exists() else None


def soften_outline(mask: NDArray[np.uint8], soft: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """The mask, its outline softened by a teacher that agrees with it.

    A teacher that sees another person, or half of this one (IoU under
    `_MIN_TEACHER_IOU`), is not believed at all. A mask that lacks a garment keeps what it has.
    """
    if soft is None:
        return mask
    guess, truth = soft > 127, mask > 127
    if (guess & truth).sum() < _MIN_TEACHER_IOU * (guess | truth).sum():
        return mask
    return np.asarray((mask.astype(np.uint16) + soft.astype(np.uint16) * 3 + 2) // 4, np.uint8)


def matte_loss(logits: PortraitLogits, truth: Tensor) -> dict[str, Tensor]:
    """The three supervised branches of the portrait network.

    semantic: cross-entropy on the area-averaged truth at stride 8; detail: cross-entropy in
    the band around the outline at stride 2; matte: cross-entropy, more in the band, plus
    absolute error everywhere and in the band plus soft IoU.
    """
    coarse = F.avg_pool2d(truth, 8)
    half = F.avg_pool2d(truth, 2)
    ring = outline_band(half, 5)
    detail = F.binary_cross_entropy_with_logits(logits.detail, half, reduction="none")
    near = outline_band(truth, 6)
    matte = F.binary_cross_entropy_with_logits(logits.matte, truth, reduction="none")
    alpha = logits.matte.sigmoid()
    return {
        "semantic": F.binary_cross_entropy_with_logits(logits.semantic, coarse),
        "detail": 0.5 * (detail * ring).sum() / ring.sum().clamp(min=1),
        "matte": (matte * (1 + 2 * near)).mean(),
        "error": 2 * (alpha - truth).abs().mean(),
        "outline": ((alpha - truth).abs() * near).sum() / near.sum().clamp(min=1),
        "iou": soft_iou(alpha, truth),
    }


def matte_predictor(options: MaterialOptions) -> CasePredictor:
    """What a portrait network says about the held-out training photos, on the canvas."""
    items = list_matte_photos(options.data)[2]

    @torch.no_grad()
    def predict(network: nn.Module) -> Iterator[HeldOutCase]:
        network.eval()
        for item in items:
            rgb, mask = item.read()
            fit, image = to_network_input(rgb, options.preset)
            inside = fit.content_slices
            logits = network(as_batch(network, image))
            prob = upsample_like(logits.semantic, logits.matte).sigmoid()
            yield HeldOutCase(
                item.photo.name,
                item.group,
                np.rint(image[:, *inside].transpose(1, 2, 0) * 255).astype(np.uint8),
                to_canvas(mask, fit)[inside].astype(np.float32) / np.float32(255),
                logits.matte.sigmoid()[0, 0].cpu().numpy()[inside],
                prob[0, 0].cpu().numpy()[inside],
            )

    return predict


def matte_validator(options: MaterialOptions) -> Validator:
    """1 - mean IoU on held-out training photos, on the canvas."""
    predict = matte_predictor(options)

    def validate(network: nn.Module) -> float:
        scores = [iou(case.alpha, case.truth) for case in predict(network)]
        return 1 - float(np.mean(scores))

    return validate
