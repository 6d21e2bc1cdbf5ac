"""Held-out training samples of each task: some to calibrate int8 with, others to measure with.

No sample serves both ends, and none comes from an `eval` folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from ...canvas import PRESET_SHAPE, to_canvas
from ...errors import InputError, OptionError
from ...fusion.inputs import pool_blocks
from ...networks.network import Network
from ...segment.refine import DETAIL_INPUTS
from ...subjects.people_finder import measure_people
from ...system.printable_text import label
from ...types import Float, Mask
from ...values import PART_NAMES
from ..data.folders import LabeledPhoto
from ..data.matte_material import list_held_out
from ..networks.fusion import apply_verdict
from ..scenes.depth_scenes import held_out_depth_scenes
from ..tasks.detail import DetailSamples, read_patches
from ..tasks.fusion import FusionSamples
from ..tasks.parts import PARTS_REDUCTION, measure_part_ious, part_cases
from ..tasks.people import draw_held_out_groups, measure_panoptic_quality
from ..tasks.registry import TRAINING_TASKS
from ..tasks.stereo import held_out_stereo_pairs, stack_views
from ..tasks.task import MaterialOptions, to_network_input

_CALIBRATION_SEED, _QUALITY_SEED = 2000, 3000
"""Scenes and pairs to calibrate and to measure with. No other part of the trainer uses these."""

_CALIBRATION_PHOTOS, _CALIBRATION_SCENES, _CALIBRATION_PAIRS, _CALIBRATION_MAPS = 24, 12, 8, 32
"""How many samples the ranges of int8 values are taken from."""

_CALIBRATION_PATCHES = 64
"""How many patches the ranges of the detail network's int8 values are taken from."""

_QUALITY_SCENES, _QUALITY_PAIRS = 24, 24
"""How many drawn samples the quality is measured on. Photos and maps: half of the held-out."""

