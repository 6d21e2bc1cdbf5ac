"""A run is never destroyed: what is there is refused, written whole, and can be gone on with."""

from __future__ import annotations

import csv
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("matplotlib", reason="needs the extra train")

import depthmatte.training.reporting.run_output as outputs  # noqa: E402
from depthmatte.errors import InputError  # noqa: E402
from depthmatte.training.checkpoint import (  # noqa: E402
    RUN_FILES,
    read_checkpoint,
    write_checkpoint,
)
from depthmatte.training.export import export_checkpoint  # noqa: E402
from depthmatte.training.loop import load_batches, plan_batches, train  # noqa: E402
from depthmatte.training.recipe import Recipe  # noqa: E402
from depthmatte.training.reporting.curves import plot_log  # noqa: E402
from depthmatte.training.reporting.log import read_log, write_log  # noqa: E402
from depthmatte.training.types import SampleKey, TrainingSample  # noqa: E402
from depthmatte.training.weight_average import average_checkpoints  # noqa: E402


def recipe(data: Path, out: Path, **more: Any) -> Recipe:
    """A run of two steps."""
    small = {"epochs": 1, "batch_size": 2, "encoder": "mobilenet", "preset": (64, 64),
             "workers": 0, "limit": 2, "threads": 1}  # fmt: skip
    if more.get("task") == "fuse":
        del small["encoder"]  # it has one of its own
    return Recipe(**{"task": "matte", "data": data, "out": out, **small, **more})


def quiet(line: str) -> None:
    """Say nothing."""


