"""The batch sampler: which samples are in which batch of which epoch.

A key (index, landscape, seed) decides a sample, so a run can be repeated and resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset, Sampler

from ..types import SampleKey, TrainingSample


@dataclass(frozen=True)
class KeyedDataset(Dataset[TrainingSample]):
    """Samples by key, as a torch loader asks for them."""

    make: Callable[[SampleKey], TrainingSample]

    def __getitem__(self, key: SampleKey) -> TrainingSample:
        """One sample."""
        return self.make(key)


@dataclass(frozen=True)
class EpochBatches(Sampler[list[SampleKey]]):
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

    def __iter__(self) -> Iterator[list[SampleKey]]:
        """Batches of (index, landscape, seed)."""
        order = self._order()
        rng = np.random.default_rng((self.seed, self.epoch, 1))
        for start in range(0, len(self) * self.size, self.size):
            wide = bool(rng.random() < self.landscape)
            seeds = rng.integers(2**31, size=self.size)
            chunk = order[start : start + self.size]
            yield [(int(i), wide, int(s)) for i, s in zip(chunk, seeds, strict=True)]


@dataclass(frozen=True)
class RunBatches(Sampler[list[SampleKey]]):
    """The batches of a run's epochs one after the other, from epoch `first` to the last.

    `order` is any epoch's; each has `limit` batches at most, 0 is no limit. The first `skip`
    batches of epoch `first` are left out: a run that goes on has had them. A worker gets
    the samples number `part`, `part + parts` and so on of each batch.
    """

    order: EpochBatches
    epochs: int
    limit: int = 0
    first: int = 0
    skip: int = 0
    part: int = 0
    parts: int = 1

    def count(self, epoch: int) -> int:
        """Number of batches of one epoch."""
        whole = len(replace(self.order, epoch=epoch))
        return min(whole, self.limit or whole)

    def __iter__(self) -> Iterator[list[SampleKey]]:
        """Batches of (index, landscape, seed)."""
        for epoch in range(self.first, self.epochs):
            skip = self.skip if epoch == self.first else 0
            for batch in islice(replace(self.order, epoch=epoch), skip, self.count(epoch)):
                yield batch[self.part :: self.parts]
