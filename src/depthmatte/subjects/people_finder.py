"""Find everybody in a photo: the network of people first, then a closer look at each person.

The network of people shows everybody and tells them apart, but coarsely. The portrait network draws
outlines well, but only of who is large and in front. So it looks at each person from near.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import PRESET_SHAPE, Box, Canvas, Letterbox, prepare_canvas
from ..filters import fill_nearest
from ..options import OrientMode
from ..photo import Photo
from ..types import Float, Mask
from ..values import Depth, Matte
from .head_votes import HeadVotes
from .separate import keep_plausible, separate_people, show_everybody

if TYPE_CHECKING:
    from ..networks.network import Network

_SOLID_ALPHA = 0.5
"""Alpha from which a pixel belongs to a person."""

_MARGIN = 0.12
"""Margin of a closer look, as a share of the longer side of the person's box."""

MAX_LOOKS = 16
"""Number of people at whom the network looks closer at most, the largest first. A look takes twice
as long as a cut with `--quality fast`."""


@dataclass(frozen=True, eq=False)
class FoundPeople:
    """Everybody in a photo.

    Parameters
    ----------
    label : ndarray
        Person of each pixel of the canvas, int32 (h, w), from 1 for the largest, 0 where there is
        nobody. Soft edges belong to the nearest person.
    matte : Matte
        Opacity and probability of everybody on the canvas.
    looks : dict of int to tuple
        Person -> opacity float32 (h, w) on the canvas of a closer look, and its layout.
    """

    label: NDArray[np.int32]
    matte: Matte
    looks: dict[int, tuple[Float, Letterbox]]

    @classmethod
    def from_matte(cls, matte: Matte, depth: Depth) -> FoundPeople:
        """Find the people whom a matte shows, without a network."""
        return cls(separate_people(matte, depth), matte, {})

    def opacity(self, number: int, fit: Letterbox) -> tuple[Float, Letterbox]:
        """The opacity of a person, and the layout of its canvas; `fit` is that of `label`."""
        if number in self.looks:
            return self.looks[number]
        return np.where(self.label == number, self.matte.alpha, np.float32(0)), fit

    def members(self, number: int) -> Mask:
        """What is nearer to this person than to any other, bool (h, w)."""
        return np.asarray(fill_nearest(self.label, self.label > 0) == number)


def measure_people(rgb: Float, network: Network) -> HeadVotes:
    """Run the network of people on a canvas.

    Parameters
    ----------
    rgb : ndarray
        The picture, float32 (3, h, w) in [0, 1].
    network : Network
        With the task "people".

    Returns
    -------
    HeadVotes
        The mean of the answers on the canvas and on its mirror image.

    Raises
    ------
    WeightsError
        For a network with another task, and when it fails.
    """
    network.require_task("people")
    person, head, x, y = _run(rgb, network)
    mirrored = [plane[:, ::-1] for plane in _run(np.ascontiguousarray(rgb[..., ::-1]), network)]
    both = np.stack(
        [person + mirrored[0], head + mirrored[1], x - mirrored[2], y + mirrored[3]]
    ) * np.float32(0.5)
    return HeadVotes(both[0], both[1], both[2:])


def _run(rgb: Float, network: Network) -> list[Float]:
    """The four maps of a canvas of any size, float32 (h, w)."""
    _, height, width = rgb.shape
    down, across = (-side % network.contract.multiple for side in (height, width))
    padded = np.pad(rgb, ((0, 0), (0, down), (0, across)), mode="edge")
    answer = network.run(np.ascontiguousarray(padded[None], np.float32))
    names = ("person", "head", "vote_x", "vote_y")
    return [answer[name][0, 0, :height, :width] for name in names]


def move_map(values: Float, old: Letterbox, new: Letterbox) -> Float:
    """Move a map to another canvas of the same photo.

    Parameters
    ----------
    values : ndarray
        float32 (h, w) on the canvas of `old`.
    old, new : Letterbox
        The layouts of the photo, or of crops of it.

    Returns
    -------
    ndarray
        float32 (h', w') on the canvas of `new`, 0 where `old` shows nothing.
    """
    height, width = new.canvas
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    at = old.points_to_canvas(new.points_to_photo(grid)).astype(np.float32)
    shown = np.where(old.inside(), values, np.float32(0))
    return np.asarray(cv2.remap(shown, at[..., 0], at[..., 1], cv2.INTER_LINEAR), np.float32)


