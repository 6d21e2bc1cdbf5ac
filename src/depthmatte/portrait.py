"""The answer for one photo: maps on demand, effects as methods."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .canvas import Letterbox, from_canvas
from .color.icc import is_srgb_profile
from .effects.background import Background
from .errors import InputError, MissingMap
from .photo import Photo
from .restore import restore_map, restore_measured
from .types import RGB, Float, dataclasses_equal, make_read_only
from .values import Depth, Matte

_MIN_PORTRAIT_SHARE = 0.005
"""Share of the photo a portrait must cover to count as found; less is "nobody"."""

_PREVIEW_SIDE = 480
"""Longer side in pixels of the picture that a notebook shows."""


_COLOR_NUMBERS = 3
"""Numbers of a color given as a tuple."""


@dataclass(frozen=True, eq=False, repr=False)
class Portrait:
    """The answer for one photo: what the canvas holds, restored to photo size on demand.

    `matte` is the fused matte on the canvas of `fit` and `measured` the depth on that of
    `depth_fit`. After a second look `fit` shows a part of the photo, outside which nobody is;
    `depth_fit`, then given as `whole`, always shows all of it.

    `notes` are sentences about what was given and not believed.

    The maps `alpha`, `prob`, `depth` (0 nearest) and `depth_prob` are float32 (H, W) in
    [0, 1], `mask` is boolean; each is computed at most once and is read-only: copy it to
    change it. `found` is False when nobody is in the photo: `alpha`, `mask` and `prob` are
    then empty and every effect still works.

    A portrait can be pickled: restored maps stay behind and are made again. `==` compares
    photo, canvas maps and how they lie, not the timings.
    """

    photo: Photo
    matte: Matte
    measured: Depth
    fit: Letterbox
    threshold: float = 0.5
    timings: dict[str, float] = field(default_factory=dict, compare=False)
    full_fit: Letterbox | None = None
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        for name, values, fit in (
            ("matte", self.matte.alpha, self.fit),
            ("depth", self.measured.z, self.depth_fit),
        ):
            if fit.photo != self.photo.shape:
                raise InputError(f"fit for {fit.photo} does not match photo {self.photo.shape}")
            if values.shape != fit.canvas:
                raise InputError(f"{name} {values.shape} does not match the canvas {fit.canvas}")

    @classmethod
    def from_arrays(
        cls, rgb: RGB, alpha: Float, depth: Float | None = None, depth_prob: Float | None = None
    ) -> Portrait:
        """A portrait from photo-sized arrays: rgb uint8 (H, W, 3), the rest float32 (H, W)."""
        photo, shape = Photo(rgb), np.shape(rgb)[:2]
        nowhere = np.zeros(shape, np.float32)
        sure = nowhere if depth is None else np.ones(shape, np.float32)
        measured = Depth(
            nowhere if depth is None else depth, sure if depth_prob is None else depth_prob
        )
        return cls(photo, Matte(alpha, alpha), measured, Letterbox.identity(photo.shape))

    __eq__ = dataclasses_equal

    def __repr__(self) -> str:
        height, width = self.photo.shape
        who = "found" if self.found else "nobody found"
        return (
            f"Portrait({self.photo.meta.name!r}, {width} x {height}, {who}, "
            f"depth {self.measured.source!r})"
        )

    def __getstate__(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @property
    def depth_fit(self) -> Letterbox:
        """How the photo lies on the depth's canvas: `whole`, or as for the matte."""
        return self.full_fit or self.fit

    @property
    def found(self) -> bool:
        """Is anybody in the photo? False is an answer, not an error."""
        inside = self.matte.alpha[self.fit.content_slices]
        return bool((inside >= self.threshold).mean() * self.fit.photo_share >= _MIN_PORTRAIT_SHARE)

    @cached_property
    def alpha(self) -> Float:
        """Opacity of the portrait (S_out), edges following the photo's own."""
        # What the canvas shows are the photo's own colors, unless they were converted for it.
        shown = self.matte.rgb if is_srgb_profile(self.photo.meta.icc) else None
        return make_read_only(restore_map(self.matte.alpha, self.fit, self.photo.rgb, shown))

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """The portrait area: alpha at or above the threshold."""
        return make_read_only(self.alpha >= self.threshold)

    @cached_property
    def prob(self) -> Float:
        """Probability of being portrait (I1)."""
        return make_read_only(restore_map(self.matte.prob, self.fit))

    @cached_property
    def depth(self) -> Float:
        """Depth relative to the scene, 0 nearest to 1 farthest; 0 too where `validity` says why."""
        return self._measured(self.measured.relative)

    @cached_property
    def meters(self) -> Float:
        """Depth in metres, (H, W) float32 and not bounded by 1; 0 where `validity` says why.

        Raises MissingMap, an InputError and AttributeError, where depth is only relative.
        """
        if not self.measured.metric:
            raise MissingMap(
                f"{self.photo.meta.name}: its depth is relative and has no meters; "
                "give a depth file in meters, or a calibrated pair"
            )
        return make_read_only(
            restore_measured(self.measured.z, self.measured.known, self.depth_fit)
        )

    @cached_property
    def depth_prob(self) -> Float:
        """Probability that the depth is right (I2); 0 where nothing was measured."""
        return self._measured(self.measured.prob)

    def _measured(self, values: Float) -> Float:
        known = self.measured.known
        return make_read_only(
            np.minimum(restore_measured(values, known, self.depth_fit), np.float32(1))
        )

    @cached_property
    def validity(self) -> NDArray[np.uint8]:
        """Why depth counts or not: uint8 (H, W) of `evidence.Reason`."""
        return make_read_only(from_canvas(self.measured.validity, self.depth_fit, nearest=True))

    def cutout(self, **options: Any) -> NDArray[np.uint8]:
        """The person on nothing: uint8 (H, W, 4), straight alpha, colors decontaminated."""
        return self._effect("cutout", **options)

    def blur(self, **options: Any) -> RGB:
        """The background out of focus, the person sharp: uint8 (H, W, 3)."""
        return self._effect("blur", **options)

    def beautify(self, **options: Any) -> RGB:
        """The person's skin gently smoothed, all else untouched: uint8 (H, W, 3)."""
        return self._effect("beautify", **options)

    def place(self, background: Any = "white") -> NDArray[np.uint8]:
        """The person on another background.

        Parameters
        ----------
        background
            A color (`#rrggbb`, a name, `transparent`, `(r, g, b)` of 0 to 255, sRGB), a
            picture's path, a PIL image, a Photo, or pixels uint8 (h, w, 3). A picture is
            scaled to cover the photo and cut around its center.

        Returns
        -------
        uint8 (H, W, 3) in the photo's own colors; (H, W, 4) on `transparent`.

        Raises
        ------
        InputError
            For a picture that cannot be read and text that is neither file nor color.
        """
        return make_background(background)(self)

    def save(self, path: str | os.PathLike[str] | BinaryIO, format: str | None = None) -> Any:
        """Write the cut-out to a path or an open binary file, EXIF and profile kept.

        Parameters
        ----------
        path
            Where to; the photo's own file is refused. The suffix picks the format.
        format
            `png`, `webp` or `tiff`, instead of the suffix; an open file gets png without it.

        Returns
        -------
        The path as a Path, or the open file.

        Example
        -------
        >>> dm.cut("me.jpg").save("me.png")  # doctest: +SKIP
        """
        from .io.photo.photo_writer import write

        meta, picture = self.photo.meta, self.cutout()
        if isinstance(path, str | os.PathLike):
            return write(picture, path, meta, forbid=meta.path or (), format=format)
        write(picture, path, meta, format=format)
        return path

    def _effect(self, name: str, **options: Any) -> NDArray[np.uint8]:
        from .effects import EFFECTS

        return EFFECTS[name](**options)(self)

    def _repr_png_(self) -> bytes:
        """What a notebook shows: the cut-out, at most PREVIEW pixels on its longer side."""
        from .canvas import resize, scale_shape
        from .color.icc import convert_to_srgb
        from .effects import Cutout
        from .io.photo.photo_writer import encode_picture

        shape = scale_shape(self.photo.shape, min(1.0, _PREVIEW_SIDE / max(self.photo.shape)))
        small = Portrait.from_arrays(
            convert_to_srgb(
                np.asarray(resize(self.photo.rgb, shape), np.uint8), self.photo.meta.icc
            ),
            np.asarray(np.clip(resize(self.alpha, shape), 0, 1), np.float32),
        )
        return encode_picture(Cutout()(small), "png")


