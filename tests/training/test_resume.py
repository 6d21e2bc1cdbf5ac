"""A run that was killed, stopped or starts in the middle ends as an unbroken one."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("tensorboard", reason="needs the extra train")

import depthmatte  # noqa: E402
from depthmatte.errors import InputError  # noqa: E402
from depthmatte.training.checkpoint import read_checkpoint  # noqa: E402
from depthmatte.training.loop import train  # noqa: E402
from depthmatte.training.recipe import Recipe  # noqa: E402
from depthmatte.training.run import Run  # noqa: E402
from depthmatte.training.schedule import Schedule  # noqa: E402
from depthmatte.training.tasks.registry import TRAINING_TASKS  # noqa: E402
from run_worker import start_training  # noqa: E402

ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(Path(depthmatte.__file__).parents[1]),
    "OMP_NUM_THREADS": "1",
}


def recipe(data: Path, out: Path | None, **more: Any) -> Recipe:
    small = {
        "task": "matte", "encoder": "mobilenet", "preset": (64, 64), "batch_size": 2, "workers": 0,
        "threads": 1, "log_every": 1,
    }  # fmt: skip
    return Recipe(**{**small, "data": data, "out": out, **more})  # type: ignore[arg-type]


def quiet(line: str) -> None:
    """Say nothing."""


def tensors(value: Any, place: str = "") -> dict[str, bytes]:
    """Every tensor of a checkpoint, by where it stands, as bytes."""
    if isinstance(value, torch.Tensor):
        return {place: value.contiguous().numpy().tobytes()}
    if isinstance(value, dict):
        return {
            k: v for key, one in value.items() for k, v in tensors(one, f"{place}/{key}").items()
        }
    if isinstance(value, list | tuple):
        return tensors(dict(enumerate(value)), place)
    return {place: repr(value).encode()}


def lasting(folder: Path, name: str = "last.pt") -> dict[str, bytes]:
    """What a checkpoint says, apart from times and the folder of its run."""
    state = read_checkpoint(folder / name)
    for rows in (state.get("log", []), state.get("step_log", [])):
        for row in rows:
            del row["seconds"]
    state["recipe"] = {key: one for key, one in state["recipe"].items() if key != "out"}
    return tensors({key: one for key, one in state.items() if key != "spent"})


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [
            {key: one for key, one in row.items() if key != "seconds"}
            for row in csv.DictReader(file)
        ]


def assert_same_run(one: Path, other: Path) -> None:
    for name in ("last.pt", "best.pt"):
        assert lasting(one, name) == lasting(other, name), name
    for name in ("log.csv", "steps.csv"):
        assert rows(one / name) == rows(other / name), name


def kill_amid_steps(wanted: Recipe, resume: bool, after: int, draw: random.Random) -> None:
    """Train in a process, and kill it at a random moment after so many steps."""
    process, lines = start_training(wanted, resume)
    while f"step {after}/" not in lines.recv():
        pass
    time.sleep(draw.random() * 0.3)
    process.kill()
    process.join()
    lines.close()


@pytest.mark.parametrize("workers", [pytest.param(0, marks=pytest.mark.long), 1])
def test_a_run_killed_three_times_ends_as_an_unbroken_one(
    data: Path, tmp_path: Path, workers: int
) -> None:
    shared = {"steps": 16, "limit": 5, "workers": workers, "save_every": 2}
    killed = recipe(data, tmp_path / "killed", **shared)
    draw = random.Random(os.urandom(8))
    for count, after in enumerate((3, 7, 11)):
        kill_amid_steps(killed, count > 0, after, draw)
        state = read_checkpoint(tmp_path / "killed" / "last.pt")
        assert after - 2 <= state["step"] < 16
        assert not state["finished"]
    train(killed, quiet, resume=True)
    train(recipe(data, tmp_path / "whole", **shared), quiet)
    assert_same_run(tmp_path / "whole", tmp_path / "killed")
    assert [row["step"] for row in rows(tmp_path / "killed" / "log.csv")] == ["5", "10", "15", "16"]


def stop_after(steps: int) -> Any:
    """Asks for a stop when so many steps of this process are done."""
    left = [steps]

    def should_stop() -> bool:
        left[0] -= 1
        return left[0] <= 0

    return should_stop


@pytest.mark.parametrize("task", ["depth", "stereo"])
def test_a_run_stopped_after_each_step_ends_as_an_unbroken_one(
    data: Path, tmp_path: Path, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training_data import use_small_checks

    use_small_checks(monkeypatch)
    shared = {"task": task, "steps": 3, "limit": 2}
    train(recipe(data, tmp_path / "whole", **shared), quiet)
    for count in range(3):
        train(
            recipe(data, tmp_path / "stopped", **shared),
            quiet,
            resume=count > 0,
            should_stop=stop_after(1),
        )
    assert_same_run(tmp_path / "whole", tmp_path / "stopped")


def folded(network: Any) -> list[Any]:
    """Norms that are the identity."""
    return [
        part
        for part in network.modules()
        if isinstance(part, torch.nn.BatchNorm2d) and bool((part.running_var == 1 - part.eps).all())
    ]


def test_norms_of_an_exported_start_stay_frozen_when_the_run_goes_on(
    data: Path, tmp_path: Path
) -> None:
    """Also where the start is not there any more: the checkpoint has all that counts."""
    shared = {"start": "matte", "encoder": "lite0", "steps": 4, "limit": 3, "weight_decay": 0.01}
    train(recipe(data, tmp_path / "whole", **shared), quiet)
    train(recipe(data, tmp_path / "a", **shared), quiet, should_stop=stop_after(2))
    state = read_checkpoint(tmp_path / "a" / "last.pt")
    gone = recipe(data, tmp_path / "a", **{**shared, "start": "gone.onnx"})
    run = Run.resume(gone, TRAINING_TASKS["matte"], state, tmp_path)
    norms = folded(run.network)
    assert len(norms) > 40
    assert not any(norm.training or norm.weight.requires_grad for norm in norms)
    assert isinstance(run.adam, torch.optim.AdamW)
    train(recipe(data, tmp_path / "a", **shared), quiet, resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "a")
    network = TRAINING_TASKS["matte"].network("lite0")
    network.load_state_dict(read_checkpoint(tmp_path / "a" / "last.pt")["network"])
    assert len(folded(network)) == len(norms)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "term"]
)
def test_a_signal_stores_the_run_and_says_how_to_go_on(
    data: Path, tmp_path: Path, number: int, status: int
) -> None:
    out = tmp_path / "a run"
    words: Sequence[str] = [
        "train", "matte", "--data", str(data), "--out", str(out), "--encoder", "mobilenet",
        "--preset", "64x64", "--batch", "2", "--workers", "1", "--threads", "1", "--steps", "500",
        "--log-every", "1", "--validate-every", "500",
    ]  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "depthmatte", *words],
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
        # A test run in the background ignores Ctrl-C, and its children would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            if "step 3/500" in line:
                break
        os.killpg(process.pid, number)  # as a terminal does: the loader's process gets it too
        rest, errors = process.stdout.read(), process.stderr.read()
        assert process.wait() == status, errors
    step = read_checkpoint(out / "last.pt")["step"]
    assert step >= 3
    assert f"stopped at step {step} of 500; --resume goes on" in rest
    assert "Traceback" not in errors
    (note,) = (line for line in errors.splitlines() if "go on with: " in line)
    assert note.endswith(f"--validate-every 500 --out '{out}' --resume")
    assert (out / "log.png").exists()


def test_a_loss_that_is_not_finite_ends_the_run(data: Path, tmp_path: Path) -> None:
    run = Run.begin(recipe(data, tmp_path), TRAINING_TASKS["matte"])
    schedule = Schedule((4,))
    batch = {"image": torch.rand(2, 3, 64, 64), "alpha": torch.rand(2, 1, 64, 64)}
    run.train_step(batch, 1.0)
    assert run.log_steps(schedule)["step"] == 1
    batch["image"][0, 0, 0, 0] = torch.nan
    run.train_step(batch, 1.0)
    with pytest.raises(
        InputError, match=r"^--learning-rate 0\.001: the loss is nan at step 2; give"
    ):
        run.log_steps(schedule)
