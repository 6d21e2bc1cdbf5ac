"""How tests run the command line on two small photos with tiny networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from typer.testing import CliRunner

import depthmatte
from depthmatte.batch.record import RESULTS_NAME as RESULTS
from depthmatte.cli.app import app
from depthmatte.io.files.resume_journal import JOURNAL_NAME as JOURNAL

SRC = Path(depthmatte.__file__).parent.parent


runner = CliRunner()


def person(height: int = 90, width: int = 60) -> np.ndarray:
    """A red and green "person" at the middle: portrait, certain, and near for the tiny networks."""
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[..., 2] = 200
    rgb[height // 4 : -height // 4, width // 4 : -width // 4] = (255, 255, 0)
    return rgb


def run(*arguments: object) -> Any:
    """One command; photos are cut in this process, unless it says otherwise."""
    alone = ["--jobs", "1"] if arguments[0] == "cut" and "--jobs" not in arguments else []
    return runner.invoke(app, [*map(str, arguments), *alone])


def files(folder: str) -> list[str]:
    found = (path for path in Path(folder).rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if path.name not in (JOURNAL, RESULTS))
