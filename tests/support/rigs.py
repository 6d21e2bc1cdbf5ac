"""Cameras and planes for tests: two lenses somewhere near each other, and what they see."""

import cv2
import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from depthmatte.camera import Camera


def rotation(*vector: float) -> NDArray[np.float64]:
    """The rotation about `vector` by its length in radians."""
    return np.asarray(cv2.Rodrigues(np.array(vector, float))[0])


def small(most: float) -> st.SearchStrategy[float]:
    return st.floats(-most, most)


@st.composite
def cameras(
    draw: st.DrawFn,
    shape: tuple[int, int] | None = None,
    turn: float = 0.1,
    shift: float = 0.1,
    least: int = 20,
) -> Camera:
    """Cameras of 50 to 80 degrees with mild distortion, turned and shifted a little."""
    height, width = shape or (draw(st.integers(least, 200)), draw(st.integers(least, 200)))
    focal = draw(st.floats(0.6, 1.2)) * max(height, width)
    distortion = draw(
        st.one_of(
            st.just(()),
            st.tuples(small(0.25), small(0.05), small(0.005), small(0.005)),
            st.tuples(small(0.25), small(0.05), small(0.005), small(0.005), small(0.02)),
            st.tuples(
                small(0.2), small(0.05), small(0.005), small(0.005), small(0.02),
                small(0.05), small(0.02), small(0.01),
            ),
        )
    )  # fmt: skip
    return Camera(
        (height, width),
        focal,
        focal * draw(st.floats(0.95, 1.05)),
        (width - 1) * draw(st.floats(0.45, 0.55)),
        (height - 1) * draw(st.floats(0.45, 0.55)),
        distortion,
        rotation(*(draw(small(turn)) for _ in range(3))),
        np.array([draw(small(shift)) for _ in range(3)]),
    )


def pixels(camera: Camera) -> NDArray[np.float64]:
    """All pixel coordinates, (h, w, 2) as (x, y)."""
    height, width = camera.shape
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(float)


def plane_depth(camera: Camera, normal: NDArray[np.float64], offset: float) -> NDArray[np.float64]:
    """Depth (h, w) at which `camera` sees the world's plane normal . X = offset, closed form."""
    ends = camera.unproject(pixels(camera), np.ones(camera.shape))
    center = -camera.rotation.T @ camera.translation
    return np.asarray((offset - normal @ center) / ((ends - center) @ normal))
