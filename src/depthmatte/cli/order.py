"""What the user ordered: which pictures of each photo, cut in which way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from .. import fuse
from ..api import Portrait, behind
from ..canvas import Orient
from ..depth import CHOICES
from ..depth.sensor import SensorOptions
from ..errors import InputError
from ..fuse.subject import subject as who
from ..io.write import to_8bit, to_16bit
from ..pipeline import Pipeline, default_pipeline
from ..sheet import sheet
from .effects import build, spec
from .given import Given

Picture = Callable[[Portrait], NDArray[Any]]


def millimetres(portrait: Portrait) -> NDArray[np.uint16]:
    """Metric depth as 16-bit millimetres, (H, W); 0 where missing or beyond 65.535 m."""
    mm = np.rint(portrait.metres * np.float32(1000))
    return np.where(mm <= 65_535, mm, 0).astype(np.uint16)


MAPS: Mapping[str, Picture] = {
    "alpha": lambda portrait: to_8bit(portrait.alpha),
    "mask": lambda portrait: to_8bit(portrait.mask),
    "depth": lambda portrait: to_16bit(portrait.depth),
    "depth_mm": millimetres,
    "prob": lambda portrait: to_8bit(portrait.prob),
    "depth_prob": lambda portrait: to_8bit(portrait.depth_prob),
    "validity": lambda portrait: portrait.validity,
}
"""Values for programs, always PNG: 8-bit grey, depth 16-bit, validity a code."""

PICTURES: Mapping[str, Picture] = {"cutout": Portrait.cutout, "sheet": sheet}
"""Pictures for people, in the format ordered."""

FORMATS = {"png": ".png", "webp": ".webp", "jpg": ".jpg", "tiff": ".tif"}

SEGMENTATION_ONLY = {"alpha", "mask", "prob", "cutout"}
"""What `--fusion none` can make without any depth."""


GDEPTH = "gdepth"
"""The photo as a JPEG that holds the depth; its file is STEM.gdepth.jpg."""


@dataclass(frozen=True)
class Order:
    """`pictures` maps the name in the middle of a file name to what makes the picture."""

    out: Path
    pictures: Mapping[str, Picture]
    suffix: str
    fusing: str
    orient: Orient
    matte_network: str
    depth_network: str
    threads: int | None
    depth_source: str = "auto"
    subject: str = "auto"
    gdepth: bool = False
    given: Given = field(default_factory=Given)
    stereo_network: str = "network"
    sensor: SensorOptions | None = None
    second_look: bool = True

    def targets(self, stem: Path) -> dict[str, Path]:
        """Picture name -> file, for a photo whose results start with `stem`."""
        names = [*self.pictures, GDEPTH] if self.gdepth else self.pictures
        return {name: stem.with_name(stem.name + self._ending(name)) for name in names}

    def _ending(self, name: str) -> str:
        if name == GDEPTH:
            return ".gdepth.jpg"
        opaque = self.suffix == ".jpg" and name == "cutout"
        return f".{name}.png" if name in MAPS or opaque else f".{name}{self.suffix}"

    @property
    def needs_depth(self) -> bool:
        """Does anything that was ordered ask for depth?"""
        needed = self.fusing != "none" or not set(self.pictures) <= SEGMENTATION_ONLY
        return needed or self.gdepth or self.subject != "auto"

    def pipeline(self) -> Pipeline:
        """The pipeline this order needs; depth is left out where nothing asks for it."""
        if self.threads is not None:
            cv2.setNumThreads(self.threads)
        return default_pipeline(
            self.fusing,
            self.orient,
            self.depth_source if self.needs_depth else "none",
            self.matte_network,
            self.depth_network,
            self.threads,
            self.subject,
            self.stereo_network,
            self.sensor,
            self.second_look,
        )


def order(
    out: Path = Path("out"),
    save: str = "",
    effects: Sequence[str] = (),
    background: str | None = None,
    suffix: str = "png",
    fusing: str = "",
    orient: str = "pad",
    matte_network: str = "matte",
    depth_network: str = "depth",
    threads: int | None = None,
    depth_source: str = "auto",
    subject: str = "auto",
    write_depth: str | None = None,
    given: Given | None = None,
    stereo_network: str = "network",
    sensor: str | None = None,
    second_look: bool = True,
) -> Order:
    """Check what the user typed and make an Order of it; InputError names what is wrong."""
    made = _effects(effects, background)
    names = [name for name in save.split(",") if name] or (
        [] if made or write_depth else ["cutout"]
    )
    known = {**MAPS, **PICTURES}
    for name in names:
        if name not in known:
            raise InputError(f"--save {name}: unknown; use any of {','.join(known)}")
    if suffix not in FORMATS:
        raise InputError(f"--format {suffix}: unknown; use one of {', '.join(FORMATS)}")
    if orient not in get_args(Orient):
        raise InputError(f"--orient {orient}: unknown; use one of {', '.join(get_args(Orient))}")
    if depth_source not in CHOICES:
        raise InputError(f"--depth-source {depth_source}: unknown; use one of {', '.join(CHOICES)}")
    if write_depth not in (None, GDEPTH):
        raise InputError(f"--write-depth {write_depth}: unknown; use {GDEPTH}")
    who(subject)
    return Order(
        out=out,
        pictures={name: known[name] for name in names} | made,
        suffix=FORMATS[suffix],
        fusing=fuse.fusion(fusing or fuse.DEFAULT).name,
        orient=cast(Orient, orient),
        matte_network=matte_network,
        depth_network=depth_network,
        threads=threads,
        depth_source=depth_source,
        subject=subject,
        gdepth=write_depth == GDEPTH,
        given=given or Given(),
        stereo_network=stereo_network,
        sensor=None if sensor is None else _sensor(sensor, given or Given()),
        second_look=second_look,
    )


def _sensor(text: str, given: Given) -> SensorOptions:
    if given.depth is None:
        raise InputError(f"--sensor {text}: goes with --depth; give one")
    try:
        return build(SensorOptions, text)
    except InputError as error:
        raise InputError(f"--sensor {text}: {error}") from None


def _effects(texts: Sequence[str], background: str | None) -> dict[str, Picture]:
    made = [spec(text) for text in texts]
    if background is not None:
        made.append(("background", behind(background)))
    names = [name for name, _ in made]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"--effect {name}: given twice; give it once, or run again")
    return dict(made)
