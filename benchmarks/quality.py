"""Quality of the cut-out on the eval sets, beside the peers, in one table.

python benchmarks/quality.py [FOLDER...] [--no-peers] -> results/quality.csv
"""

from __future__ import annotations

import argparse
from pathlib import Path

from peers import DATA, EVAL_SETS, ROOT, peers

from depthmatte.cli.evaluation import evaluate_folders
from depthmatte.evaluate import write_csv
from depthmatte.pipeline import default_pipeline

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--no-peers", action="store_true", help="our own variants only")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--orient", default="pad", choices=("pad", "rotate"))
    parser.add_argument("--matte", default="matte", help="a matte network other than ours")
    parser.add_argument("--depth", default="depth", help="a depth network other than ours")
    parser.add_argument("--out", type=Path, default=RESULTS / "quality.csv")
    options = parser.parse_args()
    pipeline = default_pipeline(
        orient=options.orient,
        threads=options.threads,
        matte_network=options.matte,
        depth_network=options.depth,
    )
    table = evaluate_folders(
        options.folders or [DATA / name for name in EVAL_SETS],
        pipeline,
        peers={} if options.no_peers else peers(options.threads),
    )
    options.out.parent.mkdir(exist_ok=True)
    # Sets by their name inside the data folder: results are read on other machines.
    write_csv({_short(folder): rows for folder, rows in table.items()}, options.out)
    print(f"-> {_short(options.out)}")


def _short(path: str | Path) -> str:
    path = Path(path).resolve()
    for base in (DATA.resolve(), ROOT):
        if path.is_relative_to(base):
            return path.relative_to(base).as_posix()
    return path.name


if __name__ == "__main__":
    main()
