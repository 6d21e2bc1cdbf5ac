"""Ablation to look at: false and missed areas as bars, best and worst photos as a sheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import resize, scale_shape
from ..errors import InputError, MissingExtra
from ..io.photo.photo_writer import format_from_suffix, write
from ..portrait import Portrait
from ..system.atomic_write import atomic_draft
from ..system.text import label
from ..types import RGB
from .ablation import (
    FALSE_AREA,
    MISSED_AREA,
    AblationCase,
    AblationResult,
    AblationSetup,
    IoUGain,
    case_variants,
)
from .run import MetricTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PHOTOS_PER_END = 10
"""Photos at each end of the sheet."""

_TILE_SIDE_PX = 300
_TILE_GAP_PX = 6
_PAPER_GRAY = 245
_CORRECT_RGB, _FALSE_RGB, _MISSED_RGB = (90, 200, 90), (230, 60, 50), (60, 90, 230)
"""Colours over the photo: right, falsely detected, missed."""


def check_plot_path(path: Path) -> None:
    """InputError now where `plot` could not draw later; MissingExtra without matplotlib."""
    kinds = _figure().canvas.get_supported_filetypes()
    if path.suffix.lstrip(".").lower() not in kinds:
        known = " ".join(f".{kind}" for kind in sorted(kinds))
        raise InputError(f"{label(path)}: no plot can be written so; use one of {known}")


def check_sheet_path(path: Path) -> None:
    """InputError now where `sheet` could not be written later."""
    format_from_suffix(path)


def _figure(size: tuple[float, float] | None = None) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("the plot", "plot") from error
    return Figure(figsize=size)


def plot_ablation(table: MetricTable, path: Path) -> None:
    """Two bars a variant, falsely detected and missed area, one panel a set.

    Bars end at the subject's own area; a number says how much longer one would be.
    """
    figure = _figure((2 + 0.45 * max(map(len, table.values())), 4.0 * len(table)))
    for axes, (name, rows) in zip(
        figure.subplots(len(table), squeeze=False)[:, 0], table.items(), strict=True
    ):
        place = np.arange(len(rows))
        for offset, key, colour in ((-0.2, FALSE_AREA, "#e63c32"), (0.2, MISSED_AREA, "#3c5ae6")):
            values = [row[key] for row in rows.values()]
            axes.bar(place + offset, values, 0.4, color=colour, label=key.replace("_", " "))
            for x, value in zip(place + offset, values, strict=True):
                if value > 1:
                    axes.text(x, 1.0, f"{value:.2g}", ha="center", va="bottom", fontsize=7)
        axes.set_xticks(place, list(rows), rotation=60, ha="right")
        axes.set_ylim(0, min(1.0, axes.get_ylim()[1]))
        axes.set_ylabel("share of the subject's area")
        axes.set_title(name)
        axes.legend()
    figure.tight_layout()
    with atomic_draft(path) as draft, draft.open("wb") as file:
        figure.savefig(file, format=path.suffix.lstrip(".").lower(), dpi=110)


def write_ablation_sheet(outcome: AblationResult, setup: AblationSetup, path: Path) -> None:
    """The photos on which `adaptive` gained most, and beside them those on which it lost most or
    gained least: photo, S_in, fused.

    Each photo is shown once, with the source, other than true depth, that changed it most.
    """
    most: dict[Path, IoUGain] = {}
    for one in outcome.gains:
        gain, case, source = one
        so_far = most.get(case.sample.photo)
        if source != "true" and (so_far is None or abs(gain) > abs(so_far[0])):
            most[case.sample.photo] = one
    order = sorted(most.values(), key=lambda one: -one[0])
    half = min(_PHOTOS_PER_END, -(-len(order) // 2))
    columns = [
        _stack_rows([_case_tiles(*one, setup) for one in ends])
        for ends in (order[:half], order[half:][-_PHOTOS_PER_END:][::-1])
        if ends
    ]
    tall = max(len(column) for column in columns)
    write(np.concatenate([_padded(column, tall, column.shape[1]) for column in columns], 1), path)


def _stack_rows(rows: list[RGB]) -> RGB:
    """Rows below each other."""
    wide = max(row.shape[1] for row in rows)
    return np.concatenate(
        [_padded(row, len(row) + _TILE_GAP_PX, wide + _TILE_GAP_PX) for row in rows]
    )


def _padded(picture: RGB, tall: int, wide: int) -> RGB:
    rows, columns = picture.shape[:2]
    return np.pad(
        picture, ((0, tall - rows), (0, wide - columns), (0, 0)), constant_values=_PAPER_GRAY
    )


def _case_tiles(gain: float, case: AblationCase, source: str, bench: AblationSetup) -> RGB:
    photo, truth = case.sample.read()
    only = AblationCase(case.name, case.sample, (source,), case.folder)
    found = dict(case_variants(only, photo, bench))
    tiles = [
        photo.rgb,
        _mask_overlay(found["none"], truth),
        _mask_overlay(found[f"{source}/adaptive"], truth),
    ]
    texts = [f"{case.name} {source}", "S_in", f"fused {gain:+.3f}"]
    return np.concatenate(
        [_captioned(tile, text) for tile, text in zip(tiles, texts, strict=True)], axis=1
    )


def _mask_overlay(portrait: Portrait, truth: NDArray[np.float32]) -> RGB:
    """The photo in grey under what was right, falsely detected and missed."""
    grey = np.repeat(cv2.cvtColor(portrait.photo.rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    own, true = portrait.mask, truth >= 0.5
    for area, colour in (
        (own & true, _CORRECT_RGB),
        (own & ~true, _FALSE_RGB),
        (~own & true, _MISSED_RGB),
    ):
        grey[area] = (0.5 * grey[area] + 0.5 * np.array(colour)).astype(np.uint8)
    return np.asarray(grey, np.uint8)


def _captioned(tile: RGB, text: str) -> RGB:
    small = resize(tile, scale_shape(tile.shape[:2], _TILE_SIDE_PX / max(tile.shape[:2])))
    paper = np.pad(small, ((22, 0), (0, _TILE_GAP_PX), (0, 0)), constant_values=_PAPER_GRAY)
    cv2.putText(paper, text, (2, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (40, 40, 40), 1, cv2.LINE_AA)
    return np.asarray(paper, np.uint8)
