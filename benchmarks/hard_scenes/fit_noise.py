"""What real depth cameras get wrong, measured; the simulated sensors copy these numbers.

python -m benchmarks.hard_scenes.fit_noise --data ../shared/data [--csv FILE]

Reads `rgbd/office` (structured light, 640 x 480, registered to its color camera, one man
at about 1 m before a wall at 2.6 m) and `rgbd/kinect2` (time of flight, 512 x 424, one man
at about 2 m in a full room). The same measures are then taken of simulated frames
(`depthmatte.training.scenes.depth_sensor`), so the table shows both side by side. What it printed
is kept in `noise.csv`:

    step_mm_per_m2   quantization: the step between neighboring values is this times z^2
    sigma_mm_at_Zm   noise of single pixels: second differences along rows, robust
    gap_lit_px       median run of missing pixels at an outline, on the side that is lit
    gap_shadow_px    the same on the side where the emitter's light is cut off
    gap_direct       share of outlines without any missing pixel
    emitter_m        baseline that explains both gaps together: (lit + shadow - 2 rims) /
                     (focal * (1/near - 1/far))
    flying           pixels between the two surfaces for each outline
    speckle_inside   missing share inside the person, away from outlines
    hair_gap_px      median column of missing pixels above the head, and
    shoulder_gap_px  above the shoulders: the difference is hair
    hair_missing     missing share of dark hair (office: found by color)
    corner_missing   missing share in the outermost tenth of the picture (no shadows there)
    nearest_m, farthest_m   the 0.01 and 99.99 percentiles of what was measured
    shift_px         depth outline against the color outline, left and right averaged
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depthmatte.camera import Camera
from depthmatte.training.scenes.depth_sensor import (
    STRUCTURED_LIGHT,
    TIME_OF_FLIGHT,
    DepthSensor,
    simulate_sensor,
)
from depthmatte.training.scenes.placement import Placement, SurfaceShape, place_cutout
from depthmatte.training.scenes.renderer import Backdrop, render
from depthmatte.types import Mask

Meters = NDArray[np.float32]

JUMP = 0.25
"""Neighbors whose distances differ by more than this share lie on two surfaces."""


@dataclass(frozen=True)
class Recording:
    """Frames of one camera in meters (n, h, w), 0 where missing, and where the person is.

    `near` and `far` bound the distances of the outlines that are measured.
    """

    name: str
    focal: float
    frames: Meters
    person: Mask
    near: tuple[float, float]
    far: tuple[float, float]
    rgb: NDArray[np.uint8] | None = None


def office(data: Path) -> Recording:
    """The structured-light frames; the person is what stands nearer than 1.5 m."""
    files = sorted((data / "rgbd" / "office").glob("*_depth.png"))
    frames = np.stack([cv2.imread(str(f), cv2.IMREAD_UNCHANGED) for f in files])
    rgb = np.stack([cv2.imread(str(f).replace("_depth.png", ".jpg")) for f in files])
    meters = (frames / 1000).astype(np.float32)
    return Recording(
        "office", 525, meters, (meters > 0) & (meters < 1.5), (0.6, 1.5), (2.3, 3), rgb
    )


def kinect2(data: Path) -> Recording:
    """The time-of-flight frames with their body index."""
    folder = data / "rgbd" / "kinect2"
    shape = (-1, 424, 512)
    depth = [np.fromfile(f, np.uint16) for f in sorted((folder / "Depth").glob("*.bin"))]
    body = [np.fromfile(f, np.uint8) for f in sorted((folder / "BodyIndex").glob("*.bin"))]
    meters = (np.concatenate(depth).reshape(shape) / 1000).astype(np.float32)
    person = np.concatenate(body).reshape(shape) != 255
    return Recording("kinect2", 366, meters, person, (1.5, 2.6), (2.9, 8))


def simulated(
    sensor: DepthSensor, like: Recording, near: float, far: float, count: int = 12
) -> Recording:
    """Frames of a man at `near` before a wall at `far` meters, taken by the simulated `sensor`."""
    rows, columns = sensor.shape
    camera = Camera(sensor.shape, sensor.focal, sensor.focal, columns / 2, rows / 2)
    gray = np.full((rows + 2, columns + 2, 3), 150, np.float32)
    backdrop = Backdrop(gray, np.zeros(gray.shape[:2], np.float32), 1, 50.0, far)
    frames = []
    for index in range(count):
        rng = np.random.default_rng(index)
        high = 1.75 * sensor.focal / near
        man = _man(round(high))
        top = max(0.12 * rows, (rows - high) / 2)
        spot = Placement(high, top, columns / 2 - man.shape[1] / 2 + rng.uniform(-20, 20), near)
        layer = place_cutout(
            rng, "man", man, spot, SurfaceShape(head=0.15), sensor.focal, sensor.shape
        )
        assert layer is not None
        seen = render([layer], backdrop, camera, camera)
        frames.append(simulate_sensor(rng, sensor, seen.meters, seen.missing))
    meters = np.stack(frames)
    person = (meters > 0) & (meters < (near + far) / 2)
    return Recording(f"{like.name} simulated", sensor.focal, meters, person, like.near, like.far)


def _man(rows: int) -> NDArray[np.uint8]:
    """A standing man in gray with black hair, RGBA."""
    rgba = np.zeros((rows, round(0.36 * rows), 4), np.uint8)
    middle = rgba.shape[1] // 2

    def part(y: float, x: float, half_y: float, half_x: float, light: int) -> None:
        center = (middle + round(x * rows), round(y * rows))
        axes = (round(half_x * rows), round(half_y * rows))
        cv2.ellipse(rgba, center, axes, 0, 0, 360, (light, light, light, 255), -1)

    for side in (-1, 1):
        part(0.74, side * 0.055, 0.26, 0.045, 110)
        part(0.33, side * 0.13, 0.19, 0.035, 120)
    part(0.34, 0, 0.19, 0.115, 120)
    part(0.075, 0, 0.075, 0.048, 25)
    part(0.1, 0, 0.05, 0.04, 190)
    return rgba


def gaps(z: Meters) -> NDArray[np.float64]:
    """Missing runs between two surfaces along rows.

    (n, 6): width, near side, near, far, row, column.
    The near side is 0 where the near surface comes first.
    """
    rows, columns = np.nonzero(z > 0)
    same = rows[1:] == rows[:-1]
    first, second = z[rows[:-1], columns[:-1]], z[rows[1:], columns[1:]]
    near, far = np.minimum(first, second), np.maximum(first, second)
    width = columns[1:] - columns[:-1] - 1
    edge = same & (far - near > JUMP * near) & (width < 80)
    found = np.stack([width, second < first, near, far, rows[:-1], columns[:-1]], axis=1)
    return np.asarray(found[edge], np.float64)


def outlines(record: Recording, turned: bool = False) -> NDArray[np.float64]:
    """The gaps of all frames at the person's outline, along columns when `turned`."""
    frames = record.frames.transpose(0, 2, 1) if turned else record.frames
    found = np.concatenate(
        [np.column_stack([gaps(z), np.full(len(gaps(z)), i)]) for i, z in enumerate(frames)]
    )
    near, far = found[:, 2], found[:, 3]
    wanted = (near > record.near[0]) & (near < record.near[1])
    wanted &= (far > record.far[0]) & (far < record.far[1])
    return np.asarray(found[wanted])