@pytest.fixture(scope="module")
def done(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run of one epoch."""
    out = tmp_path_factory.mktemp("runs") / "done"
    train(recipe(data, out), quiet)
    return out


@pytest.fixture
def earlier(done: Path, tmp_path: Path) -> Path:
    """A copy of it to do things to."""
    return Path(shutil.copytree(done, tmp_path / "run"))


def content(folder: Path) -> dict[str, bytes]:
    """The files of a run; each name of an event file is another."""
    return {
        path.name if path.parent == folder else path.parent.name: path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "replaced-" not in str(path.relative_to(folder))
    }


def epochs(folder: Path) -> list[str]:
    return [row["epoch"] for row in csv.DictReader((folder / "log.csv").read_text().splitlines())]


@pytest.mark.parametrize("left", [RUN_FILES, *[(name,) for name in RUN_FILES]])
def test_an_earlier_run_is_refused_and_stays_as_it_was(
    data: Path, earlier: Path, left: tuple[str, ...]
) -> None:
    for name in set(RUN_FILES) - set(left):
        place = earlier / name
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    before = content(earlier)
    with pytest.raises(InputError, match=r"holds an earlier run .*--resume .*--replace") as caught:
        train(recipe(data, earlier), quiet)
    assert "\n" not in str(caught.value)
    assert content(earlier) == before


def test_replace_moves_it_aside_when_all_is_checked(data: Path, earlier: Path) -> None:
    before = content(earlier)
    with pytest.raises(InputError, match="is no folder"):
        train(recipe(data / "nowhere", earlier), quiet, replace=True)
    assert content(earlier) == before
    for number in (1, 2):
        first = content(earlier)
        train(recipe(data, earlier, seed=5 + number), quiet, replace=True)
        assert content(earlier / f"replaced-{number}") == first
        assert read_checkpoint(earlier / "last.pt")["recipe"]["seed"] == 5 + number
    assert content(earlier / "replaced-1") == before
    assert content(earlier).keys() == set(RUN_FILES)
    assert epochs(earlier) == ["0"]


def test_resume_goes_on_with_log_and_plot(data: Path, earlier: Path) -> None:
    before = content(earlier)
    train(recipe(data, earlier, epochs=2), quiet, resume=True)
    assert epochs(earlier) == ["0", "1"]
    assert (earlier / "log.csv").read_bytes().startswith(before["log.csv"])
    assert content(earlier).keys() == set(RUN_FILES)


def test_a_stop_between_checkpoint_and_log_loses_nothing(data: Path, earlier: Path) -> None:
    log = (earlier / "log.csv").read_bytes()
    for name in set(RUN_FILES) - {"last.pt", "best.pt", "tensorboard"}:
        (earlier / name).unlink()
    shutil.rmtree(earlier / "tensorboard")
    train(recipe(data, earlier), quiet, resume=True)  # nothing is left to do
    assert (earlier / "log.csv").read_bytes() == log
    assert content(earlier).keys() == set(RUN_FILES)


def test_a_run_of_old_keeps_its_log_file(data: Path, earlier: Path) -> None:
    """Checkpoints of before held no log; a row past the checkpoint belongs to a lost epoch."""
    state = read_checkpoint(earlier / "last.pt")
    rows = state.pop("log")
    write_checkpoint(earlier / "last.pt", state)
    write_log(earlier / "log.csv", [*rows, {**rows[0], "epoch": 1}])
    train(recipe(data, earlier, epochs=2), quiet, resume=True)
    assert epochs(earlier) == ["0", "1"]


def test_option_names_of_old_checkpoints_are_read_as_those_of_today(
    data: Path, earlier: Path, tmp_path: Path
) -> None:
    state = read_checkpoint(earlier / "last.pt")
    today = dict(state["recipe"])
    old = {"batch_size": "batch", "learning_rate": "rate", "ema_decay": "average"}
    state["recipe"] = {old.get(name, name): value for name, value in today.items()}
    assert {"batch", "rate", "average"} <= state["recipe"].keys()
    write_checkpoint(earlier / "last.pt", state)
    assert read_checkpoint(earlier / "last.pt")["recipe"] == today
    train(recipe(data, earlier, epochs=2), quiet, resume=True)
    assert epochs(earlier) == ["0", "1"]


@pytest.mark.parametrize("there", [False, True])
def test_resume_without_a_checkpoint_is_one_clear_line(
    data: Path, tmp_path: Path, there: bool
) -> None:
    out = tmp_path / "run"
    if there:
        out.mkdir()
    with pytest.raises(InputError, match=r"last\.pt: no checkpoint to go on from; leave --resume"):
        train(recipe(data, out), quiet, resume=True)
    assert out.exists() == there


def test_resume_with_another_network_is_one_clear_line(data: Path, earlier: Path) -> None:
    before = content(earlier)
    for changed in ({"task": "depth"}, {"encoder": "resnet"}, {"freeze": 1}):
        with pytest.raises(InputError, match=r"its run has \w+ \w+, not \w+; give the same"):
            train(recipe(data, earlier, **changed), quiet, resume=True)
    state = read_checkpoint(earlier / "last.pt")
    first = next(iter(state["network"]))
    for broken, line in (
        ({**state, "network": {**state["network"], first: torch.zeros(3)}}, "of another version"),
        ({"recipe": state["recipe"], "mean": state["mean"]}, "weights but no run to go on with"),
    ):
        write_checkpoint(earlier / "last.pt", broken)
        with pytest.raises(InputError, match=line) as caught:
            train(recipe(data, earlier), quiet, resume=True)
        assert "\n" not in str(caught.value)
    assert {**content(earlier), "last.pt": before["last.pt"]} == before


def other_task(folder: Path, state: dict[str, Any]) -> Path:
    """A checkpoint none of whose weights belong to the portrait network."""
    path = folder / "other.pt"
    write_checkpoint(path, {**state, "mean": {"strange.weight": torch.zeros(3, 3)}})
    return path


def test_wrong_material_is_one_line_before_anything_is_written(
    data: Path, done: Path, tmp_path: Path
) -> None:
    out, file, empty = tmp_path / "run", tmp_path / "file", tmp_path / "empty"
    file.write_bytes(b"no checkpoint")
    empty.mkdir()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    other = other_task(tmp_path, read_checkpoint(done / "last.pt"))
    for changed, line in (
        ({"data": tmp_path / "nowhere"}, "nowhere: is no folder; give the data folder"),
        ({"data": file}, "file: is no list or export; give .csv, .jsonl"),
        ({"data": file, "task": "depth"}, "file: is no folder; give the data folder"),
        ({"data": empty}, "holds no photos with masks; give a folder with images/"),
        ({"start": str(file)}, "file: is no checkpoint of depthmatte train"),
        ({"start": str(empty)}, "empty: is no checkpoint of depthmatte train"),
        ({"start": str(pipe)}, "pipe: is no checkpoint of depthmatte train"),
        ({"start": str(tmp_path / "no.pt")}, r"no\.pt: no such file or directory; check the path"),
        ({"start": str(other)}, "none of its weights fit the matte network"),
        ({"labels": tmp_path / "no"}, "no: is no folder; give the folder of labels"),
        ({"labels": empty}, r"holds no labels \(\.png\); make them with .* train labels matte"),
        ({"task": "depth", "labels": empty}, r"holds no labels \(\.npy\)"),
        ({"task": "fuse", "labels": empty}, "holds no train maps; make them with"),
        ({"task": "fuse"}, "--labels: no maps to learn from; make them with"),
        ({"batch_size": 4000, "limit": 0}, "gives no batch of 4000; add photos"),
    ):
        with pytest.raises(InputError, match=line) as caught:
            train(recipe(**{"data": data, "out": out, **changed}), quiet)
        assert "\n" not in str(caught.value), line
        assert not out.exists(), line


@pytest.mark.parametrize("folder", ["backgrounds", "cutouts", "objects"])
def test_too_few_pictures_are_one_clear_line(data: Path, tmp_path: Path, folder: str) -> None:
    copy = Path(shutil.copytree(data, tmp_path / "data"))
    for path in sorted((copy / folder).iterdir())[1:]:
        path.unlink()
    (copy / folder / ".hidden").touch()
    with pytest.raises(InputError, match=f"{folder}: holds too few pictures"):
        train(recipe(copy, tmp_path / "run", task="stereo"), quiet)
    assert not (tmp_path / "run").exists()


def test_a_place_that_cannot_hold_a_run_is_refused_first(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="no folder can be written there; give another --out"):
            train(recipe(data, out), quiet)
    train(recipe(data, tmp_path / "new" / "deep"), quiet)
    assert content(tmp_path / "new" / "deep").keys() == set(RUN_FILES)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_picture_ends_the_run_with_one_line(
    data: Path, tmp_path: Path, workers: int
) -> None:
    copy = Path(shutil.copytree(data, tmp_path / "data"))
    for path in (copy / "backgrounds").iterdir():
        path.write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"^\S+png: cannot be decoded; remove it or mend it$"):
        train(recipe(copy, tmp_path / "run", task="stereo", workers=workers), quiet)


def test_damaged_photos_are_listed_before_the_first_step(data: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(data, tmp_path / "data"))
    for path in (copy / "backgrounds").iterdir():
        path.write_bytes(b"no picture")
    said: list[str] = []
    line = r"^\S+backgrounds: 4 photos that cannot be decoded; see depthmatte train check, mend"
    with pytest.raises(InputError, match=line):
        train(recipe(copy, tmp_path / "run"), said.append)
    assert sum(one.startswith("error: backgrounds: 4 photos that cannot") for one in said) == 1
    assert not (tmp_path / "run").exists()
    train(recipe(copy, tmp_path / "run", skip_bad=True), quiet)


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """No file may grow beyond `room` bytes."""
    resource = pytest.importorskip("resource", reason="this platform has no limits")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def test_a_full_disk_keeps_the_earlier_files_and_leaves_no_draft(tmp_path: Path) -> None:
    rows: list[dict[str, float]] = [
        {"epoch": n, "loss": 1 / (n + 1), "validation": 0.5} for n in range(2000)
    ]
    state = {"recipe": {"task": "matte"}, "mean": {"w": torch.zeros(100_000)}}
    writers = {
        "last.pt": lambda path: write_checkpoint(path, state),
        "log.csv": lambda path: write_log(path, rows),
        "log.png": lambda path: plot_log(path, rows),
    }
    for name, write in writers.items():
        path = tmp_path / name
        path.write_bytes(b"earlier")
        with full_disk(2000), pytest.raises(InputError, match=rf"{name}: cannot be written"):
            write(path)
        assert content(tmp_path)[name] == b"earlier"
        write(path)
        assert path.stat().st_size > 2000
    assert content(tmp_path).keys() == set(writers)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_damaged_checkpoint_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    path = folder / "last.pt"
    mean = {"w": torch.arange(6.0), "b": torch.ones(2)}
    write_checkpoint(path, {"recipe": {"task": "matte", "seed": 3}, "mean": mean, "epoch": 1})
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        state = read_checkpoint(path)
    except InputError as error:
        line = str(error)
    else:
        assert {"recipe", "mean"} <= state.keys()
        line = "last.pt: read"
    assert "last.pt: " in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "text", ["epoch,loss\n0,much\n", "epoch,loss\n0,1,2\n", "name\nx\n", "\0", "\xff" * 9]
)
def test_another_file_is_no_log(tmp_path: Path, text: str) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"log\.csv: is no log of a run; move it elsewhere"):
        read_log(path)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["loss", "edge", "validation"]), st.floats(0, 9)),
        max_size=5,
    )
)
def test_a_log_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, float]]
) -> None:
    path = tmp_path_factory.mktemp("log") / "log.csv"
    log = [{"epoch": index, **row} for index, row in enumerate(rows)]
    assert read_log(path) == []
    write_log(path, log)
    assert read_log(path) == log


def test_a_checkpoint_that_is_read_is_no_target(done: Path, earlier: Path) -> None:
    before = content(earlier)
    link = earlier.parent / "link.onnx"
    link.hardlink_to(earlier / "last.pt")
    for out in (earlier / "last.pt", link):
        with pytest.raises(InputError, match="is an input and is not overwritten"):
            export_checkpoint(earlier / "last.pt", out)
        with pytest.raises(InputError, match="is an input and is not overwritten"):
            average_checkpoints([done / "last.pt", earlier / "last.pt"], (1, 1), out)
    another = Path(shutil.copytree(done, earlier.parent / "another"))
    for name in RUN_FILES:
        with pytest.raises(InputError, match="is a run's and is not overwritten; write elsewhere"):
            average_checkpoints([done / "last.pt", earlier / "last.pt"], (1, 1), another / name)
        with pytest.raises(InputError, match="is a run's and is not overwritten; write elsewhere"):
            export_checkpoint(earlier / "last.pt", another / name)
    assert content(earlier) == before
    assert content(another) == content(done)


def test_weights_that_do_not_fit_are_not_exported(done: Path, tmp_path: Path) -> None:
    other = other_task(tmp_path, read_checkpoint(done / "last.pt"))
    with pytest.raises(InputError, match=r"other\.pt: its weights do not fit the matte network"):
        export_checkpoint(other, tmp_path / "out.onnx")
    assert not (tmp_path / "out.onnx").exists()


def test_a_checkpoint_is_written_before_what_follows_from_it(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were the log written first, a stop in between would leave a row without its weights."""
    written: list[str] = []
    for name in ("write_checkpoint", "write_log", "plot_log"):
        real = getattr(outputs, name)
        monkeypatch.setattr(
            outputs,
            name,
            lambda path, *rest, real=real: (written.append(path.name), real(path, *rest)),
        )
    train(recipe(data, tmp_path / "run"), quiet)
    assert written == [
        "last.pt",  # before the first step
        *("last.pt", "steps.csv"),  # before the validation
        *("best.pt", "last.pt", "log.csv", "steps.csv", "log.png"),
    ]


class EndlessSamples:
    """Samples whose second one is never done, as on a machine that is far too busy."""

    def __init__(self) -> None:
        self.shares = [1.0] * 4
        self.made = 0

    def sample(self, key: SampleKey) -> TrainingSample:
        if self.made:
            time.sleep(3600)
        self.made += 1
        return {"image": np.zeros((3, 32, 32), np.float32)}


def test_processes_of_a_loader_end_with_it(tmp_path: Path) -> None:
    one_worker = recipe(tmp_path, tmp_path, workers=1, batch_size=1, limit=0)
    samples: Any = EndlessSamples()
    before = active_children()
    with load_batches(one_worker, samples, plan_batches(one_worker, samples)) as batches:
        assert next(batches)["image"].shape == (1, 3, 32, 32)
        assert active_children() != before
    assert active_children() == before
