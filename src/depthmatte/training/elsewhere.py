"""People cut out of their photos and put into other pictures: smaller, tilted, in motion, in
twos, before a crowd that is not meant.

Labelled photos show people large, upright, still and alone. What a camera at a party sees is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import resize, scaled
from ..photo import RGB
from .augment import Rng, Stack, tone, window
from .posing import bent, trailing, trimmed

LONGER = 512
"""Pixels on the longer side of the picture that is made."""

GROUND = (0.2, 1.0)
"""Share of the room left in the picture that is above somebody whole."""

ABOUT, EQUAL = (0.9, 1.1), (0.95, 1.05)
"""How tall people of one picture are beside one another, and those who stand abreast."""

ROWS = 0.35
"""Share of crowds that stand in two rows."""

MOTION = 0.3
"""Share of people in motion while the shutter was open."""

WILD = 0.2
"""Share of whole people who lean far: dancing, falling, lying."""

BENT = 0.35
"""Share of people who are bent: swaying, their arms reaching out, up or down."""

TRAILING = 0.25
"""Share of people after whom cloth trails."""


@dataclass(frozen=True)
class Company:
    """Who else is in a picture: `beside` is the share of pictures with others who are meant too,
    one of any height, or some who stand `abreast`: on one level, about equally tall. `behind` is
    the share with strangers farther away, `farther` how high those are, as shares of the
    portrait's height.
    """

    beside: float = 0.25
    behind: float = 0.7
    farther: tuple[float, float] = (0.25, 0.7)
    abreast: bool = False


USUAL = Company()
"""Who else is in the portrait network's pictures."""


@dataclass(frozen=True)
class Layer:
    """Somebody cut out: `rgba` float32 (h, w, 4), colours times alpha, 0 to 255; `cut` says
    that the photo's lower frame cut the person off.
    """

    rgba: NDArray[Any]
    cut: bool


def layer(stack: Stack) -> Layer | None:
    """The person of a photo (first truth, uint8 mask), trimmed; None where there is nobody."""
    mask = stack.truths[0]
    solid = mask > 127
    if np.count_nonzero(solid) < 100:
        return None
    # The mask's rim carries the old background: shrink and soften it a little.
    soft = cv2.GaussianBlur(mask, (0, 0), 0.8).astype(np.float32) / 255
    alpha = np.clip(soft * 1.6 - 0.6, 0, 1)[..., None]
    whole = np.concatenate([stack.rgb * alpha, alpha * 255], axis=2)
    return Layer(trimmed(whole, solid), bool(solid[-2:].any()))


def elsewhere(
    rng: Rng,
    people: list[Layer],
    others: list[Layer],
    background: RGB,
    landscape: bool,
    company: Company = USUAL,
) -> Stack:
    """One picture of all `people` before `others` (whole, any number) before `background`.

    Its truth is the common mask of `people`; how they all stand is said by `company`.
    """
    aspect = rng.uniform(1.2, 1.85)
    size = LONGER, round(LONGER / aspect)
    shape = size[::-1] if landscape else size
    scene = window(rng, Stack(background, ()), landscape, least=0.5).rgb
    picture = np.asarray(resize(scene, shape), np.float32)
    if rng.random() < 0.4:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 3)), np.float32)
    alpha = np.zeros(shape, np.float32)
    tall = rng.uniform(0.35, 1.0)
    if others:
        rows = 2 if rng.random() < ROWS else 1
        for far in np.sort(rng.uniform(*company.farther, rows)):
            picture = _crowded(rng, picture, others, tall * far)
    places = [0.5] if len(people) == 1 else rng.permutation(np.linspace(0.3, 0.7, len(people)))
    ground = rng.uniform(*GROUND) if company.abreast else None
    taller = EQUAL if company.abreast else ABOUT
    for person, place in zip(people, places, strict=True):
        spread = placed(rng, person, shape, tall * rng.uniform(*taller), place, ground)
        own = spread[..., 3] / 255
        picture = np.asarray(spread[..., :3] + picture * (1 - own[..., None]), np.float32)
        alpha = np.asarray(own + alpha * (1 - own), np.float32)
    rgb = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
    return Stack(rgb, (np.clip(alpha * 255 + 0.5, 0, 255).astype(np.uint8),))


