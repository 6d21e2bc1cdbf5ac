"""Several workers train as one does: the same samples, the same steps, one run folder."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("tensorboard", reason="needs the extra train")
if not torch.distributed.is_available():
    pytest.skip("this torch has no gloo", allow_module_level=True)

import depthmatte  # noqa: E402
from depthmatte.errors import InputError  # noqa: E402
from depthmatte.training.checkpoint import read_checkpoint  # noqa: E402
from depthmatte.training.data.sampler import EpochBatches, RunBatches  # noqa: E402
from depthmatte.training.distributed.launch import launched_count, launched_rank  # noqa: E402
from depthmatte.training.loop import train  # noqa: E402
from depthmatte.training.recipe import Recipe  # noqa: E402
from depthmatte.training.reporting.log import read_log  # noqa: E402
from run_worker import start_training  # noqa: E402

ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(Path(depthmatte.__file__).parents[1]),
    "OMP_NUM_THREADS": "1",
    "PYTHONWARNINGS": "ignore",
}


def recipe(data: Path, out: Path, **more: Any) -> Recipe:
    """A run from a shipped network: its norms are frozen, so that parts of a batch are exact."""
    small = {
        "task": "matte", "start": "matte", "preset": (64, 64), "batch_size": 4, "workers": 0,
        "threads": 1, "log_every": 1, "steps": 4, "landscape": 0.5,
    }  # fmt: skip
    return Recipe(**{**small, "data": data, "out": out, **more})  # type: ignore[arg-type]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def start_workers(wanted: Recipe, count: int, resume: bool = False) -> list[Any]:
    """(process, pipe of its lines) of each worker, started as torchrun starts them."""
    shared = {
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(count),
    }  # fmt: skip
    return [
        start_training(wanted, resume, {**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(count)
    ]


def wait(workers: list[Any]) -> list[list[str]]:
    """The lines of each worker, after all ended well."""
    told = []
    for process, lines in workers:
        told.append([])
        while True:
            try:
                told[-1].append(lines.recv())
            except EOFError:
                break
        process.join(120)
        assert process.exitcode == 0
    return told


def assert_alike(one: Path, other: Path) -> None:
    """Weights agree within 1e-4 of their size, losses within 1e-4."""
    first, second = (read_checkpoint(path / "last.pt") for path in (one, other))
    assert first["step"] == second["step"]
    for part in ("network", "mean"):
        for name, value in first[part].items():
            gap = (value.double() - second[part][name].double()).norm()
            assert gap <= 1e-4 * value.double().norm() + 1e-6, name
    rows, others = (read_log(path / "steps.csv") for path in (one, other))
    assert [row["step"] for row in rows] == [row["step"] for row in others]
    for row, same in zip(rows, others, strict=True):
        assert row.keys() == same.keys()
        terms = sorted(row.keys() - {"seconds"})
        np.testing.assert_allclose([row[t] for t in terms], [same[t] for t in terms], rtol=1e-4)


@pytest.fixture(scope="module")
def alone(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of one worker."""
    out = tmp_path_factory.mktemp("alone") / "run"
    train(recipe(data, out), lambda line: None)
    return out


def test_two_workers_train_as_one(data: Path, tmp_path: Path, alone: Path) -> None:
    first, second = wait(start_workers(recipe(data, tmp_path / "two"), 2))
    assert_alike(alone, tmp_path / "two")
    assert sum("step 4/4" in line for line in first) == 2
    assert second == []  # only the leader tells
    assert sorted(os.listdir(tmp_path / "two")) == sorted(os.listdir(alone))


@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2)])
def test_a_killed_run_goes_on_with_another_number_of_workers(
    data: Path, tmp_path: Path, alone: Path, before: int, after: int
) -> None:
    wanted = recipe(data, tmp_path / "killed", save_every=2)
    workers = start_workers(wanted, before)
    while "step 3/" not in workers[0][1].recv():
        pass
    for process, _ in workers:
        process.kill()
        process.join()
    assert 2 <= read_checkpoint(tmp_path / "killed" / "last.pt")["step"] < 4
    wait(start_workers(wanted, after, resume=True))
    assert_alike(alone, tmp_path / "killed")


