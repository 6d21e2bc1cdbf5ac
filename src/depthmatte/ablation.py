"""What each fusion is worth with each source of depth, against exact truth (SPEC row B10).

Folders are plain (`images` and `masks`) or hold one folder a scene (`photo.jpg`,
`alpha.png`, `depth_sensor.png`, `calib.json`, `right.jpg`, `stereo.json`,
`depth_true.png`). Every network runs once per canvas; the variants share what they said.
Each variant cuts its own mask at a second threshold that was chosen on training scenes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from .canvas import Canvas, Float
from .depth import Source, unmeasured
from .errors import InputError
from .evaluate import MASK_IOU, Sample, Table, means, samples
from .fuse import FUSIONS, Fusion
from .io.pairs import attach
from .maps import Depth, Matte, Portrait
from .metrics import iou, measure
from .photo import Photo
from .pipeline import Pipeline, remembered

PLAIN = ("mono",)
FULL = ("sensor", "stereo", "mono", "true")
"""Sources of a scene folder; `true` is the exact depth, what no sensor gives."""

FALSE, MISSED = "false_area", "missed_area"
"""Areas of the variant's own mask, as shares of the subject's true area."""


def depth_only(matte: Matte, depth: Depth) -> Matte:
    """I2 (1 - d): near and sure is portrait, whatever the segmentation says."""
    return replace(matte, alpha=depth.prob * (1 - depth.relative))


VARIANTS: dict[str, Fusion] = {
    **FUSIONS,
    "depth": Fusion("depth", depth_only, threshold=0.5, needs_depth=True),
}

THRESHOLDS: Mapping[tuple[str, str], float] = {
    ("sensor", "product"): 0.11,
    ("sensor", "normalized"): 0.47,
    ("sensor", "depth"): 0.47,
    ("stereo", "product"): 0.31,
    ("stereo", "normalized"): 0.8,
    ("stereo", "depth"): 0.72,
    ("mono", "product"): 0.1,
    ("mono", "normalized"): 0.18,
    ("mono", "depth"): 0.35,
    ("true", "product"): 0.17,
    ("true", "normalized"): 0.62,
    ("true", "depth"): 0.47,
}
"""(source, variant) -> second threshold with the best mean IoU on 40 training scenes
(`benchmarks/thresholds.py`). `adaptive` gives an opacity, cut at its own 0.5; where nothing
stands here the variant's own threshold counts."""


@dataclass(frozen=True)
class Case:
    """One photo with its truth and the sources of depth it has."""

    name: str
    sample: Sample
    sources: tuple[str, ...] = PLAIN
    folder: Path | None = None

    def photo_for(self, source: str, photo: Photo) -> Photo:
        """The photo with the evidence that `source` needs."""
        if self.folder is None or source == "mono":
            return photo
        if source == "true":
            return attach(photo, depth=self.folder / "depth_true.png")
        calib = self.folder / ("stereo.json" if source == "stereo" else "calib.json")
        if source == "stereo":
            return attach(photo, right=self.folder / "right.jpg", calib=calib)
        return attach(photo, depth=self.folder / "depth_sensor.png", calib=calib)


@dataclass
class Outcome:
    """Means by variant, and how much IoU the fusion `adaptive` gained on each photo."""

    table: Table = field(default_factory=dict)
    gains: list[tuple[float, Case, str]] = field(default_factory=list)


def cases(folder: Path) -> list[Case]:
    """The photos of a plain folder or of a folder of scenes; InputError for neither."""
    scenes = [path.parent for path in sorted(folder.glob("*/photo.jpg"))]
    if not scenes:
        return [Case(sample.photo.stem, sample) for sample in samples(folder)]
    found = []
    for scene in scenes:
        truth = scene / "alpha.png"
        if not truth.is_file():
            raise InputError(f"{scene}: holds a photo but no alpha.png; build the scene again")
        found.append(Case(scene.name, Sample(scene / "photo.jpg", truth), FULL, scene))
    return found


def ablate(
    folders: Sequence[Path],
    pipeline: Pipeline,
    sources: Mapping[str, Source],
    progress: Callable[[Path], None] = lambda _: None,
) -> Outcome:
    """Measure every variant with every source on each folder.

    `sources` are the pipeline's, by name. A source that cannot be used on a photo (a pair
    that cannot be matched) counts as no depth there. Raises InputError for a folder, photo
    or mask that cannot be used.
    """
    outcome = Outcome()
    for folder in folders:
        found = measured(cases(folder), pipeline, sources, progress)
        outcome.table[folder.as_posix()] = found.table[""]
        outcome.gains += found.gains
    return outcome


def measured(
    found: Iterable[Case],
    pipeline: Pipeline,
    sources: Mapping[str, Source],
    progress: Callable[[Path], None] = lambda _: None,
) -> Outcome:
    """The same for the photos of one set; its rows stand in the table under ""."""
    outcome = Outcome()
    rows: dict[str, list[dict[str, float]]] = {}
    for case in found:
        photo, truth = case.sample.read()
        scores = {}
        for name, portrait in variants(case, photo, pipeline, sources):
            scores[name] = scored(portrait, truth)
            rows.setdefault(name, []).append(scores[name])
        for source in case.sources:
            gain = scores[f"{source}/adaptive"][MASK_IOU] - scores["none"][MASK_IOU]
            outcome.gains.append((gain, case, source))
        progress(case.sample.photo)
    outcome.table[""] = {name: means(numbers) for name, numbers in rows.items()}
    return outcome


def variants(
    case: Case, photo: Photo, pipeline: Pipeline, sources: Mapping[str, Source]
) -> Iterator[tuple[str, Portrait]]:
    """`none`, then SOURCE/VARIANT for every source and variant."""
    again = replace(pipeline, segment=remembered(pipeline.segment))
    yield "none", replace(again, measure=unmeasured, fuse=FUSIONS["none"])(photo)
    for source in case.sources:
        measured = replace(again, measure=remembered(asked(case, source, sources)))
        for name, rule in VARIANTS.items():
            if name != "none":
                threshold = THRESHOLDS.get((source, name), rule.threshold)
                fused = replace(measured, fuse=rule, second_threshold=threshold)
                yield f"{source}/{name}", fused(photo)


def asked(case: Case, source: str, sources: Mapping[str, Source]) -> Source:
    """The source with the evidence that the case has for it; no depth where it cannot be used."""

    def ask(photo: Photo, canvas: Canvas) -> Depth:
        try:
            measuring = sources["sensor" if source == "true" else source]
            return measuring(case.photo_for(source, photo), canvas)
        except InputError:
            return Depth.none(canvas.fit.canvas)

    return ask


def scored(portrait: Portrait, truth: Float) -> dict[str, float]:
    """All metrics of the alpha, and of its own mask IoU and the two kinds of wrong area."""
    own, true = portrait.mask, truth >= 0.5
    size = max(1, int(true.sum()))
    return measure(portrait.alpha, truth) | {
        MASK_IOU: iou(own.astype(np.float32), truth),
        FALSE: float((own & ~true).sum() / size),
        MISSED: float((~own & true).sum() / size),
    }
