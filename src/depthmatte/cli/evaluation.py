"""Measuring quality from the command line: a table per folder, JSON and CSV beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from ..evaluate import MASK_IOU, Table, evaluate, samples, write_csv, write_json
from ..io.replace import check_place
from ..metrics import METRICS
from ..pipeline import Pipeline
from .report import Report


def evaluate_all(
    folders: Sequence[Path],
    pipeline: Pipeline,
    json: Path | None,
    csv: Path | None,
    report: Report,
) -> None:
    """Measure every fusion on every folder, print the tables and write the files asked for."""
    for target in (json, csv):
        if target:
            check_place(target)
    total = sum(len(samples(folder)) for folder in folders)
    with report.progress(total) as advance:
        table = evaluate(folders, pipeline, progress=lambda _: advance())
    if json:
        write_json(table, json)
    if csv:
        write_csv(table, csv)
    if report.style == "lines":
        for line in _lines(table):
            typer.echo(line)


def _lines(table: Table) -> Iterator[str]:
    """The table as aligned text, one block per folder."""
    titles = {**{name: metric.title for name, metric in METRICS.items()}, MASK_IOU: "mask IoU"}
    widths = {name: max(8, len(title)) + 2 for name, title in titles.items()}
    for folder, rows in table.items():
        yield folder
        yield " " * 12 + "".join(f"{title:>{widths[name]}}" for name, title in titles.items())
        for variant, numbers in rows.items():
            cells = (f"{numbers[name]:>{width}.4f}" for name, width in widths.items())
            yield f"{variant:<12}" + "".join(cells)
