"""Evaluation photo by photo, and what spoils a cut-out beyond its edge."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

import tinynets
from depthmatte.cli.app import app
from depthmatte.evaluation.per_photo import PHOTO_METRICS, spread_of
from depthmatte.evaluation.solidity import half_transparent, holes, shreds
from paintings import ball

SHAPE = (600, 900)
DISC = ball(SHAPE, 180, 3)


def test_a_whole_person_with_a_soft_edge_is_solid() -> None:
    assert half_transparent(DISC) == 0
    assert shreds(DISC) == 0
    assert holes(DISC, DISC) == 0


def test_a_ghost_is_half_transparent() -> None:
    ghost = DISC * np.float32(0.5)
    assert half_transparent(ghost) > 0.9
    part = DISC.copy()
    part[270:330, 420:480] = 0.5
    assert math.isclose(half_transparent(part), 3600 / (DISC > 0.1).sum(), rel_tol=0.15)


def test_shreds_are_small_pieces_and_people_are_not() -> None:
    torn = DISC.copy()
    torn[5:10, 5:10] = 1
    torn[5:10, 880:885] = 1
    torn[590, 890] = 1  # a pixel is not seen
    assert shreds(torn) == 2
    two = np.maximum(np.roll(DISC, -210, axis=1), np.roll(DISC, 210, axis=1))
    assert shreds(two) == 0
    assert shreds(np.zeros(SHAPE, np.float32)) == 0


def test_a_hole_counts_where_the_person_is_and_inside_only() -> None:
    pierced = DISC.copy()
    pierced[295:305, 445:455] = 0
    assert holes(pierced, DISC) == 1
    assert holes(pierced, pierced) == 0  # the truth has it too: an arm on the hip
    cut = DISC.copy()
    cut[:300] = 0
    assert holes(cut, DISC) == 0  # a missing half is no hole


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_an_interval_holds_its_mean(values: list[float]) -> None:
    found = spread_of(values)
    assert found.low - 1e-9 <= found.mean <= found.high + 1e-9
    assert min(values) - 1e-9 <= found.low
    assert found.high <= max(values) + 1e-9
    assert spread_of([*values, math.nan]).mean == found.mean
    assert spread_of(values, "higher").worst_tenth <= found.worst_tenth


def test_more_photos_make_a_mean_surer() -> None:
    few, many = (np.random.default_rng(3).random(count).tolist() for count in (10, 1000))
    widths = [one.high - one.low for one in (spread_of(few), spread_of(many))]
    assert widths[1] < widths[0] / 4
    assert math.isnan(spread_of([math.nan]).mean)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four photos: yellow people whose masks are right, but for one that is empty."""
    folder = tmp_path / "set"
    for number in range(4):
        rgb = np.zeros((90, 60, 3), np.uint8)
        rgb[20:, 15 + number : 45] = (255, 255, 0)
        mask = rgb[..., 0] if number else np.zeros((90, 60), np.uint8)
        for part, picture in (("images", rgb), ("masks", mask)):
            (folder / part).mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(folder / part / f"{number}.png")
    return folder


def test_rows_and_the_sheet_of_the_worst(data: Path, tmp_path: Path) -> None:
    nets = tinynets.save(tmp_path)
    words = ["evaluate", str(data), "--per-photo", str(tmp_path / "rows.csv")]
    words += ["--sheet", str(tmp_path / "worst.png"), "--csv", str(tmp_path / "means.csv")]
    words += ["--matte-network", nets["matte"], "--depth-network", nets["depth"]]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "adaptive, 4 photos" in done.output
    with (tmp_path / "rows.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["set", "photo", "variant", *PHOTO_METRICS]
    assert len(rows) == 4 * 4
    with (tmp_path / "means.csv").open() as file:
        means = {row["variant"]: row for row in csv.DictReader(file)}
    for variant, mean in means.items():
        mine = [float(row["iou"]) for row in rows if row["variant"] == variant]
        assert math.isclose(sum(mine) / 4, float(mean["iou"]), abs_tol=1e-4)
    assert float(next(row["iou"] for row in rows if row["photo"] == "0.png")) == 0
    with Image.open(tmp_path / "worst.png") as sheet:
        assert sheet.width > 400


def test_what_cannot_be_combined_or_written(data: Path, tmp_path: Path) -> None:
    words = ["evaluate", str(data), "--per-photo", "x.csv", "--ablation"]
    assert CliRunner().invoke(app, words).exit_code == 2
    done = CliRunner().invoke(app, ["evaluate", str(data), "--sheet", str(tmp_path / "x.txt")])
    assert done.exit_code == 1
    assert "cannot be written" in done.output
