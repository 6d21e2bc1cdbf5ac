"""A matte that the phone stored: it decides where it is sure, and never about strangers to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import phone_files as phones
from depthmatte.canvas import Box, prepare_canvas
from depthmatte.evidence import Evidence
from depthmatte.io.photo import photo_reader
from depthmatte.photo import Photo
from depthmatte.segment.embedded_matte import merge_embedded_matte
from depthmatte.values import Matte
from known_people import COMPOSITES

SHAPE = (480, 352)
PERSON = (slice(100, 400), slice(80, 260))


def photo(matte: NDArray[np.uint8] | None) -> Photo:
    return Photo(np.zeros((*SHAPE, 3), np.uint8), evidence=Evidence(matte=matte))


def plane(value: int = 255, soft: bool = False) -> NDArray[np.uint8]:
    """A person in the middle, uint8."""
    found = np.zeros(SHAPE, np.uint8)
    found[PERSON] = value
    if soft:
        found[90:100, 80:260] = 128
    return found


def network(prob: float = 0.95) -> NDArray[np.float32]:
    """What the network saw: the person with a hole, and a lamp beside her."""
    alpha = np.zeros(SHAPE, np.float32)
    alpha[PERSON] = prob
    alpha[200:240, 150:200] = 0.1
    return alpha


def matte(alpha: NDArray[np.float32], prob: NDArray[np.float32] | None = None) -> Matte:
    return Matte(alpha, alpha if prob is None else prob)


def test_without_a_stored_matte_nothing_changes() -> None:
    own = matte(network())
    shot = photo(None)
    assert merge_embedded_matte(shot, prepare_canvas(shot), own) is own


@pytest.mark.parametrize("scale", [1, 2])
def test_a_hole_is_closed_and_a_lamp_goes_out(scale: int) -> None:
    alpha = network()
    alpha[20:50, 300:340] = 1.0
    prob = np.where(alpha > 0, np.float32(0.95), np.float32(0))
    prob[20:50, 300:340] = 0.2
    shot = photo(np.kron(plane(), np.ones((scale, scale), np.uint8)))
    joined = merge_embedded_matte(shot, prepare_canvas(shot), matte(alpha, prob))
    assert joined.alpha[220, 170] == 1
    assert joined.alpha[30, 320] == 0
    assert joined.prob[30, 320] == 0


def test_people_whom_it_does_not_know_stay() -> None:
    alpha = network()
    alpha[150:300, 300:340] = 1.0
    shot = photo(plane())
    joined = merge_embedded_matte(shot, prepare_canvas(shot), matte(alpha))
    assert (joined.alpha[150:300, 300:340] == 1).all()


def test_where_it_is_in_doubt_the_network_decides() -> None:
    alpha = network()
    alpha[90:100, 80:260] = 0.9
    shot = photo(plane(soft=True))
    joined = merge_embedded_matte(shot, prepare_canvas(shot), matte(alpha))
    assert joined.alpha[92:98, 100:240] == pytest.approx(0.9, abs=1e-3)


@pytest.mark.parametrize("stored", ["nobody", "elsewhere", "other shape"])
def test_one_of_something_else_does_not_count(stored: str) -> None:
    planes = {
        "nobody": np.zeros(SHAPE, np.uint8),
        "elsewhere": np.roll(plane(), 170, axis=1),
        "other shape": plane()[:, :200],
    }
    shot, own = photo(planes[stored]), matte(network())
    assert merge_embedded_matte(shot, prepare_canvas(shot), own) is own


def test_the_canvas_of_a_crop_sees_its_part() -> None:
    shot = photo(plane())
    canvas = prepare_canvas(shot, crop=Box(80, 60, 340, 230))
    rows, columns = canvas.fit.canvas
    own = np.zeros((rows, columns), np.float32)
    truth = canvas.fit.points_to_photo(
        np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1)
    )
    inside = (abs(truth[..., 1] - 249.5) < 150) & (abs(truth[..., 0] - 169.5) < 90)
    own[inside] = 0.7
    joined = merge_embedded_matte(shot, canvas, matte(own))
    assert joined.alpha[inside].mean() > 0.98
    assert joined.alpha[~inside & canvas.fit.inside()].mean() < 0.02


@given(st.integers(0, 2**32 - 1))
def test_any_matte_keeps_the_values_lawful(seed: int) -> None:
    rng = np.random.default_rng(seed)
    stored = rng.integers(0, 256, (48, 36), np.uint8)
    stored[10:40, 5:30] |= 128
    alpha = rng.random(SHAPE, np.float32)
    alpha[100:400, 50:300] = 1
    shot = photo(stored)
    own = matte(alpha)
    joined = merge_embedded_matte(shot, prepare_canvas(shot), own)
    low, high = (f(own.alpha, 1.0 if f is np.maximum else 0.0) for f in (np.minimum, np.maximum))
    assert (joined.alpha >= low).all()
    assert (joined.alpha <= high).all()


def with_and_without(shot: Photo) -> tuple[float, float]:
    """How well a photo is cut, as its stored matte sees it, without that matte and with it."""
    from depthmatte.session import default_session

    truth = shot.evidence.matte
    assert truth is not None
    without = replace(shot, evidence=replace(shot.evidence, matte=None))
    before, after = (
        _agreement(default_session().cut(each).alpha, truth) for each in (without, shot)
    )
    return before, after


def test_an_apple_file_is_cut_better_with_its_own_matte() -> None:
    """An astronaut before a cat, stored as a phone stores a portrait, matte and all."""
    pytest.importorskip("skimage", reason="needs the extra demo")
    known = COMPOSITES["cat"]()
    levels = np.rint(known.alpha[::2, ::2] * 255).astype(np.uint8)
    said = phones.apple_xmp("depth", None, None, subtype="portraiteffectsmatte")
    content = phones.multi(phones.jpeg(known.rgb), [phones.auxiliary(levels, said)])
    before, after = with_and_without(photo_reader.read(content))
    assert before < 0.97
    assert after > 0.985


@pytest.mark.parametrize("name", ["ids_image-with-matte.jpg", "photopop_PHOTO.HEIC"])
def test_phone_files_agree_better_with_their_own_matte(shared: Path, name: str) -> None:
    """Two phone files carry one; the final mattes were looked at as well."""
    before, after = with_and_without(photo_reader.read(shared / "data" / "phones" / name))
    assert after > before


def _agreement(alpha: NDArray[np.float32], truth: NDArray[np.uint8]) -> float:
    import cv2

    ours = cv2.resize(alpha, truth.shape[::-1], interpolation=cv2.INTER_AREA) >= 0.5
    theirs = truth >= 128
    return float((ours & theirs).sum() / (ours | theirs).sum())