def make_background(background: Any) -> Background:
    """The effect that places a portrait before `background`.

    Parameters
    ----------
    background
        A color (`#rrggbb`, a name, `transparent`, or three whole numbers 0 to 255, sRGB), a
        picture's path, a PIL image, a Photo, or pixels uint8 (h, w, 3).

    Returns
    -------
    A Background; a picture brings its own color profile.

    Raises
    ------
    InputError
        For a picture that cannot be read, and for text that is neither file nor color.
    """
    from .io.photo.photo_reader import read
    from .system.text import label

    if isinstance(background, Background):
        return background
    if isinstance(background, tuple | list):
        return Background(color=_hex(background))
    if isinstance(background, os.PathLike) or (
        isinstance(background, str) and os.path.isfile(background)
    ):
        return _of(read(background, evidence=False))
    if not isinstance(background, str):
        from .io.photo.from_memory import to_photo

        return _of(to_photo(background, "background"))
    try:
        return Background(color=background)
    except InputError:
        raise InputError(
            f"background {label(background)}: neither a picture file nor a color; "
            "give a path, #rrggbb, a name such as white, or transparent"
        ) from None


def _of(photo: Photo) -> Background:
    return Background(picture=photo)


def _hex(numbers: Any) -> str:
    values = np.asarray(numbers)
    whole = values.dtype.kind in "iu" and values.shape == (_COLOR_NUMBERS,)
    if not whole or values.min() < 0 or values.max() > 255:
        raise InputError(
            f"background {numbers!r}: is no color; give three whole numbers from 0 to 255"
        )
    return "#{:02x}{:02x}{:02x}".format(*values.tolist())
