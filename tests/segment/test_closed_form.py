"""Closed-form matting: exact where alpha is linear in color, bounded, as good as pymatting's."""

from __future__ import annotations

import importlib.util
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import depthmatte as dm
from depthmatte.canvas import Letterbox
from depthmatte.errors import InputError, MissingExtra
from depthmatte.photo import Photo
from depthmatte.portrait import Portrait
from depthmatte.segment.choose import choose_refiner
from depthmatte.values import Depth, Matte

pytest.importorskip("scipy", reason="needs the extra refine")

from depthmatte.segment import closed_form
from depthmatte.segment.closed_form import alpha_from_strokes, alpha_from_trimap, refine_alpha
from depthmatte.segment.matting_laplacian import build_laplacian
from depthmatte.segment.multigrid import Multigrid


def disc(height: int, width: int, soft: float = 4.0) -> NDArray[np.float32]:
    """A soft disc in the middle."""
    y, x = np.mgrid[:height, :width]
    away = np.hypot(y - (height - 1) / 2, x - (width - 1) / 2)
    return np.clip((0.3 * min(height, width) - away) / soft + 0.5, 0, 1).astype(np.float32)


def mix(alpha: NDArray[np.float32], front: Any = (230, 60, 20), back: Any = (10, 90, 200)) -> Any:
    alpha = alpha[..., None]
    return np.rint(alpha * np.float32(front) + (1 - alpha) * np.float32(back)).astype(np.uint8)


def trimap_of(alpha: NDArray[np.float32], grown: int = 3) -> NDArray[np.uint8]:
    import cv2

    window = np.ones((2 * grown + 1, 2 * grown + 1), np.uint8)
    trimap = np.full(alpha.shape, 128, np.uint8)
    trimap[cv2.erode(alpha, window) == 1] = 255
    trimap[cv2.dilate(alpha, window) == 0] = 0
    return trimap


def textured(seed: int, height: int = 90, width: int = 120) -> tuple[Any, Any]:
    """A soft disc between two smooth pictures, and its alpha."""
    import cv2

    random = np.random.default_rng(seed)
    alpha = disc(height, width, 12)
    front, back = (
        cv2.resize(
            random.uniform(0, 255, (4, 5, 3)), (width, height), interpolation=cv2.INTER_CUBIC
        )
        for _ in range(2)
    )
    noise = random.normal(0, 2, (height, width, 3))
    rgb = alpha[..., None] * front + (1 - alpha[..., None]) * back + noise
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8), alpha


@pytest.mark.parametrize("shape", [(60, 80), (61, 47), (200, 31)])
def test_two_colors_give_the_exact_alpha(shape: tuple[int, int]) -> None:
    """Alpha that is linear in color comes back, to the rounding of 8 bits."""
    alpha = disc(*shape)
    solved = alpha_from_trimap(mix(alpha), trimap_of(alpha))
    assert np.abs(solved - alpha).max() < 0.02


def test_two_strokes_are_enough_for_two_colors() -> None:
    alpha = disc(50, 70)
    keep, drop = np.zeros((2, 50, 70), bool)
    keep[25, 33:37], drop[3, 5:60] = True, True
    solved = alpha_from_strokes(mix(alpha), keep, drop)
    assert np.abs(solved - alpha).max() < 0.03
    assert (solved[keep] == 1).all()
    assert (solved[drop] == 0).all()


def test_a_matte_that_is_too_wide_moves_to_the_edge() -> None:
    alpha = disc(70, 70, soft=1)
    rough = disc(76, 76, soft=1)[3:-3, 3:-3]
    refined = refine_alpha(mix(alpha), rough, 4)
    assert np.abs(refined - alpha).mean() < np.abs(rough - alpha).mean() / 4
    far = np.abs(disc(70, 70, soft=20) - 0.5) == 0.5
    assert (refined[far] == rough[far]).all()  # outside the band nothing changes


