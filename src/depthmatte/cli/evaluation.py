"""Measuring quality from the command line: a table per folder, JSON and CSV beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from ..errors import InputError
from ..evaluate import MASK_IOU, Sample, Table, evaluate, samples, write_csv, write_json
from ..fuse import fusions
from ..io.label import label
from ..io.replace import check_place
from ..metrics import METRICS
from ..pipeline import depth_sources
from .order import Order
from .report import Report


def evaluate_all(
    folders: Sequence[Path],
    order: Order,
    json: Path | None,
    csv: Path | None,
    report: Report,
) -> None:
    """Measure every fusion on every folder, print the tables and write the files asked for."""
    found = [sample for folder in folders for sample in samples(folder)]
    _check((json, csv), found)
    rules = fusions(order.threads)
    with report.progress(len(found)) as advance:
        table = evaluate(folders, order.pipeline(), progress=lambda _: advance(), fusions=rules)
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

    found = [case for folder in folders for case in ablation.cases(folder)]
    inputs = [path for case in found if case.folder for path in case.folder.iterdir()]
    _check((json, csv, plot, sheet), [case.sample for case in found], inputs)
    if plot:
        ablation_plot.check_plot(plot)
    if sheet:
        ablation_plot.check_sheet(sheet)
    sources = depth_sources(order.depth_network, threads=order.threads)
    bench = ablation.Bench(order.pipeline(), sources, ablation.rules(order.threads))
    with report.progress(len(found)) as advance:
        outcome = ablation.ablate(folders, bench, lambda _: advance())
    if outcome.unmatched:
        many = f"{outcome.unmatched} of {len(found)} pairs"
        report.note(f"{many} cannot be matched and count as without depth")
    extra = (ablation.FALSE, ablation.MISSED)
    if json:
        write_json(outcome.table, json)
    if csv:
        write_csv(outcome.table, csv, extra)
    if plot:
        ablation_plot.plot(outcome.table, plot)
    if sheet:
        ablation_plot.sheet(outcome, bench, sheet)
    if report.style == "lines":
        for line in _lines(outcome.table, extra):
            typer.echo(line)


def _check(
    targets: Sequence[Path | None], found: Sequence[Sample], inputs: Sequence[Path] = ()
) -> None:
    """InputError before any work for places that cannot be written, inputs and doubles."""
    read = [path for sample in found for path in (sample.photo, sample.mask)]
    places = [target for target in targets if target]
    for target in places:
        check_place(target, [*read, *inputs])
        if places.count(target) > 1:
            raise InputError(f"{label(target)}: is given for two results; name two files")


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
