"""Plots of an ablation: bars of false and missed area, and a sheet of best and worst photos."""

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
from ..system.printable_text import label
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
from .tiles import add_frame, caption_tile, join_row, stack_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PHOTOS_PER_END = 10
"""Photos in each column of the sheet: the best and the worst."""

_TILE_SIDE_PX = 300
_CORRECT_RGB, _FALSE_RGB, _MISSED_RGB = (90, 200, 90), (230, 60, 50), (60, 90, 230)
"""Colors over the photo: correct, false and missed area."""


def check_plot_path(path: Path) -> None:
    """Check that `plot_ablation` can write this file.

    Raises
    ------
    InputError
        When matplotlib cannot write the format of the suffix.
    MissingExtra
        When matplotlib is not installed.
    """
    kinds = _figure().canvas.get_supported_filetypes()
    if path.suffix.lstrip(".").lower() not in kinds:
        known = " ".join(f".{kind}" for kind in sorted(kinds))
        raise InputError(f"{label(path)}: cannot be plotted in this format; use one of {known}")


def check_sheet_path(path: Path) -> None:
    """Raise InputError when `write_ablation_sheet` cannot write the format of this suffix."""
    format_from_suffix(path)


def _figure(size: tuple[float, float] | None = None) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("the plot", "plot") from error
    return Figure(figsize=size)


def plot_ablation(table: MetricTable, path: Path) -> None:
    """Plot false and missed area of every variant, one panel per set.

    A bar ends at 1, the true area of the subject. A number above it gives a larger value.

    Parameters
    ----------
    table : MetricTable
        Set -> variant -> metric -> mean, with `FALSE_AREA` and `MISSED_AREA`.
    path : Path
        The plot file; the suffix picks the format.
    """
    figure = _figure((2 + 0.45 * max(map(len, table.values())), 4.0 * len(table)))
    for axes, (name, rows) in zip(
        figure.subplots(len(table), squeeze=False)[:, 0], table.items(), strict=True
    ):
        place = np.arange(len(rows))
        for offset, key, color in ((-0.2, FALSE_AREA, "#e63c32"), (0.2, MISSED_AREA, "#3c5ae6")):
            values = [row[key] for row in rows.values()]
            axes.bar(place + offset, values, 0.4, color=color, label=key.replace("_", " "))
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


def write_ablation_sheet(result: AblationResult, setup: AblationSetup, path: Path) -> None:
    """Write a sheet of the photos that `adaptive` improved most and least.

    The left column shows the largest gains in IoU, the right column the largest losses or the
    smallest gains. A row shows the photo, the mask of the segmentation and the fused mask. Each
    photo stands once, with the depth source, other than true depth, that changed it most.

    Parameters
    ----------
    result : AblationResult
        Its `gains` choose the photos.
    setup : AblationSetup
        Cuts the chosen photos again.
    path : Path
        The picture file; the suffix picks the format.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    largest: dict[Path, IoUGain] = {}
    for change in result.gains:
        gain, case, source = change
        known = largest.get(case.sample.photo)
        if source != "true" and (known is None or abs(gain) > abs(known[0])):
            largest[case.sample.photo] = change
    order = sorted(largest.values(), key=lambda change: -change[0])
    half = min(_PHOTOS_PER_END, -(-len(order) // 2))
    columns = [
        stack_rows([_draw_case(*change, setup) for change in changes])
        for changes in (order[:half], order[half:][-_PHOTOS_PER_END:][::-1])
        if changes
    ]
    write(add_frame(join_row(columns)), path)


def _draw_case(gain: float, case: AblationCase, source: str, setup: AblationSetup) -> RGB:
    photo, truth = case.sample.read()
    only = AblationCase(case.name, case.sample, (source,), case.folder)
    portraits = dict(case_variants(only, photo, setup))
    pictures = {
        f"{case.name} {source}": photo.rgb,
        "segmentation": _draw_mask(portraits["none"], truth),
        f"fused {gain:+.3f}": _draw_mask(portraits[f"{source}/adaptive"], truth),
    }
    return join_row([caption_tile(_shrink(tile), text) for text, tile in pictures.items()])


def _shrink(picture: RGB) -> RGB:
    scale = _TILE_SIDE_PX / max(picture.shape[:2])
    return resize(picture, scale_shape(picture.shape[:2], scale))


def _draw_mask(portrait: Portrait, truth: NDArray[np.float32]) -> RGB:
    """Color correct, false and missed area over the gray photo."""
    gray = np.repeat(cv2.cvtColor(portrait.photo.rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    mask, true_mask = portrait.mask, truth >= 0.5
    for area, color in (
        (mask & true_mask, _CORRECT_RGB),
        (mask & ~true_mask, _FALSE_RGB),
        (~mask & true_mask, _MISSED_RGB),
    ):
        gray[area] = (0.5 * gray[area] + 0.5 * np.array(color)).astype(np.uint8)
    return np.asarray(gray, np.uint8)
