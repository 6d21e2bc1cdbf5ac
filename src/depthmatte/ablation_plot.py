"""Ablation to look at: false and missed areas as bars, best and worst photos as a sheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from .ablation import FALSE, MISSED, Bench, Case, Gain, Outcome, variants
from .arrays import RGB
from .canvas import resize, scaled
from .errors import InputError, MissingExtra
from .evaluate import Table
from .io.replace import replacing
from .io.write import form_of, write
from .portrait import Portrait
from .text import label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 10
"""Photos at each end of the sheet."""

SIDE = 300
GAP = 6
PAPER = 245
KEPT, WRONG, LOST = (90, 200, 90), (230, 60, 50), (60, 90, 230)
"""Colours over the photo: right, falsely detected, missed."""


def check_plot(path: Path) -> None:
    """InputError now where `plot` could not draw later; MissingExtra without matplotlib."""
    kinds = _figure().canvas.get_supported_filetypes()
    if path.suffix.lstrip(".").lower() not in kinds:
        known = " ".join(f".{kind}" for kind in sorted(kinds))
        raise InputError(f"{label(path)}: no plot can be written so; use one of {known}")


def check_sheet(path: Path) -> None:
    """InputError now where `sheet` could not be written later."""
    form_of(path)


def _figure(size: tuple[float, float] | None = None) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("the plot", "plot") from error
    return Figure(figsize=size)


def plot(table: Table, path: Path) -> None:
    """Two bars a variant, falsely detected and missed area, one panel a set.

    Bars end at the subject's own area; a number says how much longer one would be.
    """
    figure = _figure((2 + 0.45 * max(map(len, table.values())), 4.0 * len(table)))
    for axes, (name, rows) in zip(
        figure.subplots(len(table), squeeze=False)[:, 0], table.items(), strict=True
    ):
        place = np.arange(len(rows))
        for offset, key, colour in ((-0.2, FALSE, "#e63c32"), (0.2, MISSED, "#3c5ae6")):
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
    with replacing(path) as draft, draft.open("wb") as file:
        figure.savefig(file, format=path.suffix.lstrip(".").lower(), dpi=110)


def sheet(outcome: Outcome, bench: Bench, path: Path) -> None:
    """The photos on which `adaptive` gained most, and beside them those on which it lost most or
    gained least: photo, S_in, fused.

    Each photo is shown once, with the source, other than true depth, that changed it most.
    """
    most: dict[Path, Gain] = {}
    for one in outcome.gains:
        gain, case, source = one
        so_far = most.get(case.sample.photo)
        if source != "true" and (so_far is None or abs(gain) > abs(so_far[0])):
            most[case.sample.photo] = one
    order = sorted(most.values(), key=lambda one: -one[0])
    half = min(SHOWN, -(-len(order) // 2))
    columns = [
        _strip([_row(*one, bench) for one in ends])
        for ends in (order[:half], order[half:][-SHOWN:][::-1])
        if ends
    ]
    tall = max(len(column) for column in columns)
    write(np.concatenate([_padded(column, tall, column.shape[1]) for column in columns], 1), path)


def _strip(rows: list[RGB]) -> RGB:
    """Rows below each other."""
    wide = max(row.shape[1] for row in rows)
    return np.concatenate([_padded(row, len(row) + GAP, wide + GAP) for row in rows])


def _padded(picture: RGB, tall: int, wide: int) -> RGB:
    rows, columns = picture.shape[:2]
    return np.pad(picture, ((0, tall - rows), (0, wide - columns), (0, 0)), constant_values=PAPER)


def _row(gain: float, case: Case, source: str, bench: Bench) -> RGB:
    photo, truth = case.sample.read()
    only = Case(case.name, case.sample, (source,), case.folder)
    found = dict(variants(only, photo, bench))
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
