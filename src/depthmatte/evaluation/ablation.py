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

from ..canvas import Canvas
from ..depth import DepthFunction, no_depth
from ..errors import InputError
from ..fusion import FUSIONS, Fusion
from ..io.attach import attach
from ..photo import Photo
from ..pipeline import Pipeline
from ..portrait import Portrait
from ..types import Float
from ..values import Depth, Matte
from .memoize import memoize_step
from .metrics import compute_metrics, iou
from .run import MASK_IOU, EvaluationSample, MetricTable, find_samples, mean_metrics

SCENE_FILES: Mapping[str, tuple[str, ...]] = {
    "sensor": ("depth_sensor.png", "calib.json"),
    "stereo": ("right.jpg", "stereo.json"),
    "mono": (),
    "true": ("depth_true.png",),
}
"""Source -> its file in a scene's folder, and its calibration; the estimate needs the photo alone,
`true` is the exact depth, what no sensor gives."""

FALSE_AREA, MISSED_AREA = "false_area", "missed_area"
"""Areas of the variant's own mask, as shares of the subject's true area."""


def _fuse_depth_only(matte: Matte, depth: Depth) -> Matte:
    """I2 (1 - d): near and sure is portrait, whatever the segmentation says."""
    return replace(matte, alpha=depth.prob * (1 - depth.relative))


_DEPTH_ONLY = Fusion("depth", _fuse_depth_only, threshold=0.5, needs_depth=True, opacity=False)

