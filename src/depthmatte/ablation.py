"""What each fusion is worth with each source of depth, against exact truth (SPEC row B10).

Folders are plain (`images` and `masks`) or hold one folder a scene: `photo.jpg`, `alpha.png`
and what there is of FILES. Every network runs once per canvas; the variants share what they
said. The formulas cut their own mask at a second threshold that was chosen on training scenes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

import numpy as np

from .arrays import Float
from .canvas import Canvas
from .depth import Source, unmeasured
from .errors import InputError
from .evaluate import MASK_IOU, Sample, Table, means, samples
from .fuse import FUSIONS, Fusion
from .io.pairs import attach
from .maps import Depth, Matte
from .metrics import iou, measure
from .photo import Photo
from .pipeline import Pipeline, remembered
from .portrait import Portrait

FILES: Mapping[str, tuple[str, ...]] = {
    "sensor": ("depth_sensor.png", "calib.json"),
    "stereo": ("right.jpg", "stereo.json"),
    "mono": (),
    "true": ("depth_true.png",),
}
"""Source -> its file in a scene's folder, and its calibration; the estimate needs the photo alone,
`true` is the exact depth, what no sensor gives."""

FALSE, MISSED = "false_area", "missed_area"
"""Areas of the variant's own mask, as shares of the subject's true area."""


def depth_only(matte: Matte, depth: Depth) -> Matte:
    """I2 (1 - d): near and sure is portrait, whatever the segmentation says."""
    return replace(matte, alpha=depth.prob * (1 - depth.relative))


DEPTH_ONLY = Fusion("depth", depth_only, threshold=0.5, needs_depth=True, opacity=False)

THRESHOLDS: Mapping[tuple[str, str], float] = {
    ("sensor", "product"): 0.11,
    ("sensor", "normalized"): 0.335,
    ("sensor", "depth"): 0.265,
    ("stereo", "product"): 0.31,
    ("stereo", "normalized"): 0.41,
    ("stereo", "depth"): 0.72,
    ("mono", "product"): 0.11,
    ("mono", "normalized"): 0.14,
    ("mono", "depth"): 0.34,
    ("true", "product"): 0.19,
    ("true", "normalized"): 0.625,
    ("true", "depth"): 0.465,
}
"""(source, variant) -> second threshold with the best mean IoU on 40 training scenes
(`benchmarks/thresholds.py`). `adaptive` gives an opacity, cut at its own 0.5; where nothing
stands here the variant's own threshold counts."""


@dataclass(frozen=True)
class Case:
    """One photo with its truth and the sources of depth it has."""

    name: str
    sample: Sample
    sources: tuple[str, ...] = ("mono",)
    folder: Path | None = None

    def measured_by(self, photo: Photo) -> tuple[str, ...]:
        """Its sources, and the depth that the photo itself brings."""
        own = photo.evidence.stored is not None
        return ("stored", *self.sources) if own else self.sources

    def photo_for(self, source: str, photo: Photo) -> Photo:
        """The photo with the evidence that `source` needs; InputError where it cannot be read."""
        if self.folder is None or not FILES.get(source):
            return photo
        file, *calibrations = (self.folder / name for name in FILES[source])
        calib = calibrations[0] if calibrations else None
        if source == "stereo":
            return attach(photo, right=file, calib=calib)
        return attach(photo, depth=file, calib=calib)


def rules(fusing: Mapping[str, Fusion] = FUSIONS) -> dict[str, Fusion]:
    """Every fusion, as a session has them, and depth alone."""
    return {**fusing, DEPTH_ONLY.name: DEPTH_ONLY}


@dataclass(frozen=True)
class Bench:
    """What measures: a pipeline, its `sources` of depth by name, the `rules` that take turns in it
    and, by (source, rule), the second `thresholds` of those that do not cut at their own.
    """

    pipeline: Pipeline
    sources: Mapping[str, Source]
    rules: Mapping[str, Fusion] = field(default_factory=rules)
    thresholds: Mapping[tuple[str, str], float] = field(default_factory=lambda: THRESHOLDS)


Gain = tuple[float, Case, str]
"""How much IoU `adaptive` gained over S_in on a photo, and with which source."""


@dataclass
class Outcome:
    """Means by variant, the gains on each photo, and how many pairs could not be matched."""

    table: Table = field(default_factory=dict)
    gains: list[Gain] = field(default_factory=list)
    unmatched: int = 0


