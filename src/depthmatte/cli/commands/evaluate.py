"""`depthmatte evaluate`: print a table of metrics per folder, and write JSON, CSV and plots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import typer

from ...errors import InputError
from ...evaluation.metrics import METRICS
from ...evaluation.per_photo import (
    PHOTO_METRICS,
    PhotoMetrics,
    spread_of,
    write_per_photo,
    write_worst_sheet,
)
from ...evaluation.run import (
    MASK_IOU,
    EvaluationSample,
    MetricTable,
    evaluate_folders,
    find_samples,
    write_csv,
    write_json,
)
from ...evaluation.solidity import SOLIDITY
from ...io.photo.photo_writer import format_from_suffix
from ...options import CutOptions
from ...session import Session
from ...system.atomic_write import check_writable
from ...system.printable_text import label
from ...types import Float
from ..downloads import fetch_networks
from ..output import Reporter


class EvaluationFiles(NamedTuple):
    """Files to write; None for those that were not requested."""

    json: Path | None = None
    csv: Path | None = None
    plot: Path | None = None
    sheet: Path | None = None
    per_photo: Path | None = None


def report_evaluation(
    folders: Sequence[Path],
    session: Session,
    options: CutOptions,
    files: EvaluationFiles,
    report: Reporter,
) -> None:
    """Measure every fusion on every folder, print the table and write the files."""
    found = [sample for folder in folders for sample in find_samples(folder)]
    _check_files(files, found)
    if files.sheet:
        format_from_suffix(files.sheet)
    _fetch_session_networks(session, report)
    rows: list[PhotoMetrics] = []

    def keep(
        folder: str,
        sample: EvaluationSample,
        variant: str,
        alpha: Float,
        truth: Float,
        numbers: dict[str, float],
    ) -> None:
        solid = {name: measure(alpha, truth) for name, measure in SOLIDITY.items()}
        rows.append(PhotoMetrics(folder, sample, variant, numbers | solid))

    pipeline = session.pipeline(options)
    detailed = files.per_photo or files.sheet
    with report.progress(len(found)) as advance:
        table = evaluate_folders(
            folders,
            pipeline,
            progress=lambda _: advance(),
            fusions=session.fusions(),
            each=keep if detailed else None,
        )
    if files.json:
        write_json(table, files.json)
    if files.csv:
        write_csv(table, files.csv)
    if files.per_photo:
        write_per_photo(rows, files.per_photo)
    if files.sheet:
        chosen = [row for row in rows if row.variant == options.fusion]
        write_worst_sheet(chosen, pipeline, files.sheet)
    if report.style == "lines":
        for line in _table_lines(table):
            typer.echo(line)
        for line in _spread_lines(rows, options.fusion):
            typer.echo(line)


def _spread_lines(rows: Sequence[PhotoMetrics], variant: str) -> Iterator[str]:
    """Yield mean, 95 % interval and worst tenth of each metric of one variant, per folder."""
    for folder in dict.fromkeys(row.folder for row in rows):
        chosen = [row for row in rows if (row.folder, row.variant) == (folder, variant)]
        yield f"{folder}: {variant}, {len(chosen)} photos"
        yield f"{'':<18}{'mean':>10}{'95 % interval':>24}{'worst tenth':>14}"
        for name in PHOTO_METRICS:
            better = METRICS[name].better if name in METRICS else "lower"
            better = "higher" if name == MASK_IOU else better
            found = spread_of([row.numbers[name] for row in chosen], better)
            interval = f"{found.low:.4f} to {found.high:.4f}"
            yield f"{name:<18}{found.mean:>10.4f}{interval:>24}{found.worst_tenth:>14.4f}"


def report_ablation(
    folders: Sequence[Path],
    session: Session,
    options: CutOptions,
    files: EvaluationFiles,
    report: Reporter,
) -> None:
    """Measure every fusion with every depth source, print the table and write the files."""
    from ...evaluation import ablation, plots

    found = [case for folder in folders for case in ablation.find_cases(folder)]
    inputs = [path for case in found if case.folder for path in case.folder.iterdir()]
    inputs += [case.depth for case in found if case.depth]
    _check_files(files, [case.sample for case in found], inputs)
    if files.plot:
        plots.check_plot_path(files.plot)
    if files.sheet:
        plots.check_sheet_path(files.sheet)
    _fetch_session_networks(session, report)
    setup = ablation.AblationSetup(
        session.pipeline(options), session.sources(), ablation.ablation_fusions(session.fusions())
    )
    with report.progress(len(found)) as advance:
        outcome = ablation.ablate_folders(folders, setup, lambda _: advance())
    if outcome.unmatched:
        count = f"{outcome.unmatched} of {len(found)} pairs"
        report.note(f"{count} cannot be matched and count as photos without depth")
    extra = (ablation.FALSE_AREA, ablation.MISSED_AREA)
    if files.json:
        write_json(outcome.table, files.json)
    if files.csv:
        write_csv(outcome.table, files.csv, extra)
    if files.plot:
        plots.plot_ablation(outcome.table, files.plot)
    if files.sheet:
        plots.write_ablation_sheet(outcome, setup, files.sheet)
    if report.style == "lines":
        for line in _table_lines(outcome.table, extra):
            typer.echo(line)


def _fetch_session_networks(session: Session, report: Reporter) -> None:
    options = session.options
    named = (options.matte_network, options.depth_network, options.stereo_network)
    fetch_networks((*named, *options.network), report)


def _check_files(
    targets: Sequence[Path | None], found: Sequence[EvaluationSample], inputs: Sequence[Path] = ()
) -> None:
    """Raise InputError for files that cannot be written, are inputs, or are given twice."""
    samples = [path for sample in found for path in (sample.photo, sample.mask)]
    files = [target for target in targets if target]
    for target in files:
        check_writable(target, [*samples, *inputs])
        if files.count(target) > 1:
            raise InputError(f"{label(target)}: is given for two results; name two files")


def _table_lines(table: MetricTable, extra: Sequence[str] = ()) -> Iterator[str]:
    """Yield the lines of the table, one block per folder, with the `extra` metrics last."""
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