_SECOND_THRESHOLDS: Mapping[tuple[str, str], float] = {
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
class AblationCase:
    """One photo with its truth and the sources of depth it has."""

    name: str
    sample: EvaluationSample
    sources: tuple[str, ...] = ("mono",)
    folder: Path | None = None

    def depth_sources(self, photo: Photo) -> tuple[str, ...]:
        """Its sources, and the depth that the photo itself brings."""
        own = photo.evidence.embedded_depth is not None
        return ("stored", *self.sources) if own else self.sources

    def photo_for(self, source: str, photo: Photo) -> Photo:
        """The photo with the evidence that `source` needs; InputError where it cannot be read."""
        if self.folder is None or not SCENE_FILES.get(source):
            return photo
        file, *calibrations = (self.folder / name for name in SCENE_FILES[source])
        calib = calibrations[0] if calibrations else None
        if source == "stereo":
            return attach(photo, right=file, calib=calib)
        return attach(photo, depth=file, calib=calib)


def ablation_fusions(fusions: Mapping[str, Fusion] = FUSIONS) -> dict[str, Fusion]:
    """Every fusion, as a session has them, and depth alone."""
    return {**fusions, _DEPTH_ONLY.name: _DEPTH_ONLY}


@dataclass(frozen=True)
class AblationSetup:
    """What measures: a pipeline, its `sources` of depth by name, the `rules` that take turns in it
    and, by (source, rule), the second `thresholds` of those that do not cut at their own.
    """

    pipeline: Pipeline
    sources: Mapping[str, DepthFunction]
    fusions: Mapping[str, Fusion] = field(default_factory=ablation_fusions)
    thresholds: Mapping[tuple[str, str], float] = field(default_factory=lambda: _SECOND_THRESHOLDS)


IoUGain = tuple[float, AblationCase, str]
"""How much IoU `adaptive` gained over S_in on a photo, and with which source."""


@dataclass
class AblationResult:
    """Means by variant, the gains on each photo, and how many pairs could not be matched."""

    table: MetricTable = field(default_factory=dict)
    gains: list[IoUGain] = field(default_factory=list)
    unmatched: int = 0


def find_cases(folder: Path) -> list[AblationCase]:
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
        return [AblationCase(sample.photo.stem, sample) for sample in find_samples(folder)]
    if plain:
        raise InputError(f"{folder}: holds scenes and images beside them; give them apart")
    given = _available_sources(scenes)
    return [_scene_case(scene, given) for scene in scenes]


def _available_sources(scenes: Sequence[Path]) -> tuple[str, ...]:
    """The sources that any of the scenes has its file for."""
    return tuple(
        source
        for source, files in SCENE_FILES.items()
        if not files or any((scene / files[0]).is_file() for scene in scenes)
    )


def _scene_case(scene: Path, given: tuple[str, ...]) -> AblationCase:
    for name in ("alpha.png", *chain.from_iterable(SCENE_FILES[source] for source in given)):
        if not (scene / name).is_file():
            raise InputError(f"{scene}: holds a photo but no {name}; build the scene again")
    return AblationCase(
        scene.name, EvaluationSample(scene / "photo.jpg", scene / "alpha.png"), given, scene
    )


def ablate_folders(
    folders: Sequence[Path], setup: AblationSetup, progress: Callable[[Path], None] = lambda _: None
) -> AblationResult:
    """Measure every variant with every source on each folder.

    A pair that cannot be matched counts as no depth there. Every folder is looked through before
    the first photo is cut. Raises InputError for a folder, photo, mask, depth file or calibration
    that cannot be used.
    """
    outcome = AblationResult()
    sets = {folder.as_posix(): find_cases(folder) for folder in folders}
    for name, found in sets.items():
        one = measure_cases(found, setup, progress)
        outcome.table[name] = one.table[""]
        outcome.gains += one.gains
        outcome.unmatched += one.unmatched
    return outcome


def measure_cases(
    cases: Iterable[AblationCase],
    setup: AblationSetup,
    progress: Callable[[Path], None] = lambda _: None,
) -> AblationResult:
    """The same for the photos of one set; its rows stand in the table under ""."""
    outcome = AblationResult()
    rows: dict[str, list[dict[str, float]]] = {}
    for case in cases:
        photo, truth = case.sample.read()
        scores = {}
        unmatched: set[str] = set()
        for name, portrait in case_variants(case, photo, setup, unmatched.add):
            scores[name] = _score_portrait(portrait, truth)
            rows.setdefault(name, []).append(scores[name])
        for source in case.depth_sources(photo):
            gain = scores[f"{source}/adaptive"][MASK_IOU] - scores["none"][MASK_IOU]
            outcome.gains.append((gain, case, source))
        outcome.unmatched += bool(unmatched)
        progress(case.sample.photo)
    outcome.table[""] = {name: mean_metrics(numbers) for name, numbers in rows.items()}
    return outcome


def case_variants(
    case: AblationCase,
    photo: Photo,
    setup: AblationSetup,
    unmatched: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[str, Portrait]]:
    """`none`, then SOURCE/VARIANT for every source and variant; `unmatched` hears of pairs that
    cannot be matched.
    """
    again = replace(setup.pipeline, segment=memoize_step(setup.pipeline.segment))
    yield "none", replace(again, measure=no_depth, fuse=FUSIONS["none"])(photo)
    for source in case.depth_sources(photo):
        measured = replace(
            again, measure=memoize_step(depth_function_for(case, source, setup.sources, unmatched))
        )
        for name, rule in setup.fusions.items():
            if name != "none":
                threshold = setup.thresholds.get((source, name), rule.threshold)
                fused = replace(measured, fuse=rule, fused_threshold=threshold)
                yield f"{source}/{name}", fused(photo)


def depth_function_for(
    case: AblationCase,
    source: str,
    sources: Mapping[str, DepthFunction],
    unmatched: Callable[[str], None] = lambda _: None,
) -> DepthFunction:
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


def _score_portrait(portrait: Portrait, truth: Float) -> dict[str, float]:
    """All metrics of the alpha, and of its own mask IoU and the two kinds of wrong area, which are
    NaN where there is no subject to be a share of.
    """
    own, true = portrait.mask, truth >= 0.5
    size = float(true.sum()) or math.nan
    return compute_metrics(portrait.alpha, truth) | {
        MASK_IOU: iou(own.astype(np.float32), truth),
        FALSE_AREA: float((own & ~true).sum() / size),
        MISSED_AREA: float((~own & true).sum() / size),
    }
