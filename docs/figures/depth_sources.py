"""Make the inputs, the terminal output and the pictures of docs/howto/depth.md.

python docs/figures/depth_sources.py docs/images

The photo is scikit-image's astronaut. The output of the depth network, sharpened along the
photo's edges and scaled to meters, is the true depth of the scene. A depth camera and a second
lens are simulated in this scene. The inputs stay in out/depth, to repeat the page's commands.
"""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from depthmatte.api import cut
from depthmatte.camera import Camera, Rig
from depthmatte.canvas import resize, scale_shape
from depthmatte.cli.app import app
from depthmatte.cli.commands.demo import load_sample_photo
from depthmatte.depth.sensor.align import align_depth
from depthmatte.evidence import DepthStatus
from depthmatte.io.calibration import calibration_reader
from depthmatte.io.depthmaps import pfm
from depthmatte.io.photo.photo_reader import read
from depthmatte.io.photo.photo_writer import write
from depthmatte.training.scenes.depth_sensor import STRUCTURED_LIGHT, simulate_sensor
from depthmatte.types import RGB

Map = NDArray[np.float32]

INPUTS = Path("out/depth")
NEAR, FAR = 0.8, 4.0
"""Meters for 0 and 1 of the network's depth."""

PHOTO = Camera((512, 512), 600, 600, 255.5, 255.5)
SENSOR = Camera((480, 640), 525, 525, 319.5, 239.5, translation=np.array([-0.04, 0, 0]))
RIGHT = Camera((512, 512), 600, 600, 255.5, 255.5, translation=np.array([-0.06, 0, 0]))
DARK = 28
"""Surfaces below this gray level return too little light to be measured."""

TILE = 240
FONT = cv2.FONT_HERSHEY_SIMPLEX
PAPER, INK = 255, (60, 60, 60)
STATUS_LEGEND = {
    DepthStatus.VALID: ("valid", (222, 222, 222)),
    DepthStatus.MISSING: ("missing", (20, 20, 20)),
    DepthStatus.TOO_NEAR: ("too near", (214, 39, 40)),
    DepthStatus.TOO_FAR: ("too far", (148, 103, 189)),
    DepthStatus.OCCLUDED: ("occluded", (31, 119, 180)),
    DepthStatus.FLYING_PIXEL: ("flying pixel", (255, 127, 14)),
}

COMMANDS = """
cut astronaut.png --depth-source mono --write-depth gdepth -o phone
info phone/astronaut.gdepth.jpg
cut phone/astronaut.gdepth.jpg -o out/stored --save depth,validity,cutout --json
extract phone/astronaut.gdepth.jpg -o out/extracted
cut astronaut.png --depth camera/depth.png --calib camera/rig.json -o out/sensor \
--save depth,validity,sheet,cutout --json
cut astronaut.png --right right.png --calib pair.json -o out/stereo \
--save depth,validity,cutout --json
stereo astronaut.png right.png --calib pair.json -o out/stereo/disparity.pfm \
--preview out/stereo/disparity.png
cut astronaut.png --right right.png -o out/loose --save depth,validity --json
cut astronaut.png --depth aligned/mm.png -o out/mm --save depth,validity --effect blur:strength=0.8
cut astronaut.png --depth aligned/tum.png --depth-scale 5000 -o out/tum --save depth
cut astronaut.png --depth aligned/meters.pfm -o out/pfm --save depth
cut astronaut.png --depth aligned/meters.npy -o out/npy --save depth
cut photos --depth depths -o out/folder
cut phone/astronaut.gdepth.jpg --depth camera/depth.png --calib camera/rig.json -o out/both \
--save depth --json
cut phone/astronaut.gdepth.jpg --depth camera/depth.png --calib camera/rig.json -o out/both \
--save depth --json --depth-source sensor
cut astronaut.png --depth-source mono -o out/mono --save depth,validity --json
cut astronaut.png --depth camera/depth.png -o out/wrong
cut astronaut.png --depth aligned/tum.png --depth-scale 1 -o out/wrong
cut astronaut.png --depth right.png -o out/wrong
cut astronaut.png --depth-source stored -o out/wrong
cut astronaut.png --calib pair.json -o out/wrong
cut photos --depth camera/depth.png -o out/wrong
cut astronaut.png --depth camera/depth.png --calib pair.json -o out/wrong
cut right.png --right astronaut.png -o out/wrong
cut right.png --right astronaut.png --calib pair.json -o out/wrong
"""


def main(docs: Path) -> None:
    """Inputs, commands, pictures."""
    INPUTS.mkdir(parents=True, exist_ok=True)
    home = Path.cwd()
    os.chdir(INPUTS)
    make_inputs()
    for line in COMMANDS.strip().splitlines():
        run(line)
    drawn = pictures()
    os.chdir(home)
    for name, picture in drawn.items():
        save(picture, docs / f"depth-{name}.png")


def run(line: str) -> None:
    """Run one command of the page and print it with its output."""
    result = CliRunner().invoke(app, shlex.split(line))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    print(f"$ depthmatte {line}\n{result.output}", flush=True)


