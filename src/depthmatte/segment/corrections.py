"""Correct a portrait where the user points: add what is missing, remove what is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import Box, Letterbox, from_canvas, resize, scale_shape, to_canvas
from ..corrections.matte_edit import MatteEdit
from ..corrections.strokes import DROP_STROKE, KEEP_STROKE, find_stroke_edits
from ..errors import InputError
from ..filters import fill_nearest
from ..options import PhotoBox, PhotoPoint
from ..photo import Photo
from ..portrait import Portrait
from ..restore import restore_map
from ..subjects.instances import find_instance_parts
from ..system.printable_text import label as shown
from ..types import Float, Mask
from ..values import Matte

_LookAgain = Callable[[Box], tuple[Matte, Letterbox]]
"""Crop of the photo -> what the network sees there, and its layout."""

_SIDE = 640
"""Longer side, in pixels, of the maps in which pieces are found."""

_SOLID = 0.5
_VISIBLE = 0.05
"""Alpha from which a pixel belongs to a person, and above which it is seen at all."""

_SNAP = 0.012
"""Distance from a point, as a share of the longer side, up to which a piece counts as hit."""

_LOOK_SIDES = (0.5, 0.25)
"""Sides of the crops of a closer look, as shares of the photo's longer side, in order."""

_WHOLE_PIECE = 0.8
"""Share of the matte up to which a piece is removed whole. A larger one is divided first."""

_WELL_INSIDE = 0.5
"""Distance of a point from the edge of a piece, over that of its innermost pixel, from which the
point means the whole piece. A point near the edge means what is wrong there."""

_SMALL_PIECE_PX = 4.0
"""Innermost distance, in pixels, up to which a piece is too small to tell."""

_MIN_PERSON = 0.05
"""Share of a piece that a person in it covers at least."""

_MAX_PART = 0.5
"""Share of a piece, at most, that goes as its part at another depth."""

_DOT = 0.006
"""Radius of the stroke that stands for a point, as a share of the longer side."""

_BOX_MARGIN = 0.1
"""Margin of a look into a box, as a share of its longer side: what is around helps to see."""

_MIN_INSIDE_BOX = 0.5
"""Share of a piece that must lie inside the box to be kept."""

_RIM = np.ones((7, 7), np.uint8)


@dataclass(frozen=True)
class Corrections:
    """What a user corrected by hand, in pixels of the upright photo.

    Parameters
    ----------
    keep, drop : tuple of tuple of float
        Points (x, y) where something is missing, and where something is wrong.
    box : tuple of float, optional
        (x0, y0, x1, y1): look again there and keep only what is inside.
    clean : bool
        Whether specks are removed and pinholes filled.
    """

    keep: tuple[PhotoPoint, ...] = ()
    drop: tuple[PhotoPoint, ...] = ()
    box: PhotoBox | None = None
    clean: bool = False

    @property
    def has_points(self) -> bool:
        """Whether there is a point."""
        return bool(self.keep or self.drop)

    def check(self, photo: Photo) -> None:
        """Raise InputError for a point or a box outside the photo."""
        for name, points in (("keep", self.keep), ("drop", self.drop)):
            for point in points:
                check_point(point, photo, name)
        if self.box is not None and not self._inside(photo.shape).inside(photo.shape):
            place = ",".join(f"{value:g}" for value in self.box)
            raise InputError(
                f"{shown(photo.meta.name)}: box {place} lies outside the photo, which is "
                f"{photo.shape[1]} x {photo.shape[0]} upright; give one inside it"
            )

    def _inside(self, shape: tuple[int, int], margin: float = 0.0) -> Box:
        assert self.box is not None
        x0, y0, x1, y1 = self.box
        left, top = max(0, math.floor(x0 - margin)), max(0, math.floor(y0 - margin))
        right, bottom = min(shape[1], math.ceil(x1 + margin)), min(shape[0], math.ceil(y1 + margin))
        return Box(top, left, bottom - top, right - left)

    def crop(self, shape: tuple[int, int]) -> Box:
        """The part of the photo (H, W) to look at: the box with a margin."""
        inner = self._inside(shape)
        return self._inside(shape, _BOX_MARGIN * max(inner.shape))

    def limit_to_box(self, matte: Matte, fit: Letterbox) -> Matte:
        """Remove what is outside the box, and pieces of which the larger part is.

        Parameters
        ----------
        matte : Matte
            Of the look into `crop`.
        fit : Letterbox
            Its layout.
        """
        box = self._inside(fit.photo)
        height, width = fit.canvas
        grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
        x, y = np.moveaxis(fit.points_to_photo(grid), -1, 0)
        # Restoring spreads a value by a pixel of the canvas, not beyond the photo's own border.
        step = 1 / fit.scale
        low_x, low_y = (step if edge > 0 else -1.0 for edge in (box.left, box.top))
        high_x = step if box.left + box.width < fit.photo[1] else -1.0
        high_y = step if box.top + box.height < fit.photo[0] else -1.0
        inside = (x >= box.left - 0.5 + low_x) & (x <= box.left + box.width - 0.5 - high_x)
        inside &= (y >= box.top - 0.5 + low_y) & (y <= box.top + box.height - 0.5 - high_y)
        count, label = cv2.connectedComponents((matte.alpha > _VISIBLE).astype(np.uint8))
        area = np.maximum(np.bincount(label.ravel(), minlength=count), 1)
        within = np.bincount(label[inside], minlength=count)
        kept = within >= _MIN_INSIDE_BOX * area
        kept[0] = True
        return replace(matte, alpha=np.where(inside & kept[label], matte.alpha, np.float32(0)))


