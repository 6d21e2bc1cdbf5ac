"""ONNX Runtime sessions, devices, and the limits of untrusted networks.

A network that did not ship with the package is untrusted. Its file is checked before it loads
(`onnx_file`), constants that may grow are not folded, loading and every run have a time limit,
and a small file has a memory limit.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, InstallError, WeightsError
from ..system.printable_text import printable_excerpt
from . import onnx_file
from .devices import (
    AUTO_DEVICE,
    CPU_PROVIDER,
    SERIAL_PROVIDERS,
    device_of_provider,
    installed_builds,
    overwritten,
    resolve_providers,
)

# ONNX Runtime 1.29 and later contacts a telemetry host when it is imported and stores a device
# id in the user's cache. Set the variable to another value to allow this.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
try:
    import onnxruntime as ort

    ort.InferenceSession  # noqa: B018
except (ImportError, AttributeError):
    # Two builds share one folder. When pip removes one of them, the other breaks.
    raise InstallError(
        "ONNX Runtime is missing or only partly installed; run: python -m pip install "
        "--force-reinstall --no-deps onnxruntime, or onnxruntime-gpu for NVIDIA"
    ) from None

_T = TypeVar("_T")

_MAX_SECONDS, _MAX_SECONDS_PER_MEGAPIXEL = 20.0, 20.0
"""Time limit of loading and running an untrusted network, and what each megapixel adds to it.
The slowest matting networks take 20 s per megapixel on two cores."""

_STOP_GRACE_SECONDS = 5.0
"""Seconds that a run may take to stop before its thread is abandoned."""

_SMALL_FILE_BYTES, _MAX_MEMORY_BYTES = 5_000_000, 1_500_000_000
"""Memory limit of a run when the file is smaller than this. Larger files have no limit."""


def available_providers() -> list[str]:
    """List the execution providers of this installation of ONNX Runtime."""
    return list(ort.get_available_providers())


def providers_for(device: str = AUTO_DEVICE, providers: Sequence[str] | None = None) -> list[str]:
    """Return the execution providers to try in order, as `Network` takes them.

    Parameters
    ----------
    device : str
        "auto" or the name of a device.
    providers : sequence of str, optional
        Names of execution providers, instead of a device.

    Returns
    -------
    list of str
        At least one provider of this installation. A provider may still fail to start, for
        example without a driver. Opening a network then raises InputError unless the CPU
        provider is in the list.

    Raises
    ------
    InputError
        When a name is unknown or not available, or device and providers are both given.
    InstallError
        When the provider is missing because two packages of ONNX Runtime overwrote each other.
        With "auto" a warning is logged once instead.
    """
    found = available_providers()
    try:
        chosen = resolve_providers(device, providers, found)
    except InputError:
        if message := _overwritten():
            raise InstallError(message) from None
        raise
    if device == AUTO_DEVICE and providers is None:
        _warn_overwritten()
    return chosen


@cache
def _overwritten() -> str | None:
    return overwritten(installed_builds(Path(ort.__file__).parents[1]), available_providers())


@cache
def _warn_overwritten() -> None:
    if message := _overwritten():
        logging.getLogger("depthmatte").warning(message)


class NetworkRunner:
    """An ONNX Runtime session and the limits it runs under.

    Several threads may call it at once. Calls take turns where the provider needs that.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        The loaded network.
    name : str
        Name of the network for messages.
    limited : bool
        Whether runs have a time and memory limit.
    """

    def __init__(self, session: ort.InferenceSession, name: str, limited: bool) -> None:
        self.session = session
        self.limited = limited
        self.name = name
        self._turn = threading.Lock() if self.provider in SERIAL_PROVIDERS else None

    @property
    def provider(self) -> str:
        """The execution provider that runs the network."""
        return str(self.session.get_providers()[0])

    def run(
        self, names: list[str], inputs: Mapping[str, NDArray[Any]], shape: tuple[int, ...]
    ) -> list[NDArray[np.float32]]:
        """Run the network and check its outputs.

        Parameters
        ----------
        names : list of str
            Outputs to return.
        inputs : mapping of str to ndarray
            Input arrays by name.
        shape : tuple of int
            Shape that every output must have.

        Returns
        -------
        list of ndarray
            float32 arrays of `shape`, finite.

        Raises
        ------
        WeightsError
            When a run fails or takes too long, or an output has another type or shape or is
            not finite.
        """
        if self._turn is None:
            results = self._run(names, inputs, shape)
        else:
            with self._turn:
                results = self._run(names, inputs, shape)
        for name, result in zip(names, results, strict=True):
            self._check(name, str(result.dtype), result.shape, shape)
            if not np.isfinite(result).all():
                raise WeightsError(
                    f"{self.name}: output {printable_excerpt(name, 40)} holds NaN or infinity; "
                    "export it again or use another network"
                )
        return results

    def _run(
        self, names: list[str], inputs: Mapping[str, NDArray[Any]], shape: tuple[int, ...]
    ) -> list[NDArray[np.float32]]:
        try:
            if not self.limited:
                return list(self.session.run(names, dict(inputs)))
            values = self._limited_run(names, inputs)
            for name, value in zip(names, values, strict=True):
                kind = {"tensor(float)": "float32"}.get(value.data_type(), value.data_type())
                self._check(name, kind, tuple(value.shape()), shape)  # check before copying
            return [value.numpy() for value in values]
        except WeightsError:
            raise
        except Exception as error:  # ONNX Runtime's errors share no narrower base
            reason = _first_line(error)
            if self.limited and "BFCArena" in str(error):
                reason = f"needs more than {_MAX_MEMORY_BYTES / 1e9:g} GB of memory"
            raise WeightsError(f"{self.name}: cannot run ({reason}); use another network") from None

    def _limited_run(self, names: list[str], inputs: Mapping[str, NDArray[Any]]) -> list[Any]:
        options = ort.RunOptions()
        values = {name: ort.OrtValue.ortvalue_from_numpy(value) for name, value in inputs.items()}
        pixels = max(value.shape[-1] * value.shape[-2] for value in inputs.values())
        seconds = _MAX_SECONDS + _MAX_SECONDS_PER_MEGAPIXEL * pixels / 1e6

        def stop() -> None:
            options.terminate = True

        def run() -> list[Any]:
            return list(self.session.run_with_ort_values(names, values, options))

        return _run_with_timeout(
            seconds, run, f"{self.name}: runs for more than {seconds:.0f} s", stop
        )

    def _check(self, name: str, kind: str, found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
        if kind != "float32" or found != wanted:
            kind = "" if kind == "float32" else f"{kind} "
            raise WeightsError(
                f"{self.name}: output {printable_excerpt(name, 40)} is {kind}{found} "
                f"where {wanted} is needed; export it again"
            )


def open_network_file(
    source: Path | bytes,
    threads: int | None = None,
    providers: Sequence[str] | None = None,
    trusted: bool = False,
) -> NetworkRunner:
    """Load a network file, with or without a contract.

    Parameters
    ----------
    source : Path or bytes
        The ONNX file.
    threads : int, optional
        CPU threads. By default all cores are used.
    providers : sequence of str, optional
        Execution providers to try in order. The first one that loads and runs the file is used,
        and the CPU runs the operations that it lacks. By default the best available provider.
    trusted : bool
        Whether the file runs without limits, as shipped networks do.

    Returns
    -------
    NetworkRunner
        The loaded network.

    Raises
    ------
    WeightsError
        When the file is missing or damaged, or exceeds the limits of untrusted files.
    InputError
        When none of `providers` is available, or none starts.
    """
    name = "network" if isinstance(source, bytes) else printable_excerpt(source, 300)
    if isinstance(source, Path) and not os.path.isfile(source):
        raise WeightsError(f"{name}: no such network file; check the path")
    foldable = True if trusted else _can_fold(source, name)
    small = not trusted and _size_bytes(source) < _SMALL_FILE_BYTES and _register_capped_allocator()
    model = source if isinstance(source, bytes) else str(source)
    reason, not_started = "", list[str]()
    for provider in providers_for(providers=providers):
        options = _session_options(threads)
        if small:
            options.add_session_config_entry("session.use_env_allocators", "1")
        if provider in SERIAL_PROVIDERS:  # its documentation requires these settings
            options.enable_mem_pattern = False
            options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL

        load = partial(
            ort.InferenceSession,
            model,
            options,
            providers=list(dict.fromkeys((provider, CPU_PROVIDER))),
            enable_fallback=0,  # ONNX Runtime's own fallback prints to stdout
            **({} if foldable else {"disabled_optimizers": ["ConstantFolding"]}),
        )
        try:
            session = (
                load()
                if trusted
                else _run_with_timeout(
                    _MAX_SECONDS, load, f"{name}: loads for more than {_MAX_SECONDS:.0f} s"
                )
            )
        except WeightsError:
            raise
        except Exception as error:  # ONNX Runtime's errors share no narrower base
            reason = _first_line(error)
            continue
        if session.get_providers()[0] == provider:
            return NetworkRunner(session, name, limited=not trusted)
        not_started.append(provider)
    if not_started:
        first = not_started[0]
        raise InputError(
            f"{device_of_provider(first)} ({first}) does not start on this machine and the CPU "
            "would run in its place; check its driver and libraries, or use cpu or auto"
        )
    raise WeightsError(f"{name}: not a usable ONNX network ({reason}); get it again")


def _run_with_timeout(
    seconds: float, work: Callable[[], _T], late: str, stop: Callable[[], None] | None = None
) -> _T:
    """Run `work` in a thread and return its result; WeightsError `late` when it takes too long.

    `stop` asks the work to end. A thread that does not end is abandoned, because Python cannot
    end it from outside.
    """
    results: list[_T] = []
    errors: list[BaseException] = []

    def do() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=do, name="depthmatte-network", daemon=True)
    thread.start()
    try:
        thread.join(seconds)
    finally:  # after Ctrl-C too, so that nothing goes on in the background
        if thread.is_alive() and stop is not None:
            stop()
            thread.join(_STOP_GRACE_SECONDS)
    if results:
        return results[0]
    if errors and not (stop is not None and "terminate flag" in str(errors[0])):
        raise errors[0]
    raise WeightsError(f"{late}; use another network")


def _first_line(error: Exception) -> str:
    """Return the first line of an error, cleaned for a message."""
    return printable_excerpt((str(error).splitlines() or [type(error).__name__])[0])


def _can_fold(source: Path | bytes, name: str) -> bool:
    """Return whether constants of this file may be folded; WeightsError when it is refused."""
    try:
        return onnx_file.can_fold_constants(onnx_file.open_buffer(source))
    except WeightsError as error:
        raise WeightsError(f"{name}: not a usable ONNX network ({error}); get it again") from None


def _size_bytes(source: Path | bytes) -> int:
    return len(source) if isinstance(source, bytes) else source.stat().st_size


@cache
def _register_capped_allocator() -> bool:
    """Register the capped allocator of small untrusted files; False and a log line on failure."""
    try:
        memory = ort.OrtMemoryInfo(
            "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
        )
        # Strategy 1 allocates the requested size instead of the next power of two.
        limits = ort.OrtArenaCfg({"max_mem": _MAX_MEMORY_BYTES, "arena_extend_strategy": 1})
        ort.create_and_register_allocator(memory, limits)
    except Exception as error:  # the surrounding program has registered an allocator already
        logging.getLogger("depthmatte").debug(
            "no memory cap for small untrusted networks: %s", _first_line(error)
        )
        return False
    return True


def _session_options(threads: int | None) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.log_severity_level = 4  # errors are raised, not printed
    if threads is not None:
        options.intra_op_num_threads = threads
    # Small networks gain nothing from a memory pool.
    options.enable_cpu_mem_arena = False
    return options
