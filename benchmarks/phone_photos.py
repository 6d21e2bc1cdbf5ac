"""Phone photos with the phone's own matte: how our cut agrees with it, alone and fused.

python -m benchmarks.phone_photos -> results/phone_photos.csv, out/phones.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from depthmatte.canvas import resize
from depthmatte.evaluation.contact_sheet import draw_contact_sheet
from depthmatte.evaluation.metrics import boundary_iou, iou, mae
from depthmatte.io.photo.photo_reader import read
from depthmatte.io.photo.photo_writer import write as write_picture
from depthmatte.session import Session

from .common.peers import DATA
from .common.table import show, write

VARIANTS = {
    "matte alone": ("none", "none"),
    "fused, stored depth": ("adaptive", "stored"),
    "fused, own estimate": ("adaptive", "mono"),
}
TITLES = {"iou": "IoU", "boundary_iou": "bIoU", "mae": "MAE"}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    session = Session(threads=options.threads)
    rows, sheets = [], []
    for path in sorted((DATA / "phones").iterdir()):
        if path.suffix.lower() not in (".jpg", ".jpeg", ".heic"):
            continue
        photo = read(path)
        if photo.evidence.matte is None:
            continue
        truth = resize(photo.evidence.matte, photo.shape).astype(np.float32) / np.float32(255)
        table = {}
        for name, (fusing, source) in VARIANTS.items():
            portrait = session.cut(photo, fusion=fusing, depth_source=source)
            alpha = portrait.alpha
            table[name] = {
                "iou": iou(alpha, truth),
                "boundary_iou": boundary_iou(alpha, truth),
                "mae": mae(alpha, truth),
            }
            rows.append({"file": path.name, "variant": name, **table[name]})
            if source == "stored":
                sheets.append(draw_contact_sheet(portrait))
        show(table, path.name, TITLES)
    write(rows, "phone_photos")
    wide = max(one.shape[1] for one in sheets)
    padded = [
        np.pad(one, ((0, 0), (0, wide - one.shape[1]), (0, 0)), constant_values=245)
        for one in sheets
    ]
    write_picture(np.concatenate(padded), Path("out/phones.png"))


if __name__ == "__main__":
    main()
