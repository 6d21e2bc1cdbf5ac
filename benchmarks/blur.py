"""The background blur beside exact truth, simpler blurs and OpenCV; the time of effects.

30 layered scenes (tests/support/lens_scenes.py) are rendered layer by layer by a thin lens. The
error is the mean absolute difference to that picture, in 8-bit levels. Two simpler blurs get the
same true radius in every pixel: "paste" blurs the whole photo and pastes the subject; "guided"
blurs the photo outside a mask refined by the guided filter. The leak is the colorfulness (largest
minus smallest channel) beyond that of the truth, in the 40 pixels around a saturated subject in a
gray scene.

The times are those of 12 megapixels beyond the networks: the middle run, and processor time divided
by the threads, which a busy machine does not change. The peak is the growth of the process's memory
beyond its inputs, its picture included, in a process of its own.

python -m benchmarks.blur [--scenes N] [--runs N] [--only error|time] -> results/blur.csv
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from depthmatte.canvas import Letterbox
from depthmatte.color.linear_light import linear_to_bytes, to_linear
from depthmatte.effects import Beautify, Blur, Cutout, PlaceInPicture
from depthmatte.effects.foreground import estimate_edge_colors
from depthmatte.filters import guided_coefficients, normalized_convolution
from depthmatte.photo import Photo
from depthmatte.portrait import Portrait
from depthmatte.server.kept_portraits import scale_portrait
from depthmatte.system.cpu_count import count_cores
from depthmatte.values import Depth, Matte

from .common.table import show, write
from .common.timing import cpu

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/support"))
from lens_scenes import SCENES, LensScene, blur, make_scene

RING_PX = 40
LARGE = (3000, 4000)
PREVIEW_SIDE = 1600
APERTURES = (1.2, 2.8, 8.0)
NAMES = ("lens", "lens, coarse depth", "paste", "guided", "photo")
TARGETS_MS = {
    "cut-out colors": 150,
    "beautify": 500,
    "place, light and shadow": 600,
    **{f"blur, f/{f}": 1200 for f in APERTURES},
}
"""What a step may take at 12 megapixels; each may take PEAK_MIB."""

PEAK_MIB = 500
FEET = 0.9
"""Share of the photo's height where the person of the large scene ends, to stand on a floor."""


def lens_effect(scene: LensScene, coarse: bool = False) -> np.ndarray:
    """Our effect, told the lens of the scene; relative depth only knows the strength."""
    portrait = scene.portrait(coarse)
    if coarse:
        return Blur(strength=_strength(scene))(portrait)
    return Blur(aperture=scene.lens.aperture)(portrait)


def _strength(scene: LensScene) -> float:
    far = float(np.quantile(scene.lens.radius(scene.meters, scene.shape), 0.95))
    return min(1.0, far / (0.03 * float(np.hypot(*scene.shape))))


