"""Folders of truth -> a table of metrics (SPEC row B10): mask only and each fusion.

Photos go through the whole pipeline at their own size, so that reading, scaling, fusion
and enlargement are all measured. Both networks run once per photo; the variants share
what they said.
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
"""Somebody else's answer to compare with: Photo -> alpha, float32 (H, W) in [0, 1]."""

MetricTable = dict[str, dict[str, dict[str, float]]]
"""set -> variant -> metric -> mean over the set's photos."""

MASK_IOU = "mask_iou"
"""IoU of the variant's own mask, cut at its own threshold; `iou` cuts every alpha at 0.5."""


@dataclass(frozen=True)
class EvaluationSample:
    """A photo and the truth to it: grey, 0 background, 255 portrait, of the photo's size."""

    photo: Path
    mask: Path

    def read(self) -> tuple[Photo, Float]:
        """The photo and its truth as float32 (H, W) in [0, 1]; InputError when sizes differ."""
        photo, mask = read(self.photo), read(self.mask)
        if mask.shape != photo.shape:
            (height, width), (tall, wide) = photo.shape, mask.shape
            raise InputError(
                f"{self.mask}: is {wide} x {tall} pixels but its photo {width} x {height}; "
                "give a mask of the photo's size"
            )
        return photo, mask.rgb[..., 0].astype(np.float32) / np.float32(255)


def find_samples(folder: Path) -> list[EvaluationSample]:
    """The pairs of `folder`/images and `folder`/masks with equal stems, sorted by stem.

    Raises InputError when one of the two is missing or empty, or holds a stem that the
    other lacks or that occurs twice.
    """
    photos, masks = _files_by_stem(folder, "images"), _files_by_stem(folder, "masks")
    for one, other, missing in (("images", "masks", "mask"), ("masks", "images", "photo")):
        mine, theirs = (photos, masks) if one == "images" else (masks, photos)
        for stem in mine:
            if stem not in theirs:
                raise InputError(
                    f"{mine[stem]}: has no {missing} of the same name in {folder / other}; "
                    "add it or take the file out"
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
    """The portraits of one photo by every fusion, from one run of both networks."""
    kept = replace(
        pipeline, segment=memoize_step(pipeline.segment), measure=memoize_step(pipeline.measure)
    )
    for name, rule in fusions.items():
        yield name, replace(kept, fuse=rule, fused_threshold=rule.threshold)(photo)


def evaluate_folders(
    folders: Sequence[Path],
    pipeline: Pipeline,
    peers: Mapping[str, _PeerMethod] | None = None,
    progress: Callable[[Path], None] = lambda _: None,
    fusions: Mapping[str, Fusion] = FUSIONS,
) -> MetricTable:
    """Measure the pipeline with each of `fusions`, and `peers` beside it, on each folder.

    A folder holds `images` and `masks` with equal stems; it stands in the table under its
    path as given. `none` is S_in alone. `progress` is called with each photo's path when it
    is done. Every folder is checked before the first photo is cut. A metric that no photo
    has (band error without any transition) is NaN.

    Raises InputError for a folder, photo or mask that cannot be used.
    """
    sets = {folder.as_posix(): find_samples(folder) for folder in folders}
    table: MetricTable = {}
    for name, pairs in sets.items():
        rows: dict[str, list[dict[str, float]]] = {}
        for sample in pairs:
            for variant, numbers in _measure_sample(sample, pipeline, peers or {}, fusions):
                rows.setdefault(variant, []).append(numbers)
            progress(sample.photo)
        table[name] = {variant: mean_metrics(numbers) for variant, numbers in rows.items()}
    return table


def _measure_sample(
    sample: EvaluationSample,
    pipeline: Pipeline,
    peers: Mapping[str, _PeerMethod],
    fusions: Mapping[str, Fusion],
) -> Iterator[tuple[str, dict[str, float]]]:
    photo, truth = sample.read()
    for name, portrait in fusion_variants(pipeline, photo, fusions):
        own = iou(portrait.mask.astype(np.float32), truth)
        yield name, compute_metrics(portrait.alpha, truth) | {MASK_IOU: own}
    for name, peer in peers.items():
        alpha = peer(photo)
        yield name, compute_metrics(alpha, truth) | {MASK_IOU: iou(alpha, truth)}


def mean_metrics(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean of every metric over the photos that have it."""
    found: dict[str, float] = {}
    for name in rows[0]:
        known = [row[name] for row in rows if not math.isnan(row[name])]
        found[name] = sum(known) / len(known) if known else math.nan
    return found


def write_json(table: MetricTable, path: Path) -> None:
    """Write `table` as JSON, NaN as null; the file appears whole or not at all."""
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
    """Write `table` as CSV, one row per set and variant; whole or not at all.

    `extra` names columns beside the usual metrics.
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
