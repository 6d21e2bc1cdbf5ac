"""An estimate of depth is made when something needs it, and not before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import depthmatte as dm
import tinynets
from depthmatte.fusion import FUSIONS
from depthmatte.values import Matte


def people(*columns: int) -> np.ndarray:
    """People for the tiny networks: red and green, without blue."""
    rgb = np.zeros((90, 120, 3), np.uint8)
    rgb[..., 2] = 200
    for left in columns:
        rgb[20:80, left : left + 25] = (255, 255, 0)
    return rgb


@pytest.fixture
def session(tmp_path: Path) -> dm.Session:
    return dm.Session(networks=tinynets.save(tmp_path), threads=1)


def test_one_sure_person_needs_no_depth(session: dm.Session) -> None:
    portrait = session.cut(people(40))
    assert portrait.found
    assert portrait.cutout().any()
    assert portrait.measured.source == "mono"
    assert portrait.measured.is_deferred
    assert list(session.running) == ["matte"]
    same = session.cut(people(40), depth_source="mono")
    np.testing.assert_array_equal(portrait.alpha, same.alpha)


def test_what_needs_depth_computes_it_once(
    session: dm.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    real = dm.Session._estimate_depth

    def counted(self: dm.Session, *inputs: object) -> object:
        calls.append(1)
        return real(self, *inputs)  # type: ignore[arg-type]

    monkeypatch.setattr(dm.Session, "_estimate_depth", counted)
    portrait = session.cut(people(40))
    assert not calls
    first = portrait.blur(strength=0.5)
    assert (first != portrait.photo.rgb).any()
    _ = portrait.depth, portrait.people, portrait.cutout()
    assert portrait.blur(strength=0.5).shape == first.shape
    assert len(calls) == 1
    given = session.cut(people(40), depth_source="mono")
    np.testing.assert_array_equal(portrait.depth, given.depth)


@pytest.mark.parametrize("changes", [{"fusion": "product"}, {"subject": "nearest"}])
def test_a_choice_that_needs_depth_gets_it(session: dm.Session, changes: dict[str, str]) -> None:
    assert not session.cut(people(40), **changes).measured.is_deferred


def test_two_people_get_depth_and_nobody_gets_none(session: dm.Session) -> None:
    assert not session.cut(people(10, 70)).measured.is_deferred
    assert session.cut(people(10, 70), fusion="none").measured.is_deferred
    assert session.cut(people()).measured.is_deferred


@pytest.mark.parametrize(
    ("alpha", "prob", "others", "needs"),
    [(1, 1, 0, False), (1, 0.9, 0, True), (1, 1, 8, True), (1, 1, 1, False), (0.3, 1, 0, False)],
)
def test_a_whole_sure_region_needs_none(
    alpha: float, prob: float, others: int, needs: bool
) -> None:
    seen = np.zeros((64, 64), np.float32)
    seen[10:50, 10:40] = alpha
    seen[0:others, 50:60] = alpha
    assert FUSIONS["adaptive"].can_use_estimate(Matte(seen, np.full_like(seen, prob))) is needs
    assert not FUSIONS["none"].can_use_estimate(Matte(seen, seen))
    assert FUSIONS["product"].can_use_estimate(Matte(seen, seen))


def test_two_heads_of_one_region_need_depth() -> None:
    seen = np.zeros((96, 96), np.float32)
    seen[20:90, 10:40] = seen[20:90, 56:86] = seen[70:90, 10:86] = 1
    assert FUSIONS["adaptive"].can_use_estimate(Matte(seen, seen))
