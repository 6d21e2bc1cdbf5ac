from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tinynets
from depthmatte.canvas import Canvas
from depthmatte.depth import no_depth
from depthmatte.errors import InputError, WeightsError
from depthmatte.fusion import FUSIONS, Fusion
from depthmatte.photo import Photo
from depthmatte.pipeline import Pipeline
from depthmatte.session import Session
from depthmatte.values import Depth, Matte


def red_is_portrait(canvas: Canvas) -> Matte:
    red = canvas.rgb[0, 0] * canvas.fit.inside()
    return Matte(red, red)


def blue_is_far(photo: Photo, canvas: Canvas) -> Depth:
    return Depth(canvas.rgb[0, 2], np.ones(canvas.fit.canvas, np.float32), source="blue")


def photo(height: int = 120, width: int = 80, red: int = 255) -> Photo:
    """A red block a quarter of the photo, on black; the rest lies far away."""
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[..., 2] = 255
    rgb[height // 4 : height // 4 * 3, width // 4 : width // 4 * 3] = (red, 0, 0)
    return Photo(rgb)


def pipeline(fusing: str = "none", **changes: object) -> Pipeline:
    steps = {"segment": red_is_portrait, "measure": blue_is_far, "fuse": FUSIONS[fusing]}
    return Pipeline(**(steps | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("orient", ["rotate", "pad"])
@pytest.mark.parametrize("shape", [(120, 80), (80, 120), (96, 96), (700, 300)])
def test_maps_come_back_where_the_person_is(shape: tuple[int, int], orient: str) -> None:
    shot = photo(*shape)
    portrait = pipeline(orient=orient)(shot)
    truth = shot.rgb[..., 0] > 0
    assert portrait.found
    assert portrait.alpha.shape == shape
    assert (portrait.mask & truth).sum() / (portrait.mask | truth).sum() > 0.95
    assert portrait.depth[truth].mean() < 0.05 < 0.95 < portrait.depth[~truth].mean()
    assert portrait.measured.source == "blue"


def test_steps_run_in_order_and_are_timed() -> None:
    order: list[str] = []
    steps = pipeline(
        segment=lambda canvas: (order.append("segment"), red_is_portrait(canvas))[1],
        measure=lambda shot, canvas: (order.append("measure"), blue_is_far(shot, canvas))[1],
        fuse=Fusion("last", lambda matte, _: (order.append("fuse"), matte)[1], 0.5, False),
    )
    portrait = steps(photo())
    assert order == ["segment", "measure", "fuse"]
    assert list(portrait.timings) == ["prepare", "segment", "measure", "fuse"]
    assert all(ms >= 0 for ms in portrait.timings.values())


@pytest.mark.parametrize("fusing", list(FUSIONS))
def test_an_empty_room_has_no_people_under_every_fusion(fusing: str) -> None:
    """Noise under the first threshold is no person, even divided by its own maximum."""
    portrait = pipeline(fusing)(photo(red=60))
    assert not portrait.found
    assert not portrait.alpha.any()
    assert not portrait.prob.any()


def test_thresholds_are_two() -> None:
    faint = photo(red=150)
    assert pipeline()(faint).found
    assert not pipeline(detection_threshold=0.7)(faint).alpha.any()
    strict = pipeline(fused_threshold=0.7)(faint)
    assert not strict.found
    assert not strict.alpha.any()


@pytest.mark.parametrize(("prob", "found"), [(0.3, False), (0.5, True), (0.9, True)])
def test_an_unlikely_portrait_is_no_person(prob: float, found: bool) -> None:
    def segment(canvas: Canvas) -> Matte:
        alpha = red_is_portrait(canvas).alpha
        return Matte(alpha, np.full_like(alpha, prob))

    portrait = pipeline(segment=segment)(photo())
    assert portrait.found == found
    assert portrait.alpha.any() == found


def test_no_depth_is_a_depth() -> None:
    portrait = pipeline("adaptive", measure=no_depth)(photo())
    assert portrait.found
    assert not portrait.depth_prob.any()
    assert portrait.measured.source == "none"


def test_networks_of_ones_own(tmp_path: Path) -> None:
    nets = tinynets.save(tmp_path)
    session = Session(networks=nets)
    rgb = photo().rgb.copy()
    rgb[..., 1] = rgb[..., 0]  # what these networks cut they hold for sure
    shot = Photo(rgb)
    portrait = session.cut(shot, fusion="none")
    np.testing.assert_allclose(portrait.alpha > 0.5, shot.rgb[..., 0] > 127)
    assert portrait.measured.source == "mono"
    assert all(name.endswith("ExecutionProvider") for name in session.running.values())


def test_without_depth_its_network_is_not_even_looked_for(tmp_path: Path) -> None:
    nets = tinynets.save(tmp_path)
    session = Session(networks={"matte": nets["matte"], "depth": "gone.onnx"})
    assert session.cut(photo(), depth_source="none").measured.source == "none"
    with pytest.raises(InputError, match="fusion product needs depth"):
        session.cut(photo(), fusion="product", depth_source="none")


def test_networks_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    nets = tinynets.save(tmp_path)
    with pytest.raises(InputError, match="mat: unknown network"):
        Session(networks={"matte": "mat"}).cut(photo())
    with pytest.raises(WeightsError, match="a depth network, but a matte network is needed"):
        Session(networks={"matte": nets["depth"], "depth": nets["depth"]}).cut(photo())
