"""The maps that the fusion network learns from: made once of scenes and photos, kept as files.

Each file holds, on the canvas, alpha and probability of the shipped portrait network, log depth
and depth probability of every source, and the subject's true alpha. Scenes have a simulated
sensor, a second view and the depth network's estimate. Ordinary photos, groups among them, have
the estimate alone, so that fusion learns to leave them as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ...canvas import PRESET_SHAPE, Box, Canvas, prepare_canvas, to_canvas
from ...depth import DepthFunction
from ...depth.estimated import create_depth_estimator
from ...depth.resample import resample_depth
from ...depth.sensor.depth_map import sensor_depth
from ...depth.stereo.second_view import create_matcher, create_stereo_source
from ...errors import InputError
from ...evidence import DepthStatus, Evidence, RawDepth, StereoView
from ...networks import registry
from ...networks.network import Network
from ...photo import Photo
from ...portrait import Portrait
from ...segment.portrait_network import create_segmenter
from ...segment.second_look import find_second_look_box
from ...system.atomic_write import atomic_draft
from ...types import Float
from ...values import Depth, Matte
from ..augment.color import random_color
from ..augment.options import CrowdOptions
from ..data.assets import GROUP_SETS, Assets
from ..data.folders import LabeledPhoto, list_labeled, read_gray
from ..data.splits import Split, list_backgrounds, list_matte_photos
from ..scenes.hard_scenes.scene import HardScene, draw_hard_scene
from .matte import CLEAN_MASK_SETS, MatteSamples

_PHOTOS_EVERY = 2
"""Of the ordinary training photos every n-th joins in; of the held-out ones all do."""

_LANDSCAPE_SHARE = 0.3
"""Share of composites in landscape."""

ALIGNED_CROWD = CrowdOptions(aligned=True)
"""The other people in composites; companions are aligned with the portrait."""

TALL_DISTRACTOR_HEIGHT = (0.5, 0.88)
"""Heights of distractors that are hard to tell from companions, as shares of the portrait's."""

_GROUPS_TEST_EVERY = 5
"""Of these every n-th is held out."""

_MIN_HEIGHT_RATIO, _MIN_AREA_RATIO = 0.6, 0.05
"""People of a group stand at one depth if the lowest is at least this share as high as the
highest. Pieces of less than this share of the largest area do not count."""

_COLOR_STRENGTH = 0.5
"""Strength of the composites' color changes."""

_MAX_TRIES = 50
"""Photos drawn for one composite before masks without a person are an error."""

_COMPOSITE_STREAM = 1
"""Keeps the draws of composites apart from those of other runs with one seed."""

_WEBP_QUALITY = 90
"""Quality of the stored colors, in percent."""

_Segment = Callable[[Canvas], Matte]

_MakePhoto = Callable[[], tuple[Photo, Float]]
"""Makes a photo and its truth, float32 (H, W), when it is needed."""


def write_fusion_maps(
    path: Path,
    photo: Photo,
    truth: Float,
    segment: _Segment,
    sources: Mapping[str, DepthFunction],
    preset: tuple[int, int],
) -> None:
    """Run all networks on one photo and keep their maps; `truth` is float32 (H, W).

    A pair that cannot be matched counts as a source that is not there. The maps of a small
    portrait's second pass are kept in a file of their own, `zoomed_file`.
    """
    canvas = prepare_canvas(photo, preset)
    depths = {}
    for name, source in sources.items():
        try:
            depths[name] = source(photo, canvas)
        except InputError:
            continue
    part = _zoom_box(photo, np.clip(to_canvas(truth, canvas.fit), 0, 1), canvas, preset)
    if part is not None:
        near = prepare_canvas(photo, preset, crop=part)
        again = {
            name: sources[name](photo, near)
            if name == "mono"
            else resample_depth(depth, canvas.fit, near.fit)
            for name, depth in depths.items()
        }
        _save_maps(zoomed_file(path), near, segment(near), truth, again)
    _save_maps(path, canvas, segment(canvas), truth, depths)


