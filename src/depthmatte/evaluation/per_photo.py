"""Results of an evaluation photo by photo: rows, intervals of the means, the worst photos."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np

from ..canvas import resize, scale_shape
from ..io.photo.photo_writer import write
from ..pipeline import Pipeline
from ..system.atomic_write import atomic_draft
from ..types import RGB
from .metrics import METRICS
from .run import MASK_IOU, EvaluationSample
from .solidity import SOLIDITY
from .tiles import add_frame, caption_tile, join_row, stack_rows

PHOTO_METRICS = (*METRICS, MASK_IOU, *SOLIDITY)
"""Columns of a photo."""

_RESAMPLES = 2000
_SEED = 0
_LEVEL = 0.95
"""Resamples of the bootstrap, its seed, and the share of them within an interval."""

_WORST_PHOTOS = 12
_TILE_SIDE_PX = 260
_BACKDROP = (80, 160, 80)
"""Photos on the sheet, longer side of a tile, and the color behind a cut-out."""


@dataclass(frozen=True)
class PhotoMetrics:
    """The metrics of one photo.

    Parameters
    ----------
    folder : str
        The data folder.
    sample : EvaluationSample
        Photo and mask.
    variant : str
        A fusion or another method.
    numbers : mapping of str to float
        Metric of `PHOTO_METRICS` -> value; NaN where it has none.
    """

    folder: str
    sample: EvaluationSample
    variant: str
    numbers: Mapping[str, float]


@dataclass(frozen=True)
class MetricSpread:
    """The mean of a metric over photos, and how sure it is.

    Parameters
    ----------
    mean, low, high : float
        Mean, and the ends of its 95 percent bootstrap interval.
    worst_tenth : float
        The 10th percentile where higher is better, else the 90th.
    """

    mean: float
    low: float
    high: float
    worst_tenth: float


def spread_of(values: Sequence[float], better: str = "lower") -> MetricSpread:
    """Measure the spread of a metric over photos.

    Parameters
    ----------
    values : sequence of float
        One for each photo; NaN is left out.
    better : {"lower", "higher"}
        Which values are good.

    Returns
    -------
    MetricSpread
        NaN everywhere without values. Equal values give equal intervals.
    """
    known = np.array([value for value in values if not math.isnan(value)])
    if not known.size:
        return MetricSpread(math.nan, math.nan, math.nan, math.nan)
    picks = np.random.default_rng(_SEED).integers(known.size, size=(_RESAMPLES, known.size))
    low, high = np.quantile(known[picks].mean(axis=1), [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    tenth = np.quantile(known, 0.1 if better == "higher" else 0.9)
    return MetricSpread(float(known.mean()), float(low), float(high), float(tenth))


def write_per_photo(rows: Iterable[PhotoMetrics], path: Path) -> None:
    """Write one CSV row per photo and variant. The file appears only when it is complete."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["set", "photo", "variant", *PHOTO_METRICS])
    for row in rows:
        cells = (
            "" if math.isnan(value) else f"{value:.6g}"
            for value in (row.numbers[name] for name in PHOTO_METRICS)
        )
        writer.writerow([row.folder, row.sample.photo.name, row.variant, *cells])
    with atomic_draft(path) as draft:
        draft.write_text(text.getvalue(), "utf-8")


def write_worst_sheet(rows: Iterable[PhotoMetrics], pipeline: Pipeline, path: Path) -> None:
    """Write a sheet of the photos with the lowest IoU, the worst first.

    Parameters
    ----------
    rows : iterable of PhotoMetrics
        Of one variant.
    pipeline : Pipeline
        The pipeline of that variant; it cuts these photos again.
    path : Path
        The picture file; the suffix picks the format.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    worst = sorted(rows, key=lambda row: (row.numbers["iou"], str(row.sample.photo)))
    tiles = [_draw_photo(row, pipeline) for row in worst[:_WORST_PHOTOS]]
    columns = [stack_rows(tiles[start::2]) for start in range(min(2, len(tiles)))]
    write(add_frame(join_row(columns)), path)


def _draw_photo(row: PhotoMetrics, pipeline: Pipeline) -> RGB:
    """The photo, its true and its own cut-out in a row."""
    photo, truth = row.sample.read()
    alpha = pipeline(photo).alpha
    shown = {
        row.sample.photo.name[:24]: photo.rgb,
        "truth": _over_backdrop(photo.rgb, truth),
        f"IoU {row.numbers['iou']:.3f}": _over_backdrop(photo.rgb, alpha),
    }
    return join_row([caption_tile(_shrink(tile), text) for text, tile in shown.items()])


def _over_backdrop(rgb: RGB, alpha: np.ndarray) -> RGB:
    share = alpha[..., None]
    mixed = rgb * share + np.array(_BACKDROP) * (1 - share)
    return np.asarray(np.rint(mixed), np.uint8)


def _shrink(picture: RGB) -> RGB:
    scale = min(1.0, _TILE_SIDE_PX / max(picture.shape[:2]))
    return np.asarray(resize(picture, scale_shape(picture.shape[:2], scale)), np.uint8)
