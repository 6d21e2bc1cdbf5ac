"""What a run leaves to be read: TensorBoard events, logs, report, JSON lines, its folder."""

from __future__ import annotations

import csv
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("tensorboard", reason="needs the extra train")

from depthmatte.cli.commands.training.run import _resume_command  # noqa: E402
from depthmatte.cli.commands.training.train import train_app  # noqa: E402
from depthmatte.errors import InputError  # noqa: E402
from depthmatte.evaluation.depth_metrics import reliability_table  # noqa: E402
from depthmatte.evaluation.metrics import boundary_iou, iou, mae  # noqa: E402
from depthmatte.system.html_page import HtmlPage  # noqa: E402
from depthmatte.training.checkpoint import read_checkpoint, write_checkpoint  # noqa: E402
from depthmatte.training.loop import train  # noqa: E402
from depthmatte.training.recipe import ExistingRun, Recipe  # noqa: E402
from depthmatte.training.reporting.events import RunEvent, format_duration  # noqa: E402
from depthmatte.training.reporting.held_out import ALL_SETS, measure_held_out  # noqa: E402
from depthmatte.training.reporting.report import write_report  # noqa: E402
from depthmatte.training.reporting.run_folder import (  # noqa: E402
    choose_run_folder,
    claim_run_folder,
)
from depthmatte.training.tasks.task import HeldOutCase  # noqa: E402

EVENTS: list[RunEvent] = []
LINES: list[str] = []


