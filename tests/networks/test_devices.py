"""Devices: what is asked for runs, or it is said aloud; networks load once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import tinynets
from depthmatte.errors import InputError, InstallError, WeightsError
from depthmatte.networks import runtime
from depthmatte.networks.devices import (
    _DEVICE_CHOICES,
    _DEVICE_PROVIDERS,
    CPU_PROVIDER,
    installed_builds,
    overwritten,
    resolve_providers,
)
from depthmatte.networks.network import Network, NetworkCache

AZURE = "AzureExecutionProvider"
CUDA = "CUDAExecutionProvider"


def test_auto_takes_the_best_there_is() -> None:
    assert resolve_providers("auto", None, [AZURE, CPU_PROVIDER]) == [CPU_PROVIDER]
    assert resolve_providers("auto", None, ["DmlExecutionProvider", CUDA, CPU_PROVIDER])[0] == CUDA


@pytest.mark.parametrize("device", [name for name in _DEVICE_PROVIDERS if name != "cpu"])
def test_a_device_that_is_not_here_is_said_aloud(device: str) -> None:
    with pytest.raises(
        InputError, match=f"^device {device} is not available here; use one of cpu,"
    ):
        resolve_providers(device, None, [AZURE, CPU_PROVIDER])


@pytest.mark.parametrize("device", _DEVICE_PROVIDERS)
def test_a_device_that_is_here_is_taken(device: str) -> None:
    assert (
        resolve_providers(device, None, [*_DEVICE_PROVIDERS[device], CPU_PROVIDER])[0]
        in _DEVICE_PROVIDERS[device]
    )


def test_unknown_names() -> None:
    with pytest.raises(InputError, match="'gpu' is unknown; use one of auto, cpu, cuda"):
        resolve_providers("gpu", None, [CPU_PROVIDER])
    with pytest.raises(InputError, match="provider No is not available here; use one of Cpu"):
        resolve_providers("auto", ["No"], ["Cpu"])
    with pytest.raises(InputError, match="both given"):
        resolve_providers("cpu", [CPU_PROVIDER], [CPU_PROVIDER])
    assert _DEVICE_CHOICES[0] == "auto"


def test_builds_of_onnx_runtime_are_found(tmp_path: Path) -> None:
    for name in ("onnxruntime_gpu-1.32.0", "onnxruntime-1.32.0", "onnxruntime_extensions-0.15.2"):
        (tmp_path / f"{name}.dist-info").mkdir()
    assert installed_builds(tmp_path) == ["onnxruntime", "onnxruntime-gpu"]


def test_a_build_that_was_overwritten_is_told() -> None:
    both = ["onnxruntime", "onnxruntime-gpu"]
    assert overwritten(["onnxruntime"], [CPU_PROVIDER]) is None
    assert overwritten(["onnxruntime-gpu"], [CPU_PROVIDER]) is None  # a driver may be missing
    assert overwritten(both, [CUDA, CPU_PROVIDER]) is None  # the GPU's files lie on top
    message = overwritten(both, [AZURE, CPU_PROVIDER])
    assert message is not None
    assert "so onnxruntime-gpu does not work" in message
    assert message.endswith("then: python -m pip install onnxruntime-gpu")


def test_overwritten_builds_are_an_error_for_a_device_and_a_warning_for_auto(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runtime, "available_providers", lambda: [CPU_PROVIDER])
    monkeypatch.setattr(
        runtime, "installed_builds", lambda folder: ["onnxruntime", "onnxruntime-gpu"]
    )
    caches = (runtime._overwritten, runtime._warn_overwritten)
    for one in caches:
        one.cache_clear()
    try:
        with pytest.raises(InstallError, match="overwrite each other"):
            runtime.providers_for("cuda")
        assert runtime.providers_for("auto") == runtime.providers_for("auto") == [CPU_PROVIDER]
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert runtime.providers_for("cpu") == [CPU_PROVIDER]
    finally:
        for one in caches:
            one.cache_clear()


def test_a_missing_memory_cap_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("an allocator exists\nalready")

    monkeypatch.setattr(runtime.ort, "create_and_register_allocator", refuse)
    with caplog.at_level("DEBUG", "depthmatte"):
        assert not runtime._register_capped_allocator.__wrapped__()
    assert [record.levelname for record in caplog.records] == ["DEBUG"]
    assert caplog.messages == ["no memory cap for small untrusted networks: an allocator exists"]


def test_providers_are_taken_in_order() -> None:
    assert resolve_providers("auto", ["No", CPU_PROVIDER, AZURE], [AZURE, CPU_PROVIDER]) == [
        CPU_PROVIDER,
        AZURE,
    ]


def test_what_runs_is_said() -> None:
    network = Network(tinynets.model("matte"), providers=runtime.providers_for("cpu"))
    assert network.provider == CPU_PROVIDER
    if AZURE in runtime.available_providers():  # in the wheels for the CPU, a provider beside it
        assert Network(tinynets.model("matte"), providers=[AZURE]).provider == AZURE


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_device_that_does_not_start_is_no_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a driver is missing: ONNX Runtime gives a session on the CPU, without a word."""
    here = runtime.available_providers()
    if CUDA in here:
        pytest.skip("needs a machine without CUDA")
    monkeypatch.setattr(runtime, "available_providers", lambda: [CUDA, *here])
    with pytest.raises(InputError, match=r"cuda \(CUDAExecutionProvider\) does not start"):
        Network(tinynets.model("matte"), providers=runtime.providers_for("cuda"))
    assert (
        Network(tinynets.model("matte"), providers=runtime.providers_for("auto")).provider
        == CPU_PROVIDER
    )


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What is opened, slowly enough that threads meet."""
    opened: list[object] = []
    real = runtime.open_network_file

    def slowly(source: object, *rest: object) -> object:
        opened.append(source)
        threading.Event().wait(0.1)
        return real(source, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("depthmatte.networks.network.open_network_file", slowly)
    return opened


def test_many_threads_load_a_network_once(tmp_path: Path, loads: list[object]) -> None:
    files = tinynets.save(tmp_path)
    cache = NetworkCache("cpu")
    seen = np.random.default_rng(1).random((8, 1, 3, 64, 64), np.float32)
    with ThreadPoolExecutor(8) as pool:
        networks = list(pool.map(lambda _: cache.get(files["matte"], "matte", 1), range(8)))
        answers = list(pool.map(lambda image: networks[0].run(image)["alpha"], seen))
    assert len({id(network) for network in networks}) == len(loads) == 1
    np.testing.assert_array_equal(np.stack(answers), seen[:, :, :1])
    assert cache.running() == {"matte": CPU_PROVIDER}
    assert cache.get(files["matte"], "matte", 2) is not networks[0]
    cache.clear()
    assert cache.running() == {}
    cache.get(files["matte"], "matte", 1)
    assert len(loads) == 3


def test_networks_load_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for one network holds up no other."""
    files, meet, real = (
        tinynets.save(tmp_path),
        threading.Barrier(2, timeout=20),
        runtime.open_network_file,
    )

    def together(*given: object) -> object:
        meet.wait()
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("depthmatte.networks.network.open_network_file", together)
    cache = NetworkCache("cpu")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda task: cache.get(files[task], task), ("matte", "depth")))


def test_a_failure_is_not_kept(tmp_path: Path) -> None:
    file, cache = tmp_path / "late.onnx", NetworkCache("cpu")
    file.write_bytes(b"not yet")
    for _ in range(2):
        with pytest.raises(WeightsError, match=r"late\.onnx"):
            cache.get(file, "matte")
    file.write_bytes(tinynets.model("matte"))
    assert cache.get(file, "matte").contract.task == "matte"
    with pytest.raises(WeightsError, match="a matte network, but a depth network is needed"):
        cache.get(file, "depth")


def test_a_cache_for_a_device_that_is_not_here() -> None:
    missing = next(
        d
        for d, rows in _DEVICE_PROVIDERS.items()
        if not set(rows) & set(runtime.available_providers())
    )
    with pytest.raises(InputError, match="is not available here"):
        NetworkCache(missing)
