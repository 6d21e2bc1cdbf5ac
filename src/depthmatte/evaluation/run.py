"""Evaluate every fusion on folders of photos with ground-truth masks.

Photos pass the whole pipeline at their own size, so that reading, scaling, fusion and restoring
are all measured. Each network runs once per photo, and all fusions share its output.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..fusion import FUSIONS, Fusion
from ..io.files.find import PHOTO_SUFFIXES
from ..io.photo.photo_reader import read
from ..photo import Photo
from ..pipeline import Pipeline
from ..portrait import Portrait
from ..system.atomic_write import atomic_draft
from ..types import Float
from .memoize import memoize_step
from .metrics import METRICS, compute_metrics, iou

_PeerMethod = Callable[[Photo], Float]
"""Another method to compare with: Photo -> alpha, float32 (H, W) in [0, 1]."""

MetricTable = dict[str, dict[str, dict[str, float]]]
"""Results of an evaluation: set -> variant -> metric -> mean over the photos of the set.

A set is a data folder and a variant is a fusion or another method. Metrics are the keys of
`METRICS` and `MASK_IOU`. A mean is NaN when no photo has a value.
"""

MASK_IOU = "mask_iou"
"""IoU of the mask, cut at the threshold of the variant. `iou` cuts every alpha at 0.5."""


@dataclass(frozen=True)
class EvaluationSample:
    """A photo and its ground-truth mask: gray, 0 background and 255 portrait, of equal size."""

    photo: Path
    mask: Path

    def read(self) -> tuple[Photo, Float]:
        """Read the photo, and the truth as float32 (H, W) in [0, 1]; InputError on mismatch."""
        photo, mask = read(self.photo), read(self.mask)
        if mask.shape != photo.shape:
            (height, width), (tall, wide) = photo.shape, mask.shape
            raise InputError(
                f"{self.mask}: is {wide} x {tall} pixels but its photo {width} x {height}; "
                "give a mask of the photo's size"
            )
        return photo, mask.rgb[..., 0].astype(np.float32) / np.float32(255)


EachResult = Callable[[str, EvaluationSample, str, Float, Float, dict[str, float]], None]
"""Takes folder, sample, variant, alpha, truth and metrics of one result."""


def find_samples(folder: Path) -> list[EvaluationSample]:
    """Pair the files of `images` and `masks` by name without suffix, sorted by name.

    Raises
    ------
    InputError
        When a folder is missing or empty, or a name has no partner or occurs twice.
    """
    photos, masks = _files_by_stem(folder, "images"), _files_by_stem(folder, "masks")
    for one, other, missing in (("images", "masks", "mask"), ("masks", "images", "photo")):
        mine, theirs = (photos, masks) if one == "images" else (masks, photos)
        for stem in mine:
            if stem not in theirs:
                raise InputError(
                    f"{mine[stem]}: has no {missing} of the same name in {folder / other}; "
                    "add it or remove the file"
                )
    return [EvaluationSample(photos[stem], masks[stem]) for stem in photos]


def _files_by_stem(folder: Path, part: str) -> dict[str, Path]:
    where = folder / part
    if not where.is_dir():
        raise InputError(
            f"{folder}: has no folder {part}; give a folder with images and masks in it"
        )
    stems: dict[str, Path] = {}
    for path in sorted(where.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in PHOTO_SUFFIXES:
            continue
        if path.stem in stems:
            raise InputError(f"{path}: the name {path.stem} occurs twice in {where}; rename one")
        stems[path.stem] = path
    if not stems:
        raise InputError(f"{where}: holds no photos; give a folder with images and masks in it")
    return stems


def fusion_variants(
    pipeline: Pipeline, photo: Photo, fusions: Mapping[str, Fusion] = FUSIONS
) -> Iterator[tuple[str, Portrait]]:
    """Yield (name, portrait) of every fusion, from one run of both networks."""
    shared = replace(
        pipeline, segment=memoize_step(pipeline.segment), measure=memoize_step(pipeline.measure)
    )
    for name, fusion in fusions.items():
        yield name, replace(shared, fuse=fusion, fused_threshold=fusion.threshold)(photo)


def evaluate_folders(
    folders: Sequence[Path],
    pipeline: Pipeline,
    peers: Mapping[str, _PeerMethod] | None = None,
    progress: Callable[[Path], None] = lambda _: None,
    fusions: Mapping[str, Fusion] = FUSIONS,
    each: EachResult | None = None,
) -> MetricTable:
    """Measure every fusion, and other methods, on each folder.

    All folders are checked before the first photo is cut.

    Parameters
    ----------
    folders : sequence of Path
        Folders with `images` and `masks`, matched by file name.
    pipeline : Pipeline
        The pipeline whose fusion is replaced.
    peers : mapping of str to callable, optional
        Other methods by name: Photo -> alpha, float32 (H, W) in [0, 1].
    progress : callable, optional
        Called with the path of each photo that is done.
    fusions : mapping of str to Fusion
        Fusions by name. "none" is the segmentation alone.
    each : callable, optional
        Called with folder, sample, variant, alpha, truth and metrics of each result.

    Returns
    -------
    MetricTable
        Folder -> variant -> metric -> mean.

    Raises
    ------
    InputError
        When a folder, photo or mask cannot be used.
    """
    sets = {folder.as_posix(): find_samples(folder) for folder in folders}
    table: MetricTable = {}
    for name, pairs in sets.items():
        rows: dict[str, list[dict[str, float]]] = {}
        for sample in pairs:
            for variant, alpha, truth, numbers in _measure_sample(
                sample, pipeline, peers or {}, fusions
            ):
                rows.setdefault(variant, []).append(numbers)
                if each is not None:
                    each(name, sample, variant, alpha, truth, numbers)
            progress(sample.photo)
        table[name] = {variant: mean_metrics(numbers) for variant, numbers in rows.items()}
    return table


def _measure_sample(
    sample: EvaluationSample,
    pipeline: Pipeline,
    peers: Mapping[str, _PeerMethod],
    fusions: Mapping[str, Fusion],
) -> Iterator[tuple[str, Float, Float, dict[str, float]]]:
    photo, truth = sample.read()
    for name, portrait in fusion_variants(pipeline, photo, fusions):
        mask_iou = iou(portrait.mask.astype(np.float32), truth)
        alpha = portrait.alpha
        yield name, alpha, truth, compute_metrics(alpha, truth) | {MASK_IOU: mask_iou}
    for name, peer in peers.items():
        alpha = peer(photo)
        yield name, alpha, truth, compute_metrics(alpha, truth) | {MASK_IOU: iou(alpha, truth)}


def mean_metrics(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of every metric over the photos that have a value."""
    means: dict[str, float] = {}
    for name in rows[0]:
        known = [row[name] for row in rows if not math.isnan(row[name])]
        means[name] = sum(known) / len(known) if known else math.nan
    return means


def write_json(table: MetricTable, path: Path) -> None:
    """Write a table as JSON with null for NaN. The file appears only when it is complete."""
    plain = {
        folder: {
            variant: {name: None if math.isnan(value) else value for name, value in row.items()}
            for variant, row in rows.items()
        }
        for folder, rows in table.items()
    }
    with atomic_draft(path) as draft:
        draft.write_text(json.dumps(plain, indent=2) + "\n", "utf-8")


def write_csv(table: MetricTable, path: Path, extra: Sequence[str] = ()) -> None:
    """Write a table as CSV with one row per set and variant.

    `extra` names columns beside the usual metrics. The file appears only when it is complete.
    """
    columns = [*METRICS, MASK_IOU, *extra]
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["set", "variant", *columns])
    for folder, rows in table.items():
        for variant, row in rows.items():
            writer.writerow([folder, variant, *(f"{row[n]:.6g}" for n in columns)])
    with atomic_draft(path) as draft:
        draft.write_text(text.getvalue(), "utf-8")