@pytest.fixture(scope="module")
def out(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of seven steps, validated at 3, 6 and 7, from the shipped network."""
    recipe = Recipe(
        task="matte", data=data, out=tmp_path_factory.mktemp("run") / "<b>&run", batch_size=2,
        preset=(64, 64), workers=0, threads=1, steps=7, validate_every=3, log_every=2,
        start="matte", learning_rate=1e-3,
    )  # fmt: skip
    return train(recipe, LINES.append, watch=EVENTS.append).parent


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_logs_have_a_row_for_each_validation_and_every_few_steps(out: Path) -> None:
    log, steps = rows(out / "log.csv"), rows(out / "steps.csv")
    assert [row["step"] for row in log] == ["3", "6", "7"]
    assert [row["step"] for row in steps] == ["1", "2", "3", "4", "6", "7"]
    # A row holds the mean since the row before it.
    spans = np.diff([0, *(int(row["step"]) for row in steps)])
    losses = np.array([float(row["loss"]) for row in steps])
    assert float(log[0]["loss"]) == pytest.approx((losses[:3] * spans[:3]).sum() / 3, rel=1e-5)
    assert float(log[2]["loss"]) == pytest.approx(losses[5], rel=1e-5)
    terms = [
        name for name in log[0] if name not in ("epoch", "step", "loss", "validation", "seconds")
    ]
    assert sum(float(log[1][name]) for name in terms) == pytest.approx(float(log[1]["loss"]))
    assert [float(row["rate"]) for row in steps][-1] < 1e-3


def test_best_is_the_least_error_and_last_the_last(out: Path) -> None:
    errors = [float(row["validation"]) for row in rows(out / "log.csv")]
    best, last = read_checkpoint(out / "best.pt"), read_checkpoint(out / "last.pt")
    assert best["error"] == min(errors)
    assert best["step"] == int(rows(out / "log.csv")[int(np.argmin(errors))]["step"])
    assert last["step"] == 7
    assert last["finished"] == "all steps done"
    assert best.keys() == {"recipe", "step", "epoch", "error", "data", "mean"}


def test_tensorboard_reads_what_the_logs_say(out: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(out / "tensorboard"))
    events.Reload()
    for group, name in (("train", "steps.csv"), ("validation", "log.csv")):
        table = rows(out / name)
        for column in table[0].keys() - {"epoch", "step"}:
            scalars = events.Scalars(f"{group}/{column}")
            assert [one.step for one in scalars] == [int(row["step"]) for row in table]
            told = [float(row[column]) for row in table]
            assert [one.value for one in scalars] == pytest.approx(told, rel=1e-6)


class Reader(HTMLParser):
    """Collects what a page asks for and says."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [v or "" for k, v in attrs if k in ("src", "href", "srcset", "data")]

    def handle_data(self, data: str) -> None:
        self.text += data


def read_page(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader


def test_the_report_is_one_file_that_asks_for_nothing(out: Path) -> None:
    text = (out / "report.html").read_text("utf-8")
    page = read_page(text)
    assert page.sources
    assert all(source.startswith("data:image/") for source in page.sources)
    assert "url(" not in text
    assert not {"script", "link", "iframe", "b"} & set(page.tags)
    assert "<b>&run" in page.text
    for heading in ("Validation photos", "Curves", "Worst cases", "Calibration", "Recipe", "Data"):
        assert heading in page.text
    for word in ("picsart", "ccp", "ECE", "learning_rate", "start → now", "backgrounds"):
        assert word in page.text
    assert "ECE nan" not in page.text


def test_a_report_is_made_of_a_run_that_is_not_finished(out: Path, tmp_path: Path) -> None:
    """Also where data and start are gone: what can be shown is shown, and a line says the rest."""
    state = read_checkpoint(out / "last.pt")
    state["recipe"]["data"] = str(tmp_path / "gone")
    write_checkpoint(tmp_path / "last.pt", {**state, "finished": ""})
    run = CliRunner().invoke(train_app, ["report", str(tmp_path)])
    assert run.exit_code == 0, run.output
    assert "report: a part is left out: " in run.output
    page = read_page((tmp_path / "report.html").read_text("utf-8"))
    assert "Not finished." in page.text
    assert "Worst cases" not in page.text
    with pytest.raises(InputError, match=r"last\.pt: no such file"):
        write_report(tmp_path / "nowhere")


def test_events_tell_time_left_from_the_first_step(out: Path) -> None:
    first = [event.kind for event in EVENTS].index("begin")
    assert {event.kind for event in EVENTS[:first]} == {"note"}  # what is known of the photos
    assert EVENTS[first + 1].kind == "log"
    last = [event.kind for event in EVENTS].index("end")
    assert {event.kind for event in EVENTS[last + 1 :]} == {"note"}  # where the report is
    after_first = [event for event in EVENTS if event.step >= 1]
    assert all(event.values["seconds_left"] >= 0 for event in after_first)
    assert [event.step for event in EVENTS if event.kind == "validation"] == [3, 6, 7]
    assert [event.text for event in EVENTS if event.text] == LINES
    assert {event.steps for event in EVENTS[first:]} == {7}


@pytest.mark.parametrize("style", ["--json", "--quiet"])
def test_json_lines_and_quiet(data: Path, tmp_path: Path, style: str) -> None:
    run = CliRunner().invoke(
        train_app,
        ["matte", "--data", str(data), "-o", str(tmp_path / "run"), "--encoder", "mobilenet",
         "--preset", "64x64", "--batch", "2", "--workers", "0", "--threads", "1", "--steps", "1",
         style],
    )  # fmt: skip
    assert run.exit_code == 0, run.output
    if style == "--quiet":
        assert run.output == ""
        return
    told = [json.loads(line) for line in run.stdout.splitlines()]
    told = [one for one in told if one["event"] != "note"]
    kinds = [one["event"] for one in told]
    assert kinds == ["begin", "log", "validation", "end", "checkpoint"]
    assert 0 <= told[2]["validation"] <= 1
    assert told[-1]["file"] == str(tmp_path / "run" / "last.pt")


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["train", "matte", "--data", "my data"], "train matte --data 'my data'"),
        (["train", "matte", "-o", "x", "--steps", "3"], "train matte --steps 3"),
        (["train", "fuse", "--out=x", "--replace"], "train fuse"),
        (["train", "fuse", "--out", "x", "--resume"], "train fuse"),
    ],
)
def test_the_command_that_goes_on(words: list[str], kept: str) -> None:
    assert _resume_command(words, Path("a b")) == f"depthmatte {kept} --out 'a b' --resume"


def make_run(folder: Path, finished: str) -> None:
    folder.mkdir(parents=True)
    state = {"recipe": {"task": "matte"}, "mean": {"w": torch.zeros(1)}, "finished": finished}
    write_checkpoint(folder / "last.pt", state)


