"""What the user asked for: which pictures of each photo, cut in which way, and where they go."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from .. import __version__, weights
from ..errors import OptionError
from ..fields import names
from ..io.journal import digest, state_of
from ..io.pairs import check_together
from ..options import CutOptions, OutputOptions, SessionOptions
from .given import Given
from .pictures import MAPS, SEGMENTATION_ONLY, Picture, pictures

TASKS = tuple(
    name.removesuffix("_network") for name in names(SessionOptions) if name.endswith("_network")
)
"""Tasks whose network the user may choose."""

SUFFIXES = {"png": ".png", "webp": ".webp", "jpg": ".jpg", "tiff": ".tif"}
"""`--format` -> suffix of the files."""

GDEPTH = "gdepth"
"""The photo as a JPEG that holds the depth; its file is STEM.gdepth.jpg."""


@dataclass(frozen=True)
class Job:
    """All that was asked of `depthmatte cut`; plain values, so that it travels between processes.

    Parameters
    ----------
    cut
        What is asked of each photo.
    session
        What is loaded and what it runs on.
    output
        What is made of each photo, and where it goes.
    given
        Files and folders given beside the photos.

    Raises
    ------
    OptionError
        When a picture is unknown, or the options do not go together.
    """

    cut: CutOptions = field(default_factory=CutOptions)
    session: SessionOptions = field(default_factory=SessionOptions)
    output: OutputOptions = field(default_factory=OutputOptions)
    given: Given = field(default_factory=Given)

    def __post_init__(self) -> None:
        _ = self.pictures
        if self.output.json and self.output.out == "-":
            raise OptionError("--json and --out -: both write to stdout; leave one of them out")
        check_together(
            self.given.depth,
            self.given.right,
            self.given.calib,
            self.cut.depth_scale,
            self.cut.depth_kind,
            self.cut.sensor,
            flags=True,
        )

    @property
    def pictures(self) -> dict[str, Picture]:
        """Name of each result -> what makes it; cut-out if nothing was named."""
        wanted = self.output
        nothing = not (wanted.save or wanted.effect or wanted.background or wanted.write_depth)
        return _pictures("cutout" if nothing else wanted.save, wanted.effect, wanted.background)

    @property
    def results(self) -> dict[str, str]:
        """Name of each result -> suffix of its file."""
        found = {name: self._suffix(name) for name in self.pictures}
        return found | ({GDEPTH: ".jpg"} if self.output.write_depth else {})

    def _suffix(self, name: str) -> str:
        suffix = SUFFIXES[self.output.format]
        opaque = suffix == ".jpg" and name.partition("@")[0] == "cutout"
        return ".png" if name in MAPS or opaque else suffix

    @property
    def needs_depth(self) -> bool:
        """Does anything that was asked for need depth?"""
        plain = self.cut.fusion == "none" and self.cut.subject == "auto"
        return not plain or not set(self.pictures) <= SEGMENTATION_ONLY or GDEPTH in self.results

    @property
    def asked(self) -> CutOptions:
        """What is asked of the pipeline: depth is left out where nothing needs it."""
        return self.cut if self.needs_depth else replace(self.cut, depth_source="none")

    def reads(self) -> Iterator[Path]:
        """Every file and folder that is read beside the photos."""
        wanted = [self.given.depth, self.given.right, self.given.calib, self.output.background]
        networks = [getattr(self.session, f"{task}_network") for task in TASKS]
        texts = [text.partition("picture=")[2].split(",")[0] for text in self.output.effect]
        for place in (*wanted, *networks, *texts):
            if place and os.path.exists(place):
                yield Path(place)

    @property
    def signature(self) -> str:
        """The same text for the same work: what decides the results, not where they go."""
        output = {name: value for name, value in asdict(self.output).items() if name in _DECIDES}
        return digest(
            {
                **asdict(self.cut),
                **asdict(self.session),
                **output,
                **{name: place and str(place) for name, place in asdict(self.given).items()},
                "networks": [_fingerprint(getattr(self.session, f"{t}_network")) for t in TASKS],
                "version": __version__,
            }
        )


_DECIDES = ("save", "effect", "background", "format", "write_depth", "name")
"""Options of the output that decide what a result holds and what it is called."""


@lru_cache(maxsize=8)
def _pictures(save: str, effects: tuple[str, ...], background: str | None) -> dict[str, Picture]:
    return pictures(save, effects, background)


def _fingerprint(network: str | Path) -> str:
    """What tells one network from another of the same name."""
    row = weights.TABLE.get(str(network))
    return row.expected if row else f"{network} {state_of(network)}"
