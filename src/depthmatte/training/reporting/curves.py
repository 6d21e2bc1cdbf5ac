"""Plots of a run: its curves, and how reliable its probabilities are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...evaluation.depth_metrics import ReliabilityBin, expected_calibration_error
from ...system.atomic_write import atomic_draft
from .log import LogRow

_NO_TERMS = frozenset({"epoch", "step", "loss", "validation", "seconds", "rate"})


def draw_curves(rows: Sequence[LogRow], steps: Sequence[LogRow] = ()) -> Figure:
    """Draw loss, its terms, validation error and learning rate by step.

    Parameters
    ----------
    rows : sequence of LogRow
        The log. Rows of runs before 0.3 have no step; they stand at their epoch.
    steps : sequence of LogRow
        The step log.
    """
    figure = Figure(figsize=(9, 6))
    figure.subplots_adjust(left=0.1, right=0.98, top=0.97, bottom=0.09, hspace=0.08)
    upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    unit = "step" if all("step" in row for row in rows) else "epoch"
    terms = dict.fromkeys(name for row in steps for name in row if name not in _NO_TERMS)
    for name in ("loss", *terms):
        main = name == "loss"
        _draw(upper, steps, "step", name, lw=1.6 if main else 0.8, alpha=1 if main else 0.6)
    _draw(upper, rows, unit, "loss", "loss, mean" if steps else "loss", marker="o")
    _draw(upper, rows, unit, "validation", "validation error", marker="s", color="black")
    upper.set_yscale("log")
    upper.set_ylabel("loss, error")
    _draw(lower, steps, "step", "rate", color="tab:red")
    lower.set_ylabel("learning rate")
    lower.set_xlabel(unit)
    for axes in (upper, lower):
        axes.grid(alpha=0.3)
    if upper.lines:
        upper.legend(fontsize=7, ncols=2)
    return figure


def _draw(
    axes: Axes, rows: Sequence[LogRow], unit: str, name: str, title: str | None = None, **style: Any
) -> None:
    """Plot one column where it is known and can stand on a logarithmic axis."""
    known = [row for row in rows if row.get(name, 0) > 0 and unit in row]
    if known:
        axes.plot([row[unit] for row in known], [row[name] for row in known],
                  label=title or name, **style)  # fmt: skip


def plot_log(path: Path, rows: Sequence[LogRow], steps: Sequence[LogRow] = ()) -> None:
    """Write the curves as PNG, whole or not at all."""
    with atomic_draft(path) as draft:
        draw_curves(rows, steps).savefig(draft, dpi=110, format="png")


def draw_reliability(tables: Mapping[str, Sequence[ReliabilityBin]]) -> Figure:
    """Draw observed against predicted shares of foreground, one panel per output.

    The area of a dot is its bin's share of all pixels.
    """
    figure = Figure(figsize=(4.4 * len(tables), 4.4))
    figure.subplots_adjust(left=0.08, right=0.98, top=0.92, bottom=0.12, wspace=0.25)
    for axes, (name, table) in zip(
        figure.subplots(1, len(tables), squeeze=False)[0], tables.items(), strict=True
    ):
        known = [row for row in table if row.pixels]
        total = sum(row.pixels for row in known)
        axes.plot([0, 1], [0, 1], color="gray", lw=0.8)
        axes.plot([row.confidence for row in known], [row.accuracy for row in known], lw=1.2)
        axes.scatter(
            [row.confidence for row in known], [row.accuracy for row in known],
            s=[20 + 280 * row.pixels / total for row in known], alpha=0.6,
        )  # fmt: skip
        axes.set_title(f"{name}: ECE {expected_calibration_error(table):.4f}")
        axes.set_xlabel("predicted")
        axes.set_ylabel("observed share of foreground")
        axes.set_aspect("equal")
        axes.grid(alpha=0.3)
    return figure
