"""Ablation: measure every fusion with every depth source against ground truth.

A data folder holds `images` and `masks`, and `depth` where a depth camera measured. Or it holds one
folder per scene with `photo.jpg`, `alpha.png` and files of `SCENE_FILES`. Each network runs once
per canvas, and all variants share its output.
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
"""Depth source -> its file in the folder of a scene, and its calibration. `mono` needs only the
photo. `true` is the exact depth."""

FALSE_AREA, MISSED_AREA = "false_area", "missed_area"
"""Metrics: false and missed area of a variant's mask, divided by the true area of the subject."""


def _fuse_depth_only(matte: Matte, depth: Depth) -> Matte:
    """Ignore the segmentation: alpha is the depth probability times nearness, 1 - depth."""
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
"""(source, fusion) -> fused threshold with the best mean IoU on 40 training scenes
(`benchmarks/thresholds.py`). Other pairs use the threshold of the fusion."""


@dataclass(frozen=True)
class AblationCase:
    """One photo with its ground truth and its depth sources.

    Parameters
    ----------
    name : str
        Name for reports.
    sample : EvaluationSample
        Photo and mask.
    sources : tuple of str
        Depth sources of this case.
    folder : Path, optional
        Folder of the scene, which holds the files of the sources.
    depth : Path, optional
        Depth file of the source `sensor`, on the photo's pixels, of a case that is no scene.
    """

    name: str
    sample: EvaluationSample
    sources: tuple[str, ...] = ("mono",)
    folder: Path | None = None
    depth: Path | None = None

    def depth_sources(self, photo: Photo) -> tuple[str, ...]:
        """Return the depth sources, with "stored" when the photo's file holds depth."""
        has_stored = photo.evidence.embedded_depth is not None
        return ("stored", *self.sources) if has_stored else self.sources

    def photo_for(self, source: str, photo: Photo) -> Photo:
        """Attach the files of a source to the photo; InputError when they cannot be read."""
        if self.depth is not None and source == "sensor":
            return attach(photo, depth=self.depth)
        if self.folder is None or not SCENE_FILES.get(source):
            return photo
        file, *calibrations = (self.folder / name for name in SCENE_FILES[source])
        calib = calibrations[0] if calibrations else None
        if source == "stereo":
            return attach(photo, right=file, calib=calib)
        return attach(photo, depth=file, calib=calib)


def ablation_fusions(fusions: Mapping[str, Fusion] = FUSIONS) -> dict[str, Fusion]:
    """Return all fusions by name, and "depth", which ignores the segmentation."""
    return {**fusions, _DEPTH_ONLY.name: _DEPTH_ONLY}


@dataclass(frozen=True)
class AblationSetup:
    """What an ablation varies.

    Parameters
    ----------
    pipeline : Pipeline
        The pipeline whose depth source and fusion are replaced.
    sources : mapping of str to callable
        Depth sources by name.
    fusions : mapping of str to Fusion
        Fusions by name.
    thresholds : mapping
        (source, fusion) -> fused threshold, where it differs from that of the fusion.
    """

    pipeline: Pipeline
    sources: Mapping[str, DepthFunction]
    fusions: Mapping[str, Fusion] = field(default_factory=ablation_fusions)
    thresholds: Mapping[tuple[str, str], float] = field(default_factory=lambda: _SECOND_THRESHOLDS)


IoUGain = tuple[float, AblationCase, str]
"""(gain in IoU of `adaptive` over the segmentation, case, depth source)."""


@dataclass
class AblationResult:
    """The result of an ablation.

    Parameters
    ----------
    table : MetricTable
        Set -> variant -> metric -> mean.
    gains : list of IoUGain
        The gain of `adaptive` on each photo with each source.
    unmatched : int
        Number of stereo pairs that could not be matched.
    """

    table: MetricTable = field(default_factory=dict)
    gains: list[IoUGain] = field(default_factory=list)
    unmatched: int = 0


def find_cases(folder: Path) -> list[AblationCase]:
    """List the cases of a data folder.

    Raises
    ------
    InputError
        When the folder holds neither `images` and `masks` nor scenes, or both, or when a case
        lacks a file that others have.
    """
    plain = (folder / "images").is_dir()
    scenes = [
        path.parent
        for path in sorted(folder.glob("*/photo.jpg"))
        if not (plain and path.parent.name in ("images", "masks"))
    ]
    if not scenes:
        return [_plain_case(sample, folder / "depth") for sample in find_samples(folder)]
    if plain:
        raise InputError(f"{folder}: holds both scenes and images; move them to two folders")
    sources = _available_sources(scenes)
    return [_scene_case(scene, sources) for scene in scenes]