def test_runs_without_a_folder_are_numbered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = Recipe("matte", Path("D"))
    fresh, resumed = ExistingRun(), ExistingRun(resume=True)
    assert choose_run_folder(recipe, fresh) == Path("work/matte-1")
    assert not Path("work").exists()
    with pytest.raises(InputError, match=r"--resume: no run in work/matte-.* is unfinished"):
        choose_run_folder(recipe, resumed)
    for number, finished in ((1, ""), (2, ""), (10, "converged")):
        make_run(Path(f"work/matte-{number}"), finished)
    for other in ("matte-new", "matte-011", "depth-30"):
        make_run(Path("work") / other, "")
    assert choose_run_folder(recipe, resumed) == Path("work/matte-2")
    assert choose_run_folder(recipe, fresh) == Path("work/matte-11")
    with pytest.raises(InputError, match=r"--replace: .*; give the run's --out"):
        choose_run_folder(recipe, ExistingRun(replace=True))
    # Two that start at once do not share a folder.
    first, second = (
        claim_run_folder(Path("work/matte-11"), True, fresh, "matte") for _ in range(2)
    )
    assert (first, second) == (Path("work/matte-11"), Path("work/matte-12"))


@st.composite
def answers(draw: st.DrawFn) -> HeldOutCase:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.integers(8, 24)), draw(st.integers(8, 24))
    truth = (rng.random(shape) < draw(st.floats(0, 1))).astype(np.float32)
    alpha = rng.random(shape, np.float32)
    group = draw(st.sampled_from(["a", "b"]))
    return HeldOutCase("x.png", group, np.zeros((*shape, 3), np.uint8), truth, alpha, 1 - alpha)


@given(st.lists(answers(), min_size=1, max_size=8), st.integers(0, 9))
def test_figures_are_means_and_the_worst_are_kept(cases: list[HeldOutCase], worst: int) -> None:
    found = measure_held_out(iter(cases), worst, kept=[0])
    scores = [iou(case.alpha, case.truth) for case in cases]
    assert found.scores == scores
    wanted = {0, *sorted(range(len(cases)), key=scores.__getitem__)[:worst]}
    assert found.kept.keys() == wanted
    for name in {case.group for case in cases} | {ALL_SETS}:
        group = [case for case in cases if name in (case.group, ALL_SETS)]
        assert found.counts[name] == len(group)
        for metric, function in (("iou", iou), ("mae", mae), ("boundary_iou", boundary_iou)):
            mean = np.mean([function(case.alpha, case.truth) for case in group])
            assert found.sets[name][metric] == pytest.approx(mean)
    whole = reliability_table(
        np.concatenate([case.alpha.ravel() for case in cases]),
        np.concatenate([case.truth.ravel() for case in cases]) >= 0.5,
    )
    for merged, at_once in zip(found.reliability["alpha"], whole, strict=True):
        assert merged.pixels == at_once.pixels
        assert merged[:2] == pytest.approx(at_once[:2], nan_ok=True)


def test_without_cases_there_are_no_figures() -> None:
    found = measure_held_out(())
    assert (found.sets, found.counts, found.kept, found.reliability) == ({}, {ALL_SETS: 0}, {}, {})


@given(st.text(max_size=40))
def test_text_out_of_files_is_only_text(text: str) -> None:
    page = HtmlPage(text)
    page.add_text(text)
    page.add_table([text], [[text, (text, "better")]])
    plain = read_page(str(page))
    empty = HtmlPage("x")
    empty.add_text("x")
    empty.add_table(["x"], [["x", ("x", "better")]])
    assert plain.tags == read_page(str(empty)).tags
    assert plain.sources == []


@given(st.floats(0, 1e7))
def test_a_duration_is_told_in_words(seconds: float) -> None:
    text = format_duration(seconds)
    numbers = [int(word) for word in re.findall(r"\d+", text)]
    units = re.findall(r"[a-z]+", text)
    told = sum(n * {"s": 1, "min": 60, "h": 3600}[u] for n, u in zip(numbers, units, strict=True))
    assert math.isclose(told, seconds, abs_tol=0.51 if units == ["s"] else 30.1)
