"""Small photos, tiny networks and runs of the command for tests of batches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import depthmatte
from depthmatte.batch.record import RESULTS_NAME
from depthmatte.io.files.resume_journal import JOURNAL_NAME

SRC = Path(depthmatte.__file__).parent.parent
RECORD = (RESULTS_NAME, JOURNAL_NAME)


def draw_person(seed: int = 0, height: int = 90, width: int = 60) -> np.ndarray:
    """A red and green "person" for the tiny networks, with grain so that no two are alike."""
    rgb = np.random.default_rng(seed).integers(0, 40, (height, width, 3)).astype(np.uint8)
    rgb[..., 2] = 200
    rgb[height // 4 : -height // 4, width // 4 : -width // 4] = (255, 255, 0)
    return rgb


def draw_photos(folder: Path, count: int, height: int = 90) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:02}.png" for number in range(count)]
    for number, path in enumerate(paths):
        Image.fromarray(draw_person(number, height, height * 2 // 3)).save(path)
    return paths


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "depthmatte", "cut", *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(SRC), "OMP_NUM_THREADS": "1"} | more


def cut(*arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `depthmatte cut` in a process of its own."""
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, env=environment(**more), check=False
    )


def pictures(folder: Path) -> dict[str, bytes]:
    """Name -> bytes of everything in an output folder but its record."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in RECORD
    }


def result_rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / RESULTS_NAME).read_text().splitlines()]


def wait_for(ready: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    end = time.monotonic() + 120
    while not ready() and time.monotonic() < end:
        if process is not None and process.poll() is not None:
            return
        time.sleep(0.005)
