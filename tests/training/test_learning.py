"""Training from scratch really learns: held-out people, who differ in nothing but their shape."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("tensorboard", reason="needs the extra train")

from depthmatte.training.checkpoint import read_checkpoint  # noqa: E402
from depthmatte.training.loop import train  # noqa: E402
from depthmatte.training.recipe import Recipe  # noqa: E402
from depthmatte.training.run import make_start_network  # noqa: E402
from depthmatte.training.tasks.matte import matte_predictor  # noqa: E402
from depthmatte.training.tasks.registry import TRAINING_TASKS  # noqa: E402
from depthmatte.training.tasks.task import HeldOutCase, MaterialOptions  # noqa: E402
from drawn_people import draw_person, draw_place, write_pair  # noqa: E402

PHOTOS, PLACES = 200, 40


def overlap(mask: np.ndarray, truth: np.ndarray) -> float:
    """IoU of two boolean masks."""
    return float((mask & truth).sum() / max(1, (mask | truth).sum()))


def mean_overlap(cases: list[HeldOutCase]) -> float:
    return float(np.mean([overlap(one.alpha > 0.5, one.truth > 0.5) for one in cases]))


def best_fixed_mask(cases: list[HeldOutCase]) -> float:
    """The mean IoU of the best mask that does not look at the photo."""
    truths = np.stack([one.truth > 0.5 for one in cases])
    often = truths.mean(axis=0)
    levels = np.linspace(0, often.max(), 20)[:-1]
    return max(
        float(np.mean([overlap(often > level, truth) for truth in truths])) for level in levels
    )


@pytest.mark.long
def test_a_network_from_scratch_learns_to_find_people(tmp_path: Path) -> None:
    """Without --start, with the defaults' ImageNet encoder; the rest begins with chance."""
    data = tmp_path / "data"
    for seed in range(PHOTOS):
        write_pair(data, f"{seed:03}", *draw_person(seed))
    (data / "backgrounds").mkdir()
    for seed in range(PLACES):
        cv2.imwrite(str(data / "backgrounds" / f"{seed}.png"), draw_place(seed)[..., ::-1])
    recipe = Recipe(
        "matte", (data,), tmp_path / "run", preset=(96, 64), steps=180, learning_rate=2e-3,
        strength=0.4, landscape=0.0, validation=0.15, validate_every=60, ema_decay=0.95,
        threads=1, workers=0, log_every=60,
    )  # fmt: skip
    task = TRAINING_TASKS["matte"]
    predict = matte_predictor(MaterialOptions.from_recipe(recipe))
    untrained = list(predict(make_start_network(recipe, task)))
    train(recipe, lambda line: None)
    network = task.network(recipe.encoder)
    network.load_state_dict(read_checkpoint(tmp_path / "run" / "best.pt")["mean"])
    trained = list(predict(network))

    assert len(trained) == PHOTOS * 15 // 100
    before, after, fixed = mean_overlap(untrained), mean_overlap(trained), best_fixed_mask(trained)
    told = f"IoU {before:.3f} untrained, {after:.3f} trained, {fixed:.3f} the best fixed mask"
    assert after >= 0.65, told
    assert after >= before + 0.2, told
    assert after >= fixed + 0.2, told  # they are found, not guessed
