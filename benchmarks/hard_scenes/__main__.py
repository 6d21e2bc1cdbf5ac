"""Write hard scenes with exact truth, one folder each; README.md here says what they hold.

python -m benchmarks.hard_scenes --data DIR --out OUT --count N --seed K [--split train|test]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from depthmatte.errors import InputError
from depthmatte.io.calibration import calibration_reader
from depthmatte.system.atomic_write import atomic_draft
from depthmatte.training.data.assets import Assets
from depthmatte.training.data.splits import Split
from depthmatte.training.scenes.hard_scenes.scene import HardScene, draw_hard_scene

QUALITY = 93
"""Of the JPEG files."""


def write(scene: HardScene, folder: Path) -> None:
    """All files of one scene; scene.json last, so that a folder that has it is complete."""
    jpeg = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    pictures: dict[str, tuple[NDArray[Any], list[int]]] = {
        "photo.jpg": (scene.rgb[..., ::-1], jpeg),
        "right.jpg": (scene.right[..., ::-1], jpeg),
        "alpha.png": (np.rint(scene.alpha * 255).astype(np.uint8), []),
        "depth_true.png": (millimeters(scene.depth), []),
        "depth_sensor.png": (millimeters(scene.sensor), []),
    }
    for name, (picture, options) in pictures.items():
        _save(folder / name, cv2.imencode(Path(name).suffix, picture, options)[1].tobytes())
    for name, rig in (("calib.json", scene.sensor_rig), ("stereo.json", scene.stereo_rig)):
        _save(folder / name, (calibration_reader.encode_calibration(rig) + "\n").encode())
    _save(folder / "scene.json", (json.dumps(scene.info, indent=2) + "\n").encode())


def millimeters(meters: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Meters as 16-bit millimeters."""
    return np.rint(np.clip(meters * 1000, 0, 65535)).astype(np.uint16)


def _save(path: Path, content: bytes) -> None:
    with atomic_draft(path, folders=True) as draft:
        draft.write_bytes(content)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.hard_scenes", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="laid out as ../shared/data")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="number of the first scene")
    parser.add_argument("--split", choices=get_args(Split), default="test")
    options = parser.parse_args(arguments)
    if options.count < 1 or options.seed < 0 or options.start < 0:
        parser.error("--count must be positive, --seed and --start not negative")
    cv2.setNumThreads(1)
    try:
        assets = Assets.for_hard_scenes(options.data, options.split)
        for note in assets.notes:
            print(note, file=sys.stderr)
        for index in range(options.start, options.start + options.count):
            scene = draw_hard_scene(assets, options.split, options.seed, index)
            write(scene, options.out / f"{index:05}")
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.count} {options.split} scenes in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
