"""Quality of the cut-out on the eval sets, beside the peers, in one table.

python -m benchmarks.quality [FOLDER...] [--no-peers] -> results/quality.csv
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.progress import Progress

from depthmatte.evaluation.metrics import METRICS
from depthmatte.evaluation.run import MASK_IOU, evaluate_folders, find_samples, write_csv
from depthmatte.options import CutOptions
from depthmatte.session import Session

from .common.peers import DATA, EVAL_SETS, peers
from .common.table import RESULTS, show

TITLES = {name: metric.title for name, metric in METRICS.items()} | {MASK_IOU: "own-mask IoU"}
BETTER = {name: str(metric.better) for name, metric in METRICS.items()} | {MASK_IOU: "higher"}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--no-peers", action="store_true", help="our own variants only")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--orient", default="pad", choices=("pad", "rotate"))
    parser.add_argument("--matte", default="matte", help="a matte network other than ours")
    parser.add_argument("--depth", default="depth", help="a depth network other than ours")
    parser.add_argument("--out", type=Path, default=RESULTS / "quality.csv")
    options = parser.parse_args()
    session = Session(
        threads=options.threads, matte_network=options.matte, depth_network=options.depth
    )
    pipeline = session.pipeline(CutOptions(orient=options.orient))
    others = {} if options.no_peers else peers(options.threads)
    folders = options.folders or [DATA / name for name in EVAL_SETS]
    with Progress(transient=True) as bar:
        task = bar.add_task("photos", total=sum(len(find_samples(folder)) for folder in folders))
        measured = evaluate_folders(
            folders, pipeline, others, lambda _: bar.advance(task), session.fusions()
        )
    table = {short(Path(folder)): rows for folder, rows in measured.items()}
    for name, rows in table.items():
        show(rows, name, TITLES, BETTER)
    options.out.parent.mkdir(exist_ok=True)
    write_csv(table, options.out)
    print(f"-> {options.out.name}")


def short(folder: Path) -> str:
    """A set by its name inside the data folder: results are read on other machines."""
    folder, data = folder.resolve(), DATA.resolve()
    return folder.relative_to(data).as_posix() if folder.is_relative_to(data) else folder.name


if __name__ == "__main__":
    main()
