"""Turns a key (index, orientation, seed) into one training sample on the canvas.

A sample is a dict of float32 arrays; keys carry their own seed, so a run can be repeated
and resumed. Samples enter through the same `canvas.lay` as photos do at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset, Sampler

from ..canvas import Fit, lay, prepare
from ..photo import RGB, Photo
from . import augment
from .augment import Rng, Stack
from .data import Labelled, backgrounds, label_file, matte_items, read_grey, read_rgb
from .elsewhere import USUAL, Company, Layer, elsewhere, layer

Sample = dict[str, NDArray[np.float32]]
Key = tuple[int, bool, int]

AGREE = 0.88
"""Least IoU of a teacher's matte with the mask before it may soften the outline."""

SMEAR = 0.3
"""Share of photos in which part of the person is blurred or painted over."""

SWAP = 0.25
"""Share of well-masked photos whose background is replaced."""

AWAY = 0.5
"""Share of well-masked photos whose people are put into another picture altogether."""

SHARP = ("picsart", "ccp", "unlabelled", "portraits")
"""Sets whose outlines are good enough to cut people from."""


def on_canvas(rgb: NDArray[np.uint8], preset: tuple[int, int]) -> tuple[Fit, NDArray[np.float32]]:
    """Pixels through the one preprocessing: Fit and float32 (3, h, w)."""
    canvas = prepare(Photo(rgb), preset)
    return canvas.fit, canvas.rgb[0]


@dataclass(frozen=True)
class MatteSamples:
    """Photos with masks; `shares` say how often an epoch draws each item."""

    items: list[Labelled]
    shares: list[float]
    scenery: list[Path]
    preset: tuple[int, int]
    labels: Path | None = None
    strength: float = 1.0

    @classmethod
    def of(
        cls,
        data: Path,
        preset: tuple[int, int],
        labels: Path | None = None,
        strength: float = 1.0,
    ) -> MatteSamples:
        """All training photos below the data folder.

        `labels` is a folder of soft mattes from a teacher, `strength` that of augmentation.
        """
        items, shares, _ = matte_items(data, labels)
        return cls(items, shares, backgrounds(data, "train"), preset, labels, strength)

    def sample(self, key: Key) -> Sample:
        """`image` (3, h, w) in [0, 1] and `alpha` (1, h, w) in [0, 1]."""
        index, landscape, seed = key
        rng = np.random.default_rng(seed)
        item = self.items[index]
        stack = self.read(item)
        sharp = item.group in SHARP
        away = sharp and rng.random() < AWAY * self.strength
        moved = self.moved(rng, stack, landscape) if away else None
        if moved is not None:
            stack = moved
        else:
            stack = augment.geometry(rng, stack, landscape, self.strength)
            if sharp and rng.random() < SWAP * self.strength:
                stack = augment.swap_background(rng, stack, self._place(rng))
        if rng.random() < SMEAR:
            stack = augment.smear(rng, replace(stack, rgb=np.ascontiguousarray(stack.rgb)))
        fit, image = on_canvas(augment.colour(rng, stack.rgb, self.strength), self.preset)
        alpha = lay(np.ascontiguousarray(stack.truths[0]), fit).astype(np.float32)
        return {"image": image, "alpha": alpha[None] / np.float32(255)}

    def moved(
        self, rng: Rng, stack: Stack, landscape: bool, company: Company = USUAL
    ) -> Stack | None:
        """The photo's person put into another picture, in `company`; None for a photo without
        anybody. Who is to stand abreast shows as much of himself, if there is any such.
        """
        own = layer(stack)
        if own is None:
            return None
        many = 4 if company.abreast else 1
        beside = self._strangers(rng, many) if rng.random() < company.beside else []
        if company.abreast:
            beside = [person for person in beside if person.cut == own.cut][:2]
        others = self._strangers(rng, 8) if rng.random() < company.behind else []
        others = [person for person in others if not person.cut]
        return elsewhere(rng, [own, *beside], others, self._place(rng), landscape, company)

    def read(self, item: Labelled) -> Stack:
        """A photo with its mask, softened where a teacher agrees."""
        rgb, mask = item.read()
        return Stack(rgb, (agreed(mask, self._soft(item)),))

    def _place(self, rng: Rng) -> RGB:
        return read_rgb(self.scenery[int(rng.integers(len(self.scenery)))])

    def _strangers(self, rng: Rng, count: int) -> list[Layer]:
        """People of `count` other photos, fewer where a photo gives none."""
        drawn = [self.items[int(rng.integers(len(self.items)))] for _ in range(count)]
        layers = [layer(self.read(item)) for item in drawn if item.group in SHARP]
        return [one for one in layers if one is not None]

    def _soft(self, item: Labelled) -> NDArray[np.uint8] | None:
        """The teacher's matte of a photo, uint8 (H, W), where one was made."""
        file = self.labels and label_file(self.labels, item.photo, ".png")
        return read_grey(file) if file and file.exists() else None


