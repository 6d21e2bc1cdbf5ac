"""The job of `depthmatte cut`: options, inputs and results."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from ... import __version__
from ...errors import OptionError
from ...io.attach import check_inputs_together
from ...io.files.exr_file import check_openexr
from ...io.files.resume_journal import hash_options, read_file_state
from ...networks import registry
from ...option_fields import option_names
from ...options import CutOptions, OutputOptions, SessionOptions
from ..output_names import is_single_file
from ..photo_task import STDOUT, ManifestRow
from .each_person import FIRST_PERSON, WHOLE_PHOTO_RESULTS
from .file_results import FILE_RESULTS, GDEPTH_RESULT, SAVED_FILES
from .pictures import DEPTH_FREE_RESULTS, MAP_PICTURES, PictureMaker, choose_pictures
from .side_inputs import SideInputs

_NETWORK_TASKS = tuple(
    name.removesuffix("_network")
    for name in option_names(SessionOptions)
    if name.endswith("_network")
)
"""Tasks whose network can be chosen."""

_FORMAT_SUFFIXES = {"png": ".png", "webp": ".webp", "jpg": ".jpg", "tiff": ".tif", "avif": ".avif",
                    "exr": ".exr"}  # fmt: skip
"""`--format` -> suffix of the files."""


@dataclass(frozen=True)
class CutJob:
    """Everything that `depthmatte cut` was asked to do. It can be pickled.

    Parameters
    ----------
    cut : CutOptions
        How to cut each photo.
    session : SessionOptions
        Networks and device.
    output : OutputOptions
        Results and where they are written.
    side_inputs : SideInputs
        Depth files, second views and calibrations.

    Raises
    ------
    OptionError
        When a result is unknown or options contradict each other.
    """

    cut: CutOptions = field(default_factory=CutOptions)
    session: SessionOptions = field(default_factory=SessionOptions)
    output: OutputOptions = field(default_factory=OutputOptions)
    side_inputs: SideInputs = field(default_factory=SideInputs)

    def __post_init__(self) -> None:
        _ = self.picture_makers
        if self.output.json and self.output.out == "-":
            raise OptionError("--json and --out -: both write to stdout; leave one of them out")
        if self.output.each and is_single_file(Path(self.output.out)):
            raise OptionError("--each: writes a file for each person; give a folder with -o")
        if self.output.each and "{kind}" not in self.output.name:
            raise OptionError(
                "--each: gives results of several people one name; add {kind} to --name"
            )
        if self.output.bits == "32" and not self.writes_exr:
            raise OptionError("--bits 32: only EXR holds floats; add --format exr")
        if self.writes_exr:
            check_openexr()
        check_inputs_together(
            self.side_inputs.depth,
            self.side_inputs.right,
            self.side_inputs.calib,
            self.cut.depth_scale,
            self.cut.depth_kind,
            self.cut.sensor,
            flags=True,
        )

    def for_row(self, row: ManifestRow | None) -> CutJob:
        """Return the job of one photo: with the inputs and options of its row in a manifest.

        Raises
        ------
        OptionError
            When the row's options and inputs contradict each other.
        """
        if row is None:
            return self
        sides = self.side_inputs
        return replace(
            self,
            cut=row.cut,
            side_inputs=SideInputs(
                row.depth or sides.depth,
                row.right or sides.right,
                row.calib or sides.calib,
                sides.strokes,
            ),
        )

    @property
    def picture_makers(self) -> dict[str, PictureMaker]:
        """Result -> function that makes it; the cutout when no result was requested."""
        output = self.output
        requested = output.save or output.effect or output.background or output.write_depth
        return _cached_pictures(
            output.save if requested else "cutout", output.effect, output.background, output.bits
        )

    @property
    def file_results(self) -> list[str]:
        """Names of the results that are files of their own kind."""
        asked = self.output.save.split(",")
        found = [name for name in SAVED_FILES if name in asked]
        return found + ([GDEPTH_RESULT] if self.output.write_depth else [])

    @property
    def result_suffixes(self) -> dict[str, str]:
        """Result -> suffix of its file."""
        suffixes = {name: self._suffix(name) for name in self.picture_makers}
        suffixes |= {name: FILE_RESULTS[name].suffix for name in self.file_results}
        if not self.output.each:
            return suffixes
        return {
            name if name in WHOLE_PHOTO_RESULTS else FIRST_PERSON + name: suffix
            for name, suffix in suffixes.items()
        }

    def _suffix(self, name: str) -> str:
        suffix = _FORMAT_SUFFIXES[self.output.format]
        lacks_alpha = suffix == ".jpg" and name.partition("@")[0] == "cutout"
        return ".png" if name in MAP_PICTURES or lacks_alpha else suffix

    @property
    def writes_exr(self) -> bool:
        """Whether a result is an OpenEXR file."""
        out = Path(self.output.out)
        if out != STDOUT and is_single_file(out):
            return out.suffix.lower() == ".exr"
        return ".exr" in self.result_suffixes.values()

    @property
    def needs_depth(self) -> bool:
        """Whether a result or option needs depth."""
        segmentation_only = self.cut.fusion == "none" and self.cut.subject == "auto"
        results = {name.removeprefix(FIRST_PERSON) for name in self.result_suffixes}
        return not segmentation_only or not results <= DEPTH_FREE_RESULTS or self.writes_exr

    @property
    def pipeline_options(self) -> CutOptions:
        """The options for the pipeline, with `depth_source` "none" when nothing needs depth."""
        return self.cut if self.needs_depth else replace(self.cut, depth_source="none")

    def network_names(self) -> list[str]:
        """Return the networks that this job may load, as the user named them."""
        names = [self.session.matte_network]
        source = self.pipeline_options.depth_source
        if source in ("auto", "mono"):
            names.append(self.session.depth_network)
        if source in ("auto", "stereo"):
            names.append(self.session.stereo_network)
        return [str(name) for name in (*names, *self.session.network)]

    def versions(self) -> dict[str, str]:
        """Return the versions that results depend on: package or network -> version.

        Networks are given by the first 16 digits of their SHA-256.
        """
        from importlib.metadata import version

        networks = {"matte": self.session.matte_network}
        if self.needs_depth:
            networks |= {name: getattr(self.session, f"{name}_network") for name in _DEPTH_NETWORKS}
        found = {"depthmatte": __version__, "onnxruntime": version("onnxruntime")}
        return found | {task: _network_digest(str(name)) for task, name in networks.items()}

    def input_paths(self) -> Iterator[Path]:
        """Yield every file and folder that is read beside the photos."""
        inputs = [
            self.side_inputs.depth,
            self.side_inputs.right,
            self.side_inputs.calib,
            self.side_inputs.strokes,
            self.output.background,
        ]
        networks = [getattr(self.session, f"{task}_network") for task in _NETWORK_TASKS]
        texts = [text.partition("picture=")[2].split(",")[0] for text in self.output.effect]
        for path in (*inputs, *networks, *self.session.network, *texts):
            if path and os.path.exists(path):
                yield Path(path)

    @property
    def work_signature(self) -> str:
        """A hash of everything that the results depend on, for `--resume`."""
        return self.row_signature(self.cut)

    def row_signature(self, cut: CutOptions) -> str:
        """Return the work signature of a manifest's row with these options.

        Its inputs are left out: the journal knows each file that was read.
        """
        output = {
            name: value for name, value in asdict(self.output).items() if name in _RESULT_OPTIONS
        }
        return hash_options(
            {
                **asdict(cut),
                **asdict(self.session),
                **output,
                **{name: path and str(path) for name, path in asdict(self.side_inputs).items()},
                "networks": [
                    *(
                        _network_fingerprint(getattr(self.session, f"{t}_network"))
                        for t in _NETWORK_TASKS
                    ),
                    *map(_network_fingerprint, self.session.network),
                ],
                "version": __version__,
            }
        )


_RESULT_OPTIONS = (
    "save",
    "effect",
    "background",
    "format",
    "write_depth",
    "name",
    "bits",
    "crop",
    "each",
)
"""Output options that change the content or the name of a result."""


@lru_cache(maxsize=8)
def _cached_pictures(
    save: str, effects: tuple[str, ...], background: str | None, bits: str
) -> dict[str, PictureMaker]:
    return choose_pictures(save, effects, background, bits)


_DEPTH_NETWORKS = ("depth", "stereo")
"""Tasks whose networks are used only when a result needs depth."""


@lru_cache(maxsize=16)
def _network_digest(network: str) -> str:
    """Return the start of the SHA-256 of a network; its name when it has no file."""
    row = registry.network_entry(network)
    if row:
        return row.expected_sha256[:16]
    if "#sha256=" in network:
        return network.rpartition("#sha256=")[2][:16]
    try:
        with open(network, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError:
        return network


def _network_fingerprint(network: str | Path) -> str:
    """Return a text that changes when the file of a network changes."""
    row = registry.network_entry(str(network))
    return row.expected_sha256 if row else f"{network} {read_file_state(network)}"
