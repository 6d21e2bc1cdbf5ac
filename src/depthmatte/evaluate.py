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

from .arrays import Float
from .errors import InputError
from .fuse import FUSIONS, Fusion
from .io.find import SUFFIXES
from .io.image import read
from .io.replace import replacing
from .metrics import METRICS, iou, measure
from .photo import Photo
from .pipeline import Pipeline, remembered
from .portrait import Portrait

Peer = Callable[[Photo], Float]
"""Somebody else's answer to compare with: Photo -> alpha, float32 (H, W) in [0, 1]."""

Table = dict[str, dict[str, dict[str, float]]]
"""set -> variant -> metric -> mean over the set's photos."""

MASK_IOU = "mask_iou"
"""IoU of the variant's own mask, cut at its own threshold; `iou` cuts every alpha at 0.5."""


@dataclass(frozen=True)
class Sample:
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


def samples(folder: Path) -> list[Sample]:
    """The pairs of `folder`/images and `folder`/masks with equal stems, sorted by stem.

    Raises InputError when one of the two is missing or empty, or holds a stem that the
    other lacks or that occurs twice.
    """
    photos, masks = _stems(folder, "images"), _stems(folder, "masks")
    for one, other, missing in (("images", "masks", "mask"), ("masks", "images", "photo")):
        mine, theirs = (photos, masks) if one == "images" else (masks, photos)
        for stem in mine:
            if stem not in theirs:
                raise InputError(
                    f"{mine[stem]}: has no {missing} of the same name in {folder / other}; "
                    "add it or take the file out"
                )
    return [Sample(photos[stem], masks[stem]) for stem in photos]


def _stems(folder: Path, part: str) -> dict[str, Path]:
    where = folder / part
    if not where.is_dir():
        raise InputError(
            f"{folder}: has no folder {part}; give a folder with images and masks in it"
        )
    stems: dict[str, Path] = {}
    for path in sorted(where.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in SUFFIXES:
            continue
        if path.stem in stems:
            raise InputError(f"{path}: the name {path.stem} occurs twice in {where}; rename one")
        stems[path.stem] = path
    if not stems:
        raise InputError(f"{where}: holds no photos; give a folder with images and masks in it")
    return stems


def variants(
    pipeline: Pipeline, photo: Photo, fusions: Mapping[str, Fusion] = FUSIONS
) -> Iterator[tuple[str, Portrait]]:
    """The portraits of one photo by every fusion, from one run of both networks."""
    kept = replace(
        pipeline, segment=remembered(pipeline.segment), measure=remembered(pipeline.measure)
    )
    for name, rule in fusions.items():
        yield name, replace(kept, fuse=rule, second_threshold=rule.threshold)(photo)


def evaluate(
    folders: Sequence[Path],
    pipeline: Pipeline,
    peers: Mapping[str, Peer] | None = None,
    progress: Callable[[Path], None] = lambda _: None,
    fusions: Mapping[str, Fusion] = FUSIONS,
) -> Table:
    """Measure the pipeline with each of `fusions`, and `peers` beside it, on each folder.

    A folder holds `images` and `masks` with equal stems; it stands in the table under its
    path as given. `none` is S_in alone. `progress` is called with each photo's path when it
    is done. Every folder is checked before the first photo is cut. A metric that no photo
    has (band error without any transition) is NaN.

    Raises InputError for a folder, photo or mask that cannot be used.
    """
    sets = {folder.as_posix(): samples(folder) for folder in folders}
    table: Table = {}
    for name, pairs in sets.items():
        rows: dict[str, list[dict[str, float]]] = {}
        for sample in pairs:
            for variant, numbers in _measured(sample, pipeline, peers or {}, fusions):
                rows.setdefault(variant, []).append(numbers)
            progress(sample.photo)
        table[name] = {variant: means(numbers) for variant, numbers in rows.items()}
    return table


def _measured(
    sample: Sample,
    pipeline: Pipeline,
    peers: Mapping[str, Peer],
    fusions: Mapping[str, Fusion],
) -> Iterator[tuple[str, dict[str, float]]]:
    photo, truth = sample.read()
    for name, portrait in variants(pipeline, photo, fusions):
        own = iou(portrait.mask.astype(np.float32), truth)
        yield name, measure(portrait.alpha, truth) | {MASK_IOU: own}
    for name, peer in peers.items():
        alpha = peer(photo)
        yield name, measure(alpha, truth) | {MASK_IOU: iou(alpha, truth)}


def means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean of every metric over the photos that have it."""
    found: dict[str, float] = {}
    for name in rows[0]:
        known = [row[name] for row in rows if not math.isnan(row[name])]
        found[name] = sum(known) / len(known) if known else math.nan
    return found


def write_json(table: Table, path: Path) -> None:
    """Write `table` as JSON, NaN as null; the file appears whole or not at all."""
    plain = {
        folder: {
            variant: {name: None if math.isnan(value) else value for name, value in row.items()}
            for variant, row in rows.items()
        }
        for folder, rows in table.items()
    }
    with replacing(path) as draft:
        draft.write_text(json.dumps(plain, indent=2) + "\n", "utf-8")


def write_csv(table: Table, path: Path, extra: Sequence[str] = ()) -> None:
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
    with replacing(path) as draft:
        draft.write_text(text.getvalue(), "utf-8")
