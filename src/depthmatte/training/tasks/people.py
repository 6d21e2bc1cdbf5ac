"""The task of the network of people: scenes of groups and photos, loss and validation.

Scenes have exact masks and heads. In photos of one person the mask is hers, and the parts network
finds her head; others behind her may be without a mask, so that what lies outside counts little.
Photos of several people have one mask for all of them, which says nothing about heads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ...canvas import to_canvas
from ...errors import InputError
from ...segment.parts import PartsFinder
from ...subjects.head_votes import HeadVotes
from ...system.printable_text import label
from ...types import Float, Mask
from ..augment.color import random_color
from ..augment.geometry import Stack, random_geometry
from ..data.assets import GROUP_SETS, Assets
from ..data.folders import LabeledPhoto
from ..data.matte_material import gather_matte_material
from ..distributed.workers import joined_count
from ..losses import soft_iou
from ..networks.matte import upsample_like
from ..networks.people import VOTE_REACH_PX, PeopleExport, PeopleLogits, PeopleNetwork
from ..scenes.group_scenes import GroupScene, Head, draw_group_scene, find_head_in, find_top
from ..types import Rng, SampleKey, TrainingSample
from .augmentation import DEFAULT_PEOPLE_AUGMENTATION, PeopleAugmentation
from .task import MaterialOptions, Validator, as_batch, to_network_input

_CELL_PX = 4
"""Pixels of the input between the cells of heads and votes."""

_LEAST_SHOWN = 48
"""Pixels of a person in sight, from which her head is asked for."""

_HEAD_SPREAD = 0.4
"""Standard deviation of the spot that shows a head, in radii of it."""

_VALIDATION_SCENES = 60

_VALIDATION_SEED = 3
"""Seed of the scenes of validation."""

VotesAnswer = Callable[[Float], HeadVotes]
"""Input float32 (3, h, w) -> what the network says of it."""


def draw_targets(owner: NDArray[np.int32], heads: list[Head]) -> dict[str, Float]:
    """Draw what the network should say of a scene.

    Parameters
    ----------
    owner : ndarray
        int32 (h, w), number of the person in each pixel from 1, 0 where there is nobody.
    heads : list of Head
        The head of each person.

    Returns
    -------
    dict
        `head` (1, h/4, w/4), 1 in the middle of each head; `vote` (2, h/4, w/4) in the network's
        unit and `vote_weight` (1, h/4, w/4): large and small people count alike.
    """
    cells = owner[_CELL_PX // 2 :: _CELL_PX, _CELL_PX // 2 :: _CELL_PX]
    y, x = (np.arange(count) + 0.5 for count in cells.shape)
    head = np.zeros(cells.shape, np.float32)
    vote = np.zeros((2, *cells.shape), np.float32)
    weight = np.zeros(cells.shape, np.float32)
    for number, one in enumerate(heads, 1):
        members = cells == number
        if not members.any():
            continue
        x_max, y_max = owner.shape[1], owner.shape[0]
        if not (0 <= one.x < x_max and 0 <= one.y < y_max):
            one = find_top(owner == number)  # cut off by the frame
        middle = one.x / _CELL_PX, one.y / _CELL_PX
        vote[0][members] = np.broadcast_to(middle[0] - x, cells.shape)[members]
        vote[1][members] = np.broadcast_to(middle[1] - y[:, None], cells.shape)[members]
        weight[members] = 1 / np.sqrt(members.sum())
        if (owner == number).sum() < _LEAST_SHOWN:
            continue
        spread = max(1.0, _HEAD_SPREAD * one.radius / _CELL_PX)
        far = np.square(x - middle[0]) + np.square(y[:, None] - middle[1])
        head = np.maximum(head, np.exp(-far / (2 * spread**2)).astype(np.float32))
        row, column = (
            min(int(at), side - 1) for at, side in zip(middle[::-1], cells.shape, strict=True)
        )
        head[row, column] = 1
    return {
        "head": head[None],
        "vote": vote * np.float32(_CELL_PX / VOTE_REACH_PX),
        "vote_weight": weight[None],
    }


@cache
def _parts_finder() -> PartsFinder:
    return PartsFinder()


@dataclass(frozen=True)
class PeopleSamples:
    """Photos with masks, and scenes composed of their people and of cut-outs."""

    assets: Assets
    items: list[LabeledPhoto]
    shares: list[float]
    preset: tuple[int, int]
    strength: float = 1.0
    augmentation: PeopleAugmentation = DEFAULT_PEOPLE_AUGMENTATION

    @classmethod
    def from_options(cls, options: MaterialOptions) -> PeopleSamples:
        """The training photos, cut-outs, objects and backgrounds of the data folder.

        Raises InputError for photos that cannot be used.
        """
        material = gather_matte_material(replace(options.photos, labels=None))
        material.refuse_errors()
        how = options.numbers(PeopleAugmentation)
        pairs = [
            (item, share)
            for item, share in zip(material.items, material.shares, strict=True)
            if item.mask is not None
        ]
        items = [item for item, _ in pairs]
        shares = [share for _, share in pairs] + [1.0] * how.sampling.scenes_per_epoch
        assets = Assets.for_groups(options.data, "train", items)
        return cls(assets, items, shares, options.preset, options.strength, how)

    def sample(self, key: SampleKey) -> TrainingSample:
        """`image` (3, h, w), `person` and `person_weight` (1, h, w), and `draw_targets`'.

        `head_weight` (1, h/4, w/4) is 0 where heads are unknown.
        """
        index, landscape, seed = key
        rng = np.random.default_rng(seed)
        if index >= len(self.items):
            shape = self.preset[::-1] if landscape else self.preset
            scene = draw_group_scene(rng, self.assets, shape, self.augmentation.scene)
            colors = random_color(rng, scene.rgb, self.strength, self.augmentation.color)
            _, image = to_network_input(colors, self.preset)
            return _make_sample(image, scene.owner, scene.heads, 1.0, 1.0)
        return self._photo(rng, self.items[index], landscape)

    def _photo(self, rng: Rng, item: LabeledPhoto, landscape: bool) -> TrainingSample:
        how = self.augmentation
        rgb, mask = item.read()
        stack = random_geometry(rng, Stack(rgb, (mask,)), landscape, self.strength, how.geometry)
        colors = random_color(rng, stack.rgb, self.strength, how.color)
        fit, image = to_network_input(colors, self.preset)
        seen = to_canvas(np.ascontiguousarray(stack.truths[0]), fit) > 127
        owner = seen.astype(np.int32)
        outside = how.sampling.outside_weight
        if item.group in GROUP_SETS:
            return _make_sample(image, owner, [], 0.0, outside)
        canvas = np.ascontiguousarray((image.transpose(1, 2, 0) * 255 + 0.5).astype(np.uint8))
        head = find_head_in(_parts_finder(), canvas, seen.astype(np.float32))
        return _make_sample(image, owner, [] if head is None else [head], 1.0, outside)


def _make_sample(
    image: Float,
    owner: NDArray[np.int32],
    heads: list[Head],
    head_weight: float,
    outside_weight: float,
) -> TrainingSample:
    weight = np.where(owner > 0, 1, outside_weight).astype(np.float32)
    cells = weight[_CELL_PX // 2 :: _CELL_PX, _CELL_PX // 2 :: _CELL_PX]
    return {
        "image": image,
        "person": (owner > 0).astype(np.float32)[None],
        "person_weight": weight[None],
        "head_weight": (head_weight * cells)[None].astype(np.float32),
        **draw_targets(owner, heads),
    }


def people_loss(logits: PeopleLogits, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """The network of people on a batch of `PeopleSamples`.

    person: cross-entropy; overlap: 1 - soft IoU; heads: focal loss (CornerNet, Law and Deng 2018);
    votes: absolute error.
    """
    truth, weight = batch["person"], batch["person_weight"]
    person = upsample_like(logits.person, truth)
    entropy = F.binary_cross_entropy_with_logits(person, truth, reduction="none")
    sure = person.sigmoid() * weight + truth * (1 - weight)
    spot, known = batch["head"], batch["head_weight"]
    near, at = (spot < 1).to(spot), (spot == 1).to(spot)
    guess = logits.head.sigmoid()
    hit = at * (1 - guess).square() * F.logsigmoid(logits.head)
    miss = near * (1 - spot).pow(4) * guess.square() * F.logsigmoid(-logits.head)
    away = (logits.vote - batch["vote"]).abs().sum(1, keepdim=True)
    counted = batch["vote_weight"]
    return {
        "person": 2 * (entropy * weight).sum() / joined_count(weight.sum()),
        "overlap": soft_iou(sure, truth),
        "heads": -((hit + miss) * known).sum() / joined_count((at * known).sum()),
        "votes": (away * counted).sum() / joined_count(counted.sum()),
    }


def draw_held_out_groups(
    data: Path, people: list[LabeledPhoto], preset: tuple[int, int], seed: int, count: int
) -> Iterator[GroupScene]:
    """Scenes of held-out people, cut-outs and backgrounds, always the same.

    Parameters
    ----------
    data : Path
        The data folder.
    people : list of LabeledPhoto
        Photos with masks that were held out.
    preset : tuple of int
        (height, width) of an upright picture; every second one is landscape.
    seed, count : int
        The series of scenes, and how many.

    Yields
    ------
    GroupScene

    Raises
    ------
    InputError
        Without held-out backgrounds, or without anybody to show.
    """
    assets = Assets.for_groups(data, "test", people)
    if not assets.people and not assets.cutouts:
        raise InputError(f"{label(data)}: no people are held out; give the data folder")
    for index in range(count):
        shape = preset if index % 2 else preset[::-1]
        yield draw_group_scene(np.random.default_rng((seed, index)), assets, shape)


def panoptic_quality(found: list[Mask], truth: list[Mask]) -> tuple[float, float]:
    """Sum of the IoU of people who were found, and what it is divided by.

    Kirillov et al. 2019: a person is found where the IoU is over .5; others, found or true, count
    half.
    """
    total, hits = 0.0, 0
    for one in truth:
        both = [float((one & other).sum() / max(1, (one | other).sum())) for other in found]
        best = max(both, default=0.0)
        total, hits = total + (best if best > 0.5 else 0), hits + (best > 0.5)
    return total, hits + 0.5 * (len(found) - hits) + 0.5 * (len(truth) - hits)


def measure_panoptic_quality(answer: VotesAnswer, scenes: Iterable[GroupScene]) -> float:
    """Panoptic quality of all scenes together, in [0, 1]."""
    total, count = 0.0, 0.0
    for scene in scenes:
        shape = scene.owner.shape
        _, image = to_network_input(scene.rgb, (max(shape), min(shape)))
        votes = answer(image)
        found = votes.assign(votes.person >= 0.5)
        shown = [scene.owner == number for number in range(1, len(scene.heads) + 1)]
        quality, weight = panoptic_quality(
            [found == number for number in np.unique(found[found > 0])],
            [mask for mask in shown if mask.sum() >= _LEAST_SHOWN],
        )
        total, count = total + quality, count + weight
    return total / max(1.0, count)


def people_validator(options: MaterialOptions) -> Validator:
    """1 - panoptic quality in held-out scenes."""
    held = gather_matte_material(replace(options.photos, labels=None)).validation
    scenes = list(
        draw_held_out_groups(
            options.data, held, options.preset, _VALIDATION_SEED, _VALIDATION_SCENES
        )
    )

    @torch.no_grad()
    def validate(network: nn.Module) -> float:
        exported = PeopleExport(cast(PeopleNetwork, network)).eval()

        def answer(image: Float) -> HeadVotes:
            maps = [one[0, 0].cpu().numpy() for one in exported(as_batch(network, image))]
            return HeadVotes(maps[0], maps[1], np.stack(maps[2:]))

        return 1 - measure_panoptic_quality(answer, scenes)

    return validate