@settings(max_examples=50)
@given(
    st.integers(1, 4), st.integers(1, 3), st.integers(0, 9), st.integers(0, 2**31 - 1),
    st.lists(st.floats(0, 3), min_size=1, max_size=20),
)  # fmt: skip
def test_the_parts_of_a_batch_are_the_batch(
    count: int, each: int, skip: int, seed: int, shares: list[float]
) -> None:
    order = EpochBatches(shares, count * each, seed, 0)
    whole = list(RunBatches(order, 2, skip=skip))
    parts = [list(RunBatches(order, 2, skip=skip, part=n, parts=count)) for n in range(count)]
    for batch, *shared in zip(whole, *parts, strict=True):
        assert {len(part) for part in shared} == {each}
        assert sorted(batch) == sorted(key for part in shared for key in part)


def torchrun(data: Path, out: Path, *words: str) -> subprocess.Popen[str]:
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2",
        "--master-port", str(free_port()), "-m", "--", "depthmatte", "train", "matte",
        "--data", str(data), "-o", str(out), "--preset", "64x64", "--encoder", "mobilenet",
        "--workers", "0", "--threads", "1", "--log-every", "1", *words,
    ]  # fmt: skip
    return subprocess.Popen(
        command, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_torchrun_stops_all_workers_after_a_checkpoint(data: Path, tmp_path: Path) -> None:
    process = torchrun(data, tmp_path / "run", "--batch-size", "2", "--steps", "100000")
    assert process.stdout is not None
    for line in process.stdout:
        if "step 2/" in line:
            process.send_signal(signal.SIGTERM)
            break
    rest, told = process.communicate(timeout=300)
    assert process.returncode != 0
    assert "stopped at step" in rest, told
    assert rest.count("checkpoint ") == 1
    assert "go on with: torchrun --nproc-per-node 2 -m -- depthmatte train matte" in told
    state = read_checkpoint(tmp_path / "run" / "last.pt")
    assert state["step"] >= 2
    assert len(state["step_log"]) == state["step"]


def test_a_batch_that_cannot_be_shared_is_refused_in_one_line(data: Path, tmp_path: Path) -> None:
    # torchrun would take --start for an option of its own.
    process = torchrun(data, tmp_path / "run", "--batch-size", "3", "--start", "nothing.pt")
    _, told = process.communicate(timeout=300)
    assert process.returncode != 0
    assert told.count("--batch-size 3: is no multiple of 2 workers; give one that is") == 1
    assert not (tmp_path / "run").exists()


def test_a_launcher_that_says_nonsense_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (launched_rank(), launched_count()) == (0, 1)
    for text in ("two", "-1", "0", ""):
        monkeypatch.setenv("WORLD_SIZE", text)
        with pytest.raises(InputError, match="WORLD_SIZE: is no whole number"):
            launched_count()


def test_a_compiled_run_learns_as_a_plain_one_or_is_refused(
    data: Path, tmp_path: Path, alone: Path
) -> None:
    out = tmp_path / "compiled"
    code = (
        "import sys; from depthmatte.cli import main; "
        "sys.argv[0] = 'depthmatte'; main()"
    )  # fmt: skip
    words = [
        "train", "matte", "--data", str(data), "-o", str(out), "--start", "matte", "--preset",
        "64x64", "--batch-size", "4", "--workers", "0", "--threads", "1", "--log-every", "1",
        "--steps", "4", "--landscape", "0.5", "--compile",
    ]  # fmt: skip
    began = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-c", code, *words], env=ENVIRONMENT, text=True, capture_output=True
    )
    if run.returncode:
        assert "--compile: does not work here" in run.stderr, time.monotonic() - began
        assert len(run.stderr.splitlines()) == 1
        return
    first, second = (read_log(path / "steps.csv") for path in (alone, out))
    np.testing.assert_allclose(
        [row["loss"] for row in first], [row["loss"] for row in second], rtol=2e-3
    )


@pytest.mark.long
def test_two_workers_of_ray_train_as_one(data: Path, tmp_path: Path, alone: Path) -> None:
    pytest.importorskip("ray", reason="needs the extra ray")
    out = tmp_path / "ray"
    words = [
        "train", "matte", "--data", str(data), "-o", str(out), "--start", "matte", "--preset",
        "64x64", "--batch-size", "4", "--workers", "0", "--threads", "1", "--log-every", "1",
        "--steps", "4", "--landscape", "0.5", "--ray-workers", "2",
    ]  # fmt: skip
    run = subprocess.run(
        [sys.executable, "-m", "depthmatte", *words], env=ENVIRONMENT, text=True,
        capture_output=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == f"checkpoint {out / 'last.pt'}"
    assert_alike(alone, out)
