"""One ONNX Runtime session and the contract stored inside the model file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .canvas import Canvas, Float
from .errors import InputError, WeightsError

# Before it is imported: from 1.29 on ONNX Runtime looks up a telemetry host as it loads and
# keeps a device id in the user's cache. Who wants that sets the variable to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime as ort

KEY = "depthmatte"
"""Metadata key under which a model file keeps its contract, as JSON."""

VERSION = 1
"""The only contract version this code reads."""

PREFERRED = (
    "CUDAExecutionProvider",
    "CoreMLExecutionProvider",
    "DmlExecutionProvider",
    "CPUExecutionProvider",
)
"""Execution providers from the most to the least wanted; a machine has some of them."""


@dataclass(frozen=True)
class Contract:
    """What a network promises, and where it comes from.

    The input is float32 (1, channels, h, w) in `[low, high]` with h and w multiples of
    `multiple`; `preset` is the (height, width) it is meant for. Three channels are a
    picture, six a rectified pair, left then right. Every output is float32 (1, 1, h, w);
    `outputs` maps its name to its meaning. `numbers` are the
    figures measured at export, `parity` the largest difference between the exported
    graph and the network it was exported from.
    """

    task: str
    input: str
    low: float
    high: float
    multiple: int
    preset: tuple[int, int]
    outputs: Mapping[str, str]
    normalisation: str = ""
    licence: str = ""
    command: str = ""
    data: tuple[str, ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    parity: float | None = None
    channels: int = 3

    @classmethod
    def parse(cls, text: str) -> Contract:
        """Read the JSON a model file carries.

        Raises WeightsError, without naming the file, when the text is not a contract.
        """
        try:
            stored = json.loads(text)
            if stored["contract"] != VERSION:
                raise WeightsError(f"contract version {stored['contract']!r}, expected {VERSION}")
            image = stored["input"]
            low, high = (float(value) for value in image["range"])
            if (low, high) != (0, 1):
                raise WeightsError(f"input range [{low:g}, {high:g}], expected [0, 1]")
            height, width = (int(value) for value in image["preset"])
            multiple = int(image["multiple"])
            if multiple < 1 or height % multiple or width % multiple:
                raise ValueError(f"preset {height} x {width} is no multiple of {multiple}")
            channels = int(image.get("channels", 3))
            if channels < 1:
                raise ValueError(f"{channels} input channels")
            parity = stored.get("parity")
            return cls(
                task=str(stored["task"]),
                input=str(image["name"]),
                low=low,
                high=high,
                multiple=multiple,
                preset=(height, width),
                outputs=MappingProxyType({k: str(v) for k, v in stored["outputs"].items()}),
                normalisation=str(stored.get("normalisation", "")),
                licence=str(stored.get("licence", "")),
                command=str(stored.get("command", "")),
                data=tuple(str(line) for line in stored.get("data", ())),
                numbers=MappingProxyType(dict(stored.get("numbers", {}))),
                parity=None if parity is None else float(parity),
                channels=channels,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise WeightsError(f"contract is damaged ({type(error).__name__}: {error})") from None


class Network:
    """A network file ready to run.

    `source` is a path or the file's bytes, `threads` the number of CPU threads (None:
    all cores), `providers` the execution providers to try in order instead of
    PREFERRED. Raises WeightsError when the file is missing, damaged, or its contract
    is; InputError when none of the asked `providers` exists on this machine.
    """

    def __init__(
        self,
        source: Path | bytes,
        threads: int | None = None,
        providers: Sequence[str] | None = None,
    ) -> None:
        self.name = "network" if isinstance(source, bytes) else str(source)
        self._session = bare_session(source, threads, providers)
        self.contract = self._read_contract()

    @property
    def provider(self) -> str:
        """The execution provider that really runs, not the one that was wished for."""
        return str(self._session.get_providers()[0])

    def expect(self, task: str) -> Network:
        """This network, if its task is `task` ("matte", "depth", "stereo"); else WeightsError."""
        if self.contract.task != task:
            raise WeightsError(
                f"{self.name}: a {self.contract.task} network, "
                f"but a {task} network is needed; give another file"
            )
        return self

    def run(self, image: Float) -> dict[str, NDArray[np.float32]]:
        """Run on `image` (1, channels, h, w); every output of the contract by name, (1, 1, h, w).

        Raises WeightsError when the graph cannot take the image or gives other shapes.
        """
        self._check(image)
        names = list(self.contract.outputs)
        try:
            results = self._session.run(names, {self.contract.input: image})
        except Exception as error:  # as in bare_session
            raise WeightsError(f"{self.name}: cannot run ({_first_line(error)})") from None
        for name, result in zip(names, results, strict=True):
            if result.shape != (1, 1, *image.shape[2:]):
                raise WeightsError(
                    f"{self.name}: output {name} is {result.shape} "
                    f"for an image of {image.shape}; export it again"
                )
        return dict(zip(names, results, strict=True))

    def look(self, canvas: Canvas) -> dict[str, Float]:
        """What `run` says of a canvas, every output (h, w) held to [0, 1].

        Where the canvas shows a part of the photo, a second look, its mirror image is shown
        too and the mean counts: a network errs differently there.
        """
        maps = {name: values[0, 0] for name, values in self.run(canvas.rgb).items()}
        if canvas.fit.part is not None:
            mirrored = self.run(np.ascontiguousarray(canvas.rgb[..., ::-1]))
            maps = {name: (maps[name] + mirrored[name][0, 0, :, ::-1]) / 2 for name in maps}
        return {name: np.clip(values, 0, 1) for name, values in maps.items()}

    def _check(self, image: Float) -> None:
        step, planes = self.contract.multiple, self.contract.channels
        if image.dtype != np.float32 or image.ndim != 4 or image.shape[:2] != (1, planes):
            raise InputError(
                f"{self.name}: input must be float32 (1, {planes}, h, w), "
                f"got {image.dtype} {image.shape}"
            )
        if image.shape[2] % step or image.shape[3] % step:
            raise InputError(
                f"{self.name}: height and width must be multiples of {step}, got {image.shape[2:]}"
            )

    def _read_contract(self) -> Contract:
        stored = self._session.get_modelmeta().custom_metadata_map.get(KEY)
        if stored is None:
            raise WeightsError(
                f"{self.name}: carries no depthmatte contract; export it with depthmatte train"
            )
        try:
            contract = Contract.parse(stored)
        except WeightsError as error:
            raise WeightsError(f"{self.name}: {error}; export it again") from None
        inputs = {node.name for node in self._session.get_inputs()}
        outputs = {node.name for node in self._session.get_outputs()}
        if {contract.input} != inputs or not set(contract.outputs) <= outputs:
            raise WeightsError(
                f"{self.name}: graph {sorted(inputs)} -> {sorted(outputs)} breaks its contract "
                f"{contract.input} -> {sorted(contract.outputs)}; export it again"
            )
        return contract


def bare_session(
    source: Path | bytes, threads: int | None = None, providers: Sequence[str] | None = None
) -> ort.InferenceSession:
    """An ONNX Runtime session for any network file, contract or not.

    The first of `providers` that accepts the file runs it, with the CPU behind it. Options
    and errors are those of Network.
    """
    name = "network" if isinstance(source, bytes) else str(source)
    if isinstance(source, Path) and not os.path.isfile(source):
        raise WeightsError(f"{name}: no such network file; check the path")
    model = source if isinstance(source, bytes) else str(source)
    reason = ""
    for provider in _candidates(providers):
        chain = list(dict.fromkeys((provider, "CPUExecutionProvider")))
        try:
            # enable_fallback=0: ONNX Runtime's own fallback prints to stdout.
            return ort.InferenceSession(
                model, _options(threads), providers=chain, enable_fallback=0
            )
        except Exception as error:  # ONNX Runtime's errors share no narrower base
            reason = _first_line(error)
    raise WeightsError(f"{name}: not a usable ONNX network ({reason}); get it again")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]


def _candidates(providers: Sequence[str] | None) -> list[str]:
    available = ort.get_available_providers()
    chosen = [name for name in providers or PREFERRED if name in available]
    if not chosen:
        raise InputError(
            f"provider {', '.join(providers or PREFERRED)} is not available here; "
            f"use one of {', '.join(available)}"
        )
    return chosen


def _options(threads: int | None) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is raised, not printed
    if threads is not None:
        options.intra_op_num_threads = threads
    # Networks this small gain nothing from a pool of kept memory.
    options.enable_cpu_mem_arena = False
    return options
