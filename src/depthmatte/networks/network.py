"""Load and run a network whose file carries a contract."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..canvas import Canvas
from ..errors import InputError, OptionError, WeightsError
from ..options import SessionOptions
from ..system.printable_text import printable_excerpt
from ..types import Float
from . import onnx_file, registry
from .contract import METADATA_KEY, Contract
from .devices import AUTO_DEVICE
from .download import DownloadProgress
from .remote import RemoteServer, Runner
from .runtime import NetworkRunner, open_network_file, providers_for

__all__ = ["Network", "NetworkCache", "open_bare_session", "read_contract", "shared_network"]


class Network:
    """A loaded network. Several threads may use it at once.

    Parameters
    ----------
    source : Path or bytes
        The ONNX file.
    threads : int, optional
        CPU threads. By default all cores are used.
    providers : sequence of str, optional
        Execution providers to try in order, as `providers_for` returns them. By default the
        best available one.
    trusted : bool, optional
        Whether the file runs without the limits of `runtime`. By default only shipped networks
        are trusted.
    server : RemoteServer, optional
        The server that runs the network. The file then only tells what the network takes and
        returns, and it loads only if the server fails and allows that.

    Raises
    ------
    RemoteError
        When the server cannot be used, or has another network.
    WeightsError
        When the file is missing or damaged, exceeds the limits of untrusted files, or breaks
        its contract.
    InputError
        When none of `providers` is available, or none starts.
    """

    def __init__(
        self,
        source: Path | bytes,
        threads: int | None = None,
        providers: Sequence[str] | None = None,
        trusted: bool | None = None,
        server: RemoteServer | None = None,
    ) -> None:
        self.name = _file_name(source)
        self.source = source
        self.contract = read_contract(source)

        def open_local() -> NetworkRunner:
            shipped = isinstance(source, Path) and registry.is_shipped(source)
            runner = open_network_file(
                source, threads, providers, shipped if trusted is None else trusted
            )
            self._check_graph(runner)
            return runner

        self._runner: Runner = (
            server.open_runner(self.contract, open_local) if server else open_local()
        )

    @property
    def provider(self) -> str:
        """The execution provider that runs the network, or the server."""
        return self._runner.provider

    def require_task(self, task: str) -> Network:
        """Return the network itself; WeightsError when it has another task."""
        if self.contract.task != task:
            raise WeightsError(
                f"{self.name}: a {self.contract.task} network, "
                f"but a {task} network is needed; give another file"
            )
        return self

    def run(self, image: Float) -> dict[str, NDArray[np.float32]]:
        """Run the network.

        Parameters
        ----------
        image : ndarray
            float32 (1, channels, h, w) in [0, 1], h and w multiples of `contract.multiple`.

        Returns
        -------
        dict of str to ndarray
            Each output of the contract by name, float32 (1, 1, h, w), finite.

        Raises
        ------
        InputError
            When the image has the wrong type or shape.
        WeightsError
            When the graph fails, returns other shapes or NaN, or takes too long.
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

    def _check_graph(self, runner: NetworkRunner) -> None:
        """Raise WeightsError when inputs or outputs of the graph differ from the contract."""
        inputs, outputs = (self._node_types(runner, which) for which in ("inputs", "outputs"))
        required = {self.contract.input, *self.contract.outputs}
        if {self.contract.input} != set(inputs) or not set(self.contract.outputs) <= set(outputs):
            actual, promised = (
                printable_excerpt(f"{sorted(first)} -> {sorted(second)}", 200)
                for first, second in (
                    (inputs, outputs),
                    ([self.contract.input], self.contract.outputs),
                )
            )
            raise WeightsError(
                f"{self.name}: graph {actual} breaks its contract {promised}; export it again"
            )
        for name, kind in (inputs | outputs).items():
            if name in required and kind != "tensor(float)":
                shown_name, shown_kind = printable_excerpt(name, 40), printable_excerpt(kind, 40)
                raise WeightsError(
                    f"{self.name}: {shown_name} is {shown_kind} where tensor(float) is needed; "
                    "export it again"
                )

    def _node_types(self, runner: NetworkRunner, which: str) -> dict[str, str]:
        """Return names and types of the graph's "inputs" or "outputs"."""
        try:
            nodes: Any = getattr(runner.session, f"get_{which}")()
            return {str(node.name): str(node.type) for node in nodes}
        except UnicodeDecodeError:
            raise WeightsError(
                f"{self.name}: has names that are not UTF-8; export it again"
            ) from None


