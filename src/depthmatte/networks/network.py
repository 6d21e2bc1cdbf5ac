"""A network that keeps its contract: pictures in, maps in [0, 1] out."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..canvas import Canvas
from ..errors import InputError, WeightsError
from ..system.text import printable_excerpt
from ..types import Float
from . import onnx_file, table
from .contract import METADATA_KEY, Contract
from .devices import AUTO_DEVICE
from .download import DownloadProgress
from .runtime import open_network_file, providers_for

__all__ = ["Network", "NetworkCache", "open_bare_session"]


class Network:
    """A network file ready to run; any number of threads may call it at a time.

    Parameters
    ----------
    source
        A path, or the file's bytes.
    threads
        CPU threads (None: all cores).
    providers
        Execution providers to try in order, as `runtime.providers_for` gives them (None: the
        best there is).
    trusted
        Without the limits of `runtime`, which hold for all files that did not ship with the
        package; None asks `weights.shipped`.

    Raises
    ------
    WeightsError
        When the file is missing, damaged, refused as a stranger's, or its contract is broken.
    InputError
        When none of the asked `providers` exists on this machine, or none starts.
    """

    def __init__(
        self,
        source: Path | bytes,
        threads: int | None = None,
        providers: Sequence[str] | None = None,
        trusted: bool | None = None,
    ) -> None:
        self.name = "network" if isinstance(source, bytes) else printable_excerpt(source, 300)
        if trusted is None:
            trusted = isinstance(source, Path) and table.is_shipped(source)
        self.contract = self._read_contract(source)
        self._runner = open_network_file(source, threads, providers, trusted)
        self._check_graph()

    @property
    def provider(self) -> str:
        """The execution provider that really runs, not the one that was wished for."""
        return self._runner.provider

    def require_task(self, task: str) -> Network:
        """This network, if its task is `task` ("matte", "depth", "stereo"); else WeightsError."""
        if self.contract.task != task:
            raise WeightsError(
                f"{self.name}: a {self.contract.task} network, "
                f"but a {task} network is needed; give another file"
            )
        return self

    def run(self, image: Float) -> dict[str, NDArray[np.float32]]:
        """Run on `image` (1, channels, h, w); every output of the contract by name, (1, 1, h, w).

        Raises WeightsError when the graph cannot take the image, gives other shapes or what is
        no number, or takes too long.
        """
        self._check(image)
        names = list(self.contract.outputs)
        shape = (1, 1, *image.shape[2:])
        return dict(
            zip(names, self._runner.run(names, {self.contract.input: image}, shape), strict=True)
        )

    def predict_canvas(self, canvas: Canvas, flip_average: bool = False) -> dict[str, Float]:
        """Run on a canvas and clip every output to [0, 1].

        Parameters
        ----------
        canvas : Canvas
            The network input, whose size must fit the contract.
        flip_average : bool
            Also run on the mirrored canvas and return the mean of both runs. This test-time
            augmentation doubles the time.

        Returns
        -------
        dict of str to ndarray
            Each output of the contract by name, float32 (h, w) in [0, 1].

        Raises
        ------
        WeightsError
            When `run` fails.
        """
        maps = {name: values[0, 0] for name, values in self.run(canvas.rgb).items()}
        if flip_average:
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

    def _read_contract(self, source: Path | bytes) -> Contract:
        if isinstance(source, Path) and not source.is_file():
            raise WeightsError(f"{self.name}: no such network file; check the path")
        try:
            stored = onnx_file.read_metadata(onnx_file.open_buffer(source)).get(METADATA_KEY)
        except WeightsError as error:
            raise WeightsError(
                f"{self.name}: not a usable ONNX network ({error}); get it again"
            ) from None
        if stored is None:
            raise WeightsError(
                f"{self.name}: carries no depthmatte contract; export it with depthmatte train"
            )
        try:
            return Contract.parse(stored)
        except WeightsError as error:
            raise WeightsError(f"{self.name}: {error}; export it again") from None

    def _check_graph(self) -> None:
        """Raise WeightsError where the graph has other ends than its contract says."""
        inputs, outputs = self._ends("inputs"), self._ends("outputs")
        wanted = {self.contract.input, *self.contract.outputs}
        if {self.contract.input} != set(inputs) or not set(self.contract.outputs) <= set(outputs):
            ends, said = (
                printable_excerpt(f"{sorted(first)} -> {sorted(second)}", 200)
                for first, second in (
                    (inputs, outputs),
                    ([self.contract.input], self.contract.outputs),
                )
            )
            raise WeightsError(
                f"{self.name}: graph {ends} breaks its contract {said}; export it again"
            )
        for name, kind in (inputs | outputs).items():
            if name in wanted and kind != "tensor(float)":
                raise WeightsError(
                    f"{self.name}: {printable_excerpt(name, 40)} is {printable_excerpt(kind, 40)} where tensor(float) "
                    "is needed; export it again"
                )

    def _ends(self, which: str) -> dict[str, str]:
        """Names and types of the graph's inputs or outputs."""
        try:
            nodes: Any = getattr(self._runner.session, f"get_{which}")()
            return {str(node.name): str(node.type) for node in nodes}
        except UnicodeDecodeError:
            raise WeightsError(
                f"{self.name}: has names that are not UTF-8; export it again"
            ) from None


class NetworkCache:
    """Networks that are loaded once, whichever thread asks first.

    While a network loads, other threads that ask for it wait and get the same one; a failure
    is not kept, so that whoever asks again tries again.

    Parameters
    ----------
    device
        One of devices.CHOICES.
    providers
        Execution providers to try in order, instead of `device`.
    progress
        What a download calls with the bytes that came and, where known, their sum.

    Raises
    ------
    InputError
        For a device or provider that is not here.
    """

    def __init__(
        self,
        device: str = AUTO_DEVICE,
        providers: Sequence[str] | None = None,
        progress: DownloadProgress | None = None,
    ) -> None:
        self.providers = providers_for(device, providers)
        self._progress = progress
        self._lock = threading.Lock()
        self._loading: dict[tuple[str, int | None], threading.Lock] = {}
        self._loaded: dict[tuple[str, int | None], Network] = {}

    def get(self, name: str | Path, task: str, threads: int | None = None) -> Network:
        """The network called `name`, as `weights.path` takes it, on `threads` CPU threads.

        Raises WeightsError when it cannot be used or is for another task than `task`, and what
        `weights.path` and `Network` raise.
        """
        key = (str(name), threads)
        with self._lock:
            alone = self._loading.setdefault(key, threading.Lock())
        with alone:
            network = self._loaded.get(key)
            if network is None:
                file = table.network_path(name, self._progress)
                network = self._loaded[key] = Network(file, threads, self.providers)
        return network.require_task(task)

    def running(self) -> dict[str, str]:
        """Task -> the execution provider that really runs it, of the networks loaded so far."""
        return {network.contract.task: network.provider for network in list(self._loaded.values())}

    def clear(self) -> None:
        """Let go of all networks; who still holds one may go on with it."""
        self._loaded.clear()


def open_bare_session(
    source: Path | bytes, threads: int | None = None, providers: Sequence[str] | None = None
) -> Any:
    """An ONNX Runtime session for any network file of one's own, contract or not.

    Options and errors are those of `runtime.open_file`; it runs without limits.
    """
    return open_network_file(source, threads, providers, trusted=True).session
