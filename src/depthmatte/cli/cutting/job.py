"""What the user asked for: which pictures of each photo, cut in which way, and where they go."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from ... import __version__
from ...errors import OptionError
from ...fields import option_names
from ...io.attach import check_inputs_together
from ...io.files.resume_journal import hash_options, read_file_state
from ...networks import table
from ...options import CutOptions, OutputOptions, SessionOptions
from ..side_inputs import SideInputs
from .pictures import DEPTH_FREE_RESULTS, MAP_PICTURES, PictureMaker, choose_pictures

_NETWORK_TASKS = tuple(
    name.removesuffix("_network")
    for name in option_names(SessionOptions)
    if name.endswith("_network")
)
"""Tasks whose network the user may choose."""

_FORMAT_SUFFIXES = {"png": ".png", "webp": ".webp", "jpg": ".jpg", "tiff": ".tif"}
"""`--format` -> suffix of the files."""

GDEPTH_RESULT = "gdepth"
"""The photo as a JPEG that holds the depth; its file is STEM.gdepth.jpg."""


@dataclass(frozen=True)
class CutJob:
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
    side_inputs: SideInputs = field(default_factory=SideInputs)

    def __post_init__(self) -> None:
        _ = self.picture_makers
        if self.output.json and self.output.out == "-":
            raise OptionError("--json and --out -: both write to stdout; leave one of them out")
        check_inputs_together(
            self.side_inputs.depth,
            self.side_inputs.right,
            self.side_inputs.calib,
            self.cut.depth_scale,
            self.cut.depth_kind,
            self.cut.sensor,
            flags=True,
        )

    @property
    def picture_makers(self) -> dict[str, PictureMaker]:
        """Name of each result -> what makes it; cut-out if nothing was named."""
        wanted = self.output
        nothing = not (wanted.save or wanted.effect or wanted.background or wanted.write_depth)
        return _cached_pictures(
            "cutout" if nothing else wanted.save, wanted.effect, wanted.background
        )

    @property
    def result_suffixes(self) -> dict[str, str]:
        """Name of each result -> suffix of its file."""
        found = {name: self._suffix(name) for name in self.picture_makers}
        return found | ({GDEPTH_RESULT: ".jpg"} if self.output.write_depth else {})

    def _suffix(self, name: str) -> str:
        suffix = _FORMAT_SUFFIXES[self.output.format]
        opaque = suffix == ".jpg" and name.partition("@")[0] == "cutout"
        return ".png" if name in MAP_PICTURES or opaque else suffix

    @property
    def needs_depth(self) -> bool:
        """Does anything that was asked for need depth?"""
        plain = self.cut.fusion == "none" and self.cut.subject == "auto"
        return (
            not plain
            or not set(self.picture_makers) <= DEPTH_FREE_RESULTS
            or GDEPTH_RESULT in self.result_suffixes
        )

    @property
    def pipeline_options(self) -> CutOptions:
        """What is asked of the pipeline: depth is left out where nothing needs it."""
        return self.cut if self.needs_depth else replace(self.cut, depth_source="none")

    def network_names(self) -> list[str]:
        """Return the networks that this job may load, as the user named them."""
        names = [self.session.matte_network]
        source = self.pipeline_options.depth_source
        if source in ("auto", "mono"):
            names.append(self.session.depth_network)
        if source in ("auto", "stereo"):
            names.append(self.session.stereo_network)
        return [str(name) for name in names]

    def input_paths(self) -> Iterator[Path]:
        """Every file and folder that is read beside the photos."""
        wanted = [
            self.side_inputs.depth,
            self.side_inputs.right,
            self.side_inputs.calib,
            self.output.background,
        ]
        networks = [getattr(self.session, f"{task}_network") for task in _NETWORK_TASKS]
        texts = [text.partition("picture=")[2].split(",")[0] for text in self.output.effect]
        for place in (*wanted, *networks, *texts):
            if place and os.path.exists(place):
                yield Path(place)

    @property
    def work_signature(self) -> str:
        """The same text for the same work: what decides the results, not where they go."""
        output = {
            name: value for name, value in asdict(self.output).items() if name in _RESULT_OPTIONS
        }
        return hash_options(
            {
                **asdict(self.cut),
                **asdict(self.session),
                **output,
                **{name: place and str(place) for name, place in asdict(self.side_inputs).items()},
                "networks": [
                    _network_fingerprint(getattr(self.session, f"{t}_network"))
                    for t in _NETWORK_TASKS
                ],
                "version": __version__,
            }
        )


_RESULT_OPTIONS = ("save", "effect", "background", "format", "write_depth", "name")
"""Options of the output that decide what a result holds and what it is called."""


@lru_cache(maxsize=8)
def _cached_pictures(
    save: str, effects: tuple[str, ...], background: str | None
) -> dict[str, PictureMaker]:
    return choose_pictures(save, effects, background)


def _network_fingerprint(network: str | Path) -> str:
    """What tells one network from another of the same name."""
    row = table.NETWORKS.get(str(network))
    return row.expected_sha256 if row else f"{network} {read_file_state(network)}"
