"""Segmentation by spectral matting: Canvas -> Matte."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..canvas import Canvas, resize
from ..types import RGB, Float
from ..values import Matte
from .closed_form import check_scipy, refine_alpha
from .spectral import MattingComponents, find_components

_COMPONENTS, _EIGENVECTORS = 20, 40
"""For a rough matte, which can group many small components. Over 6 composites of training cut-outs
IoU is 0.94; with 10 components of 30 eigenvectors it is 0.88."""

_CLICKED_COMPONENTS = 10
"""For a click: a component must be large enough to be a part of a person."""

_MIN_ALPHA = 0.5
"""Alpha that a rough matte must reach somewhere to show a person."""


def create_spectral_segmenter(
    by: Callable[[Canvas], Matte] | tuple[float, float],
) -> Callable[[Canvas], Matte]:
    """Make a segmentation step for the pipeline out of spectral matting.

    Components are found on at most 12,000 pixels. Their group is then solved again along its
    outline by closed-form matting, at the size of the canvas.

    Parameters
    ----------
    by : callable or tuple of float
        What groups the components: a segmentation (Canvas -> Matte) that gives a rough matte, or a
        pixel (x, y) of the photo on the person.

    Returns
    -------
    callable
        Canvas -> Matte. Its `prob` is the probability of the components that a pixel belongs to.
        The matte is empty where a rough matte shows nobody.

    Raises
    ------
    MissingExtra
        Without SciPy.
    """
    check_scipy()

    def segment(canvas: Canvas) -> Matte:
        part = canvas.fit.content_slices
        rgb = np.ascontiguousarray(np.rint(canvas.pixels[part] * 255).astype(np.uint8))
        if isinstance(by, tuple):
            components = find_components(rgb, _CLICKED_COMPONENTS)
            chosen, share = components.group_by_clicks([_share_of_content(canvas, by)])
        else:
            rough = by(canvas)
            if not (rough.alpha[part] >= _MIN_ALPHA).any():
                return Matte.empty(canvas.fit.canvas)
            components = find_components(rgb, _COMPONENTS, _EIGENVECTORS)
            chosen = components.group_by_mask(rough.alpha[part])
            share = _mean_in_components(components, rough.prob[part])
        return _lay_on_canvas(canvas, rgb, components, chosen, share)

    return segment


def _share_of_content(canvas: Canvas, point: tuple[float, float]) -> tuple[float, float]:
    """Place of a photo pixel on the canvas, in shares of the content; the nearest one inside."""
    place = canvas.fit.points_to_canvas(np.array(point)) + 0.5
    top, left = canvas.fit.content_corner
    height, width = canvas.fit.content_shape
    x, y = np.clip((place - (left, top)) / (width, height), 0, 1)
    return float(x), float(y)


def _mean_in_components(components: MattingComponents, prob: Float) -> np.ndarray:
    """Mean of a probability over each component, float64 (K,)."""
    alphas = components.alphas.reshape(len(components.alphas), -1).astype(np.float64)
    small = resize(prob, components.alphas.shape[1:]).ravel()
    return np.asarray(alphas @ small / alphas.sum(axis=1))


def _lay_on_canvas(
    canvas: Canvas,
    rgb: RGB,
    components: MattingComponents,
    chosen: np.ndarray,
    share: np.ndarray,
) -> Matte:
    size = (rgb.shape[0], rgb.shape[1])
    small = components.matte(chosen)
    factor = max(1.0, size[0] / small.shape[0], size[1] / small.shape[1])
    fine = np.asarray(np.clip(resize(small, size), 0, 1), np.float32)
    fine = refine_alpha(rgb, np.ascontiguousarray(fine), factor)
    likely = np.tensordot(share.astype(np.float32), components.alphas, axes=1)
    alpha, prob = np.zeros((2, *canvas.fit.canvas), np.float32)
    alpha[canvas.fit.content_slices] = fine
    prob[canvas.fit.content_slices] = np.clip(resize(likely, size), 0, 1)
    return Matte(alpha, prob, canvas.rgb[0])