def cases(folder: Path) -> list[Case]:
    """The photos of a plain folder or of a folder of scenes; InputError for neither, for both,
    and for scenes that lack what others have.
    """
    plain = (folder / "images").is_dir()
    scenes = [
        path.parent
        for path in sorted(folder.glob("*/photo.jpg"))
        if not (plain and path.parent.name in ("images", "masks"))
    ]
    if not scenes:
        return [Case(sample.photo.stem, sample) for sample in samples(folder)]
    if plain:
        raise InputError(f"{folder}: holds scenes and images beside them; give them apart")
    given = _given(scenes)
    return [_scene(scene, given) for scene in scenes]


def _given(scenes: Sequence[Path]) -> tuple[str, ...]:
    """The sources that any of the scenes has its file for."""
    return tuple(
        source
        for source, files in FILES.items()
        if not files or any((scene / files[0]).is_file() for scene in scenes)
    )


def _scene(scene: Path, given: tuple[str, ...]) -> Case:
    for name in ("alpha.png", *chain.from_iterable(FILES[source] for source in given)):
        if not (scene / name).is_file():
            raise InputError(f"{scene}: holds a photo but no {name}; build the scene again")
    return Case(scene.name, Sample(scene / "photo.jpg", scene / "alpha.png"), given, scene)


def ablate(
    folders: Sequence[Path], bench: Bench, progress: Callable[[Path], None] = lambda _: None
) -> Outcome:
    """Measure every variant with every source on each folder.

    A pair that cannot be matched counts as no depth there. Every folder is looked through before
    the first photo is cut. Raises InputError for a folder, photo, mask, depth file or calibration
    that cannot be used.
    """
    outcome = Outcome()
    sets = {folder.as_posix(): cases(folder) for folder in folders}
    for name, found in sets.items():
        one = measured(found, bench, progress)
        outcome.table[name] = one.table[""]
        outcome.gains += one.gains
        outcome.unmatched += one.unmatched
    return outcome


def measured(
    found: Iterable[Case], bench: Bench, progress: Callable[[Path], None] = lambda _: None
) -> Outcome:
    """The same for the photos of one set; its rows stand in the table under ""."""
    outcome = Outcome()
    rows: dict[str, list[dict[str, float]]] = {}
    for case in found:
        photo, truth = case.sample.read()
        scores = {}
        unmatched: set[str] = set()
        for name, portrait in variants(case, photo, bench, unmatched.add):
            scores[name] = scored(portrait, truth)
            rows.setdefault(name, []).append(scores[name])
        for source in case.measured_by(photo):
            gain = scores[f"{source}/adaptive"][MASK_IOU] - scores["none"][MASK_IOU]
            outcome.gains.append((gain, case, source))
        outcome.unmatched += bool(unmatched)
        progress(case.sample.photo)
    outcome.table[""] = {name: means(numbers) for name, numbers in rows.items()}
    return outcome


def variants(
    case: Case, photo: Photo, bench: Bench, unmatched: Callable[[str], None] = lambda _: None
) -> Iterator[tuple[str, Portrait]]:
    """`none`, then SOURCE/VARIANT for every source and variant; `unmatched` hears of pairs that
    cannot be matched.
    """
    again = replace(bench.pipeline, segment=remembered(bench.pipeline.segment))
    yield "none", replace(again, measure=unmeasured, fuse=FUSIONS["none"])(photo)
    for source in case.measured_by(photo):
        measured = replace(again, measure=remembered(asked(case, source, bench.sources, unmatched)))
        for name, rule in bench.rules.items():
            if name != "none":
                threshold = bench.thresholds.get((source, name), rule.threshold)
                fused = replace(measured, fuse=rule, second_threshold=threshold)
                yield f"{source}/{name}", fused(photo)


def asked(
    case: Case,
    source: str,
    sources: Mapping[str, Source],
    unmatched: Callable[[str], None] = lambda _: None,
) -> Source:
    """The source with the evidence that the case has for it; where a pair cannot be matched no
    depth, and `unmatched` hears of it.
    """

    def ask(photo: Photo, canvas: Canvas) -> Depth:
        shown = case.photo_for(source, photo)
        try:
            return sources["sensor" if source == "true" else source](shown, canvas)
        except InputError:
            if source != "stereo":
                raise
            unmatched(source)
            return Depth.none(canvas.fit.canvas)

    return ask


def scored(portrait: Portrait, truth: Float) -> dict[str, float]:
    """All metrics of the alpha, and of its own mask IoU and the two kinds of wrong area, which are
    NaN where there is no subject to be a share of.
    """
    own, true = portrait.mask, truth >= 0.5
    size = float(true.sum()) or math.nan
    return measure(portrait.alpha, truth) | {
        MASK_IOU: iou(own.astype(np.float32), truth),
        FALSE: float((own & ~true).sum() / size),
        MISSED: float((~own & true).sum() / size),
    }