def zoomed_file(path: Path) -> Path:
    """The file of the second pass, next to that of the first."""
    return path.with_name(f"{path.stem}_near.npz")


def _zoom_box(photo: Photo, truth: Float, canvas: Canvas, preset: tuple[int, int]) -> Box | None:
    """The box of the second pass if the first had found the truth."""
    there = Depth.none(canvas.fit.canvas)
    return find_second_look_box(Portrait(photo, Matte(truth, truth), there, canvas.fit), preset)


def _save_maps(
    path: Path, canvas: Canvas, matte: Matte, truth: Float, depths: Mapping[str, Depth]
) -> None:
    planes = {
        "alpha": _to_bytes(matte.alpha),
        "prob": _to_bytes(matte.prob),
        "truth": _to_bytes(to_canvas(truth, canvas.fit)),
        "rgb": _encode_webp(canvas.rgb[0]),
    }
    for name, depth in depths.items():
        if depth.prob.any():
            planes[name] = depth.log_depth.astype(np.float16)
            # 0 says "not measured": a guess that is kept for show must not look like one.
            sure = np.maximum(_to_bytes(depth.prob), 1)
            planes[f"{name}_prob"] = np.where(depth.usable, sure, np.uint8(0))
    with atomic_draft(path, folders=True) as draft, draft.open("wb") as file:
        np.savez_compressed(file, **planes)  # type: ignore[arg-type]


def _encode_webp(rgb: Float) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Colors (3, h, w) as a WebP file's bytes: a fifth of the room of the pixels themselves."""
    picture = np.ascontiguousarray(_to_bytes(rgb).transpose(1, 2, 0)[..., ::-1])
    return cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, _WEBP_QUALITY])[1].ravel()


def _to_bytes(plane: Float) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(plane * 255 + 0.5, np.uint8)


def list_photos(data: Path, split: Split) -> Iterator[tuple[str, _MakePhoto]]:
    """Ordinary photos with their masks."""
    items, _, held = list_matte_photos(data)
    masked = [item for item in items if item.group in ("picsart", "ccp")][::_PHOTOS_EVERY]
    for item in chain(masked if split == "train" else held, _list_groups(data, split)):
        yield f"{split}_{item.group}_{item.photo.stem}", partial(_read_photo, item)


def _list_groups(data: Path, split: Split) -> Iterator[LabeledPhoto]:
    """Photos of people at one depth, judged by their heights: fusion must keep all of a group."""
    for group in GROUP_SETS:
        for index, item in enumerate(list_labeled(data, group)):
            mine = (index % _GROUPS_TEST_EVERY == 0) == (split == "test")
            if mine and isinstance(item.mask, Path) and _similar_heights(read_gray(item.mask)):
                yield item


def _similar_heights(mask: NDArray[np.uint8]) -> bool:
    """Whether the people of a mask, uint8 (H, W), are about equally tall."""
    pieces = cv2.connectedComponentsWithStats((mask > 127).astype(np.uint8))[2][1:]
    if not len(pieces):
        return False
    area = pieces[:, cv2.CC_STAT_AREA]
    heights = pieces[area >= _MIN_AREA_RATIO * area.max(), cv2.CC_STAT_HEIGHT]
    return bool(heights.min() >= _MIN_HEIGHT_RATIO * heights.max())


def _read_photo(item: LabeledPhoto) -> tuple[Photo, Float]:
    rgb, mask = item.read()
    return Photo(rgb), mask.astype(np.float32) / np.float32(255)


def scene_photo(scene: HardScene) -> Photo:
    """A hard scene as a user would bring it: with a depth file, calibration and a second view."""
    validity = np.where(scene.sensor > 0, DepthStatus.VALID, DepthStatus.MISSING).astype(np.uint8)
    raw = RawDepth(scene.sensor, validity, True, "sensor", camera=scene.sensor_rig.other)
    other = StereoView(scene.right, "right", "file", scene.stereo_rig.other, rectified=True)
    return Photo(
        scene.rgb,
        camera=scene.sensor_rig.photo,
        evidence=Evidence(depth_map=raw, second_view=other),
    )


