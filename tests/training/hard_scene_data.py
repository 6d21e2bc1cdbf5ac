"""Photos, cut-outs and places from which tests draw hard scenes."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from places import ROOT


def benchmark(name: str) -> Any:
    """A module of benchmarks/hard_scenes, which is run from the repository's root."""
    if not (ROOT / "benchmarks" / "hard_scenes").is_dir():
        pytest.skip("needs benchmarks/hard_scenes, which this copy lacks")
    sys.path.insert(0, str(ROOT))
    try:
        return importlib.import_module(f"benchmarks.hard_scenes.{name}")
    finally:
        sys.path.remove(str(ROOT))


def blob(rows: int, columns: int, standing: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A person: an oval body with a head, on a plain place; standing ones touch no side."""
    rng = np.random.default_rng(seed)
    rgb = np.full((rows, columns, 3), rng.integers(60, 120, 3), np.uint8)
    mask = np.zeros((rows, columns), np.uint8)
    middle, head = columns // 2, round(0.12 * rows)
    center = (middle, round(0.55 * rows)) if standing else (middle, rows)
    axes = (columns // 6, round(0.38 * rows)) if standing else (columns // 3, round(0.6 * rows))
    for center_, axes_ in ((center, axes), ((middle, center[1] - axes[1]), (head // 2, head // 2))):
        cv2.ellipse(mask, center_, axes_, 0, 0, 360, 255, -1)
    texture = cv2.resize(rng.integers(60, 250, (9, 6, 3), dtype=np.uint8), (columns, rows))
    rgb[mask > 0] = texture[mask > 0]
    return rgb, mask


def place_photo(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return cv2.resize(rng.integers(0, 255, (24, 36, 3), dtype=np.uint8), (360, 240))


def lay_out_scene_photos(root: Path) -> Path:
    """A data folder of the real layout: blobs that stand, blobs cut by the frame, places."""
    for part, count in (("train", 44), ("eval", 6)):
        folder = root / "people" / "some" / part
        for kind in ("images", "masks"):
            (folder / kind).mkdir(parents=True)
        for index in range(count):
            rgb, mask = blob(320, 200, index % 2 == 0, index + len(part) * 1000)
            cv2.imwrite(str(folder / "images" / f"{part}{index:03}.png"), rgb)
            cv2.imwrite(str(folder / "masks" / f"{part}{index:03}.png"), mask)
    for name in ("backgrounds", "cutouts", "objects"):
        (root / name).mkdir()
        for index in range(11):
            rgb, mask = blob(200, 110, True, index)
            picture = place_photo(index) if name == "backgrounds" else np.dstack([rgb, mask])
            cv2.imwrite(str(root / name / f"{index:02}.png"), picture)
    return root
