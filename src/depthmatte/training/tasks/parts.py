"""The task of the parts network: photos with masks and a teacher's labels, loss and validation.

A sample shows the person about as the network sees her at run time: cut from the photo with a
margin, with her alpha as fourth channel. That alpha is the mask with an edge that errs a little,
as the portrait network's does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...canvas import Box, resize, scale_shape, to_canvas
from ...errors import InputError, OptionError
from ...segment.parts import PERSON_MARGIN, person_box
from ...system.printable_text import label
from ...types import RGB, Float
from ...values import PART_NAMES
from ..augment.color import random_color
from ..augment.geometry import Stack, random_geometry
from ..data.folders import LabeledPhoto, label_file
from ..data.matte_material import MatteMaterial, gather_matte_material
from ..distributed.workers import joined_count
from ..types import Rng, SampleKey, TrainingSample
from .augmentation import DEFAULT_PARTS_AUGMENTATION, EdgeErrors, PartsAugmentation
from .parts_labels import read_part_label
from .task import MaterialOptions, Validator, as_batch, to_network_input

PARTS_REDUCTION = 2
"""The network's input is 1 / this of the canvas."""

_LEAST_SEEN = 0.5
"""Truth of a mask, and what the teacher gives all parts, from which a pixel is validated."""

PartsAnswer = Callable[[Float], Float]
"""Input float32 (4, h, w) -> shares of the parts, float32 (parts, h, w)."""


@dataclass(frozen=True)
class PartSamples:
    """Photos with masks and labels; `shares` say how often an epoch draws each item."""

    items: list[LabeledPhoto]
    shares: list[float]
    labels: Path
    preset: tuple[int, int]
    strength: float = 1.0
    augmentation: PartsAugmentation = DEFAULT_PARTS_AUGMENTATION

    @classmethod
    def from_options(cls, options: MaterialOptions) -> PartSamples:
        """The training photos that have a label; InputError where none has one."""
        material = _gather(options)
        material.refuse_errors()
        folder = _label_folder(options)
        pairs = [
            (item, share)
            for item, share in zip(material.items, material.shares, strict=True)
            if item.mask is not None and label_file(folder, item.photo, ".png").exists()
        ]
        if not pairs:
            raise InputError(
                f"{label(folder)}: holds no labels of these photos; make them with "
                "depthmatte train labels parts"
            )
        preset = options.preset[0] // PARTS_REDUCTION, options.preset[1] // PARTS_REDUCTION
        return cls(
            [item for item, _ in pairs], [share for _, share in pairs], folder, preset,
            options.strength, options.numbers(PartsAugmentation),
        )  # fmt: skip

    def sample(self, key: SampleKey) -> TrainingSample:
        """`image` (4, h, w), `alpha` (1, h, w) and `parts` (parts, h, w) in [0, 1]; `weight`.

        `weight` (1, h, w) is how much each pixel of the person counts.
        """
        index, landscape, seed = key
        rng = np.random.default_rng(seed)
        how, item = self.augmentation, self.items[index]
        rgb, mask = item.read()
        maps = read_part_label(label_file(self.labels, item.photo, ".png"))
        stack = self._cut_person(rng, rgb, mask, maps)
        stack = random_geometry(rng, stack, landscape, self.strength, how.geometry)
        colors = random_color(rng, np.ascontiguousarray(stack.rgb), self.strength, how.color)
        fit, image = to_network_input(colors, self.preset)
        alpha, *parts = (
            to_canvas(np.ascontiguousarray(one), fit).astype(np.float32) / np.float32(255)
            for one in stack.truths
        )
        seen = err_at_edge(rng, alpha, how.edge)
        factors = [np.float32(getattr(how.weight, name)) for name in PART_NAMES]
        weight = sum(factor * part for factor, part in zip(factors, parts, strict=True))
        return {
            "image": np.concatenate([image, seen[None]]),
            "alpha": alpha[None],
            "parts": np.stack(parts),
            "weight": np.asarray(weight, np.float32)[None],
        }

    def _cut_person(
        self, rng: Rng, rgb: RGB, mask: NDArray[np.uint8], maps: NDArray[np.uint8]
    ) -> Stack:
        """The person with a margin, at most as large as a sample needs."""
        view = self.augmentation.view
        box = Box(0, 0, *mask.shape)
        if rng.random() >= view.whole_chance:
            box = person_box(mask > 127, float(rng.uniform(*view.margin))) or box
        shape = scale_shape(box.shape, min(1.0, view.long_side / max(box.shape)))
        there = box.scaled(maps.shape[1] / mask.shape[0], maps.shape[2] / mask.shape[1])
        truths = (mask[box.slices], *(one[there.slices] for one in maps))
        return Stack(
            np.asarray(resize(rgb[box.slices], shape), np.uint8),
            tuple(resize(np.ascontiguousarray(one), shape) for one in truths),
        )


