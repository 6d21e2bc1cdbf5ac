"""Frames of a depth camera in a drawn room: photo, 16-bit depth, mask and OpenCV's calibration.

They stand for recorded frames. A person sits before shelves and a wall, and the depth has what
real sensors give: whole millimeters, noise that grows with distance, a shadow without depth at
one side of whatever is near, and holes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

SHAPE = (480, 640)
FOCAL = 525.0
MIDDLE = (320.0, 240.0)

CALIBRATION = """<?xml version="1.0"?>
<opencv_storage>
<intrinsic type_id="opencv-matrix">
  <rows>3</rows>
  <cols>3</cols>
  <dt>f</dt>
  <data>
    525. 0. 320. 0. 525. 240. 0. 0. 1.</data></intrinsic>
<R type_id="opencv-matrix">
  <rows>3</rows>
  <cols>3</cols>
  <dt>f</dt>
  <data>
    -8.00000000e-001 0. 6.00000000e-001 0. 1. 0. -6.00000000e-001 0.
    -8.00000000e-001</data></R>
<t type_id="opencv-matrix">
  <rows>3</rows>
  <cols>1</cols>
  <dt>f</dt>
  <data>
    -3.00000000e-001 6.50000000e-001 9.00000000e-001</data></t>
</opencv_storage>
"""
"""One camera for photo and depth, and where it stands in the room."""


@dataclass(frozen=True)
class Frame:
    """A photo (480, 640, 3), its depth in mm (0 is unknown), and where the person is."""

    rgb: NDArray[np.uint8]
    mm: NDArray[np.uint16]
    person: NDArray[np.bool_]


def frame(number: int = 0) -> Frame:
    """The person stands elsewhere in each frame, and nearer or farther."""
    rng = np.random.default_rng(number)
    height, width = SHAPE
    y, x = np.mgrid[:height, :width].astype(np.float32)
    own, middle = 1.0 + 0.04 * (number % 8), 240 + 24 * (number % 7)
    head = np.hypot((x - middle) / 45, (y - 190) / 58) < 1
    body = np.hypot((x - middle) / 95, (y - 480) / 240) < 1
    person = head | body
    z = 2.9 - 0.5 * x / width
    shelf = (x > 520) & (y > 120)
    z = np.where(shelf, 2.1, z)
    z = np.where(person, own + 0.06 * np.hypot((x - middle) / 100, 0.3), z)
    noise = rng.normal(0, 1, SHAPE) * 0.0015 * z**2
    shadow = np.roll(person, -round(60 * (1 / own - 1 / 2.7)), axis=1) & ~person
    holes = cv2.resize(rng.random((24, 32)).astype(np.float32), SHAPE[::-1]) > 0.82
    unknown = shadow | (holes & ~person) | (x < 8)
    mm = np.where(unknown, 0, np.rint((z + noise) * 1000)).astype(np.uint16)
    colors = np.where(person[..., None], (168, 112, 96), (120, 132, 140))
    colors = np.where(shelf[..., None] & ~person[..., None], (88, 64, 40), colors)
    rgb = np.clip(colors + rng.normal(0, 3, (*SHAPE, 3)), 0, 255).astype(np.uint8)
    return Frame(rgb, mm, person)


def save(folder: Path, number: int = 0) -> str:
    """Write a frame as recorders do: `NAME.jpg`, `_depth.png`, `_mask.jpg`, `_camera.xml`."""
    made, name = frame(number), f"{number:010}"
    cv2.imwrite(str(folder / f"{name}.jpg"), made.rgb[..., ::-1])
    cv2.imwrite(str(folder / f"{name}_depth.png"), made.mm)
    cv2.imwrite(str(folder / f"{name}_mask.jpg"), made.person.astype(np.uint8) * 255)
    (folder / f"{name}_camera.xml").write_text(CALIBRATION, "utf-8")
    return name
