"""Devices by name, and the execution providers of ONNX Runtime behind them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from ..system.printable_text import printable_excerpt

CPU_PROVIDER = "CPUExecutionProvider"

_DEVICE_PROVIDERS: dict[str, tuple[str, ...]] = {
    "cpu": (CPU_PROVIDER,),
    "cuda": ("CUDAExecutionProvider",),
    "tensorrt": ("TensorrtExecutionProvider", "NvTensorRTRTXExecutionProvider"),
    "coreml": ("CoreMLExecutionProvider",),
    "directml": ("DmlExecutionProvider",),
    "rocm": ("MIGraphXExecutionProvider", "ROCMExecutionProvider"),
    "openvino": ("OpenVINOExecutionProvider",),
    "webgpu": ("WebGpuExecutionProvider",),
    "qnn": ("QNNExecutionProvider",),
}
"""Device -> execution providers, the preferred one first."""

AUTO_DEVICE = "auto"
"""The device that stands for the first provider of `_AUTO_PROVIDERS` that starts."""

_DEVICE_CHOICES = (AUTO_DEVICE, *_DEVICE_PROVIDERS)

_AUTO_PROVIDERS = (
    "CUDAExecutionProvider",
    "CoreMLExecutionProvider",
    "DmlExecutionProvider",
    CPU_PROVIDER,
)
"""Providers that "auto" tries in order. The other providers compile a network at each start or
need settings of their own, so that they run only on request."""

SERIAL_PROVIDERS = frozenset({"DmlExecutionProvider"})
"""Providers whose sessions run only one call at a time."""

_GPU_BUILDS = {
    "onnxruntime-gpu": "CUDAExecutionProvider",
    "onnxruntime-directml": "DmlExecutionProvider",
    "onnxruntime-openvino": "OpenVINOExecutionProvider",
    "onnxruntime-migraphx": "MIGraphXExecutionProvider",
    "onnxruntime-rocm": "ROCMExecutionProvider",
}
"""Packages that install the folder `onnxruntime` too -> the provider that each one adds."""


def installed_builds(folder: Path) -> list[str]:
    """List the packages in `folder` (site-packages) that install `onnxruntime`, sorted."""
    found = (
        re.fullmatch(r"(.+)-[^-]+\.dist-info", path.name) for path in folder.glob("*.dist-info")
    )
    names = {match.group(1).lower().replace("_", "-") for match in found if match}
    return sorted(names & {"onnxruntime", *_GPU_BUILDS})


def overwritten(builds: Sequence[str], available: Sequence[str]) -> str | None:
    """Return a message when one build of ONNX Runtime overwrote another, else None.

    Parameters
    ----------
    builds : sequence of str
        Packages as `installed_builds` lists them.
    available : sequence of str
        Execution providers of the imported ONNX Runtime.
    """
    lost = [name for name in builds if _GPU_BUILDS.get(name, CPU_PROVIDER) not in available]
    if len(builds) < 2 or not lost:
        return None
    return (
        f"{' and '.join(builds)} are both installed and overwrite each other, so {lost[0]} does "
        f"not work; run: python -m pip uninstall --yes {' '.join(builds)}, "
        f"then: python -m pip install {lost[0]}"
    )


def resolve_providers(
    device: str, providers: Sequence[str] | None, available: Sequence[str]
) -> list[str]:
    """Return the execution providers to try, in order.

    Parameters
    ----------
    device : str
        "auto" or the name of a device.
    providers : sequence of str, optional
        Execution providers by name, instead of a device.
    available : sequence of str
        Execution providers of this installation.

    Raises
    ------
    InputError
        When a name is unknown or not available, or device and providers are both given.
    """
    if device not in _DEVICE_CHOICES:
        choices = ", ".join(_DEVICE_CHOICES)
        raise InputError(f"device {printable_excerpt(device)!r} is unknown; use one of {choices}")
    if providers is not None:
        if device != AUTO_DEVICE:
            raise InputError(f"device {device} and providers are both given; give one of them")
        if isinstance(providers, str) or not all(isinstance(one, str) for one in providers):
            raise InputError("providers: takes names; give a list such as ['CPUExecutionProvider']")
        if not providers:
            raise InputError("providers: is an empty list; name one, or leave it out")
        what = "provider " + printable_excerpt(", ".join(providers))
        return _available_of(providers, what, available, list(available))
    if device == AUTO_DEVICE:
        return [name for name in _AUTO_PROVIDERS if name in available]
    here = [name for name, rows in _DEVICE_PROVIDERS.items() if set(rows) & set(available)]
    return _available_of(_DEVICE_PROVIDERS[device], f"device {device}", available, here)


def device_of_provider(provider: str) -> str:
    """Return the device of an execution provider, or the provider's name if it has none."""
    return next((name for name, rows in _DEVICE_PROVIDERS.items() if provider in rows), provider)


def _available_of(
    wanted: Sequence[str], what: str, available: Sequence[str], instead: list[str]
) -> list[str]:
    found = [name for name in wanted if name in available]
    if not found:
        raise InputError(
            f"{what} is not available here; use one of {', '.join(instead)}, "
            "or install the ONNX Runtime package that brings it"
        )
    return found
