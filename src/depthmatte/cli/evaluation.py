"""Measuring quality from the command line: a table per folder, JSON and CSV beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import typer

from ..errors import InputError
from ..evaluate import MASK_IOU, Sample, Table, evaluate, samples, write_csv, write_json
from ..io.replace import check_place
from ..metrics import METRICS
from ..options import CutOptions
from ..session import Session
from ..text import label
from .report import Report


class Targets(NamedTuple):
    """The files asked for."""

    json: Path | None = None
    csv: Path | None = None
    plot: Path | None = None
    sheet: Path | None = None


def evaluate_all(
    folders: Sequence[Path], session: Session, asked: CutOptions, targets: Targets, report: Report
) -> None:
    """Measure every fusion on every folder, print the tables and write the files asked for."""
    found = [sample for folder in folders for sample in samples(folder)]
    _check(targets, found)
    with report.progress(len(found)) as advance:
        table = evaluate(
            folders,
            session.pipeline(asked),
            progress=lambda _: advance(),
            fusions=session.fusions(),
        )
    if targets.json:
        write_json(table, targets.json)
    if targets.csv:
        write_csv(table, targets.csv)
    if report.style == "lines":
        for line in _lines(table):
            typer.echo(line)


def ablate_all(
    folders: Sequence[Path], session: Session, asked: CutOptions, targets: Targets, report: Report
) -> None:
    """Measure every fusion with every source of depth on every folder."""
    from .. import ablation, ablation_plot

    found = [case for folder in folders for case in ablation.cases(folder)]
    inputs = [path for case in found if case.folder for path in case.folder.iterdir()]
    _check(targets, [case.sample for case in found], inputs)
    if targets.plot:
        ablation_plot.check_plot(targets.plot)
    if targets.sheet:
        ablation_plot.check_sheet(targets.sheet)
    bench = ablation.Bench(
        session.pipeline(asked), session.sources(), ablation.rules(session.fusions())
    )
    with report.progress(len(found)) as advance:
        outcome = ablation.ablate(folders, bench, lambda _: advance())
    if outcome.unmatched:
        many = f"{outcome.unmatched} of {len(found)} pairs"
        report.note(f"{many} cannot be matched and count as without depth")
    extra = (ablation.FALSE, ablation.MISSED)
    if targets.json:
        write_json(outcome.table, targets.json)
    if targets.csv:
        write_csv(outcome.table, targets.csv, extra)
    if targets.plot:
        ablation_plot.plot(outcome.table, targets.plot)
    if targets.sheet:
        ablation_plot.sheet(outcome, bench, targets.sheet)
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
