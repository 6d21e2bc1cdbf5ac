"""How often is a photo without people answered with nobody?

python -m benchmarks.no_people -> results/no_people.csv
"""

from __future__ import annotations

import argparse

import numpy as np

from depthmatte.evaluation.run import fusion_variants
from depthmatte.fusion import FUSIONS
from depthmatte.io.photo.photo_reader import read
from depthmatte.session import Session
from depthmatte.training.data.splits import list_backgrounds

from .common.peers import DATA
from .common.table import show, write

TITLES = {"photos": "photos", "empty": "nobody found", "finite": "without NaN"}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--matte", default="matte", help="a matte network other than ours")
    parser.add_argument("--all", action="store_true", help="training backgrounds as well")
    options = parser.parse_args()
    session = Session(threads=options.threads, matte_network=options.matte)
    sets = {
        "empty_rooms": sorted((DATA / "rgbd" / "empty_rooms").glob("*_rgb.png")),
        "backgrounds, held out": list_backgrounds(DATA, "test"),
    }
    if options.all:
        sets["backgrounds, trained on"] = list_backgrounds(DATA, "train")
    rows = []
    for name, files in sets.items():
        counts = {variant: {"photos": 0.0, "empty": 0.0, "finite": 0.0} for variant in FUSIONS}
        for file in files:
            for variant, portrait in fusion_variants(
                session.pipeline(), read(file), session.fusions()
            ):
                counts[variant]["photos"] += 1
                counts[variant]["empty"] += not portrait.found
                counts[variant]["finite"] += bool(np.isfinite(portrait.alpha).all())
        for numbers in counts.values():
            numbers["empty"] /= numbers["photos"]
            numbers["finite"] /= numbers["photos"]
        show(counts, name, TITLES, {"empty": "higher", "finite": "higher"})
        rows += [{"set": name, "variant": v} | numbers for v, numbers in counts.items()]
    write(rows, "no_people")


if __name__ == "__main__":
    main()