def test_the_laplacian_is_what_the_paper_says() -> None:
    """Against windows summed one by one, for a band with holes and a known rest."""
    random = np.random.default_rng(0)
    rgb = random.integers(0, 256, (9, 8, 3)).astype(np.uint8)
    band, known = random.random((9, 8)) < 0.6, random.random((9, 8))
    full = np.zeros((72, 72))
    for top in range(1, 8):
        for left in range(1, 7):
            index = [(top + y) * 8 + left + x for y in (-1, 0, 1) for x in (-1, 0, 1)]
            color = rgb.reshape(-1, 3)[index] / 255
            color = color - color.mean(axis=0)
            inverse = np.linalg.inv(color.T @ color / 9 + np.eye(3) * 1e-7 / 9)
            full[np.ix_(index, index)] += np.eye(9) - (1 + color @ inverse @ color.T) / 9
    inside = band.ravel()
    laplacian = build_laplacian(rgb, band, known)
    assert np.allclose(laplacian.matrix.toarray(), full[np.ix_(inside, inside)], atol=1e-9)
    outside = full[np.ix_(inside, ~inside)] @ known.ravel()[~inside]
    assert np.allclose(laplacian.from_known, outside, atol=1e-9)


ORACLE = """
import sys
import numpy as np
import pymatting

given = np.load(sys.argv[1])
found = {"laplacian": pymatting.cf_laplacian(given["rgb0"] / 255).toarray()}
for seed in range(3):
    rgb, trimap = given[f"rgb{seed}"] / 255, given[f"trimap{seed}"] / 255
    found[f"alpha{seed}"] = pymatting.estimate_alpha_cf(rgb, trimap)
np.savez(sys.argv[2], **found)
"""
"""Runs pymatting without its compiler, which takes a minute to start."""


def test_the_oracle_agrees(tmp_path: Path) -> None:
    """The same Laplacian as pymatting, and an error within 5 % of its closed form."""
    if importlib.util.find_spec("pymatting") is None:
        pytest.skip("needs pymatting")
    pictures = [textured(seed, 30, 40) for seed in range(3)]
    given = {}
    for seed, (rgb, alpha) in enumerate(pictures):
        given |= {f"rgb{seed}": rgb, f"trimap{seed}": trimap_of(alpha, 1)}
    np.savez(tmp_path / "given.npz", **given)
    files = [str(tmp_path / "given.npz"), str(tmp_path / "found.npz")]
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    subprocess.run([sys.executable, "-c", ORACLE, *files], env=environment, check=True)
    found = np.load(files[1])
    ours = build_laplacian(pictures[0][0], np.ones((30, 40), bool)).matrix
    assert np.allclose(found["laplacian"], ours.toarray(), atol=1e-9)
    errors = np.zeros(2)
    for seed, (rgb, alpha) in enumerate(pictures):
        solved = alpha_from_trimap(rgb, trimap_of(alpha, 1))
        errors += [np.abs(each - alpha).mean() for each in (solved, found[f"alpha{seed}"])]
    assert errors[0] <= 1.05 * errors[1]
    assert errors[1] > 0


def test_multigrid_needs_few_steps() -> None:
    from scipy.sparse import identity
    from scipy.sparse.linalg import LinearOperator, cg

    rgb, alpha = textured(1, 130, 160)
    band = trimap_of(alpha, 40) == 128
    laplacian = build_laplacian(rgb, band, alpha)
    size = laplacian.matrix.shape[0]
    assert size > 10_000
    matrix = (laplacian.matrix + 1e-8 * identity(size)).tocsr()
    cycle = Multigrid(matrix, laplacian.pixels, laplacian.colors)
    steps: list[int] = []
    _, failed = cg(
        matrix,
        -laplacian.from_known,
        rtol=1e-4,
        maxiter=60,
        M=LinearOperator((size, size), matvec=cycle, dtype=np.float64),
        callback=lambda _: steps.append(1),
    )
    assert failed == 0
    vector = np.random.default_rng(0).standard_normal((2, size))
    # The preconditioner is symmetric, as conjugate gradients need it.
    one, other = vector[0] @ cycle(vector[1]), vector[1] @ cycle(vector[0])
    assert one == pytest.approx(other, rel=1e-3)


