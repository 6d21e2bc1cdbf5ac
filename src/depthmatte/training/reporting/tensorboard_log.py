"""The logs of a run as TensorBoard event files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .log import LogRow

_NO_SCALARS = frozenset({"epoch", "step"})
_FLUSH_SECONDS = 10


class TensorBoardLog:
    """Writes the scalars of a run into a folder, `tensorboard --logdir` reads them.

    The events follow from the logs in the checkpoint: a run that goes on writes them anew, so
    that no step is there twice.

    Parameters
    ----------
    folder : Path
        OUT/tensorboard. Event files of the run before are replaced.
    rows, steps : sequence of LogRow
        What the logs hold already.
    """

    def __init__(self, folder: Path, rows: Sequence[LogRow], steps: Sequence[LogRow]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        for old in folder.glob("events.out.tfevents.*"):
            old.unlink()
        self._writer = SummaryWriter(str(folder), flush_secs=_FLUSH_SECONDS)
        for row in steps:
            self.add(row, "train")
        for row in rows:
            self.add(row, "validation")

    def add(self, row: LogRow, group: str) -> None:
        """Write the numbers of a row as GROUP/NAME."""
        if "step" not in row:  # a row of a run before 0.3
            return
        for name, value in row.items():
            if name not in _NO_SCALARS:
                self._writer.add_scalar(f"{group}/{name}", value, int(row["step"]))

    def close(self) -> None:
        """Write what is held back and close the file."""
        self._writer.close()