def _crowded(rng: Rng, picture: NDArray[Any], others: list[Layer], far: float) -> NDArray[Any]:
    """A row of whole people, about `far` of the picture's height; out of focus now and then."""
    height, width = picture.shape[:2]
    ground = height * rng.uniform(0.55, 0.9)
    for share in rng.permutation(np.linspace(-0.05, 1.05, int(rng.integers(1, 12)))):
        rgba = others[int(rng.integers(len(others)))].rgba
        scale = far * height * rng.uniform(0.9, 1.1) / len(rgba)
        if rng.random() < 0.5:
            rgba = rgba[: round(rng.uniform(0.5, 0.7) * len(rgba))]  # seated, or half hidden
        rgba = np.asarray(resize(rgba, scaled(rgba.shape[:2], scale)), np.float32)
        rows, columns = rgba.shape[:2]
        _lay_over(picture, rgba, round(ground) - rows, round(share * width - columns / 2))
    if rng.random() < 0.4:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 2.5))
    return np.asarray(picture, np.float32)


def _lay_over(picture: NDArray[Any], rgba: NDArray[Any], top: int, left: int) -> None:
    """Lay a layer over the picture in place, its first pixel at (top, left), cut at the frame."""
    bottom, right = max(0, top + rgba.shape[0]), max(0, left + rgba.shape[1])
    here = picture[max(0, top) : bottom, max(0, left) : right]
    first = max(0, -top), max(0, -left)
    part = rgba[first[0] : first[0] + here.shape[0], first[1] : first[1] + here.shape[1]]
    here *= 1 - part[..., 3:] / 255
    here += part[..., :3]


def placed(
    rng: Rng,
    person: Layer,
    shape: tuple[int, int],
    tall: float,
    place: float,
    ground: float | None = None,
) -> NDArray[Any]:
    """The person as a layer float32 (H, W, 4) of `shape`, `tall` of its height, near column
    `place` (both as shares). Who was cut off stands on the lower frame again, others leave
    `ground` of the room there is above them, or any share.
    """
    rgba = bent(rng, person.rgba) if rng.random() < BENT else person.rgba
    rgba = trailing(rng, rgba) if rng.random() < TRAILING else rgba
    scale = min(tall * shape[0] / rgba.shape[0], 1.3 * shape[1] / rgba.shape[1])
    rgba = np.asarray(resize(rgba, scaled(rgba.shape[:2], scale)), np.float32)
    if rng.random() < 0.5:
        rgba = rgba[:, ::-1]
    if rng.random() < 0.5:
        rgba = _toned(rng, rgba)
    rows, columns = rgba.shape[:2]
    wild = not person.cut and rng.random() < WILD
    angle = rng.normal(0, 35 if wild else 6)
    matrix = cv2.getRotationMatrix2D((columns / 2, rows if person.cut else rows / 2), angle, 1.0)
    # Turned, one lower corner of who was cut off would lift: all of it goes below the frame.
    lift = columns / 2 * abs(np.sin(np.radians(angle)))
    lower = shape[0] - rows
    if person.cut:
        bottom = lower + lift
    else:
        bottom = lower * (rng.uniform(*GROUND) if ground is None else ground)
    left = (place + rng.uniform(-0.2, 0.2)) * shape[1] - columns / 2
    matrix[:, 2] += left, bottom
    spread = cv2.warpAffine(np.ascontiguousarray(rgba), matrix, shape[::-1])
    return _moved(rng, spread, rows) if rng.random() < MOTION else spread


def _toned(rng: Rng, rgba: NDArray[Any]) -> NDArray[Any]:
    """The person in other light than the place: the table acts on colours before alpha."""
    alpha = np.maximum(rgba[..., 3:], 1) / 255
    colours = np.clip(rgba[..., :3] / alpha, 0, 255).astype(np.uint8)
    return np.concatenate([tone(rng, colours) * (rgba[..., 3:] / 255), rgba[..., 3:]], axis=2)


def _moved(rng: Rng, spread: NDArray[Any], rows: int) -> NDArray[Any]:
    """Smeared along a line of up to a twenty-fifth of the person's height."""
    length = max(3, round(rng.uniform(0.01, 0.04) * rows))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    middle = (length - 1) / 2
    reach = middle * np.array([np.cos(angle), np.sin(angle)])
    first, last = np.rint(middle - reach).astype(int), np.rint(middle + reach).astype(int)
    cv2.line(kernel, first.tolist(), last.tolist(), 1.0)
    moved: NDArray[Any] = cv2.filter2D(spread, -1, kernel / kernel.sum())
    return moved
