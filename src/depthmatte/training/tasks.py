"""What differs between the networks: samples, loss, validation, export form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..canvas import lay, lift, resize
from ..fuse.features import COARSE, INPUTS
from ..ordering import outline_pairs, person_order
from ..photo import RGB
from .calibrate import fit_doubt, fit_sharpness, fit_temperature
from .data import matte_items
from .depth_samples import DepthSamples
from .fusion_samples import FusionSamples
from .losses import depth_loss, fusion_loss, portrait_loss, stereo_loss
from .nets.fusion import FusionExport, FusionNetwork
from .nets.monodepth import MonoDepthExport, MonoDepthNetwork, expectation
from .nets.portrait import PortraitExport, PortraitNetwork
from .nets.stereo import LARGEST, StereoExport, StereoNetwork
from .recipe import Recipe
from .samples import Key, MatteSamples, Sample, on_canvas
from .scenes import Scene, held_out_scenes
from .stereo_samples import StereoSamples, held_out_pairs, stacked

Validator = Callable[[nn.Module], float]


class Source(Protocol):
    """What a network learns from: `shares` say how often an epoch draws each of its items."""

    @property
    def shares(self) -> list[float]:
        """One share an item."""

    def sample(self, key: Key) -> Sample:
        """The sample of a key, always the same."""


@dataclass(frozen=True)
class Task:
    """One trainable network; `calibration` names the number fitted at export.

    `samples` and `validator` take from a recipe what they need of it. The network's input has
    `channels` channels, at 1 / `shrunk` of the canvas; `scale` is the size of its largest output;
    `pretrained` says that its encoder can start from ImageNet weights; `labels` is how the files
    of its labels end, "" where labels are no choice.
    """

    name: str
    network: Callable[[str], nn.Module]
    samples: Callable[[Recipe], Source]
    loss: Callable[[Any, dict[str, Tensor]], dict[str, Tensor]]
    validator: Callable[[Recipe], Validator]
    export: Callable[[Any, float], nn.Module]
    calibrate: Callable[[nn.Module, Path], float]
    calibration: str
    channels: int = 3
    shrunk: int = 1
    scale: float = 1.0
    pretrained: bool = True
    labels: str = ""


def _batch(network: nn.Module, image: NDArray[np.float32]) -> Tensor:
    """One canvas (3, h, w) as a batch where the network lives."""
    return torch.from_numpy(image)[None].to(next(network.parameters()).device)


def matte_validator(data: Path, preset: tuple[int, int]) -> Validator:
    """1 - mean IoU on held-out training photos, on the canvas."""
    items = matte_items(data)[2]

    @torch.no_grad()
    def validate(network: nn.Module) -> float:
        network.eval()
        scores = []
        for item in items:
            rgb, mask = item.read()
            fit, image = on_canvas(rgb, preset)
            truth = lay(mask, fit)[fit.window] > 127
            logits = network(_batch(network, image)).matte[0, 0].cpu().numpy()
            guess = logits[fit.window] > 0
            scores.append((guess & truth).sum() / max(1, (guess | truth).sum()))
        return 1 - float(np.mean(scores))

    return validate


def depth_validator(data: Path, preset: tuple[int, int]) -> Validator:
    """Share of wrong orders: people in held-out scenes, outlines in held-out photos."""
    scenes = list(held_out_scenes(data, 40))
    photos = [item.read() for item in matte_items(data)[2][::2]]

    @torch.no_grad()
    def validate(network: nn.Module) -> float:
        network.eval()

        def depth(rgb: RGB) -> np.ndarray[Any, Any]:
            fit, image = on_canvas(rgb, preset)
            d = expectation(network(_batch(network, image)))[0, 0].cpu().numpy()
            return lift(resize(d, fit.canvas), fit)

        return 0.5 * _people_wrong(scenes, depth) + 0.5 * _outlines_wrong(photos, depth)

    return validate


def _people_wrong(scenes: list[Scene], depth: Callable[[RGB], Any]) -> float:
    right = total = 0
    for scene in scenes:
        masks, metres = zip(*scene.people, strict=True) if scene.people else ((), ())
        good, count = person_order(depth(scene.rgb), masks, metres, apart=1.1)
        right, total = right + good, total + count
    return 1 - right / max(1, total)


def _outlines_wrong(photos: list[tuple[RGB, Any]], depth: Callable[[RGB], Any]) -> float:
    shares = []
    for rgb, mask in photos:
        pairs = outline_pairs(mask > 127)
        if len(pairs.inside):
            shares.append(pairs.nearer(depth(rgb)).mean())
    return 1 - float(np.mean(shares))


def stereo_validator(data: Path) -> Validator:
    """Mean error in pixels where both views see the point, on held-out pairs."""
    pairs = list(held_out_pairs(data, 24))

    @torch.no_grad()
    def validate(network: nn.Module) -> float:
        network.eval()
        errors = []
        for pair in pairs:
            d = network(_batch(network, stacked(pair))).disparity[0, 0].cpu().numpy()
            errors.append(np.abs(d - pair.disparity)[pair.visible].mean())
        return float(np.mean(errors))

    return validate


def fusion_validator(labels: Path | None, preset: tuple[int, int]) -> Validator:
    """1 - mean IoU of the fused alpha on the test half of the maps, every source in turn."""
    held = FusionSamples.of(labels, preset, split="test")

    @torch.no_grad()
    def validate(network: nn.Module) -> float:
        network.eval()
        scores = []
        for stack, truth in held.plain():
            alpha = network(_batch(network, stack)).alpha[0, 0].cpu().numpy()
            guess, true = alpha > 0.5, truth > 0.5
            scores.append((guess & true).sum() / max(1, (guess | true).sum()))
        return 1 - float(np.mean(scores))

    return validate


TASKS = {
    "matte": Task(
        "matte",
        PortraitNetwork,
        lambda r: MatteSamples.of(r.data, r.preset, r.labels, r.strength),
        lambda logits, batch: portrait_loss(logits, batch["alpha"]),
        lambda r: matte_validator(r.data, r.preset),
        PortraitExport,
        fit_sharpness,
        "sharpness",
        labels=".png",
    ),
    "depth": Task(
        "depth",
        MonoDepthNetwork,
        lambda r: DepthSamples.of(r.data, r.preset, r.labels, r.strength),
        depth_loss,
        lambda r: depth_validator(r.data, r.preset),
        MonoDepthExport,
        fit_temperature,
        "temperature",
        labels=".npy",
    ),
    "stereo": Task(
        "stereo",
        StereoNetwork,
        lambda r: StereoSamples.of(r.data, r.preset),
        stereo_loss,
        lambda r: stereo_validator(r.data),
        StereoExport,
        fit_doubt,
        "temperature",
        channels=6,
        scale=LARGEST,
    ),
    "fuse": Task(
        "fuse",
        FusionNetwork,
        lambda r: FusionSamples.of(r.labels, r.preset),
        lambda out, batch: fusion_loss(out, batch["alpha"]),
        lambda r: fusion_validator(r.labels, r.preset),
        FusionExport,
        lambda network, data: 1.0,
        "calibration",
        channels=INPUTS,
        shrunk=COARSE,
        pretrained=False,
    ),
}