def check_point(point: PhotoPoint, photo: Photo, name: str) -> None:
    """Raise InputError for a point outside the photo."""
    height, width = photo.shape
    if not (0 <= point[0] < width and 0 <= point[1] < height):
        place = f"{point[0]:g},{point[1]:g}"
        raise InputError(
            f"{photo.meta.name}: {name} {place} lies outside the photo, which is {width} x "
            f"{height} upright; give a point inside it"
        )


def find_edits(
    portrait: Portrait, corrections: Corrections, look: _LookAgain
) -> tuple[MatteEdit, ...]:
    """Find the edits that points and strokes ask for.

    A point to keep adds the piece that the network saw there at first and that a choice or the
    depth removed; else the piece that it sees in a closer look; else what colors or edges near
    the point bound. A point to drop removes the piece there, the person, the part at another depth,
    or what colors or edges near it bound. A point near the edge of a piece, and one in a piece
    with a point to keep, means no more than what is around it. Nothing else changes.

    Parameters
    ----------
    portrait : Portrait
        Without edits.
    corrections : Corrections
        Points. Strokes come with the photo.
    look : callable
        Crop -> (Matte, Letterbox).

    Returns
    -------
    tuple of MatteEdit
        In the order in which they apply: points to keep, points to drop, strokes.
    """
    scene = _Scene(replace(portrait, edge=None, clean=False), look)
    for point in corrections.keep:
        scene.keep(point)
    for point in corrections.drop:
        scene.drop(point)
    strokes = portrait.photo.evidence.strokes
    if strokes is not None:
        scene.obey_strokes(strokes)
    return tuple(scene.edits)