@given(st.integers(1, 13), st.integers(1, 13), st.integers(0, 1 << 20))
@settings(max_examples=25, deadline=None)
def test_any_trimap_of_any_size_is_respected(height: int, width: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    rgb = random.integers(0, random.integers(1, 257), (height, width, 3)).astype(np.uint8)
    trimap = random.choice(np.array([0, 128, 255], np.uint8), (height, width))
    prior = random.random((height, width), np.float32)
    solved = alpha_from_trimap(rgb, trimap, prior)
    assert solved.dtype == np.float32
    assert solved.shape == trimap.shape
    assert ((solved >= 0) & (solved <= 1)).all()
    assert (solved[trimap == 0] == 0).all()
    assert (solved[trimap == 255] == 1).all()
    refined = refine_alpha(rgb, prior, 1.5)
    assert ((refined >= 0) & (refined <= 1)).all()


def test_a_large_band_is_solved_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then memory is bounded, known pixels stay, and the edge is still close."""
    alpha = disc(120, 160, soft=6)
    trimap = trimap_of(alpha, 8)
    solved_pixels: list[int] = []

    def counted(rgb: Any, band: Any, known: Any) -> Any:
        solved_pixels.append(int(band.sum()))
        return build_laplacian(rgb, band, known)

    monkeypatch.setattr("depthmatte.segment.matting_laplacian.build_laplacian", counted)
    monkeypatch.setattr(closed_form, "MAX_UNKNOWN", 1500)
    solved = alpha_from_trimap(mix(alpha), trimap)
    assert solved_pixels[0] <= 1500 < (trimap == 128).sum()
    assert (solved[trimap == 255] == 1).all()
    assert (solved[trimap == 0] == 0).all()
    assert np.abs(solved - alpha).mean() < 0.01


def test_nothing_unknown_changes_nothing() -> None:
    trimap = np.repeat(np.uint8([[0, 255]]), 4, axis=0).repeat(3, axis=1)
    rgb = np.zeros((4, 6, 3), np.uint8)
    assert (alpha_from_trimap(rgb, trimap) == trimap / 255).all()
    empty = np.zeros((4, 6), np.float32)
    assert (refine_alpha(rgb, empty, 3) == empty).all()


def test_what_cannot_be_solved_says_so_in_one_line() -> None:
    rgb, ones = np.zeros((4, 6, 3), np.uint8), np.ones((4, 6), bool)
    none = np.zeros((4, 6), bool)
    for call, says in (
        (lambda: alpha_from_trimap(rgb, np.zeros((4, 5), np.uint8)), "trimap: must be uint8"),
        (lambda: alpha_from_trimap(rgb, np.zeros((4, 6), np.float32)), "trimap: must be uint8"),  # type: ignore[arg-type]
        (lambda: alpha_from_trimap(rgb, np.full((4, 6), 9, np.uint8)), "no pixel of the portrait"),
        (lambda: alpha_from_trimap(rgb, np.full((4, 6), 255, np.uint8)), "no pixel of the backg"),
        (lambda: alpha_from_trimap(rgb[..., 0], np.zeros((4, 6), np.uint8)), "photo: must be"),
        (lambda: alpha_from_strokes(rgb, ones, ones), "in keep and in drop"),
        (lambda: alpha_from_strokes(rgb, ones, none), "drop: has no pixel"),
        (lambda: alpha_from_strokes(rgb, none[:3], ones), "keep: must be bool"),
        (lambda: refine_alpha(rgb, np.full((4, 6), np.nan, np.float32), 1), "outside 0 to 1"),
        (lambda: refine_alpha(rgb, np.ones((4, 6)), 1), "matte: must be float32"),  # type: ignore[arg-type]
    ):
        with pytest.raises(InputError, match=says) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_a_portrait_refines_its_alpha_before_every_effect() -> None:
    truth = disc(80, 80, soft=1)
    photo, fit = Photo(mix(truth)), Letterbox.for_photo((80, 80), (40, 40))
    small = np.ascontiguousarray(disc(86, 86)[3:-3:2, 3:-3:2])
    plain = Portrait(photo, Matte(small, small), Depth.none((40, 40)), fit)
    refiner = choose_refiner("closed-form")
    refined = Portrait(photo, plain.matte, plain.measured, fit, refine=refiner)
    assert np.abs(refined.alpha - truth).mean() < np.abs(plain.alpha - truth).mean() / 2
    assert (refined.cutout()[..., 3] == np.rint(refined.alpha * 255)).all()
    assert pickle.loads(pickle.dumps(refined)) == refined
    assert choose_refiner("none") is None


def test_without_scipy_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.sparse.linalg", None)
    for options in ({"refine": "closed-form"}, {"segmenter": "spectral"}):
        with pytest.raises(MissingExtra, match=r"pip install 'depthmatte\[refine\]'"):
            dm.Session().cut(mix(disc(40, 40)), **options)
