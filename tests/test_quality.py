"""Quality itself is under test: the shipped networks stay within 1 % of the recorded numbers.

After new weights, `python tests/test_quality.py` measures and records them again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from depthmatte import metrics
from depthmatte.evaluate import Sample, samples
from depthmatte.ordering import outline_pairs
from depthmatte.photo import Photo
from depthmatte.session import default_session

RECORDED = Path(__file__).with_name("recorded.json")
SHARED = Path(__file__).parents[2] / "shared"
SOME = 12
"""Photos of each evaluation set that the test looks at."""

# The astronaut's outline as drawn by hand, (x, y); the helmet in front of her may be
# kept or left out, so it does not count.
OUTLINE = (
    (198, 24), (184, 38), (165, 48), (155, 62), (154, 82), (157, 104), (174, 128), (182, 134),
    (183, 148), (157, 150), (134, 162), (114, 186), (112, 205), (64, 247), (41, 290), (26, 345),
    (18, 394), (24, 433), (24, 472), (31, 497), (40, 511), (280, 511), (276, 470), (290, 410),
    (310, 370), (345, 352), (362, 345), (358, 322), (352, 287), (340, 262), (321, 244), (304, 234),
    (287, 200), (256, 174), (267, 138), (277, 133), (291, 116), (300, 95), (296, 58), (276, 31),
    (243, 16), (218, 14),
)  # fmt: skip
HELMET = ((385, 435), 122)


def drawn() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The astronaut's truth mask and where it counts, both (512, 512)."""
    truth, counts = np.zeros((512, 512), np.uint8), np.ones((512, 512), np.uint8)
    cv2.fillPoly(truth, [np.array(OUTLINE, np.int32)], 1)
    cv2.circle(counts, *HELMET, 0, -1)
    return truth > 0, counts > 0


def astronaut() -> dict[str, float]:
    """IoU with the drawn outline, and the share of outline pairs in the right order."""
    from skimage import data

    portrait = default_session().cut(Photo(data.astronaut()))
    truth, counts = drawn()
    both, either = portrait.mask & truth & counts, (portrait.mask | truth) & counts
    nearer = outline_pairs(truth).nearer(portrait.depth)
    return {"iou": float(both.sum() / either.sum()), "outline": float(nearer.mean())}


def shared_set(name: str) -> dict[str, float]:
    """Mean IoU, boundary IoU and outline order on the first photos of an evaluation set."""
    folder = SHARED / "data" / "people" / name / "eval"
    rows = [_one(sample) for sample in samples(folder)[:SOME]]
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def _one(sample: Sample) -> dict[str, float]:
    photo, truth = sample.read()
    portrait = default_session().cut(photo)
    return {
        "iou": metrics.iou(portrait.alpha, truth),
        "boundary_iou": metrics.boundary_iou(portrait.alpha, truth),
        "outline": float(outline_pairs(truth > 0.5).nearer(portrait.depth).mean()),
    }


def measured() -> Iterator[tuple[str, dict[str, float]]]:
    """Everything that is recorded."""
    yield "astronaut", astronaut()
    for name in ("picsart", "ccp"):
        yield name, shared_set(name)


def agree(name: str, numbers: dict[str, float]) -> None:
    recorded = json.loads(RECORDED.read_text())[name]
    assert numbers == {key: pytest.approx(value, rel=0.01) for key, value in recorded.items()}


def test_the_demo_photo_is_cut_as_recorded() -> None:
    pytest.importorskip("skimage", reason="needs the extra demo")
    numbers = astronaut()
    assert numbers["iou"] > 0.9
    agree("astronaut", numbers)


@pytest.mark.parametrize("name", ["picsart", "ccp"])
def test_evaluation_photos_are_cut_as_recorded(name: str, shared: Path) -> None:
    agree(name, shared_set(name))


if __name__ == "__main__":
    RECORDED.write_text(json.dumps(dict(measured()), indent=2) + "\n")