def agreed(mask: NDArray[np.uint8], soft: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """The mask, its outline softened by a teacher that agrees with it.

    A teacher that sees another person, or half of this one (IoU under `AGREE`), is not
    believed at all; a mask that lacks a garment keeps what it has.
    """
    if soft is None:
        return mask
    guess, truth = soft > 127, mask > 127
    if (guess & truth).sum() < AGREE * (guess | truth).sum():
        return mask
    return np.asarray((mask.astype(np.uint16) + soft.astype(np.uint16) * 3 + 2) // 4, np.uint8)


@dataclass(frozen=True)
class Keyed(Dataset[Sample]):
    """The face a torch loader wants."""

    make: Callable[[Key], Sample]

    def __getitem__(self, key: Key) -> Sample:
        """One sample."""
        return self.make(key)


@dataclass(frozen=True)
class Batches(Sampler[list[Key]]):
    """Keys of one epoch in batches of one orientation, a function of (seed, epoch) alone.

    `landscape` is the share of batches on the landscape canvas. Fractional shares are drawn.
    """

    shares: list[float]
    size: int
    seed: int
    epoch: int
    landscape: float = 0.2

    def _order(self) -> NDArray[np.int64]:
        rng = np.random.default_rng((self.seed, self.epoch))
        share = np.asarray(self.shares)
        times = np.floor(share).astype(int) + (rng.random(len(share)) < share % 1)
        return rng.permutation(np.repeat(np.arange(len(share)), times))

    def __len__(self) -> int:
        """Number of batches; a last short one is dropped."""
        return len(self._order()) // self.size

    def __iter__(self) -> Iterator[list[Key]]:
        """Batches of (index, landscape, seed)."""
        order = self._order()
        rng = np.random.default_rng((self.seed, self.epoch, 1))
        for start in range(0, len(self) * self.size, self.size):
            wide = bool(rng.random() < self.landscape)
            seeds = rng.integers(2**31, size=self.size)
            chunk = order[start : start + self.size]
            yield [(int(i), wide, int(s)) for i, s in zip(chunk, seeds, strict=True)]


@dataclass(frozen=True)
class Epochs(Sampler[list[Key]]):
    """The batches of a run's epochs one after the other, from epoch `first` to the last.

    `order` is any epoch's; each has `limit` batches at most, 0 is no limit.
    """

    order: Batches
    epochs: int
    limit: int = 0
    first: int = 0

    def count(self, epoch: int) -> int:
        """Number of batches of one epoch."""
        whole = len(replace(self.order, epoch=epoch))
        return min(whole, self.limit or whole)

    def __iter__(self) -> Iterator[list[Key]]:
        """Batches of (index, landscape, seed)."""
        for epoch in range(self.first, self.epochs):
            yield from islice(replace(self.order, epoch=epoch), self.count(epoch))