def _plain_case(sample: EvaluationSample, depth: Path) -> AblationCase:
    """A photo and its mask, with the depth file of the same name where there is such a folder."""
    name = sample.photo.stem
    if not depth.is_dir():
        return AblationCase(name, sample)
    files = sorted(path for path in depth.iterdir() if path.stem == name)
    if len(files) != 1:
        found = "two depth files" if files else "no depth file"
        raise InputError(f"{sample.photo}: has {found} of its name in {depth}; leave one there")
    return AblationCase(name, sample, ("sensor", "mono"), depth=files[0])


def _available_sources(scenes: Sequence[Path]) -> tuple[str, ...]:
    """List the sources for which at least one scene has a file."""
    return tuple(
        source
        for source, files in SCENE_FILES.items()
        if not files or any((scene / files[0]).is_file() for scene in scenes)
    )


def _scene_case(scene: Path, sources: tuple[str, ...]) -> AblationCase:
    for name in ("alpha.png", *chain.from_iterable(SCENE_FILES[source] for source in sources)):
        if not (scene / name).is_file():
            raise InputError(f"{scene}: holds a photo but no {name}; build the scene again")
    return AblationCase(
        scene.name, EvaluationSample(scene / "photo.jpg", scene / "alpha.png"), sources, scene
    )


def ablate_folders(
    folders: Sequence[Path], setup: AblationSetup, progress: Callable[[Path], None] = lambda _: None
) -> AblationResult:
    """Measure every fusion with every depth source on each folder.

    All folders are checked before the first photo is cut. A stereo pair that cannot be matched
    counts as a photo without depth.

    Parameters
    ----------
    folders : sequence of Path
        Data folders. Each is one set of the table.
    setup : AblationSetup
        Pipeline, depth sources and fusions.
    progress : callable, optional
        Called with the path of each photo that is done.

    Raises
    ------
    InputError
        When a folder, photo, mask, depth file or calibration cannot be used.
    """
    result = AblationResult()
    sets = {folder.as_posix(): find_cases(folder) for folder in folders}
    for name, cases in sets.items():
        measured = measure_cases(cases, setup, progress)
        result.table[name] = measured.table[""]
        result.gains += measured.gains
        result.unmatched += measured.unmatched
    return result


def measure_cases(
    cases: Iterable[AblationCase],
    setup: AblationSetup,
    progress: Callable[[Path], None] = lambda _: None,
) -> AblationResult:
    """Measure every fusion with every depth source on one set, named "" in the table."""
    result = AblationResult()
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
            result.gains.append((gain, case, source))
        result.unmatched += bool(unmatched)
        progress(case.sample.photo)
    result.table[""] = {name: mean_metrics(numbers) for name, numbers in rows.items()}
    return result


def case_variants(
    case: AblationCase,
    photo: Photo,
    setup: AblationSetup,
    unmatched: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[str, Portrait]]:
    """Cut one photo with every variant.

    Parameters
    ----------
    case : AblationCase
        The case.
    photo : Photo
        Its photo.
    setup : AblationSetup
        Pipeline, depth sources and fusions.
    unmatched : callable, optional
        Called with the name of the source when a stereo pair cannot be matched.

    Yields
    ------
    name : str
        "none" for the segmentation alone, then SOURCE/FUSION for every pair.
    portrait : Portrait
        The result.
    """
    pipeline = replace(setup.pipeline, segment=memoize_step(setup.pipeline.segment))
    yield "none", replace(pipeline, measure=no_depth, fuse=FUSIONS["none"])(photo)
    for source in case.depth_sources(photo):
        measure = memoize_step(depth_function_for(case, source, setup.sources, unmatched))
        for name, fusion in setup.fusions.items():
            if name != "none":
                threshold = setup.thresholds.get((source, name), fusion.threshold)
                variant = replace(pipeline, measure=measure, fuse=fusion, fused_threshold=threshold)
                yield f"{source}/{name}", variant(photo)


def depth_function_for(
    case: AblationCase,
    source: str,
    sources: Mapping[str, DepthFunction],
    unmatched: Callable[[str], None] = lambda _: None,
) -> DepthFunction:
    """Make a depth source that first attaches the files of the case to the photo.

    A stereo pair that cannot be matched gives no depth, and `unmatched` is called with the
    name of the source.
    """

    def measure(photo: Photo, canvas: Canvas) -> Depth:
        attached = case.photo_for(source, photo)
        try:
            return sources["sensor" if source == "true" else source](attached, canvas)
        except InputError:
            if source != "stereo":
                raise
            unmatched(source)
            return Depth.none(canvas.fit.canvas)

    return measure


def _score_portrait(portrait: Portrait, truth: Float) -> dict[str, float]:
    """Compute all metrics; false and missed area are NaN without a subject."""
    mask, true_mask = portrait.mask, truth >= 0.5
    true_area = float(true_mask.sum()) or math.nan
    return compute_metrics(portrait.alpha, truth) | {
        MASK_IOU: iou(mask.astype(np.float32), truth),
        FALSE_AREA: float((mask & ~true_mask).sum() / true_area),
        MISSED_AREA: float((~mask & true_mask).sum() / true_area),
    }
