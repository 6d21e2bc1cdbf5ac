"""Ablation to look at: false and missed areas as bars, best and worst photos as a sheet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .ablation import FALSE, MISSED, Case, Outcome, variants
from .canvas import resize, scaled
from .depth import Source
from .errors import MissingExtra
from .evaluate import Table
from .io.replace import replacing
from .io.write import write
from .maps import Portrait
from .photo import RGB
from .pipeline import Pipeline

SHOWN = 10
"""Photos at each end of the sheet."""

SIDE = 300
GAP = 6
PAPER = 245
KEPT, WRONG, LOST = (90, 200, 90), (230, 60, 50), (60, 90, 230)
"""Colours over the photo: right, falsely detected, missed."""


def plot(table: Table, path: Path) -> None:
    """Two bars a variant, falsely detected and missed area, one panel a set."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("the plot", "plot") from error
    figure = Figure(figsize=(2 + 0.45 * max(map(len, table.values())), 4 * len(table)))
    for axes, (name, rows) in zip(
        figure.subplots(len(table), squeeze=False)[:, 0], table.items(), strict=True
    ):
        place = np.arange(len(rows))
        for offset, key, colour in ((-0.2, FALSE, "#e63c32"), (0.2, MISSED, "#3c5ae6")):
            values = [row[key] for row in rows.values()]
            axes.bar(place + offset, values, 0.4, color=colour, label=key.replace("_", " "))
        axes.set_xticks(place, list(rows), rotation=60, ha="right")
        axes.set_ylim(0, min(1.0, axes.get_ylim()[1]))
        axes.set_ylabel("share of the subject's area")
        axes.set_title(name)
        axes.legend()
    figure.tight_layout()
    with replacing(path) as draft, draft.open("wb") as file:
        figure.savefig(file, format=path.suffix.lstrip(".") or "png", dpi=110)


def sheet(outcome: Outcome, pipeline: Pipeline, sources: Mapping[str, Source], path: Path) -> None:
    """The photos on which `adaptive` gained and lost most: photo, S_in, fused, in rows."""
    order = sorted(outcome.gains, key=lambda one: -one[0])
    ends = [*order[:SHOWN], *order[SHOWN:][-SHOWN:]]
    rows = [_row(gain, case, source, pipeline, sources) for gain, case, source in ends]
    wide = max(row.shape[1] for row in rows)
    padded = [
        np.pad(row, ((0, GAP), (0, wide - row.shape[1]), (0, 0)), constant_values=PAPER)
        for row in rows
    ]
    write(np.concatenate(padded), path)


def _row(
    gain: float, case: Case, source: str, pipeline: Pipeline, sources: Mapping[str, Source]
) -> RGB:
    photo, truth = case.sample.read()
    only = Case(case.name, case.sample, (source,), case.folder)
    found = dict(variants(only, photo, pipeline, sources))
    tiles = [photo.rgb, _judged(found["none"], truth), _judged(found[f"{source}/adaptive"], truth)]
    texts = [f"{case.name} {source}", "S_in", f"fused {gain:+.3f}"]
    return np.concatenate(
        [_captioned(tile, text) for tile, text in zip(tiles, texts, strict=True)], axis=1
    )


def _judged(portrait: Portrait, truth: NDArray[np.float32]) -> RGB:
    """The photo in grey under what was right, falsely detected and missed."""
    grey = np.repeat(cv2.cvtColor(portrait.photo.rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    own, true = portrait.mask, truth >= 0.5
    for area, colour in ((own & true, KEPT), (own & ~true, WRONG), (~own & true, LOST)):
        grey[area] = (0.5 * grey[area] + 0.5 * np.array(colour)).astype(np.uint8)
    return np.asarray(grey, np.uint8)


def _captioned(tile: RGB, text: str) -> RGB:
    small = resize(tile, scaled(tile.shape[:2], SIDE / max(tile.shape[:2])))
    paper = np.pad(small, ((22, 0), (0, GAP), (0, 0)), constant_values=PAPER)
    cv2.putText(paper, text, (2, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (40, 40, 40), 1, cv2.LINE_AA)
    return np.asarray(paper, np.uint8)
