"""Measuring quality from the command line: a table per folder, JSON and CSV beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from ..evaluate import MASK_IOU, Table, evaluate, samples, write_csv, write_json
from ..io.replace import check_place
from ..metrics import METRICS
from ..pipeline import Pipeline, depth_sources
from .order import Order
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


def ablate_all(
    folders: Sequence[Path],
    order: Order,
    json: Path | None,
    csv: Path | None,
    plot: Path | None,
    sheet: Path | None,
    report: Report,
) -> None:
    """Measure every fusion with every source of depth on every folder."""
    from .. import ablation, ablation_plot

    for target in (json, csv, plot, sheet):
        if target:
            check_place(target)
    pipeline = order.pipeline()
    sources = depth_sources(order.depth_network, threads=order.threads)
    total = sum(len(ablation.cases(folder)) for folder in folders)
    with report.progress(total) as advance:
        outcome = ablation.ablate(folders, pipeline, sources, lambda _: advance())
    extra = (ablation.FALSE, ablation.MISSED)
    if json:
        write_json(outcome.table, json)
    if csv:
        write_csv(outcome.table, csv, extra)
    if plot:
        ablation_plot.plot(outcome.table, plot)
    if sheet:
        ablation_plot.sheet(outcome, pipeline, sources, sheet)
    if report.style == "lines":
        for line in _lines(outcome.table, extra):
            typer.echo(line)


def _lines(table: Table, extra: Sequence[str] = ()) -> Iterator[str]:
    """The table as aligned text, one block per folder; `extra` columns stand last."""
    titles = {
        **{name: metric.title for name, metric in METRICS.items()},
        MASK_IOU: "mask IoU",
        **{name: name.replace("_area", "") for name in extra},
    }
    widths = {name: max(8, len(title)) + 2 for name, title in titles.items()}
    first = max(12, *(len(variant) + 1 for rows in table.values() for variant in rows))
    for folder, rows in table.items():
        yield folder
        yield " " * first + "".join(f"{title:>{widths[name]}}" for name, title in titles.items())
        for variant, numbers in rows.items():
            cells = (f"{numbers[name]:>{width}.4f}" for name, width in widths.items())
            yield f"{variant:<{first}}" + "".join(cells)