_PARTS_PRESET = PRESET_SHAPE[0] // PARTS_REDUCTION, PRESET_SHAPE[1] // PARTS_REDUCTION
"""(height, width) of the parts network's input."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class Quality:
    """The quality of a file on held-out samples.

    Attributes
    ----------
    measure : str
        What was measured.
    value : float
        The mean over the samples: IoU in [0, 1], depth error in [0, 1] or disparity error in
        pixels.
    higher_is_better : bool
        True for IoU, False for errors.
    """

    measure: str
    value: float
    higher_is_better: bool


def calibration_inputs(task: str, data: Path, labels: Path | None = None) -> Iterator[Float]:
    """Inputs from which the range of every int8 value is taken.

    Parameters
    ----------
    task : str
        "matte", "depth", "stereo", "fuse", "detail", "parts" or "people".
    data : Path
        The data folder.
    labels : Path, optional
        The output of `train maps`, `train composites` or `train labels parts`, which the networks
        fuse, detail and parts need.

    Yields
    ------
    ndarray
        float32 (1, c, h, w) in [0, 1].

    Raises
    ------
    InputError
        When the folder holds no held-out samples.
    """
    if task == "stereo":
        for pair in held_out_stereo_pairs(data, _CALIBRATION_PAIRS, _CALIBRATION_SEED):
            yield stack_views(pair)[None]
    elif task == "parts":
        photos = _spread(_list_photos(data, 1), _CALIBRATION_PHOTOS)
        for image, _ in part_cases(photos, _need_labels(labels), _PARTS_PRESET):
            yield image[None]
    elif task == "people":
        photos = _list_photos(data, 1)
        groups = (data, photos, PRESET_SHAPE, _CALIBRATION_SEED, _CALIBRATION_SCENES)
        for group in draw_held_out_groups(*groups):
            yield to_network_input(group.rgb, PRESET_SHAPE)[1][None]
    elif task == "fuse":
        for maps, _ in _spread(_list_maps(labels, 1), _CALIBRATION_MAPS):
            yield pool_blocks(list(maps))[None]
    elif task == "detail":
        for planes, _, _ in _spread(list(_list_patches(labels, 1)), _CALIBRATION_PATCHES):
            yield planes[None]
    else:
        for item in _spread(_list_photos(data, 1), _CALIBRATION_PHOTOS):
            yield to_network_input(item.read()[0], PRESET_SHAPE)[1][None]
    if task == "depth":
        for scene in held_out_depth_scenes(data, _CALIBRATION_SCENES, _CALIBRATION_SEED):
            yield to_network_input(scene.rgb, PRESET_SHAPE)[1][None]


def measure_quality(network: Network, data: Path, labels: Path | None = None) -> Quality:
    """Measure a network file on held-out training samples.

    Parameters
    ----------
    network : Network
        The loaded file of any task.
    data : Path
        The data folder.
    labels : Path, optional
        The output of `train maps`, `train composites` or `train labels parts`, which the networks
        fuse, detail and parts need.

    Returns
    -------
    Quality
        matte and fuse: mean IoU. parts: mean IoU of the parts with the teacher's. people: panoptic
        quality in composed scenes. depth: mean error of relative log depth in composed scenes.
        stereo: mean error in pixels where both views see the point. detail: mean absolute error of
        alpha in the band.

    Raises
    ------
    InputError
        When the folder holds no held-out samples.
    """
    task = network.contract.task
    scores = _SCORES[task](network, data, labels)
    higher = task in ("matte", "fuse", "parts", "people")
    return Quality(_MEASURES[task], float(np.mean(scores)), higher)


_FOLDERS_OF_GROUPS = {"unlabelled": "ccp", "portraits": "npm_photos"}
"""Group of photos that only a teacher labels -> the set that holds it."""

_SCENE_SETS = ("backgrounds", "cutouts", "objects", "npm_photos")
"""Sets that composed scenes and stereo pairs are made of."""


def list_used_sets(task: str, options: MaterialOptions) -> set[str]:
    """Return the names of the data sets that the samples of a run come from.

    Parameters
    ----------
    task : str
        "matte", "depth", "stereo", "parts" or "people".
    options : MaterialOptions
        What decides the samples.

    Returns
    -------
    set of str
        Empty when the samples do not say it.
    """
    try:
        samples: Any = TRAINING_TASKS[task].samples.from_options(options)
    except InputError:  # the folder has changed since the run
        return set()
    groups = {item.group for item in getattr(samples, "items", ())}
    scenes = _SCENE_SETS if hasattr(samples, "assets") else ()
    return {_FOLDERS_OF_GROUPS.get(group, group) for group in groups}.union(scenes)


def _matte_scores(network: Network, data: Path, _: Path | None) -> list[float]:
    scores = []
    for item in _list_photos(data, 0):
        rgb, mask = item.read()
        fit, image = to_network_input(rgb, PRESET_SHAPE)
        alpha = network.run(image[None])["alpha"][0, 0]
        truth = to_canvas(mask, fit)[fit.content_slices] > 127
        scores.append(_iou(alpha[fit.content_slices] > 0.5, truth))
    return scores


def _depth_scores(network: Network, data: Path, _: Path | None) -> list[float]:
    scores = []
    for scene in held_out_depth_scenes(data, _QUALITY_SCENES, _QUALITY_SEED):
        fit, image = to_network_input(scene.rgb, PRESET_SHAPE)
        d = network.run(image[None])["depth"][0, 0]
        exact = to_canvas(scene.is_exact.astype(np.uint8), fit, nearest=True) > 0
        if exact.any():
            scores.append(float(np.abs(d - to_canvas(scene.d, fit, nearest=True))[exact].mean()))
    return scores


def _stereo_scores(network: Network, data: Path, _: Path | None) -> list[float]:
    scores = []
    for pair in held_out_stereo_pairs(data, _QUALITY_PAIRS, _QUALITY_SEED):
        disparity = network.run(stack_views(pair)[None])["disparity"][0, 0]
        scores.append(float(np.abs(disparity - pair.disparity)[pair.visible].mean()))
    return scores


def _fuse_scores(network: Network, _: Path, labels: Path | None) -> list[float]:
    scores = []
    for maps, truth in _list_maps(labels, 0):
        verdict = torch.from_numpy(network.run(pool_blocks(list(maps))[None])["verdict"])
        alpha, measured = (torch.from_numpy(maps[None, at : at + 1]) for at in (0, 4))
        fused = apply_verdict(alpha, torch.logit(verdict, 1e-6), measured)[0, 0].numpy()
        scores.append(_iou(fused > 0.5, truth > 0.5))
    return scores


def _detail_scores(network: Network, _: Path, labels: Path | None) -> list[float]:
    scores = []
    for planes, weight, truth in _list_patches(labels, 0):
        alpha = network.run(planes[None])["alpha"][0, 0]
        error = np.abs(planes[3] + weight * (alpha - planes[3]) - truth)
        scores.append(float((error * weight).sum() / max(1.0, float(weight.sum()))))
    return scores


def _parts_scores(network: Network, data: Path, labels: Path | None) -> list[float]:
    def answer(image: Float) -> Float:
        found = network.run(image[None])
        return np.stack([found[name][0, 0] for name in PART_NAMES])

    cases = part_cases(_list_photos(data, 0), _need_labels(labels), _PARTS_PRESET)
    return list(measure_part_ious(answer, cases).values()) or [0.0]


def _people_scores(network: Network, data: Path, _: Path | None) -> list[float]:
    groups = draw_held_out_groups(
        data, _list_photos(data, 0), PRESET_SHAPE, _QUALITY_SEED, _QUALITY_SCENES
    )
    return [measure_panoptic_quality(lambda image: measure_people(image, network), groups)]


def _need_labels(labels: Path | None) -> Path:
    if labels is None:
        raise OptionError("labels: parts are measured against a teacher's; give --labels")
    return labels


_MEASURES = {
    "matte": "held-out IoU",
    "depth": "held-out depth error",
    "stereo": "held-out disparity error",
    "fuse": "held-out IoU",
    "detail": "held-out error in the band",
    "parts": "held-out IoU",
    "people": "held-out panoptic quality",
}

_SCORES: dict[str, Callable[[Network, Path, Path | None], list[float]]] = {
    "matte": _matte_scores,
    "depth": _depth_scores,
    "stereo": _stereo_scores,
    "fuse": _fuse_scores,
    "detail": _detail_scores,
    "parts": _parts_scores,
    "people": _people_scores,
}


def _list_photos(data: Path, half: int) -> list[LabeledPhoto]:
    """Half of the held-out photos: 0 to measure, 1 to calibrate."""
    found = list_held_out(data)[half::2]
    if not found:
        raise InputError(f"{label(data)}: holds too few held-out photos; give the data folder")
    return found


def _list_maps(labels: Path | None, half: int) -> list[tuple[Float, Float]]:
    """(features, truth) of half of the held-out maps: 0 to measure, 1 to calibrate."""
    held = FusionSamples.of_split(labels, PRESET_SHAPE, "test")
    files = held.files[half::2] or held.files
    return list(FusionSamples(files, [1.0] * len(files), PRESET_SHAPE).iter_plain())


def _list_patches(labels: Path | None, half: int) -> Iterator[tuple[Float, Float, Float]]:
    """(planes, weight, truth) of half of the held-out patches: 0 to measure, 1 to calibrate."""
    held = DetailSamples.of_split(labels, PRESET_SHAPE, "test")
    for file in held.files[half::2] or held.files:
        for patch in read_patches(file):
            planes = patch.astype(np.float32) / np.float32(255)
            yield planes[:DETAIL_INPUTS], planes[DETAIL_INPUTS], planes[DETAIL_INPUTS + 1]


def _spread(items: Sequence[_T], count: int) -> Sequence[_T]:
    """At most `count` items, evenly spread."""
    return items[:: -(-len(items) // count) or 1]


def _iou(guess: Mask, truth: Mask) -> float:
    return float((guess & truth).sum() / max(1, (guess | truth).sum()))