class PeopleFinder:
    """Finds everybody in a photo; the network of people loads at the first call.

    It can be pickled. In another process it uses the network of people of that installation, and
    does not look closer.

    Parameters
    ----------
    load : callable, optional
        Returns the network of people. By default the network "people" loads once.
    segment : callable, optional
        Canvas -> Matte. It looks closer at each person; without it nothing does.
    preset : tuple of int
        (height, width) of an upright canvas of a closer look.
    orient : {"pad", "rotate"}
        How a landscape photo is laid on the canvas.
    """

    def __init__(
        self,
        load: Callable[[], Network] | None = None,
        segment: Callable[[Canvas], Matte] | None = None,
        preset: tuple[int, int] = PRESET_SHAPE,
        orient: OrientMode = "pad",
    ) -> None:
        self._load = load or _default_network
        self._segment, self._preset, self._orient = segment, preset, orient

    def __reduce__(self) -> tuple[Any, ...]:
        return PeopleFinder, ()

    def __call__(
        self, photo: Photo, matte: Matte, depth: Depth, fit: Letterbox, closer: bool = True
    ) -> FoundPeople:
        """Find everybody.

        Parameters
        ----------
        photo : Photo
            The photo.
        matte : Matte
            What the portrait network says of the whole photo, with the colors of the canvas.
        depth : Depth
            On the same canvas.
        fit : Letterbox
            The layout of the photo on it.
        closer : bool
            Whether to look closer. Without it only people count whom the matte shows.

        Returns
        -------
        FoundPeople
            On the same canvas. A matte without colors, of a photo without people, has nobody.
        """
        if matte.rgb is None:
            return FoundPeople.from_matte(matte, depth)
        votes = measure_people(matte.rgb, self._load())
        if not closer or self._segment is None:
            return FoundPeople(separate_people(matte, depth, votes), matte, {})
        everybody = show_everybody(matte, votes)
        label = separate_people(everybody, depth, votes)
        return self._look_closer(photo, matte, everybody, label, fit)

    def _look_closer(
        self,
        photo: Photo,
        first: Matte,
        seen: Matte,
        label: NDArray[np.int32],
        fit: Letterbox,
    ) -> FoundPeople:
        """Draw the outline of each person anew, and leave out who is none from near.

        Those who are not looked at have the outline of the `first` matte.
        """
        if not label.any():
            return FoundPeople(label, first, {})
        near = fill_nearest(label, label > 0)
        alpha, prob = (
            np.where(near > MAX_LOOKS, values, np.float32(0))
            for values in (first.alpha, first.prob)
        )
        looks = {}
        for number in range(1, min(int(near.max()), MAX_LOOKS) + 1):
            members = near == number
            box = _photo_box(members & (seen.alpha >= _SOLID_ALPHA), fit)
            if box is None:
                continue
            look, layout = self._look(photo, box)
            looks[number] = look.alpha, layout
            alpha[members] = move_map(look.alpha, layout, fit)[members]
            prob[members] = move_map(look.prob, layout, fit)[members]
        matte = replace(seen, alpha=alpha, prob=prob)
        label = keep_plausible(np.where(alpha >= _SOLID_ALPHA, near, np.int32(0)), matte)
        numbers = {
            number: int(label[(near == number) & (label > 0)].max(initial=0)) for number in looks
        }
        kept = {new: looks[old] for old, new in numbers.items() if new}
        if label.any():
            label = np.where(alpha > 0, fill_nearest(label, label > 0), np.int32(0))
        return FoundPeople(label, matte, kept)

    def _look(self, photo: Photo, box: Box) -> tuple[Matte, Letterbox]:
        assert self._segment is not None
        canvas = prepare_canvas(photo, self._preset, self._orient, box)
        return self._segment(canvas), canvas.fit


def _photo_box(mask: Mask, fit: Letterbox) -> Box | None:
    """The box of a mask of the canvas in the photo, with a margin; None for an empty mask."""
    tight = Box.bounding(mask, 0)
    if not tight.height:
        return None
    ends = np.array([[tight.left, tight.top], [tight.left + tight.width, tight.top + tight.height]])
    corners = fit.points_to_photo(ends - 0.5) + 0.5
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    margin = _MARGIN * max(x1 - x0, y1 - y0)
    left, top = (max(0, round(low - margin)) for low in (x0, y0))
    right = min(fit.photo[1], max(left + 1, round(x1 + margin)))
    bottom = min(fit.photo[0], max(top + 1, round(y1 + margin)))
    return Box(top, left, bottom - top, right - left)


def _default_network() -> Network:
    """Return the network "people", loaded once in this process."""
    # Imported late: without ONNX Runtime people are still told apart by depth and heads.
    from ..networks.network import shared_network

    return shared_network("people")
