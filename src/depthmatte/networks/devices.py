"""What networks run on: devices by name, and ONNX Runtime's execution providers behind them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from ..system.text import printable_excerpt

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
"""Each device's execution providers, the most wanted first."""

AUTO_DEVICE = "auto"
"""The best of PREFERRED that starts here, in silence."""

_DEVICE_CHOICES = (AUTO_DEVICE, *_DEVICE_PROVIDERS)

_AUTO_PROVIDERS = (
    "CUDAExecutionProvider",
    "CoreMLExecutionProvider",
    "DmlExecutionProvider",
    CPU_PROVIDER,
)
"""What AUTO tries in order. The other devices compile a network anew at each start, or need
settings of their own: they are used only when asked for."""

SERIAL_PROVIDERS = frozenset({"DmlExecutionProvider"})
"""Providers whose sessions run one call at a time."""


_GPU_BUILDS = {
    "onnxruntime-gpu": "CUDAExecutionProvider",
    "onnxruntime-directml": "DmlExecutionProvider",
    "onnxruntime-openvino": "OpenVINOExecutionProvider",
    "onnxruntime-migraphx": "MIGraphXExecutionProvider",
    "onnxruntime-rocm": "ROCMExecutionProvider",
}
"""Packages that install the folder `onnxruntime`, as `onnxruntime` does, and what each adds."""


def installed_builds(folder: Path) -> list[str]:
    """The packages in `folder` (site-packages) that install the folder `onnxruntime`, sorted."""
    found = (
        re.fullmatch(r"(.+)-[^-]+\.dist-info", path.name) for path in folder.glob("*.dist-info")
    )
    names = {match.group(1).lower().replace("_", "-") for match in found if match}
    return sorted(names & {"onnxruntime", *_GPU_BUILDS})


def overwritten(builds: Sequence[str], available: Sequence[str]) -> str | None:
    """What to tell when one build of ONNX Runtime overwrote another; None where none did.

    Parameters
    ----------
    builds
        As `installed_builds` names them.
    available
        The execution providers of the ONNX Runtime that is imported.
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
    """The execution providers to try in order; `runtime.providers_for` knows what is `available`.

    InputError for a name nobody knows, for a device and providers at once, and for what is not
    here; the message names what is.
    """
    if device not in _DEVICE_CHOICES:
        raise InputError(
            f"device {printable_excerpt(device)!r} is unknown; use one of {', '.join(_DEVICE_CHOICES)}"
        )
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
    """The device behind an execution provider; the provider's own name where none is."""
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