def list_scenes(
    data: Path, split: Split, count: int, seed: int
) -> Iterator[tuple[str, _MakePhoto]]:
    """Hard scenes with the subject's exact alpha."""
    assets = Assets.for_hard_scenes(data, split)
    for index in range(count):
        yield f"{split}_scene_{seed}_{index:05}", partial(_draw_scene, assets, split, seed, index)


def list_composites(
    data: Path, split: Split, count: int, seed: int, crowd: CrowdOptions = ALIGNED_CROWD
) -> Iterator[tuple[str, _MakePhoto]]:
    """People of labeled photos in other pictures, mostly before a crowd."""
    items, _, held = list_matte_photos(data)
    sharp = [
        item for item in (items if split == "train" else held) if item.group in CLEAN_MASK_SETS
    ]
    shares = [1.0] * len(sharp)
    samples = MatteSamples(
        sharp, shares, list_backgrounds(data, split), PRESET_SHAPE, strength=_COLOR_STRENGTH
    )
    for index in range(count):
        name = f"{split}_composite_{seed}_{index:05}"
        yield name, partial(_draw_composite, samples, crowd, (seed, index, _COMPOSITE_STREAM))


def _draw_composite(
    samples: MatteSamples, crowd: CrowdOptions, key: tuple[int, int, int]
) -> tuple[Photo, Float]:
    rng = np.random.default_rng(key)
    for _ in range(_MAX_TRIES):
        item = samples.items[int(rng.integers(len(samples.items)))]
        wide = bool(rng.random() < _LANDSCAPE_SHARE)
        stack = samples.copy_paste(rng, samples.read_stack(item), wide, crowd)
        if stack is not None:
            rgb = random_color(rng, stack.rgb, samples.strength)
            return Photo(rgb), stack.truths[0].astype(np.float32) / np.float32(255)
    raise InputError(f"{item.photo}: no person in its mask, nor in others; give masks of people")


def _draw_scene(assets: Assets, split: Split, seed: int, index: int) -> tuple[Photo, Float]:
    scene = draw_hard_scene(assets, split, seed, index)
    return scene_photo(scene), scene.alpha


def make_maps(
    data: Path,
    out: Path,
    count: int,
    seed: int = 0,
    threads: int | None = None,
    report: Callable[[str], None] = print,
    matte: str | Path = "matte",
    depth: str | Path = "depth",
    pairs: str | Path = "stereo",
    composites: int = 0,
    crowd: CrowdOptions = ALIGNED_CROWD,
) -> int:
    """Write the maps that the fusion network learns from.

    Files that exist already are kept, so that a stopped run can go on.

    Parameters
    ----------
    data, out : Path
        The data folder, and the folder for the maps.
    count, composites : int
        Training scenes and training composites; a tenth as many are made for tests.
    seed : int
        The same seed draws the same pictures.
    threads : int, optional
        CPU threads.
    report : callable
        Called with each line of the report.
    matte, depth : str or Path
        Networks as `registry.network_path` takes them.
    pairs : str or Path
        What `second_view.create_matcher` takes.
    crowd : CrowdOptions
        The other people in composites.

    Returns
    -------
    int
        How many maps were made.
    """
    network = Network(registry.network_path(matte), threads)
    segment = create_segmenter(network)
    matching = create_matcher(pairs, threads)
    sources = {
        "sensor": sensor_depth,
        "stereo": create_stereo_source(lambda: matching),
        "mono": create_depth_estimator(Network(registry.network_path(depth), threads)),
    }
    made = 0
    shares: tuple[tuple[Split, int], ...] = (("test", 10), ("train", 1))
    for split, part in shares:
        pictures = chain(
            list_photos(data, split),
            list_composites(data, split, -(-composites // part), seed, crowd),
            list_scenes(data, split, -(-count // part), seed),
        )
        for name, picture in pictures:
            path = out / f"{name}.npz"
            if path.exists():
                continue
            photo, truth = picture()
            write_fusion_maps(path, photo, truth, segment, sources, network.contract.preset)
            made += 1
            if made % 50 == 0:
                report(f"{made} maps in {out}")
    return made
