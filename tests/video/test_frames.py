"""Frames: the canvas that fits them, networks side by side, effects at a reduced size."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

av = pytest.importorskip("av", reason="needs the extra video")
pytest.importorskip("skimage", reason="needs the extra demo")

from skimage.data import astronaut  # noqa: E402

import depthmatte as dm  # noqa: E402
from depthmatte.canvas import Letterbox, prepare_canvas, resize  # noqa: E402
from depthmatte.effects import Background, Beautify, Blur, Cutout  # noqa: E402
from depthmatte.photo import Photo  # noqa: E402
from depthmatte.values import Matte  # noqa: E402
from depthmatte.video.files.av_library import convert_frame  # noqa: E402
from depthmatte.video.frame_cutter import FrameCutter, fit_preset  # noqa: E402
from depthmatte.video.frame_view import FramePortrait, needs_depth, reads_depth  # noqa: E402

PRESET = (480, 352)


@given(
    shape=st.tuples(st.integers(2, 4000), st.integers(2, 4000)),
    multiple=st.sampled_from([1, 16, 32]),
    orient=st.sampled_from(["pad", "rotate"]),
)
def test_the_canvas_loses_padding_and_nothing_else(
    shape: tuple[int, int], multiple: int, orient: Any
) -> None:
    fitted = fit_preset(PRESET, shape, multiple, orient)
    before = Letterbox.for_photo(shape, PRESET, orient)
    after = Letterbox.for_photo(shape, fitted, orient)
    assert after.content_shape == before.content_shape
    assert after.rotated == before.rotated
    assert fitted[0] % multiple == fitted[1] % multiple == 0
    for side, full, content in zip(after.canvas, before.canvas, after.content_shape, strict=True):
        assert content <= side <= full
        assert side - content < multiple or fitted == PRESET


def test_a_wide_frame_gets_a_low_canvas() -> None:
    assert fit_preset(PRESET, (1080, 1920), 32) == (480, 288)
    assert fit_preset(PRESET, (1920, 1080), 32) == (480, 288)
    assert fit_preset(PRESET, (1080, 1920), 32, "rotate") == (480, 288)
    assert fit_preset(PRESET, (480, 352), 32) == PRESET


@pytest.mark.parametrize("shape", [(1080, 1920), (1200, 1000), (2160, 3840), (1081, 1920)])
def test_a_large_frame_is_laid_on_the_canvas_alike(shape: tuple[int, int]) -> None:
    rgb = np.asarray(resize(astronaut(), shape), np.uint8)
    with dm.Session(threads=1) as session:
        pipeline = replace(
            session.pipeline(), segment=lambda canvas: Matte.empty(canvas.fit.canvas)
        )
        seen = FrameCutter(pipeline, 10, uses_depth=False).look(rgb)
    expected = prepare_canvas(Photo(rgb), pipeline.preset)
    assert seen.canvas.fit == expected.fit
    assert np.abs(seen.canvas.rgb - expected.rgb).max() * 255 <= 2.01


def frames(count: int, side: int = 192) -> list[Any]:
    small = np.asarray(resize(astronaut(), (side, side)), np.uint8)
    return [np.ascontiguousarray(np.roll(small, 3 * index, axis=1)) for index in range(count)]


def test_looking_side_by_side_changes_nothing() -> None:
    with dm.Session(threads=1) as session:
        pipeline = replace(session.pipeline(), preset=(192, 192))
        one, other = (FrameCutter(pipeline, 10, depth_every=2) for _ in range(2))
        expected = [one.cut(rgb)[0] for rgb in frames(4)]
        with ThreadPoolExecutor(3) as pool:
            looks = [
                pool.submit(other.look, rgb, "frame", index % 2 == 0)
                for index, rgb in enumerate(frames(4))
            ]
            found = [other.follow(look.result())[0] for look in looks]
    for a, b in zip(expected, found, strict=True):
        assert a == b


def test_no_depth_is_measured_for_nobody() -> None:
    def refuse(*_: Any) -> Any:
        raise AssertionError("depth is measured")

    with dm.Session(threads=1) as session:
        pipeline = replace(session.pipeline(), preset=(192, 192), measure=refuse)
        cutter = FrameCutter(pipeline, 10, uses_depth=False)
        portrait, _ = cutter.cut(frames(1)[0])
        assert portrait.found
        assert portrait.measured.source == "none"
        pipeline = replace(pipeline, fuse=session.fusion("product"))
        with pytest.raises(AssertionError, match="depth is measured"):
            FrameCutter(pipeline, 10, uses_depth=False).cut(frames(1)[0])


def test_who_reads_depth() -> None:
    assert reads_depth(Blur())
    assert reads_depth(Background(shadow=0.5))
    assert not needs_depth(Blur())
    assert needs_depth(Blur(focus=(0.1, 0.1)))
    assert needs_depth(Blur(aperture=2.8))
    assert needs_depth(Background(shadow=0.5))
    assert not any(map(reads_depth, (Blur(strength=0), Background(), Beautify(), Cutout(), None)))


@pytest.fixture(scope="module")
def portrait() -> Any:
    return dm.cut(np.asarray(resize(astronaut(), (540, 540)), np.uint8))


@pytest.mark.parametrize("effect", [Blur(), Blur(strength=0.1), Background(), Cutout()])
def test_effects_on_frames_look_the_same(effect: Any, portrait: Any) -> None:
    before = portrait.photo.rgb.copy()
    whole = effect(portrait).astype(int)
    frame = effect(FramePortrait.for_effect(portrait, effect)).astype(int)
    assert (portrait.photo.rgb == before).all()
    assert whole.shape == frame.shape
    assert np.abs(whole - frame).mean() < 2
    solid = portrait.alpha > 0.999
    assert np.abs(whole - frame)[solid].max() <= 1  # the person keeps the pixels of the frame


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (33, 47)])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_frames_of_any_size_are_rendered(shape: tuple[int, int], value: float) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    one = dm.Portrait.from_arrays(rgb, np.full(shape, value, np.float32))
    view = FramePortrait.for_effect(one, Blur())
    assert Blur()(view).shape == rgb.shape
    assert (Blur(strength=0)(view) == rgb).all()
    assert (view.foreground == rgb).all()


def test_a_kept_converter_converts_alike() -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    raw = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    for size in ((64, 48), (32, 24), (64, 48)):
        wanted: dict[str, Any] = {"width": size[0], "height": size[1], "format": "yuv420p"}
        expected, found = raw.reformat(**wanted), convert_frame(raw, **wanted)
        assert (found.to_ndarray() == expected.to_ndarray()).all()
