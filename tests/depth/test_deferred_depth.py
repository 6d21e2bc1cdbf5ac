"""Depth that is computed when something first reads it."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from depthmatte.canvas import Canvas, prepare_canvas
from depthmatte.depth import measure_depth
from depthmatte.depth.deferred import DeferredDepth, used_source
from depthmatte.photo import Photo
from depthmatte.values import Depth

SHAPE = (4, 6)


def plain() -> Depth:
    z = np.linspace(0, 1, 24, dtype=np.float32).reshape(SHAPE)
    return Depth(z, np.ones_like(z), source="mono")


class Counted:
    """A deferred depth that counts how often it is computed."""

    def __init__(self) -> None:
        self.calls = 0
        self.depth = DeferredDepth(SHAPE, "mono", self._compute)

    def _compute(self) -> Depth:
        self.calls += 1
        return plain()


def test_what_is_known_before_computes_nothing() -> None:
    counted = Counted()
    depth = counted.depth
    assert (depth.shape, depth.source, depth.is_deferred) == (SHAPE, "mono", True)
    assert "deferred" in repr(depth)
    assert used_source(depth) == "none"
    assert isinstance(depth, Depth)
    assert counted.calls == 0


@pytest.mark.parametrize(
    "name", ["z", "prob", "validity", "metric", "reference_scale", "known", "usable", "log_depth"]
)
def test_every_map_computes_and_only_once(name: str) -> None:
    counted = Counted()
    for _ in range(2):
        np.testing.assert_array_equal(getattr(counted.depth, name), getattr(plain(), name))
    assert counted.calls == 1
    assert not counted.depth.is_deferred
    assert used_source(counted.depth) == "mono"
    assert repr(counted.depth) == repr(plain())


def test_threads_compute_it_once() -> None:
    counted = Counted()
    with ThreadPoolExecutor(8) as pool:
        maps = list(pool.map(lambda _: counted.depth.z, range(32)))
    assert counted.calls == 1
    assert all(one is maps[0] for one in maps)


def test_it_equals_copies_and_pickles_as_what_it_computes() -> None:
    assert Counted().depth == plain()
    assert plain() == Counted().depth
    assert Counted().depth != replace(plain(), source="sensor")
    assert Counted().depth != "mono"
    stored = pickle.loads(pickle.dumps(Counted().depth))
    assert type(stored) is Depth
    assert stored == plain()
    changed = replace(Counted().depth, source="sensor")
    assert type(changed) is Depth
    assert changed == replace(plain(), source="sensor")


def test_what_fails_fails_again() -> None:
    calls = []

    def fail() -> Depth:
        calls.append(1)
        raise OSError("no network")

    depth = DeferredDepth(SHAPE, "mono", fail)
    for _ in range(2):
        with pytest.raises(OSError, match="no network"):
            _ = depth.z
    assert len(calls) == 2
    assert depth.is_deferred


def test_only_auto_defers_and_only_the_estimate() -> None:
    photo = Photo(np.zeros((30, 20, 3), np.uint8))
    canvas = prepare_canvas(photo)

    def nothing(photo: Photo, canvas: Canvas) -> Depth:
        return Depth.none(canvas.fit.canvas)

    def estimate(photo: Photo, canvas: Canvas) -> Depth:
        ones = np.ones(canvas.fit.canvas, np.float32)
        return Depth(ones, ones, source="mono")

    sources = {"stored": nothing, "mono": estimate}
    assert measure_depth(photo, canvas, sources).is_deferred
    assert not measure_depth(photo, canvas, sources, "mono").is_deferred
    assert not measure_depth(photo, canvas, {"stored": estimate, "mono": nothing}).is_deferred
    assert measure_depth(photo, canvas, sources) == estimate(photo, canvas)