def err_at_edge(rng: Rng, alpha: Float, edge: EdgeErrors) -> Float:
    """An alpha (h, w) whose edge is moved and blurred at random."""
    shift = float(rng.normal(0, edge.shift))
    size = 1 + 2 * round(abs(shift))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    moved = (cv2.dilate if shift > 0 else cv2.erode)(alpha, kernel)
    sigma = float(rng.uniform(*edge.blur))
    soft = cv2.GaussianBlur(moved, (0, 0), sigma) if sigma > 0 else moved
    return np.asarray(soft, np.float32)


def parts_loss(logits: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """The parts network on `parts` (n, parts, h, w), where `alpha` (n, 1, h, w) shows the person.

    A pixel counts by the probability that the teacher gives the parts together. shares:
    cross-entropy with the teacher's shares, weighted by `weight`. overlap: 1 - soft IoU, the mean
    of the parts, so that small ones count as much as large ones.
    """
    known = batch["parts"].sum(1, keepdim=True)
    truth = batch["parts"] / known.clamp(min=1e-3)
    weight, counted = batch["alpha"] * known.clamp(max=1), batch["alpha"] * batch["weight"]
    cost = -(truth * logits.log_softmax(1)).sum(1, keepdim=True)
    guess, truth = logits.softmax(1) * weight, truth * weight
    both = torch.minimum(guess, truth).sum((0, 2, 3))
    either = torch.maximum(guess, truth).sum((0, 2, 3))
    return {
        "shares": (cost * counted).sum() / joined_count(counted.sum()),
        "overlap": 0.5 * (1 - (both + 1) / (either + 1)).mean(),
    }


def part_cases(
    items: Sequence[LabeledPhoto], labels: Path, preset: tuple[int, int]
) -> Iterator[tuple[Float, NDArray[np.intp]]]:
    """Photos as the network sees them, and the truth.

    Parameters
    ----------
    items : sequence of LabeledPhoto
        Photos with masks. Those without a label or a person are left out.
    labels : Path
        Folder of the teacher's labels.
    preset : tuple of int
        (height, width) of the network's input.

    Yields
    ------
    tuple of ndarray
        Input float32 (4, h, w), and the teacher's part of each pixel, int (h, w), -1 outside the
        person and where the teacher sees background.
    """
    for item in items:
        file = label_file(labels, item.photo, ".png")
        if not file.exists():
            continue
        rgb, mask = item.read()
        box = person_box(mask > 127, PERSON_MARGIN)
        if box is None:
            continue
        fit, image = to_network_input(np.ascontiguousarray(rgb[box.slices]), preset)
        alpha = to_canvas(mask[box.slices], fit).astype(np.float32) / np.float32(255)
        whole = (resize(one, mask.shape) for one in read_part_label(file))
        told = np.stack(
            [to_canvas(np.ascontiguousarray(one[box.slices]), fit) for one in whole], axis=2
        )
        known = (alpha >= _LEAST_SEEN) & (told.sum(axis=2) >= _LEAST_SEEN * 255)
        truth = np.where(known, told.argmax(axis=2), -1)
        yield np.concatenate([image, alpha[None]]), truth


def measure_part_ious(
    answer: PartsAnswer, cases: Iterator[tuple[Float, NDArray[np.intp]]]
) -> dict[str, float]:
    """Measure the agreement with the teacher: part -> IoU over all pixels of all photos.

    Parts that neither shows are left out.
    """
    count = len(PART_NAMES)
    table = np.zeros((count, count), np.int64)
    for image, truth in cases:
        guess = answer(image).argmax(axis=0)
        known = truth >= 0
        pairs = truth[known] * count + guess[known]
        table += np.bincount(pairs, minlength=count * count).reshape(count, count)
    both = np.diag(table)
    either = table.sum(0) + table.sum(1) - both
    return {
        name: float(both[index] / either[index])
        for index, name in enumerate(PART_NAMES)
        if either[index]
    }


def parts_validator(options: MaterialOptions) -> Validator:
    """1 - mean IoU of the parts with the teacher's, on held-out training photos."""
    items, folder = _gather(options).validation, _label_folder(options)
    preset = options.preset[0] // PARTS_REDUCTION, options.preset[1] // PARTS_REDUCTION

    @torch.no_grad()
    def validate(network: nn.Module) -> float:
        network.eval()

        def answer(image: Float) -> Float:
            return np.asarray(network(as_batch(network, image))[0].cpu().numpy(), np.float32)

        found = measure_part_ious(answer, part_cases(items, folder, preset))
        return 1 - float(np.mean(list(found.values()))) if found else 1.0

    return validate


def _gather(options: MaterialOptions) -> MatteMaterial:
    """The photos; the labels are no mattes, so that photos without masks have no truth."""
    return gather_matte_material(replace(options.photos, labels=None))


def _label_folder(options: MaterialOptions) -> Path:
    if options.labels is None:
        raise OptionError(
            "labels: train parts needs a teacher's labels; make them with depthmatte train labels "
            "parts, and give --labels"
        )
    return options.labels
