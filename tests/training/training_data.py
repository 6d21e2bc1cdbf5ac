"""A small data folder for training, made by script."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest


def person(rows: int, columns: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A red blob on noise, and its mask."""
    rng = np.random.default_rng((rows, seed))
    rgb = rng.integers(0, 90, (rows, columns, 3), dtype=np.uint8)
    mask = np.zeros((rows, columns), np.uint8)
    cv2.ellipse(mask, (columns // 2, rows), (columns // 4, rows * 3 // 4), 0, 0, 360, 255, -1)
    rgb[mask > 0] = (230, 40, 30)
    return rgb, mask


def lay_out(root: Path) -> Path:
    """Fill `root` with a data folder of the real layout, made of blobs."""
    for seed, group in enumerate(("picsart", "ccp", "vikram", "pennfudan", "idphoto")):
        for kind in ("images", "masks"):
            (root / "people" / group / "train" / kind).mkdir(parents=True)
        for index in range(22 if group in ("picsart", "ccp") else 3):
            rgb, mask = person(100 + index, 60, seed)
            folder = root / "people" / group / "train"
            cv2.imwrite(str(folder / "images" / f"{index:03}.png"), rgb[..., ::-1])
            cv2.imwrite(str(folder / "masks" / f"{index:03}.png"), mask)
    rng = np.random.default_rng(0)
    for name in ("backgrounds", "cutouts", "objects"):
        (root / name).mkdir()
        for index in range(6):
            rgb, mask = person(120 + index, 40)
            if name == "backgrounds":
                rgb = rng.integers(0, 255, (80, 120, 3), dtype=np.uint8)
                cv2.imwrite(str(root / name / f"{index}.png"), rgb)
            else:
                cv2.imwrite(str(root / name / f"{index}.png"), np.dstack([rgb, mask]))
    return root


def use_small_checks(patch: pytest.MonkeyPatch) -> None:
    """Fewer and smaller pictures, held-out scenes and canvases: training tests take seconds."""
    from depthmatte.training import confidence_calibration
    from depthmatte.training.augment.options import DEFAULT_COPY_PASTE
    from depthmatte.training.exported import held_out, parity
    from depthmatte.training.tasks import depth, stereo

    patch.setitem(vars(DEFAULT_COPY_PASTE), "long_side", 128)
    patch.setattr(depth, "_VALIDATION_SCENES", 4)
    patch.setattr(stereo, "_VALIDATION_PAIRS", 2)
    patch.setattr(stereo, "_HELD_OUT_SHAPE", (64, 96))
    patch.setattr(confidence_calibration, "_CALIBRATION_SCENES", 4)
    patch.setattr(confidence_calibration, "_CALIBRATION_PAIRS", 2)
    patch.setattr(parity, "CHECKED_SHAPES", ((96, 64), (64, 96)))
    for kind in ("CALIBRATION_SCENES", "CALIBRATION_PAIRS", "QUALITY_SCENES", "QUALITY_PAIRS"):
        patch.setattr(held_out, f"_{kind}", 2)
