"""batch.workers.ray_tasks: Ray gives the same bytes and record, and bears the loss of a worker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from batch_photos import SRC, cut, draw_photos, environment, pictures, result_rows
from typer.testing import CliRunner

from depthmatte.cli.app import app

pytest.importorskip("ray", reason="needs the extra ray")

LOSSES = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from batch_losses import make
from depthmatte.batch.workers.ray_tasks import run_tasks_on_ray
place = sys.argv[2]
tasks = [f"{place}/{what}" for what in ("fine", "once", "always", "raise", "last")]
for outcome in run_tasks_on_ray(tasks, make, "local", actors=1, task_name=lambda t: Path(t).name):
    print(Path(outcome.task).name, outcome.result, outcome.error, sep="|")
"""


@pytest.mark.long
def test_ray_gives_the_same_bytes_and_record(tmp_path: Path, tiny_networks: list[str]) -> None:
    draw_photos(tmp_path / "photos", 4)
    (tmp_path / "photos" / "zz.png").write_bytes(b"bad")
    wanted = ["--save", "alpha,cutout", *tiny_networks]
    done = cut(tmp_path / "photos", "-o", tmp_path / "ray", "--ray", "local", "--jobs", 2, *wanted)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "4 done, 1 failed", done.stderr
    assert "Traceback" not in done.stderr
    arguments = [str(tmp_path / "photos"), "-o", str(tmp_path / "alone"), "--jobs", "1", *wanted]
    alone = CliRunner().invoke(app, ["cut", *arguments])
    assert alone.stdout.replace("alone", "ray") == done.stdout
    assert pictures(tmp_path / "ray") == pictures(tmp_path / "alone")
    kept = ("file", "status", "found", "outputs", "error", "versions")
    rows, others = result_rows(tmp_path / "ray"), result_rows(tmp_path / "alone")
    assert [{k: row.get(k) for k in kept} for row in rows] == [
        {k: row.get(k) for k in kept} for row in others
    ]


@pytest.mark.long
def test_a_task_survives_the_loss_of_one_worker(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOSSES, str(Path(__file__).parent), str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment(PYTHONPATH=os.pathsep.join([str(SRC), str(Path(__file__).parent)])),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split("|") for line in done.stdout.splitlines()]
    assert [row[:2] for row in rows] == [
        ["fine", "fine"], ["once", "once"], ["always", "None"], ["raise", "None"],
        ["last", "last"],
    ]  # fmt: skip
    assert rows[2][2].startswith("always: the workers that cut it were lost")
    assert rows[3][2] == "raise: is bad; mend it"
