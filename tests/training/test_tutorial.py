"""The tutorial "Train on your own photos" is true: its commands run, in order, as they stand.

Three things differ from the page, and nothing else:

- `pip install` is not run: the extra is installed already.
- `SMALL` is appended to each training command. The last of two equal options counts, so that a run
  of 300 steps becomes one of 24 on a small canvas, on one thread.
- The run is not stopped by Ctrl-C but killed (SIGKILL) three times at random moments.
"""

from __future__ import annotations

import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
from importlib.metadata import metadata
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("tensorboard", reason="needs the extra train")
pytest.importorskip("skimage", reason="needs the extra demo")
if sys.platform == "win32":
    pytest.skip("Windows cannot kill a group of processes", allow_module_level=True)

import depthmatte  # noqa: E402
from depthmatte.training.checkpoint import read_checkpoint  # noqa: E402
from drawn_people import draw_person, draw_place, write_pair  # noqa: E402
from known_people import onto  # noqa: E402

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "your-own-photos.md"
SMALL = shlex.split(
    "--steps 24 --save-every 2 --validate-every 12 --log-every 1 "
    "--preset 96x64 --batch 2 --threads 1"
)
KILLS = ((1, 6), (9, 12), (15, 18))
"""The steps in which the run is killed: one of each pair or between."""

ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(Path(depthmatte.__file__).parents[1]),
    "OMP_NUM_THREADS": "1",
}
SHAPE = (320, 240)


def page_commands() -> list[list[str]]:
    """The commands of the page's bash blocks, in order, as words."""
    text = "".join(re.findall(r"```bash\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))
    return [shlex.split(line) for line in text.replace("\\\n", " ").splitlines() if line]


def command(words: list[str]) -> list[str]:
    """The process of a command of the page."""
    assert words[0] == "depthmatte"
    small = SMALL if words[1:3] == ["train", "matte"] else []
    return [sys.executable, "-m", "depthmatte", *words[1:], *small]


def run(words: list[str], folder: Path) -> str:
    """Run a command of the page in a folder; what it printed."""
    done = subprocess.run(
        command(words), cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout


def kill_amid(words: list[str], folder: Path, step: int, pause: float) -> None:
    """Start a training of the page, and kill it and its worker some moment after a step."""
    process = subprocess.Popen(
        command(words), cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if f"step {step}/" in line:
            break
    else:
        pytest.fail("".join(said))
    time.sleep(pause)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def lay_out(folder: Path) -> np.ndarray:
    """What the reader of the page has: 40 photos, four for tests, one to cut; the latter's mask."""
    for seed in range(40):
        if seed % 2:
            known = onto(
                draw_place(seed, SHAPE), 10 + 12 * (seed % 7), 0.4 + 0.01 * seed,
                mirrored=seed % 4 == 1, light=0.7 + 0.015 * seed,
            )  # fmt: skip
            pair = known.rgb, np.rint(known.alpha * 255).astype(np.uint8)
        else:
            pair = draw_person(seed, SHAPE)
        write_pair(folder / "photos", f"{seed:02}", *pair)
    for seed in range(4):
        place = draw_place(100 + seed, SHAPE)
        known = onto(place, 20 + 9 * seed, 0.5 + 0.05 * seed, mirrored=seed % 2 == 1)
        write_pair(
            folder / "tests", f"{seed}", known.rgb, np.rint(known.alpha * 255).astype(np.uint8)
        )
    known = onto(draw_place(200, SHAPE), 30, 0.6)
    cv2.imwrite(str(folder / "photo.jpg"), known.rgb[..., ::-1])
    return known.alpha > 0.5


def weights(file: Path) -> dict[str, torch.Tensor]:
    """Every weight of a checkpoint: of the network and of the average that is exported."""
    state = read_checkpoint(file)
    return {
        f"{part} {name}": value
        for part in ("network", "mean")
        if part in state
        for name, value in state[part].items()
    }


def overlap(mask: np.ndarray, truth: np.ndarray) -> float:
    """IoU of two boolean masks."""
    return float((mask & truth).sum() / (mask | truth).sum())


def test_the_extra_of_the_page_exists() -> None:
    install = page_commands()[0]
    assert install == ["pip", "install", "depthmatte[train]"]
    assert "train" in metadata("depthmatte").get_all("Provides-Extra", [])


@pytest.mark.long
def test_the_tutorial_runs_as_it_stands(tmp_path: Path) -> None:
    _, check, train, resume, report, export, cut, *evaluations = page_commands()
    assert resume == [*train, "--resume"]
    folder, unbroken = tmp_path / "killed", tmp_path / "unbroken"
    truth = lay_out(folder)
    lay_out(unbroken)

    said = run(check, folder)
    assert "set photos: 36 photos to train on, 4 held out, images/ with masks/ in photos" in said
    assert "error" not in said

    beside = subprocess.Popen(
        command(train), cwd=unbroken, env=ENVIRONMENT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    draw = random.Random(os.urandom(8))
    for count, steps in enumerate(KILLS):
        kill_amid(resume if count else train, folder, draw.randint(*steps), draw.random() * 0.2)
        state = read_checkpoint(folder / "work" / "mine" / "last.pt")
        assert steps[0] - 1 <= state["step"] < 24
        assert not state["finished"]
        assert not (folder / "work" / "mine" / "report.html").exists()
    assert "32 photos to train on, 8 held out" in run(resume, folder)

    whole, errors = beside.communicate()
    assert beside.returncode == 0, whole + errors
    assert "report work/mine/report.html" in whole
    for name in ("last.pt", "best.pt"):
        one, other = (weights(place / "work" / "mine" / name) for place in (folder, unbroken))
        assert len(one) > 100
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one), name

    assert "work/mine/report.html" in run(report, folder)
    page = (folder / "work" / "mine" / "report.html").read_text("utf-8")
    for heading in ("Validation photos", "Curves", "Worst cases"):  # as the page calls them
        assert f">{heading}<" in page
        assert f"**{heading}**" in PAGE.read_text("utf-8")

    assert run(export, folder).startswith("mine.onnx: ")
    run(cut, folder)
    cutout = cv2.imread(str(folder / "out" / "photo.cutout.png"), cv2.IMREAD_UNCHANGED)
    assert cutout is not None
    assert cutout.shape == (*SHAPE, 4)
    assert overlap(cutout[..., 3] > 127, truth) >= 0.9

    assert len(evaluations) == 2
    before, after = (run(words, folder).splitlines() for words in evaluations)
    assert before[0] == after[0] == "tests"
    assert before != after  # another network
    columns = re.split(r"\s{2,}", after[1].strip())
    rows = {
        name: dict(zip(columns, values, strict=True)) for name, *values in map(str.split, after[2:])
    }
    assert float(rows["adaptive"]["IoU"]) >= 0.9
    assert {"IoU", "bIoU", "adaptive", "none"} <= {*columns, *rows}
