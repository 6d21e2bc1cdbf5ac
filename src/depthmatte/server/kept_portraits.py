"""Portraits kept for a short time, bounded in count, bytes and minutes."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from time import monotonic
from typing import Any

import numpy as np

from ..canvas import resize, scale_shape
from ..effects.beautify import measure_skin_change
from ..effects.foreground import estimate_foreground
from ..effects.lens.scene import BlurScene, make_blur_scene
from ..options import CutOptions
from ..photo import Photo
from ..portrait import Portrait
from ..types import RGB, Float, make_read_only
from .http_errors import RequestError

_PREVIEW_BYTES_PER_PIXEL = 28
"""Colors, restored maps and what effects share of a preview."""

_DEPTH_BYTES_PER_PIXEL = 8
"""Depth and its probability, whether something has computed them yet or not."""

_PREVIEW_SCENE_PIXELS = 80_000
"""Pixels at which the blur of a preview is made, so that it follows a slider."""

_SCENE_BYTES_PER_PIXEL = 96
"""Light of background and portrait, coverage and distance, twice."""

_MAX_PREVIEW_SIDE = 2048
"""Longer side, in pixels, up to which the scaled portrait of a preview is kept."""


@dataclass(frozen=True)
class Upload:
    """A file that a request carried.

    Parameters
    ----------
    name : str
        Its name in messages, printable.
    content : bytes
        Its bytes.
    """

    name: str
    content: bytes = field(repr=False)


@dataclass
class KeptPortrait:
    """A portrait and what is needed to cut its photo again.

    Parameters
    ----------
    id : str
        Random, so that it cannot be guessed.
    portrait : Portrait
        Without restored maps.
    options : CutOptions
        How it was cut.
    files : dict of str to Upload
        "photo", "depth", "calib", "right" and "strokes" as uploaded.
    corrected : bool
        Whether its matte was given by a user.
    """

    id: str
    portrait: Portrait
    options: CutOptions
    files: dict[str, Upload]
    corrected: bool = False
    used: float = field(default_factory=monotonic)
    _previews: dict[int, Portrait] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what other processes need; previews and the lock stay here."""
        return KeptPortrait, (self.id, self.portrait, self.options, self.files, self.corrected)

    @property
    def size(self) -> int:
        """Bytes at most, with one preview; maps of full size are never kept."""
        portrait = self.portrait
        matte, depth, first = portrait.matte, portrait.measured, portrait.first_matte
        planes: list[Any] = [
            portrait.photo.rgb,
            matte.alpha,
            matte.prob,
            matte.rgb,
            *(() if first is None else (first.alpha, first.prob)),
            *(edit.values for edit in portrait.edits),
            portrait.photo.evidence.strokes,
        ]
        rows, columns = depth.shape
        raw = portrait.photo.evidence.depth_map
        view = portrait.photo.evidence.second_view
        held: int = sum(plane.nbytes for plane in planes if plane is not None)
        held += rows * columns * _DEPTH_BYTES_PER_PIXEL
        held += 0 if raw is None else 2 * raw.z.nbytes
        held += 0 if view is None else view.rgb.nbytes
        preview = min(portrait.photo.rgb.size // 3, _MAX_PREVIEW_SIDE**2)
        held += preview * _PREVIEW_BYTES_PER_PIXEL
        held += min(preview, _PREVIEW_SCENE_PIXELS) * _SCENE_BYTES_PER_PIXEL
        return held + sum(len(file.content) for file in self.files.values())

    def scaled(self, side: int | None) -> Portrait:
        """Return the portrait for a preview whose longer side is at most `side` pixels.

        Only the size used last is kept. Without `side` a fresh portrait of full size is
        returned, so that its maps are freed after use.
        """
        full = self.portrait
        if side is None or side >= max(full.photo.shape):
            return replace(full)
        with self._lock:
            found = self._previews.get(side)
            if found is None:
                found = scale_portrait(full, side)
                _ = found.alpha
                if side <= _MAX_PREVIEW_SIDE:
                    self._previews.clear()
                    self._previews[side] = found
            return found


class PreviewPortrait(Portrait):
    """A scaled portrait that is rendered many times and keeps what its effects share."""

    @cached_property
    def foreground(self) -> RGB:
        """Foreground colors, uint8 (H, W, 3)."""
        return make_read_only(estimate_foreground(self.photo.rgb, self.opacity))

    @cached_property
    def skin_change(self) -> Float:
        """Change of the skin at full strength of the effect `beautify`, float32 (h, w, 3)."""
        return make_read_only(measure_skin_change(self))

    @cached_property
    def blur_scene(self) -> BlurScene:
        """What the blur knows of the photo."""
        return make_blur_scene(self, _PREVIEW_SCENE_PIXELS)


def scale_portrait(portrait: Portrait, side: int) -> PreviewPortrait:
    """Return a portrait whose photo is scaled so that its longer side has `side` pixels.

    Parameters
    ----------
    portrait : Portrait
        Any portrait.
    side : int
        Pixels, at least 1.

    Returns
    -------
    PreviewPortrait
        The maps on the canvas are the same; only the photo and the layouts are smaller.
    """
    photo = portrait.photo
    shape = scale_shape(photo.shape, min(1.0, side / max(photo.shape)))
    rgb = np.asarray(resize(photo.rgb, shape), np.uint8)
    camera = photo.camera and photo.camera.scaled(shape)
    small = Photo(rgb, replace(photo.meta, exif=None, dpi=None), camera)
    full_fit = portrait.full_fit and portrait.full_fit.resized(shape)
    return PreviewPortrait(
        small,
        portrait.matte,
        portrait.measured,
        portrait.fit.resized(shape),
        portrait.threshold,
        portrait.timings,
        full_fit,
        portrait.notes,
        portrait.edge and portrait.edge.scaled(shape[0] / portrait.photo.shape[0]),
        portrait.refine,
        portrait.first_matte,
        portrait.edits,
        portrait.clean,
        find_parts=portrait.find_parts,
        find_people=portrait.find_people,
    )


class KeptPortraits:
    """The portraits of a server. Threads may use it at once.

    Parameters
    ----------
    count, max_bytes : int
        Most portraits, and most bytes of all. The one used longest ago goes first.
    seconds : float
        A portrait that was not used for this time is forgotten.
    clock : callable, optional
        Seconds that never go back.
    """

    def __init__(
        self,
        count: int,
        max_bytes: int,
        seconds: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.count, self.max_bytes, self.seconds = count, max_bytes, seconds
        self._clock = clock
        self._held: OrderedDict[str, tuple[KeptPortrait, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._held)

    @property
    def bytes(self) -> int:
        """Bytes of all portraits."""
        with self._lock:
            return sum(size for _, size in self._held.values())

    def keep(
        self,
        portrait: Portrait,
        options: CutOptions,
        files: dict[str, Upload],
        corrected: bool = False,
    ) -> KeptPortrait:
        """Keep a portrait under a new id; one larger than the bound is returned but not kept."""
        id = secrets.token_urlsafe(16)
        kept = KeptPortrait(id, replace(portrait), options, files, corrected)
        self.add(kept)
        return kept

    def add(self, kept: KeptPortrait) -> None:
        """Keep a portrait that has an id, unless it is larger than the bound."""
        kept.used = self._clock()
        size = kept.size
        with self._lock:
            if size <= self.max_bytes:
                self._held[kept.id] = (kept, size)
            self._drop()

    def get(self, id: str) -> KeptPortrait:
        """Return a portrait; RequestError 404 when it is unknown or forgotten."""
        with self._lock:
            self._drop()
            kept, _ = self._held.get(id, (None, 0))
            if kept is not None:
                self._held.move_to_end(id)
                kept.used = self._clock()
                return kept
        raise RequestError(404, "no portrait has this id; it may be forgotten, so send it again")

    def forget(self, id: str) -> None:
        """Forget a portrait; RequestError 404 when it is not there."""
        self.get(id)
        self.drop(id)

    def drop(self, id: str) -> None:
        """Forget a portrait if it is there."""
        with self._lock:
            self._held.pop(id, None)

    def expire(self) -> None:
        """Forget what was not used for too long."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        total = sum(size for _, size in self._held.values())
        oldest = self._clock() - self.seconds
        for id, (kept, size) in list(self._held.items()):
            over = len(self._held) > self.count or total > self.max_bytes
            if not over and kept.used >= oldest:
                break
            del self._held[id]
            total -= size