def make_inputs() -> None:
    """Write the inputs of the page's commands into the current folder."""
    photo = load_sample_photo().rgb
    meters = scene(photo)
    write(photo, "astronaut.png")
    millimeters = np.rint(meters * 1000).astype(np.uint16)

    wide, rgb, z = widened(photo, meters)
    depth, gray = seen(SENSOR, wide, cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), z)
    dull = cv2.blur(np.where(gray < DARK, np.float32(0.85), np.float32(0)), (7, 7))
    answer = simulate_sensor(
        np.random.default_rng(3), STRUCTURED_LIGHT, cv2.medianBlur(depth, 5), dull
    )
    write(np.rint(answer * 1000).astype(np.uint16), "camera/depth.png")
    Path("camera/rig.json").write_text(calibration_reader.encode_calibration(Rig(PHOTO, SENSOR)))

    write(seen(RIGHT, wide, rgb, z)[1], "right.png")
    Path("pair.json").write_text(
        calibration_reader.encode_calibration(Rig(PHOTO, RIGHT, rectified=True))
    )

    write(millimeters, "aligned/mm.png")
    write(np.rint(meters * 5000).astype(np.uint16), "aligned/tum.png")
    pfm.write_pfm(meters, "aligned/meters.pfm")
    np.save("aligned/meters.npy", meters)

    for name, flip in (("one", 1), ("two", -1)):
        write(np.ascontiguousarray(photo[:, ::flip]), f"photos/{name}.jpg")
        write(np.ascontiguousarray(millimeters[:, ::flip]), f"depths/{name}.png")


def scene(photo: RGB) -> Map:
    """True depth of the scene in meters, float32 (h, w)."""
    told = cut(photo, depth_source="mono").depth
    levels = np.rint(told * 255).astype(np.uint8)
    sharp = weighted_median(photo, levels, radius=12, sigma=20) / np.float32(255)
    even = cv2.bilateralFilter(sharp, 7, 0.03, 3)
    wide = cv2.erode(even, np.ones((5, 5), np.uint8))  # hair goes with its head
    return np.asarray(NEAR * (FAR / NEAR) ** wide, np.float32)


def weighted_median(photo: RGB, levels: RGB, radius: int, sigma: float) -> Map:
    """The median of each pixel's neighbors (h, w), weighted by similarity of color."""
    height, width = levels.shape
    here = np.arange(height * width)
    histogram = np.zeros((256, height * width), np.float32)
    colors = np.pad(photo.astype(np.float32), ((radius, radius), (radius, radius), (0, 0)), "edge")
    around = np.pad(levels, radius, "edge")
    for top in range(2 * radius + 1):
        for left in range(2 * radius + 1):
            part = np.s_[top : top + height, left : left + width]
            unlike = ((colors[part] - photo) ** 2).sum(2)
            histogram[around[part].ravel(), here] += np.exp(-unlike / (2 * sigma**2)).ravel()
    np.cumsum(histogram, axis=0, out=histogram)
    median = (histogram < histogram[-1] / 2).sum(0)
    return median.reshape(height, width).astype(np.float32)


def widened(photo: RGB, meters: Map) -> tuple[Camera, RGB, Map]:
    """The scene extended beyond the photo's border, because other cameras see more."""
    down, right = 64, 128
    border = (down, down, right, right)
    rgb = cv2.copyMakeBorder(photo, *border, cv2.BORDER_REFLECT_101)
    z = cv2.copyMakeBorder(meters, *border, cv2.BORDER_REPLICATE)
    return Camera(z.shape, 600, 600, 255.5 + right, 255.5 + down), rgb, z