class _Scene:
    """A portrait that is being corrected, and its maps at a small size."""

    def __init__(self, portrait: Portrait, look: _LookAgain) -> None:
        self.portrait, self.look = portrait, look
        self.edits: list[MatteEdit] = []
        photo = portrait.photo.shape
        self.shape = scale_shape(photo, min(1.0, _SIDE / max(photo)))
        self.scale = np.array([self.shape[1] / photo[1], self.shape[0] / photo[0]])
        self.fit = Letterbox(photo, self.shape, self.shape, (0, 0))
        self.alpha: Float = np.asarray(resize(portrait.alpha, self.shape), np.float32)
        self.reach = max(1.0, _SNAP * max(self.shape))
        self.rgb = np.asarray(resize(portrait.photo.rgb, self.shape), np.uint8)
        self.kept: list[tuple[int, int]] = []

    @cached_property
    def people(self) -> NDArray[np.int32]:
        """The person of each pixel, int32 (h, w), 0 where there is nobody."""
        if self.portrait.first_matte is None:
            return np.zeros(self.shape, np.int32)
        fit = self.portrait.people_fit.resized(self.shape)
        return _to_photo_labels(self.portrait.glimpsed_people.label, fit)

    @cached_property
    def opinion(self) -> Float:
        """Alpha (h, w) of everybody whom the networks saw."""
        if self.portrait.first_matte is None:
            return np.zeros(self.shape, np.float32)
        fit = self.portrait.people_fit.resized(self.shape)
        return restore_map(self.portrait.glimpsed_people.matte.alpha, fit)

    def _add(self, edit: MatteEdit) -> None:
        self.edits.append(edit)
        self.alpha = edit.apply(self.alpha)

    def keep(self, point: PhotoPoint) -> None:
        """Add the piece at a point of the photo."""
        at = self._small(point)
        self.kept.append(at)
        if self.alpha[at] >= _SOLID:
            return
        missing = (self.opinion >= _SOLID) & (self.alpha < _SOLID)
        piece = _piece_at(missing, at, self.reach)
        if piece is not None:
            number = int(self.people[_nearest(piece, at)])
            if number:
                piece &= self.people == number
            self._add(MatteEdit(_with_rim(piece, self.opinion), self.fit, True))
            return
        for share in _LOOK_SIDES:
            if self._keep_closer(point, share):
                return
        self._dot(point, KEEP_STROKE)

    def _keep_closer(self, point: PhotoPoint, share: float) -> bool:
        """Add the piece that a closer look shows at a point; return whether there is one."""
        crop = _crop_around(point, share, self.portrait.photo.shape)
        matte, fit = self.look(crop)
        small = fit.resized(self.shape)
        here = np.asarray(to_canvas(self.alpha, small), np.float32)
        x, y = fit.points_to_canvas(np.array(point))
        at = (round(float(y)), round(float(x)))
        reach = max(1.0, _SNAP * max(fit.canvas))
        piece = _piece_at((matte.alpha >= _SOLID) & (here < _SOLID), at, reach)
        if piece is None:
            return False
        self._add(MatteEdit(_with_rim(piece, matte.alpha), fit, True))
        return True

    def drop(self, point: PhotoPoint) -> None:
        """Remove the piece at a point of the photo."""
        at = self._small(point)
        visible = self.alpha > _VISIBLE
        solid = self.alpha >= _SOLID
        piece = _piece_at(solid, at, self.reach)
        if piece is None:
            piece = _piece_at(visible, at, self.reach)
        if piece is None:
            return
        whole = self._person_of(piece, _nearest(piece, at))
        if whole.sum() > _WHOLE_PIECE * solid.sum() or not self._is_meant(whole, at):
            part = self._depth_part_of(whole, _nearest(whole, at))
            if part is None or not self._is_meant(part, at):
                self._dot(point, DROP_STROKE)
                return
            whole = part
        piece = whole
        rest = solid & ~piece
        grown = cv2.dilate(piece.astype(np.uint8), _RIM) > 0
        if rest.any():  # the rim between two pieces belongs to the nearer one
            numbers = np.where(piece, np.int32(1), np.where(rest, np.int32(2), np.int32(0)))
            grown &= fill_nearest(numbers, numbers > 0) == 1
        self._add(MatteEdit(grown.astype(np.float32), self.fit, False))

    def _person_of(self, piece: Mask, at: tuple[int, int]) -> Mask:
        """The person at a place of a piece that shows several; else the piece."""
        numbers, counts = np.unique(self.people[piece], return_counts=True)
        large = numbers[(numbers > 0) & (counts >= _MIN_PERSON * piece.sum())]
        if len(large) > 1 and self.people[at] in large:
            return np.asarray(piece & (self.people == self.people[at]))
        return piece

    def _is_meant(self, piece: Mask, at: tuple[int, int]) -> bool:
        """Whether a point in a piece means all of it: it lies well inside, and nothing is kept."""
        if any(piece[kept] for kept in self.kept):
            return False
        area = np.pad(piece, 1).astype(np.uint8)
        inside = cv2.distanceTransform(area, cv2.DIST_L2, 5)[1:-1, 1:-1]
        widest = float(inside.max())
        return widest <= _SMALL_PIECE_PX or float(inside[at]) >= _WELL_INSIDE * widest

    def _depth_part_of(self, piece: Mask, at: tuple[int, int]) -> Mask | None:
        """The part of a piece at another depth; None where there is none."""
        first = self.portrait.first_matte
        if first is None:
            return None
        parts = find_instance_parts(first, self.portrait.measured).label
        fit = self.portrait.depth_fit.resized(self.shape)
        label = _to_photo_labels(parts, fit)
        part = piece & (label == label[at]) if label[at] else None
        if part is None or part.sum() > _MAX_PART * piece.sum():
            return None
        return np.asarray(part)

    def _dot(self, point: PhotoPoint, value: int) -> None:
        """Treat a point as a dot of a brush."""
        strokes = np.zeros(self.shape, np.uint8)
        row, column = self._small(point)
        cv2.circle(strokes, (column, row), max(1, round(_DOT * max(self.shape))), value, -1)
        self.obey_strokes(strokes, is_dot=True)

    def obey_strokes(self, strokes: NDArray[np.uint8], is_dot: bool = False) -> None:
        """Add the edits of strokes at the size of the photo or smaller."""
        for edit in find_stroke_edits(self.rgb, self.alpha, strokes, is_dot):
            self._add(edit)

    def _small(self, point: PhotoPoint) -> tuple[int, int]:
        """(row, column) of a point of the photo in the small maps."""
        x, y = (np.array(point) + 0.5) * self.scale
        return min(int(y), self.shape[0] - 1), min(int(x), self.shape[1] - 1)