def read_contract(source: Path | bytes) -> Contract:
    """Read the contract of a network file. The network does not load.

    Parameters
    ----------
    source : Path or bytes
        The ONNX file.

    Raises
    ------
    WeightsError
        When the file is missing or damaged, or has no valid contract.
    """
    name = _file_name(source)
    if isinstance(source, Path) and not source.is_file():
        raise WeightsError(f"{name}: no such network file; check the path")
    try:
        stored = onnx_file.read_metadata(onnx_file.open_buffer(source)).get(METADATA_KEY)
    except WeightsError as error:
        raise WeightsError(f"{name}: not a usable ONNX network ({error}); get it again") from None
    if stored is None:
        raise WeightsError(
            f"{name}: carries no depthmatte contract; export it with depthmatte train"
        )
    try:
        return Contract.parse(stored)
    except WeightsError as error:
        raise WeightsError(f"{name}: {error}; export it again") from None


def _file_name(source: Path | bytes) -> str:
    return "network" if isinstance(source, bytes) else printable_excerpt(source, 300)


class NetworkCache:
    """Networks that load once, even when several threads need them at the same time.

    While a network loads, other threads wait for it. A failure is not stored, so that the next
    call tries again.

    Parameters
    ----------
    device : str
        "auto" or the name of a device.
    providers : sequence of str, optional
        Execution providers to try in order, instead of `device`.
    progress : callable, optional
        Called during a download with the bytes received so far and the total, None if unknown.
    server : RemoteServer, optional
        The server that runs the networks.

    Raises
    ------
    InputError
        When the device or provider is not available.
    """

    def __init__(
        self,
        device: str = AUTO_DEVICE,
        providers: Sequence[str] | None = None,
        progress: DownloadProgress | None = None,
        server: RemoteServer | None = None,
    ) -> None:
        self._server = server
        self.providers = providers_for(device, providers)
        self._progress = progress
        self._lock = threading.Lock()
        self._loading: dict[tuple[str, int | None], threading.Lock] = {}
        self._loaded: dict[tuple[str, int | None], Network] = {}
        self._tasks: dict[str, str] = {}

    def get(self, name: str | Path, task: str, threads: int | None = None) -> Network:
        """Return a network; load it first if this is the first call.

        Parameters
        ----------
        name : str or Path
            A network as `network_path` takes it.
        task : str
            The task that the network must have.
        threads : int, optional
            CPU threads. By default all cores are used.

        Raises
        ------
        WeightsError
            When the network cannot be used or has another task.
        InputError
            When the name is unknown or the file does not exist.
        """
        key = (str(name), threads)
        with self._lock:
            loading = self._loading.setdefault(key, threading.Lock())
        with loading:
            network = self._loaded.get(key)
            if network is None:
                file = registry.network_path(name, self._progress)
                network = self._loaded[key] = Network(
                    file, threads, self.providers, server=self._server
                )
        return network.require_task(task)

    def choose(self, options: SessionOptions, task: str) -> str:
        """Return the network that the options name for a task.

        Parameters
        ----------
        options : SessionOptions
            Its `network` counts for the task that the file names, and `matte_network` and its
            like for one task.
        task : str
            The task.

        Returns
        -------
        str
            A network as `network_path` takes it, or "sgbm". The name of the task without any.

        Raises
        ------
        OptionError
            When two networks are given for the task.
        InputError, WeightsError
            When one of `options.network` cannot be used.
        """
        for name in options.network:
            if name not in self._tasks:
                file = registry.network_path(name, self._progress)
                self._tasks[name] = read_contract(file).task
        found = [name for name in options.network if self._tasks[name] == task]
        own = str(getattr(options, f"{task}_network", task))
        found += [own] if own != task or not found else []
        if len(found) > 1:
            both = " and ".join(printable_excerpt(name, 100) for name in found[:2])
            raise OptionError(f"network {both}: both are for {task}; give one of them")
        return found[0]

    def running(self) -> dict[str, str]:
        """Return task -> provider or server that runs it, of the networks loaded so far."""
        return {network.contract.task: network.provider for network in list(self._loaded.values())}

    def clear(self) -> None:
        """Release all networks. Callers that still hold one can go on using it."""
        self._loaded.clear()
        if self._server is not None:
            self._server.close()


def open_bare_session(
    source: Path | bytes, threads: int | None = None, providers: Sequence[str] | None = None
) -> Any:
    """Open an ONNX Runtime session for a trusted file that needs no contract.

    Parameters and errors are those of `open_network_file`. The session runs without limits.
    """
    return open_network_file(source, threads, providers, trusted=True).session


_shared: dict[str, Network] = {}
_shared_lock = threading.Lock()


def shared_network(name: str) -> Network:
    """Return the network of a name in the table of networks, loaded once in this process."""
    with _shared_lock:
        if name not in _shared:
            _shared[name] = Network(registry.network_path(name))
        return _shared[name]
