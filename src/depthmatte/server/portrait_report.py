"""The JSON answer about a portrait: people with boxes and outlines, sources, timings, links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import from_canvas, scale_shape
from ..depth.deferred import used_source
from ..options import CropOptions
from ..portrait import Portrait
from ..restore import restore_map, restore_measured
from ..values import Depth
from .cutting import options_to_json
from .kept_portraits import KeptPortrait
from .rendering import VIEW_NAMES

_MEASURED_SIDE = 512
"""Longer side, in pixels, of the maps in which people are told apart."""

_OUTLINE_TOLERANCE_PX = 1.0
"""Distance, in pixels of those maps, by which an outline may miss the edge."""

_MIN_RING_PIXELS = 12
_MAX_PEOPLE = 64
_SELECTED_SHARE = 0.5


def find_people(portrait: Portrait) -> list[dict[str, Any]]:
    """Return the people of a photo.

    Parameters
    ----------
    portrait : Portrait
        Any portrait. One with a corrected matte knows only those who are cut out.

    Returns
    -------
    list of dict
        For each person, the largest first: `box` [left, top, right, bottom]; `outline`, a list
        of rings of [x, y]; `point`, a pixel well inside; `share` of the photo's area; `depth`
        in [0, 1], 0 nearest, and `meters`, both None where not known; `selected`, whether the
        person is cut out. Coordinates are pixels of the upright photo.
    """
    if not portrait.found:
        return []
    if portrait.measured.is_deferred:  # nothing needed depth so far
        portrait = replace(portrait, measured=Depth.none(portrait.measured.shape))
    shape = scale_shape(portrait.photo.shape, min(1.0, _MEASURED_SIDE / max(portrait.photo.shape)))
    fit, depth_fit = portrait.fit.resized(shape), portrait.depth_fit.resized(shape)
    measured = portrait.measured
    depth = Depth(
        restore_measured(measured.z, measured.known, depth_fit),
        restore_map(measured.prob, depth_fit),
        measured.metric,
        measured.source,
        np.asarray(from_canvas(measured.validity, depth_fit, nearest=True), np.uint8),
        measured.scale if measured.metric and measured.known.any() else None,
    )
    cut_out = restore_map(portrait.matte.alpha, fit) >= portrait.threshold
    people, layout = portrait.glimpsed_people, portrait.people_fit.resized(shape)
    label = from_canvas(people.label, layout, nearest=True)
    scale = (portrait.photo.shape[1] / shape[1], portrait.photo.shape[0] / shape[0])
    found = [
        _describe_person(label == number, depth, cut_out, scale)
        for number in range(1, min(int(label.max()), _MAX_PEOPLE) + 1)
    ]
    return sorted(filter(None, found), key=lambda person: -float(person["share"]))


def _describe_person(
    person: NDArray[np.bool_],
    depth: Depth,
    cut_out: NDArray[np.bool_],
    scale: tuple[float, float],
) -> dict[str, Any] | None:
    mask = person.astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    rings = [
        cv2.approxPolyDP(contour, _OUTLINE_TOLERANCE_PX, True)[:, 0]
        for contour in contours
        if cv2.contourArea(contour) >= _MIN_RING_PIXELS
    ]
    if not rings:
        return None
    rows, columns = np.nonzero(person)
    across, down = scale
    inside = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    y, x = np.unravel_index(int(inside.argmax()), inside.shape)
    known = person & depth.known
    has_depth = depth.prob.any() and bool(known.any())
    return {
        "box": [
            round(columns.min() * across),
            round(rows.min() * down),
            round((columns.max() + 1) * across),
            round((rows.max() + 1) * down),
        ],
        "outline": [np.rint((ring + 0.5) * scale).astype(int).tolist() for ring in rings],
        "point": [round((int(x) + 0.5) * across, 1), round((int(y) + 0.5) * down, 1)],
        "selected": bool(cut_out[person].mean() >= _SELECTED_SHARE),
        "share": round(float(person.mean()), 5),
        "depth": round(float(np.median(depth.relative[known])), 4) if has_depth else None,
        "meters": (
            round(float(np.median(depth.z[known])), 3) if has_depth and depth.metric else None
        ),
    }


def _find_frame(kept: KeptPortrait, crop: CropOptions) -> list[int]:
    """Return a frame around the person: [left, top, right, bottom] in pixels of the photo."""
    box = kept.scaled(None).frame(crop)
    return [box.left, box.top, box.left + box.width, box.top + box.height]


def describe_portrait(
    kept: KeptPortrait, timings: Mapping[str, float], crop: CropOptions | None = None
) -> dict[str, Any]:
    """Return the JSON object about a kept portrait; `frame` is that of `crop`, else missing."""
    portrait = kept.portrait
    height, width = portrait.photo.shape
    root = f"/v1/portraits/{kept.id}"
    return {
        "id": kept.id,
        "name": portrait.photo.meta.name,
        "width": width,
        "height": height,
        "found": portrait.found,
        "corrected": kept.corrected,
        "people": find_people(portrait),
        **({} if crop is None else {"frame": _find_frame(kept, crop)}),
        "sources": {
            "depth": used_source(portrait.measured),
            "metric": not portrait.measured.is_deferred and portrait.measured.metric,
            "fusion": kept.options.fusion,
            "passes": 2 if portrait.full_fit and not kept.corrected else 1,
        },
        "options": options_to_json(kept.options),
        "notes": list(portrait.notes),
        "timings": {stage: round(ms, 2) for stage, ms in timings.items()},
        "links": {"self": root, **{view: f"{root}/{view}" for view in VIEW_NAMES}},
    }
