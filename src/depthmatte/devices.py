"""What networks run on: devices by name, and ONNX Runtime's execution providers behind them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from .errors import InputError
from .text import plain

CPU = "CPUExecutionProvider"

DEVICES: dict[str, tuple[str, ...]] = {
    "cpu": (CPU,),
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

AUTO = "auto"
"""The best of PREFERRED that starts here, in silence."""

CHOICES = (AUTO, *DEVICES)

PREFERRED = ("CUDAExecutionProvider", "CoreMLExecutionProvider", "DmlExecutionProvider", CPU)
"""What AUTO tries in order. The other devices compile a network anew at each start, or need
settings of their own: they are used only when asked for."""

ALONE = frozenset({"DmlExecutionProvider"})
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
    lost = [name for name in builds if _GPU_BUILDS.get(name, CPU) not in available]
    if len(builds) < 2 or not lost:
        return None
    return (
        f"{' and '.join(builds)} are both installed and overwrite each other, so {lost[0]} does "
        f"not work; run: python -m pip uninstall --yes {' '.join(builds)}, "
        f"then: python -m pip install {lost[0]}"
    )


def resolve(device: str, providers: Sequence[str] | None, available: Sequence[str]) -> list[str]:
    """The execution providers to try in order; `runtime.providers_for` knows what is `available`.

    InputError for a name nobody knows, for a device and providers at once, and for what is not
    here; the message names what is.
    """
    if device not in CHOICES:
        raise InputError(f"device {plain(device)!r} is unknown; use one of {', '.join(CHOICES)}")
    if providers is not None:
        if device != AUTO:
            raise InputError(f"device {device} and providers are both given; give one of them")
        if isinstance(providers, str) or not all(isinstance(one, str) for one in providers):
            raise InputError("providers: takes names; give a list such as ['CPUExecutionProvider']")
        if not providers:
            raise InputError("providers: is an empty list; name one, or leave it out")
        what = "provider " + plain(", ".join(providers))
        return _present(providers, what, available, list(available))
    if device == AUTO:
        return [name for name in PREFERRED if name in available]
    here = [name for name, rows in DEVICES.items() if set(rows) & set(available)]
    return _present(DEVICES[device], f"device {device}", available, here)


def device_of(provider: str) -> str:
    """The device behind an execution provider; the provider's own name where none is."""
    return next((name for name, rows in DEVICES.items() if provider in rows), provider)


def _present(
    wanted: Sequence[str], what: str, available: Sequence[str], instead: list[str]
) -> list[str]:
    found = [name for name in wanted if name in available]
    if not found:
        raise InputError(
            f"{what} is not available here; use one of {', '.join(instead)}, "
            "or install the ONNX Runtime package that brings it"
        )
    return found