def _varying(light: np.ndarray, weights: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Each pixel from a stack of blurred pictures, by its own radius."""
    levels = np.arange(0, np.ceil(radius.max()) + 1, 2)
    total = np.zeros_like(light)
    for level in levels:
        share = np.clip(1 - np.abs(radius / 2 - level / 2), 0, 1)[..., None]
        if share.any():
            soft = normalized_convolution(light, weights, partial(blur, radius=float(level)))[0]
            total += share * soft
    return total


def paste(scene: LensScene) -> np.ndarray:
    """Blur everything, paste the subject."""
    light, alpha = to_linear(scene.photo), scene.alpha[..., None]
    radius = np.abs(scene.lens.radius(scene.meters, scene.shape))
    soft = _varying(light, np.ones_like(scene.alpha), radius)
    return linear_to_bytes(light * alpha + soft * (1 - alpha))


def guided(scene: LensScene) -> np.ndarray:
    """Blur outside a guided mask."""
    photo = scene.photo
    mask = (scene.alpha > 0.5).astype(np.float32)
    a, b = guided_coefficients(photo / np.float32(255), mask, 8, 1e-4)
    mask = np.clip((a * photo / np.float32(255)).sum(axis=-1) + b, 0, 1)
    light, weights = to_linear(photo), np.clip(1 - mask, 1e-3, 1)
    radius = np.abs(scene.lens.radius(scene.meters, scene.shape))
    soft = _varying(light, weights, radius)
    return linear_to_bytes(light * mask[..., None] + soft * (1 - mask[..., None]))


METHODS: dict[str, Callable[[LensScene], np.ndarray]] = {
    "lens": lens_effect,
    "lens, coarse depth": lambda scene: lens_effect(scene, coarse=True),
    "paste": paste,
    "guided": guided,
    "photo": lambda scene: scene.photo,
}


def ring(alpha: np.ndarray) -> np.ndarray:
    """Pixels without subject at most RING_PX from it, beyond its resampled edge."""
    away = cv2.distanceTransform((alpha == 0).astype(np.uint8), cv2.DIST_L2, 5)
    return (away > 1) & (away <= RING_PX)


def errors(count: int, save: str | None) -> list[dict[str, Any]]:
    """One row for each scene and method."""
    rows: list[dict[str, Any]] = []
    for seed in range(count):
        scene = make_scene(seed)
        truth = scene.truth.astype(float)
        around = ring(scene.alpha)
        pictures = {name: method(scene) for name, method in METHODS.items()}
        for name, picture in pictures.items():
            off = np.abs(picture - truth).mean(axis=-1)
            color = np.ptp(picture.astype(float), axis=-1) - np.ptp(truth, axis=-1)
            leak = np.maximum(color, 0)[around].mean()
            rows.append(
                {
                    "scene": seed,
                    "method": name,
                    "error": float(off.mean()),
                    "error in the ring": float(off[around].mean()),
                    "leak": float(leak) if scene.gray else float("nan"),
                }
            )
        if save:
            strip = [scene.photo, scene.truth, *pictures.values()]
            cv2.imwrite(f"{save}/{seed:02d}.png", np.hstack(strip)[..., ::-1])
    return rows


def summary(rows: list[dict[str, Any]]) -> None:
    """Print the means of each method."""
    keys = ("error", "error in the ring", "leak")
    means = {
        name: {
            key: float(np.nanmean([row[key] for row in rows if row["method"] == name]))
            for key in keys
        }
        for name in METHODS
    }
    titles = {key: f"{key}, levels of 255" for key in keys}
    show(means, "Blur against the exact lens", titles, dict.fromkeys(keys, "lower"))


def large_portrait(side: int | None = None) -> Portrait:
    """A scene of 12 megapixels, or its preview, with depth of the size of a network's canvas."""
    scene = make_scene(3, (375, 500))
    small = scene.portrait()
    photo = cv2.resize(scene.photo, LARGE[::-1], interpolation=cv2.INTER_CUBIC)
    grain = np.random.default_rng(0).integers(0, 7, LARGE, np.uint8)[..., None]
    rgb = np.asarray(np.clip(photo.astype(np.int16) + grain - 3, 0, 255), np.uint8)
    alpha, depth = small.matte.alpha.copy(), small.measured
    alpha[round(FEET * alpha.shape[0]) :] = 0
    portrait = Portrait(
        Photo(rgb, camera=small.photo.camera.scaled(LARGE)),
        Matte(alpha, alpha),
        Depth(depth.z, depth.prob, True, "sensor"),
        Letterbox(LARGE, alpha.shape, alpha.shape, (0, 0)),
    )
    chosen = portrait if side is None else scale_portrait(portrait, side)
    _ = chosen.alpha
    return chosen


def effect_steps(portrait: Portrait) -> dict[str, Callable[[], Any]]:
    """Name -> one effect of the portrait."""
    rgb = portrait.photo.rgb
    place = _place(rgb)
    steps: dict[str, Callable[[], Any]] = {
        "cut-out colors": lambda: estimate_edge_colors(rgb, portrait.alpha),
        "cut-out": lambda: Cutout()(portrait),
        "beautify": lambda: Beautify(0.8)(portrait),
        "place, light and shadow": lambda: place(portrait),
    }
    for f in APERTURES:
        steps[f"blur, f/{f}"] = lambda f=f: Blur(aperture=f)(portrait)
    steps["blur, f/1.2, 7 blades"] = lambda: Blur(aperture=1.2, shape="7")(portrait)
    steps["blur, strength 0.5"] = lambda: Blur(0.5)(portrait)
    return steps


def _place(rgb: np.ndarray) -> PlaceInPicture:
    """Stand in another picture of the photo's size, smaller and lit as it is."""
    scene = np.ascontiguousarray(rgb[::-1, ::-1])
    return PlaceInPicture(scene, (0.4, 0.95), height=0.8, light=0.7, shadow=0.7)


def seconds(runs: int) -> list[dict[str, Any]]:
    """Milliseconds of effects at 12 megapixels and on a preview, beside OpenCV's filters."""
    portrait, preview = large_portrait(), large_portrait(PREVIEW_SIDE)
    rgb = portrait.photo.rgb
    steps = effect_steps(portrait)
    of_photo = tuple(steps)
    steps["preview, f/1.2"] = lambda: Blur(aperture=1.2)(preview)
    steps["preview, strength 0.5"] = lambda: Blur(0.5)(preview)
    sigma = 0.015 * float(np.hypot(*LARGE)) / 2
    steps["OpenCV GaussianBlur"] = lambda: cv2.GaussianBlur(rgb, (0, 0), sigma)
    steps["OpenCV boxFilter"] = lambda: cv2.blur(rgb, (int(4 * sigma) | 1,) * 2)
    kernel = np.ones((151, 151), np.float32) / 151**2
    steps["OpenCV filter2D, radius 75"] = lambda: cv2.filter2D(rgb, -1, kernel)
    return [
        {
            "step": name,
            **_time(step, runs),
            "target ms": TARGETS_MS.get(name, ""),
            "peak MiB": _peak(name) if name in of_photo else "",
        }
        for name, step in steps.items()
    ]


def _time(step: Callable[[], Any], runs: int) -> dict[str, float]:
    """Median milliseconds: passed, and of the processor for each thread; the first run warms up."""
    passed, spent = [], []
    for _ in range(runs + 1):
        start, used = time.perf_counter(), time.process_time()
        step()
        passed.append(time.perf_counter() - start)
        spent.append(time.process_time() - used)
    middle = statistics.median
    return {
        "ms": 1000 * middle(passed[1:]),
        "processor ms per thread": 1000 * middle(spent[1:]) / count_cores(),
    }


def _peak(name: str) -> float:
    """MiB of one effect at 12 megapixels beyond its inputs, in a process of its own."""
    code = f"from benchmarks.blur import measure_peak; measure_peak({name!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def measure_peak(name: str) -> None:
    """Print the growth of the peak memory while an effect runs."""
    import ctypes

    step = effect_steps(large_portrait())[name]
    effect_steps(large_portrait(200))[name]()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before = _resident_peak()
    step()
    print((_resident_peak() - before) / 1024)


def _resident_peak() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return float(line.split()[1])
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=SCENES)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", choices=["error", "time"])
    parser.add_argument("--pictures", help="write the pictures of every scene to this folder")
    options = parser.parse_args()
    print(cpu(), cv2.getNumThreads(), "threads of OpenCV")
    if options.only != "time":
        start = time.perf_counter()
        rows = errors(options.scenes, options.pictures)
        summary(rows)
        write(rows, "blur")
        print(f"{time.perf_counter() - start:.0f} s")
    if options.only != "error":
        spent = seconds(options.runs)
        print(f"{'':28} {'ms':>8} {'per thread':>10} {'target':>8} {'peak MiB':>9}")
        for row in spent:
            told = [row["ms"], row["processor ms per thread"], row["target ms"], row["peak MiB"]]
            cells = [f"{one:.0f}" if one != "" else "" for one in told]
            print(f"{row['step']:28} {cells[0]:>8} {cells[1]:>10} {cells[2]:>8} {cells[3]:>9}")
        write(spent, "blur_time")


if __name__ == "__main__":
    main()
