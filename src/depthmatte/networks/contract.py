"""The contract stored in a network file: task, input, outputs, license and metrics."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ..errors import WeightsError
from ..system.printable_text import printable_excerpt

METADATA_KEY = "depthmatte"
"""Metadata key of the ONNX file under which the contract is stored as JSON."""

CONTRACT_VERSION = 1
"""The contract version that this code reads."""

_MAX_CHARACTERS = 1_000_000
"""Largest length of a contract. The shipped ones have about a thousand characters."""

_MAX_SIDE_PX, _MAX_PIXELS = 4096, 2048 * 2048
"""Largest preset. All maps of a cut have this many pixels at about 60 bytes each, so that this
bounds the memory. The largest matting networks take 2048 x 2048 pixels."""

_MAX_CHANNELS = 64

_MAX_ENTRIES, _MAX_ENTRY_CHARACTERS = 256, 300
"""Largest number of entries of a recipe, of hashes or of licenses, and of characters of each."""

PRECISIONS = ("float32", "float16-weights", "float16", "int8")
"""What a file's weights and arithmetic are: all float32; float32 with weights stored as float16;
all float16; bytes. Inputs and outputs are float32 in every file."""

DEFAULT_PRECISION = "float16-weights"
"""The precision of the shipped networks."""

_REQUIRED_OUTPUTS = {
    "matte": ("alpha", "prob"),
    "depth": ("depth", "prob"),
    "stereo": ("disparity", "prob"),
    "fuse": ("verdict",),
    "detail": ("alpha",),
    "parts": ("hair", "face_skin", "body_skin", "clothes", "things"),
    "people": ("person", "head", "vote_x", "vote_y"),
}
"""Task -> outputs that a network must have."""

_INPUT_CHANNELS = {"matte": 3, "depth": 3, "stereo": 6, "detail": 10, "parts": 4, "people": 3}
"""Task -> input channels, for tasks whose input is fixed."""


@dataclass(frozen=True)
class Contract:
    """What a network takes and returns, and where it comes from.

    Parameters
    ----------
    task : str
        "matte", "depth", "stereo", "fuse", "detail", "parts" or "people".
    input : str
        Name of the input: float32 (1, channels, h, w).
    low, high : float
        Range of the input.
    multiple : int
        Number that h and w must be multiples of.
    preset : tuple of int
        (height, width) in pixels that the network was trained for.
    outputs : mapping of str to str
        Name of each output, float32 (1, 1, h, w) -> its meaning.
    normalization : str
        Input normalization inside the graph, as text.
    license : str
        License of the network.
    command : str
        Command that trained the network.
    data : tuple of str
        Data sets that the network was trained on.
    numbers : mapping of str to Any
        Metrics measured at export.
    parity : float, optional
        Largest difference between the exported graph and the trained network.
    channels : int
        Input channels: 3 for a picture, 6 for a rectified pair (left, then right), 4 for a picture
        and its alpha.
    precision : str
        One of `PRECISIONS`. "" in files from before 0.3.
    recipe : mapping of str to Any
        Options of the training run, without folders. Values are those of JSON.
    data_sha256 : mapping of str to str
        Data set -> SHA-256 over the names, sizes and contents of its files, in hex.
    data_licenses : mapping of str to str
        Data set -> its license as stated at the source.
    trainer : str
        The trainer's git commit, or the version of the package.
    teacher : str
        The network that labeled some of the data. "" without one.
    """

    task: str
    input: str
    low: float
    high: float
    multiple: int
    preset: tuple[int, int]
    outputs: Mapping[str, str]
    normalization: str = ""
    license: str = ""
    command: str = ""
    data: tuple[str, ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    parity: float | None = None
    channels: int = 3
    precision: str = ""
    recipe: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    data_sha256: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    data_licenses: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    trainer: str = ""
    teacher: str = ""

    @classmethod
    def parse(cls, text: str) -> Contract:
        """Parse the JSON text of a contract.

        Raises
        ------
        WeightsError
            When the text is not a contract. The message does not name the file.
        """
        if len(text) > _MAX_CHARACTERS:
            raise WeightsError(f"contract is longer than {_MAX_CHARACTERS} characters")
        try:
            contract = cls._read(json.loads(text))
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise WeightsError(
                f"contract is damaged ({type(error).__name__}: {printable_excerpt(error)})"
            ) from None
        except RecursionError:
            raise WeightsError("contract is damaged (nested too deep)") from None
        return contract

    @classmethod
    def _read(cls, stored: Any) -> Contract:
        if stored["contract"] != CONTRACT_VERSION:
            version = printable_excerpt(repr(stored["contract"]), 40)
            raise WeightsError(f"contract version {version}, expected {CONTRACT_VERSION}")
        image = stored["input"]
        low, high = (float(value) for value in image["range"])
        if (low, high) != (0, 1):
            raise WeightsError(f"input range [{low:g}, {high:g}], expected [0, 1]")
        parity = stored.get("parity")
        contract = cls(
            task=printable_excerpt(stored["task"], 40),
            input=str(image["name"]),
            low=low,
            high=high,
            multiple=int(image["multiple"]),
            preset=_read_preset(image),
            outputs=MappingProxyType({k: str(v) for k, v in stored["outputs"].items()}),
            # Files exported before 0.2 spell both keys the British way.
            normalization=str(stored.get("normalization", stored.get("normalisation", ""))),
            license=str(stored.get("license", stored.get("licence", ""))),
            command=str(stored.get("command", "")),
            data=tuple(str(line) for line in stored.get("data", ())),
            numbers=MappingProxyType(dict(stored.get("numbers", {}))),
            parity=None if parity is None else float(parity),
            channels=int(image.get("channels", 3)),
            precision=_read_text(stored, "precision"),
            recipe=_read_entries(stored, "recipe"),
            data_sha256=_read_entries(stored, "data_sha256", str),
            data_licenses=_read_entries(stored, "data_licenses", str),
            trainer=_read_text(stored, "trainer"),
            teacher=_read_text(stored, "teacher"),
        )
        contract._check()
        return contract

    def _check(self) -> None:
        """Raise ValueError when channels or outputs do not fit the task."""
        if not 1 <= self.channels <= _MAX_CHANNELS:
            raise ValueError(f"{self.channels} input channels")
        if self.channels != _INPUT_CHANNELS.get(self.task, self.channels):
            raise ValueError(f"{self.channels} input channels of a {self.task} network")
        missing = [
            name for name in _REQUIRED_OUTPUTS.get(self.task, ()) if name not in self.outputs
        ]
        if missing or not self.outputs:
            raise ValueError(f"no output {missing[0] if missing else 'at all'}")


def _read_preset(image: Mapping[str, Any]) -> tuple[int, int]:
    """Read the preset (height, width); ValueError for sizes that a canvas cannot have."""
    height, width = (int(value) for value in image["preset"])
    multiple = int(image["multiple"])
    if multiple < 1 or height % multiple or width % multiple:
        raise ValueError(f"preset {height} x {width} is not a multiple of {multiple}")
    if not (
        0 < height <= _MAX_SIDE_PX and 0 < width <= _MAX_SIDE_PX and height * width <= _MAX_PIXELS
    ):
        raise ValueError(
            f"preset {height} x {width}; at most {_MAX_SIDE_PX} a side and {_MAX_PIXELS} pixels"
        )
    return height, width


def _read_text(stored: Mapping[str, Any], key: str) -> str:
    """Read an optional text as one printable line."""
    return printable_excerpt(str(stored.get(key, "")), _MAX_ENTRY_CHARACTERS)


def _read_entries(
    stored: Mapping[str, Any], key: str, kind: type | None = None
) -> Mapping[str, Any]:
    """Read an optional object; ValueError for too many entries or values that are not `kind`."""
    found = stored.get(key, {})
    if not isinstance(found, dict) or len(found) > _MAX_ENTRIES:
        raise ValueError(f"{key} is no object of at most {_MAX_ENTRIES} entries")
    if kind is not None and not all(isinstance(value, kind) for value in found.values()):
        raise ValueError(f"{key} holds a value that is no {kind.__name__}")
    return MappingProxyType(
        {
            printable_excerpt(name, _MAX_ENTRY_CHARACTERS): _bound(value)
            for name, value in found.items()
        }
    )


def _bound(value: Any) -> Any:
    """A JSON value as it is; one that is longer than a line should be, as a cut text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return printable_excerpt(value, _MAX_ENTRY_CHARACTERS)
    if len(shown := json.dumps(value)) > _MAX_ENTRY_CHARACTERS:
        return printable_excerpt(shown, _MAX_ENTRY_CHARACTERS)
    return value
