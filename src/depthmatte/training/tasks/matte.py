"""The portrait network's task: samples of photos with masks, loss and validation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ...canvas import to_canvas
from ...types import RGB
from ..augment.color import obscure_region, random_color
from ..augment.copy_paste import (
    PastingNumbers,
    cut_out_person,
    paste_people,
    replace_background,
)
from ..augment.geometry import Stack, random_geometry
from ..augment.options import CrowdOptions
from ..cutout_image import CutoutImage
from ..data.folders import LabeledPhoto, label_file, read_gray, read_rgb
from ..data.splits import list_backgrounds, list_matte_photos
from ..data.teacher_band import refine_outline
from ..losses import gradient_l1, outline_band, soft_iou
from ..networks.matte import PortraitLogits
from ..types import Rng, SampleKey, TrainingSample
from .augmentation import DEFAULT_MATTE_AUGMENTATION, MatteAugmentation
from .task import MaterialOptions, Validator, as_batch, to_network_input

_GRADIENT_RADIUS = 10
"""Pixels around the outline in which the gradient of the matte counts."""

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
    augmentation: MatteAugmentation = DEFAULT_MATTE_AUGMENTATION

    @classmethod
    def from_options(cls, options: MaterialOptions) -> MatteSamples:
        """All training photos below the data folder; `labels` are a teacher's soft mattes."""
        items, shares, _ = list_matte_photos(options.data, options.labels)
        backgrounds = list_backgrounds(options.data, "train")
        return cls(
            items,
            shares,
            backgrounds,
            options.preset,
            options.labels,
            options.strength,
            options.numbers(MatteAugmentation),
        )

    @cached_property
    def _pasting(self) -> PastingNumbers:
        how = self.augmentation
        return PastingNumbers(how.copy_paste, how.deformation, how.geometry, how.color)

    def sample(self, key: SampleKey) -> TrainingSample:
        """`image` (3, h, w) in [0, 1] and `alpha` (1, h, w) in [0, 1]."""
        index, landscape, seed = key
        rng = np.random.default_rng(seed)
        item = self.items[index]
        stack = self.read_stack(item)
        clean = item.group in CLEAN_MASK_SETS
        how, strength = self.augmentation, self.strength
        is_pasted = clean and rng.random() < how.copy_paste.paste_chance * strength
        pasted = self.copy_paste(rng, stack, landscape) if is_pasted else None
        if pasted is not None:
            stack = pasted
        else:
            stack = random_geometry(rng, stack, landscape, strength, how.geometry)
            if clean and rng.random() < how.background.replacement_chance * strength:
                place = self._draw_background(rng)
                stack = replace_background(rng, stack, place, how.background, self._pasting)
        if rng.random() < how.hidden.hidden_chance:
            whole = replace(stack, rgb=np.ascontiguousarray(stack.rgb))
            stack = obscure_region(rng, whole, how.hidden)
        rgb = random_color(rng, stack.rgb, strength, how.color)
        fit, image = to_network_input(rgb, self.preset)
        alpha = to_canvas(np.ascontiguousarray(stack.truths[0]), fit).astype(np.float32)
        return {"image": image, "alpha": alpha[None] / np.float32(255)}

    def copy_paste(
        self, rng: Rng, stack: Stack, landscape: bool, crowd: CrowdOptions | None = None
    ) -> Stack | None:
        """Paste the photo's person into another picture; None for a photo without a person.

        Aligned companions are shown as the person is: whole, or cut off by the lower frame.
        """
        crowd = crowd or self.augmentation.crowd
        person = cut_out_person(stack, self.augmentation.copy_paste.edge_gain)
        if person is None:
            return None
        count = crowd.aligned_companions_drawn if crowd.aligned else crowd.companions_drawn
        companions = self._draw_people(rng, count) if rng.random() < crowd.companions else []
        if crowd.aligned:
            alike = [one for one in companions if one.touches == person.touches]
            companions = alike[: crowd.aligned_companions]
        count = crowd.distractors_drawn
        distractors = self._draw_people(rng, count) if rng.random() < crowd.distractors else []
        distractors = [one for one in distractors if not one.touches]
        people = [person, *companions]
        background = self._draw_background(rng)
        return paste_people(rng, people, distractors, background, landscape, crowd, self._pasting)

    def read_stack(self, item: LabeledPhoto) -> Stack:
        """A photo with its mask, softened where a teacher agrees."""
        rgb, mask = item.read()
        return Stack(rgb, (refine_outline(mask, self._soft(item), self.augmentation.teacher),))

    def _draw_background(self, rng: Rng) -> RGB:
        return read_rgb(self.backgrounds[int(rng.integers(len(self.backgrounds)))])

    def _draw_people(self, rng: Rng, count: int) -> list[CutoutImage]:
        """The people of `count` photos; fewer where a photo gives none."""
        drawn = [self.items[int(rng.integers(len(self.items)))] for _ in range(count)]
        people = [
            cut_out_person(self.read_stack(item), self.augmentation.copy_paste.edge_gain)
            for item in drawn
            if item.group in CLEAN_MASK_SETS
        ]
        return [one for one in people if one is not None]

    def _soft(self, item: LabeledPhoto) -> NDArray[np.uint8] | None:
        """The teacher's matte of a photo, uint8 (H, W), where one was made."""
        file = self.labels and label_file(self.labels, item.photo, ".png")
        return read_gray(file) if file and file.exists() else None


def matte_loss(
    logits: PortraitLogits, truth: Tensor, gradient_weight: float = 2.0
) -> dict[str, Tensor]:
    """The three supervised branches of the portrait network.

    semantic: cross-entropy on the area-averaged truth at stride 8; detail: cross-entropy in
    the band around the outline at stride 2; matte: cross-entropy, more in the band, plus
    absolute error everywhere and in the band plus soft IoU. gradient: absolute error of the
    matte's differences in a wider band, times `gradient_weight`; strands of hair need it.
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
        "gradient": gradient_weight
        * gradient_l1(alpha, truth, outline_band(truth, _GRADIENT_RADIUS)),
    }


def matte_validator(options: MaterialOptions) -> Validator:
    """1 - mean IoU on held-out training photos, on the canvas."""
    items = list_matte_photos(options.data)[2]

    @torch.no_grad()
    def validate(network: nn.Module) -> float:
        network.eval()
        scores = []
        for item in items:
            rgb, mask = item.read()
            fit, image = to_network_input(rgb, options.preset)
            truth = to_canvas(mask, fit)[fit.content_slices] > 127
            logits = network(as_batch(network, image)).matte[0, 0].cpu().numpy()
            guess = logits[fit.content_slices] > 0
            scores.append((guess & truth).sum() / max(1, (guess | truth).sum()))
        return 1 - float(np.mean(scores))

    return validate
