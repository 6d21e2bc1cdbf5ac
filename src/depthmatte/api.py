"""The Python front door: `cut` a photo, then ask the Portrait for what you need."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from . import maps
from .camera import Rig
from .canvas import Orient
from .depth.sensor import SensorOptions
from .effects import EFFECTS, Background
from .errors import InputError
from .evidence import RawDepth
from .fuse import DEFAULT
from .io.depthfile import raw_depth
from .io.image import read
from .io.label import label
from .io.pairs import attach
from .io.write import write
from .photo import RGB, Photo
from .pipeline import default_pipeline


@dataclass(frozen=True)
class Portrait(maps.Portrait):
    """The answer for one photo, with the effects as methods.

    Maps are photo-sized: `alpha`, `prob`, `depth` (0 nearest), `depth_prob` float32
    (H, W) in [0, 1], `mask` boolean. `found` is False when nobody is in the photo: `alpha`,
    `mask` and `prob` are then empty and every effect still works. Options of the effects are the
    fields of their dataclasses in `depthmatte.effects.EFFECTS`.
    """

    @classmethod
    def adopt(cls, portrait: maps.Portrait) -> Portrait:
        """The same answer with the effects on it."""
        return cls(**{field.name: getattr(portrait, field.name) for field in fields(portrait)})

    def cutout(self, **options: Any) -> NDArray[np.uint8]:
        """The person on nothing: uint8 (H, W, 4), straight alpha, colours decontaminated."""
        return self._effect("cutout", **options)

    def blur(self, **options: Any) -> RGB:
        """The background out of focus, the person sharp: uint8 (H, W, 3)."""
        return self._effect("blur", **options)

    def beautify(self, **options: Any) -> RGB:
        """The person's skin gently smoothed, all else untouched: uint8 (H, W, 3)."""
        return self._effect("beautify", **options)

    def place(self, background: str | PathLike[str] | RGB = "white") -> NDArray[np.uint8]:
        """The person on `background`, see `behind`: uint8 (H, W, 3), (H, W, 4) on `transparent`."""
        return behind(background)(self)

    def save(self, path: str | Path) -> Path:
        """Write the cut-out to `path`, EXIF and ICC kept; the suffix picks the format."""
        return write(self.cutout(), path, self.photo.meta)

    def _effect(self, name: str, **options: Any) -> NDArray[np.uint8]:
        return EFFECTS[name](**options)(self)


def cut(
    source: str | PathLike[str] | bytes | BinaryIO | RGB | Photo,
    *,
    depth: str | PathLike[str] | NDArray[Any] | RawDepth | None = None,
    right: str | PathLike[str] | None = None,
    calib: str | PathLike[str] | Rig | None = None,
    depth_scale: float | None = None,
    depth_source: str = "auto",
    subject: str = "auto",
    fusion: str = DEFAULT,
    orient: Orient = "pad",
    threads: int | None = None,
    matte_network: str | Path = "matte",
    depth_network: str | Path = "depth",
    stereo_network: str | Path = "network",
    sensor: SensorOptions | None = None,
    second_look: bool = True,
) -> Portrait:
    """Cut the person out of one photo.

    `source` is a path, the bytes of an image file, an open binary file, a Photo, or
    pixels as uint8 (H, W, 3) sRGB. `depth` is a depth file, a RawDepth, or numbers (h, w):
    floats in metres, whole numbers in mm or with `depth_scale` units per metre; `right` the
    file of a second view; `calib` a calibration file or a Rig. `depth_source` is `auto` (the best
    there is), `stored`, `sensor`, `stereo`, `mono` or `none`; `subject` whom to cut: `auto`,
    `nearest`, `largest`, `all` or `X,Y`, a person's place in pixels. `fusion` is `none` (the
    segmentation alone), `product`, `normalized` or `adaptive`; `orient` says whether a
    landscape shot is kept upright (`pad`) or turned to portrait (`rotate`). `threads` limits
    the CPU threads of each network, None takes all cores. The networks are names, `.onnx`
    files or `URL#sha256=HEX` (`stereo_network` also `network` or `sgbm`); they load once per
    process. `sensor` limits, blurs and rates the depth of a sensor. `second_look` looks at a
    small portrait in a large photo again, closer, which takes twice the time there.

    Raises InputError when the source or an option cannot be used, WeightsError when a
    network cannot.
    """
    pipeline = default_pipeline(
        fusion,
        orient,
        depth_source,
        matte_network,
        depth_network,
        threads,
        subject,
        stereo_network,
        sensor,
        second_look,
    )
    photo = _photo(source)
    if depth is not None or right is not None:
        measured = (
            raw_depth(depth, "array", depth_scale) if isinstance(depth, np.ndarray) else depth
        )
        photo = attach(photo, measured, right, calib, depth_scale)
    return Portrait.adopt(pipeline(photo))


def behind(background: str | PathLike[str] | RGB) -> Background:
    """The effect that places a portrait before `background`.

    That is a colour (`#rrggbb`, a name, `transparent`), a picture's path, or pixels as
    uint8 (h, w, 3); a picture is scaled to cover the photo. Raises InputError for a
    picture that cannot be read and for text that is neither file nor colour.
    """
    if isinstance(background, np.ndarray):
        return Background(picture=background)
    if isinstance(background, PathLike) or os.path.isfile(background):
        return Background(picture=read(background).rgb)
    try:
        return Background(color=background)
    except InputError:
        raise InputError(
            f"background {label(background)}: neither a picture file nor a colour; "
            "give a path, #rrggbb, a name such as white, or transparent"
        ) from None


def _photo(source: Any) -> Photo:
    if isinstance(source, Photo):
        return source
    if isinstance(source, np.ndarray):
        return Photo(source)
    return read(source)