def seen(camera: Camera, wide: Camera, values: RGB, z: Map) -> tuple[Map, RGB]:
    """(meters, values) as `camera` sees the scene. Hidden parts continue the background."""
    moved = align_depth(z, np.zeros(z.shape, np.uint8), wide, camera)
    known = moved.validity == DepthStatus.VALID
    source = behind(np.where(known, moved.z, 0))
    depth = moved.z.ravel()[source]
    at = np.stack([source % camera.shape[1], source // camera.shape[1]], -1).astype(float)
    place = wide.project(camera.unproject(at, depth)).astype(np.float32)
    return depth, cv2.remap(values, place[..., 0], place[..., 1], cv2.INTER_CUBIC)


def behind(z: Map) -> NDArray[np.intp]:
    """Flat index of each pixel where it is known, else of the farther known neighbor in its row."""
    column = np.arange(z.shape[1])
    first = np.maximum.accumulate(np.where(z > 0, column, 0), axis=1)
    last = np.minimum.accumulate(np.where(z > 0, column, z.shape[1] - 1)[:, ::-1], axis=1)[:, ::-1]
    left, right = (np.take_along_axis(z, side, axis=1) for side in (first, last))
    taken = np.where(left > right, first, last)
    return np.asarray(taken + np.arange(z.shape[0])[:, None] * z.shape[1])


def pictures() -> dict[str, RGB]:
    """Name -> picture, made from the output of the commands."""
    photo = tile(read("astronaut.png").rgb)
    stored, phone = "out/stored/astronaut.gdepth", "phone/astronaut.gdepth.jpg"
    sensor, stereo, loose, mono = (
        f"out/{n}/astronaut" for n in ("sensor", "stereo", "loose", "mono")
    )
    sheet = read(f"{sensor}.sheet.png").rgb
    raw = values("camera/depth.png").astype(np.float32)
    file = near_bright(np.log(np.maximum(raw, 1)), raw > 0)
    mm = near_bright(np.log(values("aligned/mm.png").astype(np.float32)))
    return {
        "sources": row(
            {
                "photo": photo,
                "stored": depth(stored),
                "sensor": depth(sensor),
                "stereo": depth(stereo),
                "mono": depth(mono),
            }
        ),
        "stored": row({phone: photo, "depth": depth(stored), "cut-out": on_squares(stored)}),
        "sensor": row(
            {
                "camera/depth.png": file,
                "depth": depth(sensor),
                "validity": draw_validity(sensor),
                "cut-out": on_squares(sensor),
            }
        ),
        "sheet": resize(sheet, scale_shape(sheet.shape[:2], 2 / 3)),
        "stereo": row(
            {
                "right.png": tile(read("right.png").rgb),
                "disparity": tile(read("out/stereo/disparity.png").rgb),
                "depth": depth(stereo),
                "validity": draw_validity(stereo),
                "depth, no --calib": depth(loose),
            }
        ),
        "aligned": row(
            {
                "aligned/mm.png": mm,
                "depth": depth("out/mm/astronaut"),
                "blur": tile(read("out/mm/astronaut.blur.png").rgb),
            }
        ),
    }


def depth(stem: str) -> RGB:
    """The saved depth of one photo, black where validity says that there is none."""
    z = values(f"{stem}.depth.png").astype(np.float32)
    return near_bright(z, values(f"{stem}.validity.png") == DepthStatus.VALID)


def values(path: str) -> NDArray[np.uint16]:
    """A 16-bit or 8-bit gray picture as it is stored."""
    return cv2.imread(path, cv2.IMREAD_UNCHANGED)


def tile(rgb: RGB) -> RGB:
    """A picture as high as all others of its row."""
    return resize(rgb, (TILE, round(TILE * rgb.shape[1] / rgb.shape[0])))


def near_bright(z: Map, known: NDArray[np.bool_] | None = None) -> RGB:
    """Depth as the sheets show it: bright where near, black where nothing was measured."""
    known = np.ones(z.shape, bool) if known is None else known
    low, high = z[known].min(), z[known].max()
    levels = (255 * (1 - np.clip((z - low) / (high - low), 0, 1))).astype(np.uint8)
    colors = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    return tile(np.where(known[..., None], colors, 0).astype(np.uint8))


def draw_validity(stem: str) -> RGB:
    """The saved validity of one photo in colors, with their legend in the corner."""
    codes = values(f"{stem}.validity.png")
    picture = tile(np.array([STATUS_LEGEND[status][1] for status in DepthStatus], np.uint8)[codes])
    present = [STATUS_LEGEND[DepthStatus(code)] for code in np.unique(codes)]
    left = picture.shape[1] - 102
    cv2.rectangle(picture, (left - 4, 0), (TILE * 2, 16 * len(present) + 4), [PAPER] * 3, -1)
    for line, (text, color) in enumerate(present):
        top = 4 + 16 * line
        cv2.rectangle(picture, (left, top), (left + 10, top + 10), color, -1)
        cv2.rectangle(picture, (left, top), (left + 10, top + 10), INK, 1)
        cv2.putText(picture, text, (left + 16, top + 9), FONT, 0.4, INK, 1, cv2.LINE_AA)
    return picture


def on_squares(stem: str) -> RGB:
    """A cut-out before a checkered ground."""
    rgba = np.asarray(Image.open(f"{stem}.cutout.png").convert("RGBA"))
    y, x = np.ogrid[: rgba.shape[0], : rgba.shape[1]]
    ground = np.where((x // 16 + y // 16) % 2, 205, 235)[..., None]
    alpha = rgba[..., 3:] / 255
    return tile(np.rint(rgba[..., :3] * alpha + ground * (1 - alpha)).astype(np.uint8))


def row(tiles: dict[str, RGB]) -> RGB:
    """Tiles side by side with their names under them."""
    papers = []
    for text, picture in tiles.items():
        paper = cv2.copyMakeBorder(picture, 0, 22, 0, 6, cv2.BORDER_CONSTANT, value=[PAPER] * 3)
        cv2.putText(paper, text, (2, TILE + 15), FONT, 0.42, INK, 1, cv2.LINE_AA)
        papers.append(paper)
    return np.hstack(papers)


def save(picture: RGB, path: Path) -> None:
    """Write a small PNG with 256 colors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).quantize(256, kmeans=2).save(path, optimize=True)
    print(path, *picture.shape[1::-1], f"{path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("docs", type=Path, help="folder for the pictures")
    main(parser.parse_args().docs)