def step(frames: Meters) -> float:
    """Quantization in mm per square meter: the usual step between values that occur."""
    found = []
    for low in np.arange(0.6, 4, 0.1):
        values = np.unique(frames[(frames > low) & (frames < low + 0.1)])
        if values.size > 4:
            found.append(np.median(np.diff(values)) * 1000 / (low + 0.05) ** 2)
    return float(np.median(found))


def sigma(frames: Meters, low: float, high: float) -> float:
    """Noise of one pixel in mm at a distance, from second differences (planes give 0)."""
    left, middle, right = frames[..., :-2], frames[..., 1:-1], frames[..., 2:]
    bend = np.abs(left - 2 * middle + right) * 1000
    good = (left > 0) & (right > 0) & (middle > low) & (middle < high) & (bend < 150)
    if good.sum() < 500:
        return np.nan
    return float(np.percentile(bend[good], 80) / 1.2816 / np.sqrt(6))


def flying(record: Recording) -> float:
    """Valid pixels strictly between two surfaces, for each outline that a row crosses."""
    between = outlined = 0
    for z in record.frames:
        left, right = np.roll(z, 4, 1), np.roll(z, -4, 1)
        low = np.minimum(np.where(left > 0, left, 99), np.where(right > 0, right, 99))
        high = np.maximum(left, right)
        around = (low > record.near[0]) & (low < record.near[1])
        around &= (high > record.far[0]) & (high < record.far[1])
        between += int((around & (z > low * 1.1) & (z < high / 1.1)).sum())
        outlined += int(around.sum())
    # Eight columns around each outline have one surface on either side.
    return 8 * between / max(outlined, 1)


