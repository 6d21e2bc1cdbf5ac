"""The log of a run's epochs: log.csv and its plot."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from ..system.atomic_write import atomic_draft
from ..system.printable_text import label

LogRow = dict[str, float]
"""One epoch: `epoch`, `loss` and its terms, `validation`, `seconds`."""


def write_log(path: Path, rows: Sequence[LogRow]) -> None:
    """Write all epochs as CSV, whole or not at all."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    with atomic_draft(path) as draft:
        draft.write_text(text.getvalue(), "utf-8", newline="")


def read_log(path: Path) -> list[LogRow]:
    """The epochs of a log.csv; none where there is no file. InputError for another file."""
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            rows = list(reader)
        if "epoch" not in (reader.fieldnames or ["epoch"]):
            raise ValueError("no epochs")
        return [
            {name: int(value) if name == "epoch" else float(value) for name, value in row.items()
             if value != ""}
            for row in rows
        ]  # fmt: skip
    except (ValueError, TypeError, csv.Error) as error:
        raise InputError(f"{label(path)}: is no log of a run; move it elsewhere") from error


def plot_log(path: Path, rows: Sequence[LogRow]) -> None:
    """Draw loss and validation error by epoch as PNG, whole or not at all."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4))
    axes = figure.add_subplot()
    for name in ("loss", "validation"):
        known = [row for row in rows if name in row]
        axes.plot([row["epoch"] for row in known], [row[name] for row in known],
                  marker="o", label=name)  # fmt: skip
    axes.set_xlabel("epoch")
    axes.set_yscale("log")
    axes.legend()
    axes.grid(alpha=0.3)
    with atomic_draft(path) as draft:
        figure.savefig(draft, dpi=110, format="png")
