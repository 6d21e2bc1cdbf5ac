"""How long a 640 x 480 depth map takes to its place on the canvas of a 12-megapixel photo.

The scene is a person-sized block before a slanted wall, with 5 % holes. Wall time is what
a user waits; processor time is what is left of it on an idle machine. The error is that of
the wall, known in closed form.

python -m benchmarks.align [--runs N] -> results/align.csv
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from depthmatte.camera import Camera
from depthmatte.canvas import Canvas, prepare_canvas
from depthmatte.depth.sensor.align import align_depth
from depthmatte.depth.sensor.depth_map import canvas_camera, sensor_depth
from depthmatte.evidence import DepthStatus, Evidence, RawDepth
from depthmatte.photo import Photo

from .common.table import show, write

DEPTH = Camera((480, 640), 525, 525, 319.5, 239.5)
NORMAL, OFFSET = np.array([0.2, 0.1, 1.0]), 3.0

PHOTO = Camera(
    (3000, 4000),
    3300,
    3300,
    2010,
    1490,
    rotation=cv2.Rodrigues(np.array([0.01, 0.02, -0.01]))[0],
    translation=np.array([0.025, 0.002, 0.001]),
)

BENT = (0.1, -0.2, 0.001, 0.0005, 0.05)

RIGS = {
    "pinholes": (DEPTH, PHOTO),
    "photo distorted": (DEPTH, replace(PHOTO, distortion=BENT)),
    "both distorted": (replace(DEPTH, distortion=BENT), replace(PHOTO, distortion=BENT)),
    "tele photo": (DEPTH, replace(PHOTO, fx=9000.0, fy=9000.0)),
    "registered": (DEPTH, DEPTH.scaled((3000, 4000))),
}

TITLES = {
    "align_ms": "align, wall ms (median)",
    "align_best_ms": "align, wall ms (best)",
    "align_cpu_ms": "align, processor ms",
    "sensor_ms": "whole source, wall ms (median)",
    "sensor_best_ms": "whole source, wall ms (best)",
    "sensor_cpu_ms": "whole source, processor ms",
    "valid": "share of the canvas with depth",
    "error": "largest error on the wall, per mille",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=51)
    runs = parser.parse_args().runs
    cv2.setNumThreads(1)
    rows = {name: measured(source, photo, runs) for name, (source, photo) in RIGS.items()}
    show(rows, "640 x 480 depth onto the canvas of 12 megapixels", TITLES)
    write([{"rig": name, **row} for name, row in rows.items()], "align")


def measured(source: Camera, camera: Camera, runs: int) -> dict[str, float]:
    raw = scene(source)
    photo = Photo(
        np.zeros((*camera.shape, 3), np.uint8), camera=camera, evidence=Evidence(depth_map=raw)
    )
    canvas = prepare_canvas(photo)
    target = canvas_camera(camera, canvas.fit)
    row = {
        **timed("align", lambda: align_depth(raw.z, raw.validity, source, target), runs),
        **timed("sensor", lambda: sensor_depth(photo, canvas), runs),
    }
    return {**row, **quality(photo, canvas, target)}


def scene(source: Camera) -> RawDepth:
    z = wall(source)
    z[100:400, 220:420] = 1.2
    validity = np.zeros(z.shape, np.uint8)
    validity[np.random.default_rng(0).random(z.shape) < 0.05] = DepthStatus.MISSING
    return RawDepth(z, validity, True, "png", source)


def wall(camera: Camera) -> np.ndarray:
    """Where the camera's rays meet the plane NORMAL . X = OFFSET of the world."""
    rays = np.concatenate([camera.rays(), np.ones((*camera.shape, 1))], axis=-1) @ camera.rotation
    centre = -camera.rotation.T @ camera.translation
    return ((OFFSET - NORMAL @ centre) / (rays @ NORMAL)).astype(np.float32)


def timed(name: str, call: Callable[[], object], runs: int) -> dict[str, float]:
    call()  # tables are made once per rig
    walls, works = [], []
    for _ in range(runs):
        wall_start, work_start = time.perf_counter(), time.thread_time()
        call()
        works.append((time.thread_time() - work_start) * 1000)
        walls.append((time.perf_counter() - wall_start) * 1000)
    return {
        f"{name}_ms": statistics.median(walls),
        f"{name}_best_ms": min(walls),
        f"{name}_cpu_ms": statistics.median(works),
    }


def quality(photo: Photo, canvas: Canvas, target: Camera) -> dict[str, float]:
    depth = sensor_depth(photo, canvas)
    valid = depth.validity == DepthStatus.VALID
    on_wall = valid & (depth.z > 2)
    off = np.abs(depth.z / wall(target) - 1)[on_wall]
    return {
        "valid": float(valid[canvas.fit.content_slices].mean()),
        "error": float(off.max()) * 1000,
    }


if __name__ == "__main__":
    main()