def hair(record: Recording) -> tuple[float, float]:
    """Median gap above the head and above the shoulders, in pixels along columns."""
    found = outlines(record, turned=True)
    found = found[found[:, 1] == 1]
    head, shoulder = [], []
    for index in np.unique(found[:, 6]):
        here = found[found[:, 6] == index]
        person = record.person[int(index)]
        rows, columns = np.nonzero(person)
        top, height = rows.min(), rows.max() - rows.min()
        middle = np.median(columns[rows < top + 0.08 * height])
        width = np.ptp(columns[rows < top + 0.1 * height])
        starts, ends = here[:, 4], here[:, 5] + here[:, 0] + 1
        upper = ends < top + 0.35 * height
        near = np.abs(starts - middle) < 0.4 * width
        head += list(here[upper & near & (ends < top + 0.08 * height), 0])
        shoulder += list(here[upper & (np.abs(starts - middle) > 0.8 * width), 0])
    return _median(head), _median(shoulder)


def _median(numbers: list[float]) -> float:
    return float(np.median(numbers)) if numbers else float("nan")


def hair_by_color(record: Recording) -> float:
    """Missing share of the office man's black hair: the only dark thing at head height."""
    if record.rgb is None:
        return np.nan
    box = np.s_[:, 60:190, 230:420]
    dark = record.rgb[box].max(axis=-1) < 60
    return float((record.frames[box][dark] == 0).mean())


def inside(record: Recording) -> float:
    """Missing share inside the person, six pixels or more from the outline."""
    shares = []
    for z, person in zip(record.frames, record.person, strict=True):
        closed = cv2.morphologyEx(person.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9)))
        inner = cv2.erode(closed, np.ones((13, 13)), borderValue=1) > 0
        shares.append((z[inner] == 0).mean())
    return float(np.mean(shares))


def corners(record: Recording) -> float:
    """Missing share in the outermost tenth of the picture; NaN where color cut the border."""
    if record.rgb is not None:
        return np.nan
    rows, columns = record.frames.shape[1:]
    y, x = np.mgrid[:rows, :columns]
    away = np.hypot((x - columns / 2) / (columns / 2), (y - rows / 2) / (rows / 2))
    return float((record.frames[:, away > np.percentile(away, 90)] == 0).mean())


def shift(record: Recording) -> float:
    """Pixels from the depth's outline to the color's along rows: the left and right mean."""
    if record.rgb is None:
        return np.nan
    moves = []
    for rgb, person in zip(record.rgb, record.person, strict=True):
        slope = np.abs(cv2.Sobel(cv2.GaussianBlur(rgb, (0, 0), 1.5), cv2.CV_32F, 1, 0)).max(axis=-1)
        sides = []
        for way in (1, -1):
            edge = person & ~np.roll(person, way, axis=1)
            edge[:80] = edge[400:] = False
            best = [slope[np.roll(edge, move, axis=1)].mean() for move in range(-20, 21)]
            sides.append(int(np.argmax(best)) - 20)
        moves.append(np.mean(sides))
    return float(np.median(moves))


def measure(record: Recording) -> dict[str, float]:
    """All numbers of one camera."""
    found = outlines(record)
    lit, shadow = sorted(float(np.median(found[found[:, 1] == side, 0])) for side in (0, 1))
    gap = float(np.median(1 / found[:, 2] - 1 / found[:, 3]))
    head, shoulder = hair(record)
    valid = record.frames[record.frames > 0]
    return {
        "step_mm_per_m2": step(record.frames),
        **{
            f"sigma_mm_at_{z:g}m": sigma(record.frames, z - 0.25, z + 0.25)
            for z in (1, 2, 2.6, 4, 6)
        },
        "gap_lit_px": lit,
        "gap_shadow_px": shadow,
        "gap_direct": float((found[:, 0] == 0).mean()),
        "emitter_m": (lit + shadow - 2) / (record.focal * gap),
        "flying": flying(record),
        "speckle_inside": inside(record),
        "hair_gap_px": head,
        "shoulder_gap_px": shoulder,
        "hair_missing": hair_by_color(record),
        "corner_missing": corners(record),
        "nearest_m": float(np.percentile(valid, 0.01)),
        "farthest_m": float(np.percentile(valid, 99.99)),
        "shift_px": shift(record),
    }


def table(data: Path) -> dict[str, dict[str, float]]:
    """All numbers by camera, real and simulated."""
    real = office(data), kinect2(data)
    made = (
        simulated(STRUCTURED_LIGHT, real[0], 1.0, 2.6),
        simulated(TIME_OF_FLIGHT, real[1], 2.1, 3.4),
    )
    pairs = (real[0], made[0], real[1], made[1])
    return {record.name: measure(record) for record in pairs}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--csv", type=Path, help="write the table here too")
    options = parser.parse_args()
    columns = table(options.data)
    rows = [["measure", *columns]]
    for key in next(iter(columns.values())):
        rows.append([key, *(f"{numbers[key]:.3f}" for numbers in columns.values())])
    for row in rows:
        print("".join(f"{cell:>20}" for cell in row))
    if options.csv:
        with options.csv.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main()
