"""The portrait network's task: samples of photos with masks, loss and validation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
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
    PastingNumbers,
    cut_out_person,
    paste_people,
    replace_background,
)
from ..augment.drawn_backdrop import draw_backdrop
from ..augment.geometry import Stack, random_geometry
from ..augment.options import CrowdOptions
from ..cutout_image import CutoutImage, resize_rgba
from ..data.folders import LabeledPhoto, label_file, read_gray, read_rgb, read_whole_rgba, trim_rgba
from ..data.matte_material import gather_matte_material
from ..data.sample_set import PROJECT_SETS, SampleSet
from ..data.teacher_band import refine_outline
from ..distributed.workers import joined_count
from ..losses import gradient_l1, outline_band, soft_iou
from ..networks.matte import PortraitLogits, upsample_like
from ..types import Rng, SampleKey, TrainingSample
from .augmentation import DEFAULT_MATTE_AUGMENTATION, MatteAugmentation
from .task import (
    CasePredictor,
    HeldOutCase,
    MaterialOptions,
    Validator,
    as_batch,
    to_network_input,
)

_GRADIENT_RADIUS = 10
"""Pixels around the outline in which the gradient of the matte counts."""

CLEAN_MASK_SETS = tuple(one.name for one in PROJECT_SETS if one.cut_out)
"""Sets of the project's data folder whose outlines are good enough to cut people from."""


@dataclass(frozen=True)
class MatteSamples:
    """Photos with masks; `shares` say how often an epoch draws each item."""

    items: list[LabeledPhoto]
    shares: list[float]
    backgrounds: list[Path]
    preset: tuple[int, int]
    labels: Path | None = None
    strength: float = 1.0
    sets: tuple[SampleSet, ...] = PROJECT_SETS
    augmentation: MatteAugmentation = DEFAULT_MATTE_AUGMENTATION

    @classmethod
    def from_options(cls, options: MaterialOptions) -> MatteSamples:
        """The training photos that the options ask for; `labels` are a teacher's soft mattes.

        Raises InputError for photos that cannot be used.
        """
        material = gather_matte_material(options.photos)
        material.refuse_errors()
        return cls(
            material.items, material.shares, material.backgrounds, options.preset,
            options.labels, options.strength, material.sets, options.numbers(MatteAugmentation),
        )  # fmt: skip

    @cached_property
    def _pasting(self) -> PastingNumbers:
        how = self.augmentation
        return PastingNumbers(how.copy_paste, how.deformation, how.geometry, how.color)

    def sample(self, key: SampleKey) -> TrainingSample:
        """`image` (3, h, w) in [0, 1] and `alpha` (1, h, w) in [0, 1]."""
        index, landscape, seed = key
        rng = np.random.default_rng(seed)
        item = self.items[index]
        if item.is_cutout:
            return self._finish(rng, self._paste_cutout(rng, item, landscape))
        stack = self.read_stack(item)
        clean = self._can_cut_out(item)
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
        return self._finish(rng, stack)

    def _finish(self, rng: Rng, stack: Stack) -> TrainingSample:
        """Change the colors and fit photo and matte to the canvas."""
        rgb = random_color(rng, stack.rgb, self.strength, self.augmentation.color)
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

    def _paste_cutout(self, rng: Rng, item: LabeledPhoto, landscape: bool) -> Stack:
        """Paste an RGBA cut-out with its own alpha into another picture."""
        how = self.augmentation.cutout
        person = read_cutout_person(item.photo, how.long_side)
        others = rng.random() < how.distractors
        drawn = self._draw_people(rng, how.distractors_drawn) if others else []
        distractors = [one for one in drawn if not one.touches]
        return paste_people(
            rng, [person], distractors, self._draw_background(rng), landscape,
            self.augmentation.crowd, self._pasting,
        )  # fmt: skip

    def _draw_background(self, rng: Rng) -> RGB:
        if not self.backgrounds:
            return draw_backdrop(rng)
        return read_rgb(self.backgrounds[int(rng.integers(len(self.backgrounds)))])

    def _draw_people(self, rng: Rng, count: int) -> list[CutoutImage]:
        """The people of `count` photos; fewer where a photo gives none."""
        drawn = [self.items[int(rng.integers(len(self.items)))] for _ in range(count)]
        people = [
            cut_out_person(self.read_stack(item), self.augmentation.copy_paste.edge_gain)
            for item in drawn
            if self._can_cut_out(item) and not item.is_cutout
        ]
        return [one for one in people if one is not None]

    def _can_cut_out(self, item: LabeledPhoto) -> bool:
        """Whether people may be cut from a photo; sets of a list that no table names allow it."""
        if item.mask is None:
            return False
        return next((one.cut_out for one in self.sets if one.name == item.group), True)

    def _soft(self, item: LabeledPhoto) -> NDArray[np.uint8] | None:
        """The teacher's matte of a photo, uint8 (H, W), where one was made."""
        own = next((one.labels for one in self.sets if one.name == item.group), None)
        folder = own or self.labels
        file = folder and label_file(folder, item.photo, ".png")
        return read_gray(file) if file and file.exists() else None


def read_cutout_person(path: Path, long_side: int) -> CutoutImage:
    """Read an RGBA cut-out as a person with the alpha of its file, at most `long_side` pixels.

    The person is cut off by the lower frame where the file's last rows are opaque somewhere.
    """
    rgba = read_whole_rgba(path)
    touches = frozenset({"bottom"}) if (rgba[-2:, :, 3] > 127).any() else frozenset[str]()
    rgba = trim_rgba(rgba)
    scale = long_side / max(rgba.shape[:2])
    return CutoutImage(resize_rgba(rgba, len(rgba) * scale) if scale < 1 else rgba, touches, path)


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
        "detail": 0.5 * (detail * ring).sum() / joined_count(ring.sum()),
        "matte": (matte * (1 + 2 * near)).mean(),
        "error": 2 * (alpha - truth).abs().mean(),
        "outline": ((alpha - truth).abs() * near).sum() / joined_count(near.sum()),
        "iou": soft_iou(alpha, truth),
        "gradient": gradient_weight
        * gradient_l1(alpha, truth, outline_band(truth, _GRADIENT_RADIUS)),
    }


def matte_predictor(options: MaterialOptions) -> CasePredictor:
    """What a portrait network says about the held-out training photos, on the canvas."""
    items = gather_matte_material(options.photos).validation

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
