"""The option `quality` chooses what is computed, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("skimage", reason="needs the extra demo")

from skimage.data import astronaut

import depthmatte as dm


@pytest.fixture(scope="module")
def session() -> dm.Session:
    return dm.Session()


@pytest.fixture(scope="module")
def alphas(session: dm.Session) -> dict[str, np.ndarray]:
    photo = astronaut()
    return {
        level: session.cut(photo, quality=level, depth_source="none").alpha  # type: ignore[arg-type]
        for level in ("fast", "good", "best")
    }


@pytest.mark.parametrize(
    ("options", "refinement"),
    [
        ({}, "detail"),
        ({"quality": "fast"}, "none"),
        ({"quality": "good"}, "detail"),
        ({"quality": "best"}, "detail"),
        ({"quality": "fast", "refine": "detail"}, "detail"),
        ({"refine": "none"}, "none"),
        ({"fusion": "product"}, "none"),
        ({"fusion": "product", "quality": "good"}, "none"),
        ({"fusion": "normalized", "quality": "best"}, "none"),
        ({"fusion": "product", "refine": "detail"}, "detail"),
        ({"segmenter": "spectral", "quality": "good"}, "none"),
    ],
)
def test_refine_follows_the_quality_unless_it_is_given(
    options: dict[str, str], refinement: str
) -> None:
    assert dm.CutOptions(**options).refinement == refinement  # type: ignore[arg-type]


def test_good_is_fast_with_details(session: dm.Session, alphas: dict[str, np.ndarray]) -> None:
    detailed = session.cut(astronaut(), quality="fast", refine="detail", depth_source="none")
    assert np.array_equal(alphas["good"], detailed.alpha)
    plain = session.cut(astronaut(), depth_source="none")
    assert np.array_equal(alphas["good"], plain.alpha)  # the default
    assert not np.array_equal(alphas["good"], alphas["fast"])
    away = np.abs(alphas["good"] - alphas["fast"])
    certain = (alphas["fast"] < 0.001) | (alphas["fast"] > 0.999)
    assert away[certain].mean() < 0.001  # what was certain stays


def test_best_treats_both_sides_alike(session: dm.Session, alphas: dict[str, np.ndarray]) -> None:
    photo = astronaut()
    mirrored = {
        level: session.cut(photo[:, ::-1].copy(), quality=level, depth_source="none").alpha[:, ::-1]  # type: ignore[arg-type]
        for level in ("good", "best")
    }
    apart = {level: float(np.abs(alphas[level] - mirrored[level]).mean()) for level in mirrored}
    assert apart["best"] < 0.5 * apart["good"]


def test_fast_loads_no_detail_network() -> None:
    with dm.Session() as session:
        _ = session.cut(astronaut(), quality="fast", depth_source="none").alpha
        assert set(session.running) == {"matte"}
        _ = session.cut(astronaut(), quality="good", depth_source="none").alpha
        assert set(session.running) == {"matte", "detail"}
