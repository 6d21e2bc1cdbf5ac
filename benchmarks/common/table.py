"""Results as people read them (a rich table) and as programs do (CSV)."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parents[1] / "results"


def show(
    rows: Mapping[str, Mapping[str, float]],
    title: str,
    titles: Mapping[str, str],
    better: Mapping[str, str] | None = None,
) -> None:
    """One line per measure in `titles`, one column per row of `rows`, the best in bold."""
    better = better or {}
    grid = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    grid.add_column("", no_wrap=True)
    for column in rows:
        grid.add_column(column, justify="right", no_wrap=True)
    for name, text in titles.items():
        values = [row.get(name, math.nan) for row in rows.values()]
        best = _best(values, better.get(name, ""))
        arrow = {"lower": " ↓", "higher": " ↑"}.get(better.get(name, ""), "")
        grid.add_row(text + arrow, *(_cell(value, value == best) for value in values))
    wide = max(map(len, titles.values())) + 4 + sum(max(10, len(name) + 3) for name in rows)
    Console(width=max(wide, len(title))).print(grid)


def _best(values: Sequence[float], better: str) -> float:
    known = [value for value in values if not math.isnan(value)]
    if not known or not better:
        return math.nan
    return min(known) if better == "lower" else max(known)


def _cell(value: float, best: bool) -> str:
    if math.isnan(value):
        return "-"
    text = f"{value:.4f}" if abs(value) < 1 else f"{value:.2f}" if value < 1000 else f"{value:.0f}"
    return f"[bold]{text}[/bold]" if best else text


def write(rows: Sequence[Mapping[str, Any]], name: str) -> None:
    """Write `rows` (all with the same keys) to results/NAME.csv, numbers to 6 digits."""
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{name}.csv"
    part = file.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})
    part.replace(file)
    print(f"-> benchmarks/results/{file.name}")
