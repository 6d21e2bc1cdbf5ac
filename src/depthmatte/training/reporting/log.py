"""The logs of a run: log.csv has a row for each validation, steps.csv one for every few steps."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from ...errors import InputError
from ...system.atomic_write import atomic_draft
from ...system.printable_text import label

LogRow = dict[str, float]
"""Numbers by name. Of a validation: `epoch`, `step`, `loss` and its terms, `validation` (the
error), `seconds`. Of the step log: `epoch`, `step`, `rate` (the learning rate), `loss` and its
terms, `seconds`. Losses are means since the row before. `seconds` is the time since the row before
in the log, and since the begin of the run in the step log."""

_WHOLE_NUMBERS = ("epoch", "step")


def write_log(path: Path, rows: Sequence[LogRow]) -> None:
    """Write all rows as CSV, whole or not at all."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    with atomic_draft(path) as draft:
        draft.write_text(text.getvalue(), "utf-8", newline="")


def read_log(path: Path) -> list[LogRow]:
    """The rows of a log.csv; none where there is no file. InputError for another file."""
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            rows = list(reader)
        if "epoch" not in (reader.fieldnames or ["epoch"]):
            raise ValueError("no epochs")
        return [
            {name: int(value) if name in _WHOLE_NUMBERS else float(value)
             for name, value in row.items() if value != ""}
            for row in rows
        ]  # fmt: skip
    except (ValueError, TypeError, csv.Error) as error:
        raise InputError(f"{label(path)}: is no log of a run; move it elsewhere") from error