def _to_photo_labels(label: NDArray[np.int32], fit: Letterbox) -> NDArray[np.int32]:
    """Return labels on a canvas at the size of the photo of `fit`, int32 (H, W)."""
    return np.asarray(from_canvas(label.astype(np.float32), fit, nearest=True), np.int32)


def _crop_around(point: PhotoPoint, share: float, shape: tuple[int, int]) -> Box:
    """A square crop around a point, within the photo."""
    side = max(16.0, share * max(shape))
    height, width = min(shape[0], round(side)), min(shape[1], round(side))
    top = int(np.clip(round(point[1] - height / 2), 0, shape[0] - height))
    left = int(np.clip(round(point[0] - width / 2), 0, shape[1] - width))
    return Box(top, left, height, width)


def _nearest(mask: Mask, at: tuple[int, int]) -> tuple[int, int]:
    """The (row, column) of a mask nearest to a place."""
    if mask[at]:
        return at
    rows, columns = np.nonzero(mask)
    index = int(np.argmin(np.hypot(rows - at[0], columns - at[1])))
    return int(rows[index]), int(columns[index])


def _piece_at(mask: Mask, at: tuple[int, int], reach: float) -> Mask | None:
    """The connected piece of a mask at a place or near it; None where there is none."""
    if not mask.any():
        return None
    near = _nearest(mask, at)
    if math.hypot(near[0] - at[0], near[1] - at[1]) > reach:
        return None
    label = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[1]
    return np.asarray(label == label[near])


def _with_rim(piece: Mask, alpha: Float) -> Float:
    """The alpha of a piece with its soft edge, float32 (h, w); 0 elsewhere."""
    grown = cv2.dilate(piece.astype(np.uint8), _RIM) > 0
    return np.where(grown, alpha, np.float32(0))
