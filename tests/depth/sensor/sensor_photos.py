"""Photos with a depth map beside them, for tests of sensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from depthmatte.canvas import Canvas, Letterbox
from depthmatte.depth.sensor.depth_map import SensorOptions, sensor_depth
from depthmatte.evidence import DepthStatus, Evidence, RawDepth
from depthmatte.photo import Photo
from depthmatte.values import Depth


def raw(z: Any, **fields: Any) -> RawDepth:
    """Depth in meters, missing where 0."""
    depth = np.asarray(z, np.float32)
    validity = np.where(depth > 0, DepthStatus.VALID, DepthStatus.MISSING).astype(np.uint8)
    return RawDepth(depth, **{"validity": validity, "metric": True, "kind": "png", **fields})


def taken(depth: RawDepth, shape: tuple[int, int] | None = None, **fields: Any) -> Photo:
    return Photo(
        np.zeros((*(shape or depth.shape), 3), np.uint8),
        evidence=Evidence(depth_map=depth),
        **fields,
    )


def own(photo: Photo) -> Canvas:
    """A canvas that is the photo itself, pixel by pixel."""
    return Canvas(np.zeros((1, 3, *photo.shape), np.float32), Letterbox.identity(photo.shape))


def measured(depth: RawDepth, options: SensorOptions | None = None, **fields: Any) -> Depth:
    photo = taken(depth, **fields)
    return sensor_depth(photo, own(photo), options)
