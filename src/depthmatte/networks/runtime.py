"""The one door to ONNX Runtime: sessions, devices, and the limits of a stranger's network.

A network that did not ship with the package runs under limits: it is looked through before it
loads (`onnx_file`), constants that may grow are not computed early, loading and every run have a
time limit, and a file smaller than SMALL_FILE may take no more than MEMORY while it runs.
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
from ..system.text import printable_excerpt
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

# Before it is imported: from 1.29 on ONNX Runtime looks up a telemetry host as it loads and
# keeps a device id in the user's cache. Who wants that sets the variable to another value.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
try:
    import onnxruntime as ort

    ort.InferenceSession  # noqa: B018
except (ImportError, AttributeError):
    # pip leaves half of it where two builds shared the folder and one was removed.
    raise InstallError(
        "ONNX Runtime is missing or only partly installed; run: python -m pip install "
        "--force-reinstall --no-deps onnxruntime, or onnxruntime-gpu for NVIDIA"
    ) from None

_T = TypeVar("_T")

_MAX_SECONDS, _MAX_SECONDS_PER_MEGAPIXEL = 20.0, 20.0
"""How long a stranger's network may load, and run on an image of no size; a megapixel more takes
so much more. The slowest matting networks take 20 s a megapixel on two cores."""

_STOP_GRACE_SECONDS = 5.0
"""Seconds in which a run that was told to stop may do so, before it is left behind."""

_SMALL_FILE_BYTES, _MAX_MEMORY_BYTES = 5_000_000, 1_500_000_000
"""A file of fewer bytes may take so many while it runs: with the rest of a cut 2 GB. Larger
networks take what their size needs."""


def available_providers() -> list[str]:
    """The execution providers of this installation of ONNX Runtime."""
    return list(ort.get_available_providers())


def providers_for(device: str = AUTO_DEVICE, providers: Sequence[str] | None = None) -> list[str]:
    """The execution providers to try in order, as `Network` takes them.

    Parameters
    ----------
    device
        One of devices.CHOICES.
    providers
        Names of ONNX Runtime's execution providers instead, for what has no device's name.

    Returns
    -------
    list of str
        At least one provider that this installation of ONNX Runtime has. Whether it also
        starts (a driver may be missing) shows when a network is opened: that raises
        InputError then, unless the CPU stands in the list.

    Raises
    ------
    InputError
        For a name nobody knows, for both at once, and for a device or provider that is not
        here; the message names what is.
    InstallError
        For a device or provider that is not here because two packages of ONNX Runtime
        overwrote each other. With `auto` this is logged as a warning, once.
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
    """A loaded file: an ONNX Runtime session and the limits it runs under.

    Safe to call from several threads: ONNX Runtime runs one session in many at a time, and
    where a provider cannot, calls take turns.
    """

    def __init__(self, session: ort.InferenceSession, name: str, limited: bool) -> None:
        self.session = session
        self.limited = limited
        self.name = name
        self._turn = threading.Lock() if self.provider in SERIAL_PROVIDERS else None

    @property
    def provider(self) -> str:
        """The execution provider that really runs."""
        return str(self.session.get_providers()[0])

    def run(
        self, names: list[str], inputs: Mapping[str, NDArray[Any]], shape: tuple[int, ...]
    ) -> list[NDArray[np.float32]]:
        """The outputs called `names`, each float32 of `shape` and finite.

        Raises WeightsError for anything else, and for a run that takes too long.
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
                    f"{self.name}: output {printable_excerpt(name, 40)} holds what is no number (NaN or "
                    "infinity); export it again or use another network"
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
                self._check(name, kind, tuple(value.shape()), shape)  # before it is copied
            return [value.numpy() for value in values]
        except WeightsError:
            raise
        except Exception as error:  # ONNX Runtime's errors share no narrower base
            said = _first_line(error)
            if self.limited and "BFCArena" in str(error):
                said = f"needs more than {_MAX_MEMORY_BYTES / 1e9:g} GB of memory"
            raise WeightsError(f"{self.name}: cannot run ({said}); use another network") from None

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
    """Load a network file, contract or not.

    Parameters
    ----------
    source
        A path, or the file's bytes.
    threads
        CPU threads (None: all cores).
    providers
        Execution providers to try in order (None: the best there is); the first one that
        accepts the file and really runs it is taken, with the CPU behind it for what it cannot.
    trusted
        Without the limits of strangers: for files whose checksum this package knows.

    Raises
    ------
    WeightsError
        When the file is missing, damaged, or is refused as a stranger's.
    InputError
        When none of `providers` is here, or none starts.
    """
    name = "network" if isinstance(source, bytes) else printable_excerpt(source, 300)
    if isinstance(source, Path) and not os.path.isfile(source):
        raise WeightsError(f"{name}: no such network file; check the path")
    foldable = True if trusted else _can_fold(source, name)
    small = not trusted and _size_bytes(source) < _SMALL_FILE_BYTES and _register_capped_allocator()
    model = source if isinstance(source, bytes) else str(source)
    reason, idle = "", list[str]()
    for provider in providers_for(providers=providers):
        options = _session_options(threads)
        if small:
            options.add_session_config_entry("session.use_env_allocators", "1")
        if provider in SERIAL_PROVIDERS:  # as its documentation asks
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
        idle.append(provider)
    if idle:
        raise InputError(
            f"{device_of_provider(idle[0])} ({idle[0]}) does not start on this machine and the CPU would "
            "run in its place; check its driver and libraries, or use cpu or auto"
        )
    raise WeightsError(f"{name}: not a usable ONNX network ({reason}); get it again")


def _run_with_timeout(
    seconds: float, work: Callable[[], _T], late: str, stop: Callable[[], None] | None = None
) -> _T:
    """What `work` gives, done in a thread of its own; WeightsError `late` when it takes too long.

    `stop` asks it to end; what does not end is left behind, for no thread can be ended from
    outside.
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
    finally:  # Ctrl-C too: nothing goes on in the background
        if thread.is_alive() and stop is not None:
            stop()
            thread.join(_STOP_GRACE_SECONDS)
    if results:
        return results[0]
    if errors and not (stop is not None and "terminate flag" in str(errors[0])):
        raise errors[0]
    raise WeightsError(f"{late}; use another network")


def _first_line(error: Exception) -> str:
    """The first line of what a library said, as it may stand in a message."""
    return printable_excerpt((str(error).splitlines() or [type(error).__name__])[0])


def _can_fold(source: Path | bytes, name: str) -> bool:
    """May constants of this stranger's be computed early? WeightsError for one that is refused."""
    try:
        return onnx_file.can_fold_constants(onnx_file.open_buffer(source))
    except WeightsError as error:
        raise WeightsError(f"{name}: not a usable ONNX network ({error}); get it again") from None


def _size_bytes(source: Path | bytes) -> int:
    return len(source) if isinstance(source, bytes) else source.stat().st_size


@cache
def _register_capped_allocator() -> bool:
    """Make the allocator that small strangers' files share; False where there can be none."""
    try:
        memory = ort.OrtMemoryInfo(
            "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
        )
        # As asked, not the next power of two; one call's memory is given back for the next.
        limits = ort.OrtArenaCfg({"max_mem": _MAX_MEMORY_BYTES, "arena_extend_strategy": 1})
        ort.create_and_register_allocator(memory, limits)
    except Exception:  # the program around us has made one of its own
        return False
    return True


def _session_options(threads: int | None) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is raised, not printed
    if threads is not None:
        options.intra_op_num_threads = threads
    # Networks this small gain nothing from a pool of kept memory.
    options.enable_cpu_mem_arena = False
    return options
