"""Figures of a network on the validation photos: by set, its worst cases, its reliability."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...evaluation.depth_metrics import ReliabilityBin, reliability_table
from ...evaluation.metrics import METRICS
from ...evaluation.run import mean_metrics
from ..tasks.task import HeldOutCase

SHOWN_METRICS = ("iou", "boundary_iou", "mae", "gradient")
"""The metrics of `evaluation.metrics` that a report shows."""

ALL_SETS = "all"
"""Name of the row of means over all photos."""

_MASK_LEVEL = 0.5
_EMPTY_BIN = ReliabilityBin(math.nan, math.nan, 0)


@dataclass(frozen=True)
class HeldOutFigures:
    """What one network is worth on the validation photos.

    Attributes
    ----------
    sets : mapping of str to mapping of str to float
        Set -> metric -> mean over its photos; `ALL_SETS` comes last.
    counts : mapping of str to int
        Photos of each set.
    scores : sequence of float
        IoU of each photo, in their order.
    kept : mapping of int to HeldOutCase
        Photos that the report shows, by their place.
    reliability : mapping of str to sequence of ReliabilityBin
        "alpha" and "prob": predicted against observed share of foreground.
    """

    sets: Mapping[str, Mapping[str, float]]
    counts: Mapping[str, int]
    scores: Sequence[float]
    kept: Mapping[int, HeldOutCase]
    reliability: Mapping[str, Sequence[ReliabilityBin]]


def measure_held_out(
    cases: Iterable[HeldOutCase], worst: int = 0, kept: Collection[int] = ()
) -> HeldOutFigures:
    """Measure a network's answers one after the other; few are held at a time.

    Parameters
    ----------
    cases : iterable of HeldOutCase
        The answers; none are allowed.
    worst : int
        How many cases of the lowest IoU are kept.
    kept : collection of int
        Places of cases that are kept in any case.
    """
    rows: dict[str, list[dict[str, float]]] = {}
    held: dict[int, HeldOutCase] = {}
    scores: list[float] = []
    tables: dict[str, list[ReliabilityBin]] = {}
    for index, case in enumerate(cases):
        numbers = {name: METRICS[name].function(case.alpha, case.truth) for name in SHOWN_METRICS}
        rows.setdefault(case.group, []).append(numbers)
        scores.append(numbers["iou"])
        held[index] = case
        for name, values in (("alpha", case.alpha), ("prob", case.prob)):
            table = reliability_table(values, case.truth >= _MASK_LEVEL)
            known = tables.get(name, [_EMPTY_BIN] * len(table))
            tables[name] = [_merge(*pair) for pair in zip(known, table, strict=True)]
        wanted = {*sorted(range(len(scores)), key=scores.__getitem__)[:worst], *kept}
        held = {place: one for place, one in held.items() if place in wanted}
    every = [row for group in rows.values() for row in group]
    sets = {name: mean_metrics(group) for name, group in sorted(rows.items())}
    if every:
        sets[ALL_SETS] = mean_metrics(every)
    counts = {name: len(group) for name, group in sorted(rows.items())} | {ALL_SETS: len(every)}
    return HeldOutFigures(sets, counts, scores, held, tables)


def _merge(one: ReliabilityBin, other: ReliabilityBin) -> ReliabilityBin:
    """One bin of the pixels of both."""
    pixels = one.pixels + other.pixels
    if not pixels:
        return _EMPTY_BIN
    parts = [row for row in (one, other) if row.pixels]
    return ReliabilityBin(
        sum(row.pixels * row.confidence for row in parts) / pixels,
        sum(row.pixels * row.accuracy for row in parts) / pixels,
        pixels,
    )
