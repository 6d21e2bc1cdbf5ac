"""The parts of the person of a portrait: hair, face skin, body skin, clothes, things."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..canvas import resize, scale_shape
from ..color.icc import convert_to_srgb
from ..errors import MissingMap
from ..photo import Photo
from ..restore import restore_shares
from ..types import Float, make_read_only
from ..values import PART_NAMES, PartShares

FindParts = Callable[[Photo, Float], PartShares | None]
"""Photo and alpha float32 (H, W) -> parts; None where alpha shows nobody."""

_MAX_PIXELS = 1_000_000
"""Pixels at most at which edges of parts follow those of the photo. Maps of larger photos are
enlarged from there."""

_SOLID_ALPHA = 0.5
"""Alpha from which a pixel has a part in `Parts.labels`."""

PART_COLORS: dict[str, tuple[int, int, int]] = {
    "background": (0, 0, 0),
    "hair": (136, 84, 208),
    "face_skin": (255, 190, 130),
    "body_skin": (214, 112, 62),
    "clothes": (52, 152, 219),
    "things": (241, 196, 15),
}
"""The name and sRGB color of each code in `Parts.labels`, code 0 first."""


class Parts:
    """The parts of the person of one photo.

    `hair`, `face_skin`, `body_skin`, `clothes` and `things` are float32 (H, W) in [0, 1]. At each
    pixel they add up to alpha. Things are worn or held: bags, hats, glasses, phones. Maps are
    computed anew each time, so that a large photo does not hold five of them.

    Parameters
    ----------
    photo : Photo
        The photo.
    alpha : ndarray
        Opacity of the person, float32 (H, W) in [0, 1].
    shares : PartShares or None
        What the network saw; None where there is nobody.

    Examples
    --------
    >>> import depthmatte as dm
    >>> parts = dm.cut("photo.jpg").parts  # doctest: +SKIP
    >>> parts.hair.shape, parts.labels.max()  # doctest: +SKIP
    ((3024, 4032), 5)
    """

    def __init__(self, photo: Photo, alpha: Float, shares: PartShares | None) -> None:
        self._photo, self._alpha, self.shares = photo, alpha, shares

    def __repr__(self) -> str:
        height, width = self._alpha.shape
        return f"Parts({width} x {height}, {', '.join(PART_NAMES)})"

    @property
    def hair(self) -> Float:
        """Hair and beards, float32 (H, W) in [0, 1]."""
        return self.map("hair")

    @property
    def face_skin(self) -> Float:
        """The face with eyes and lips, float32 (H, W) in [0, 1]."""
        return self.map("face_skin")

    @property
    def body_skin(self) -> Float:
        """Other skin: neck, arms, hands, legs. float32 (H, W) in [0, 1]."""
        return self.map("body_skin")

    @property
    def clothes(self) -> Float:
        """Clothes, float32 (H, W) in [0, 1]."""
        return self.map("clothes")

    @property
    def things(self) -> Float:
        """Things worn or held, float32 (H, W) in [0, 1]."""
        return self.map("things")

    def map(self, name: str) -> Float:
        """Return the map of a part, float32 (H, W) in [0, 1], 0 outside the person.

        Raises
        ------
        MissingMap
            For a name that is none of `values.PART_NAMES`.
        """
        if name not in PART_NAMES:
            raise MissingMap(f"{name!r}: is no part; use {', '.join(PART_NAMES)}")
        if self._fine is None:
            return np.zeros_like(self._alpha)
        return self._enlarged(name) * self._alpha

    @cached_property
    def labels(self) -> NDArray[np.uint8]:
        """The largest part of each pixel, uint8 (H, W).

        Code 0 is background, where alpha is below 0.5. Codes from 1 follow `values.PART_NAMES`.
        """
        labels = np.zeros(self._alpha.shape, np.uint8)
        if self._fine is not None:
            largest = self._enlarged(PART_NAMES[0])
            labels[:] = 1
            for code, name in enumerate(PART_NAMES[1:], 2):
                share = self._enlarged(name)
                labels[share > largest] = code
                np.maximum(largest, share, out=largest)
            labels[self._alpha < _SOLID_ALPHA] = 0
        return make_read_only(labels)

    @cached_property
    def _fine(self) -> Float | None:
        """Shares (parts, h, w) with edges that follow the photo; None where there is nobody."""
        if self.shares is None:
            return None
        shape = self._photo.shape
        size = scale_shape(shape, min(1.0, (_MAX_PIXELS / (shape[0] * shape[1])) ** 0.5))
        guide = convert_to_srgb(
            np.asarray(resize(self._photo.rgb, size), np.uint8), self._photo.meta.icc
        )
        return restore_shares(self.shares, guide)

    def _enlarged(self, name: str) -> Float:
        """The share of a part at the size of the photo; those of all parts add up to 1."""
        assert self._fine is not None
        share = resize(self._fine[PART_NAMES.index(name)], self._alpha.shape)
        return np.array(share, np.float32)


@dataclass(frozen=True, eq=False, repr=False)
class PortraitParts:
    """What a portrait knows of parts. The network runs once, when it is first needed.

    Parameters
    ----------
    find_parts : callable, optional
        Photo and alpha -> parts (`segment.parts.PartsFinder`). `==` leaves it out.
    """

    find_parts: FindParts | None = field(default=None, compare=False, kw_only=True)

    @cached_property
    def part_shares(self) -> PartShares | None:
        """What the network saw; None where nobody was found, and without `find_parts`."""
        portrait: Any = self
        if self.find_parts is None or not portrait.found:
            return None
        return self.find_parts(portrait.photo, portrait.alpha)

    @cached_property
    def parts(self) -> Parts:
        """Hair, face skin, body skin, clothes and things, which a network tells apart.

        Raises
        ------
        MissingMap
            Without `find_parts`. Portraits that a session cut have it.
        """
        portrait: Any = self
        if self.find_parts is None:
            raise MissingMap(
                f"{portrait.photo.meta.name}: this portrait has no network of parts; "
                "cut the photo with a session"
            )
        return Parts(portrait.photo, portrait.alpha, self.part_shares)
