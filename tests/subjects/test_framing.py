"""Frames around people: their ratio, their place, and the head in them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthmatte import CropOptions, OptionError, Portrait
from depthmatte.options import parse_crop
from depthmatte.subjects.framing import frame_portrait
from depthmatte.subjects.head import find_head


def figure(shape: tuple[int, int], x: int, top: int, head: int) -> np.ndarray:
    """A person: an oval head `head` pixels tall, a neck, shoulders and a body."""
    alpha = np.zeros(shape, np.float32)
    half = round(head / 2)
    cv2.ellipse(alpha, (x, top + half), (round(head / 2.6), half), 0, 0, 360, 1.0, -1)
    neck = round(head / 6)
    cv2.rectangle(alpha, (x - neck, top + head - 2), (x + neck, top + head + neck), 1.0, -1)
    cv2.rectangle(alpha, (x - head, top + head + neck), (x + head, top + 5 * head), 1.0, -1)
    return alpha


@pytest.mark.parametrize("head", [20, 60, 150])
def test_the_head_ends_at_the_neck(head: int) -> None:
    alpha = figure((8 * head, 6 * head), 3 * head, head, head)
    found = find_head(alpha)
    assert found is not None
    assert abs(found.top - head) <= 0.05 * head + 1
    assert abs(found.height - head) <= 0.2 * head
    assert abs(found.left + found.width / 2 - 3 * head) <= 0.05 * head + 1


def test_hair_that_hides_the_neck_gives_a_head_of_usual_size() -> None:
    alpha = figure((480, 360), 180, 60, 60)
    cv2.rectangle(alpha, (157, 90), (203, 200), 1.0, -1)  # long straight hair
    found = find_head(alpha)
    assert found is not None
    assert 0.8 <= found.height / 60 <= 1.4


def test_nobody_has_no_head_and_the_whole_photo_as_frame() -> None:
    empty = np.zeros((30, 40), np.float32)
    assert find_head(empty) is None
    for shape in ("subject", "square", "passport", "16:9"):
        assert frame_portrait(empty, CropOptions(shape)).shape == (30, 40)


@given(
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.sampled_from(["subject", "square", "passport", "16:9", "1:7", "9999:1"]),
    st.floats(0, 2),
    st.integers(0, 2**32 - 1),
)
def test_every_frame_lies_within_the_photo(
    shape: tuple[int, int], crop: str, margin: float, seed: int
) -> None:
    alpha = (np.random.default_rng(seed).random(shape) > 0.7).astype(np.float32)
    frame = frame_portrait(alpha, CropOptions(crop, margin=margin))
    assert frame.inside(shape)


@pytest.mark.parametrize(("text", "ratio"), [("square", 1.0), ("16:9", 16 / 9), ("3:4", 0.75)])
def test_a_frame_has_its_ratio_and_holds_the_person(text: str, ratio: float) -> None:
    alpha = figure((900, 1600), 700, 300, 60)
    frame = frame_portrait(alpha, parse_crop(text))
    assert abs(frame.width / frame.height - ratio) <= 1.5 / frame.height * ratio
    outside = alpha.copy()
    outside[frame.slices] = 0
    assert outside.sum() == 0
    assert abs(frame.left + frame.width / 2 - 700) <= 2


def test_a_frame_too_small_for_the_person_keeps_her_head() -> None:
    alpha = figure((1000, 300), 150, 100, 150)
    frame = frame_portrait(alpha, CropOptions("16:9"))
    assert frame.width == 300
    head = find_head(alpha)
    assert head is not None
    assert frame.top <= head.top
    assert frame.top + frame.height >= head.top + 0.8 * head.height


def test_a_passport_photo_is_35_by_45_with_the_head_at_its_size() -> None:
    alpha = figure((900, 800), 400, 200, 300)
    frame = frame_portrait(alpha, CropOptions("passport"))
    assert abs(frame.width / frame.height - 35 / 45) < 0.01
    head = find_head(alpha)
    assert head is not None
    assert 0.70 <= head.height / frame.height <= 0.80  # ICAO Doc 9303
    assert abs(frame.left + frame.width / 2 - 400) <= 2
    assert frame.top < 200


def test_the_subject_frame_is_the_box_and_its_margin() -> None:
    alpha = np.zeros((100, 200), np.float32)
    alpha[20:70, 100:120] = 1
    assert frame_portrait(alpha, CropOptions(margin=0)) == (20, 100, 50, 20)
    assert frame_portrait(alpha, CropOptions(margin=0.1)) == (15, 95, 60, 30)
    assert frame_portrait(alpha, CropOptions(margin=2)) == (0, 0, 100, 200)


@pytest.mark.parametrize(
    "text", ["", "circle", "0:5", "16:9:", "square:margin", "square:shape=x", "1.5:1", "square:x=1"]
)
def test_what_is_no_frame(text: str) -> None:
    if text == "16:9:":
        assert parse_crop(text) == CropOptions("16:9")
        return
    with pytest.raises(OptionError):
        parse_crop(text)


def test_a_portrait_frames_its_pictures() -> None:
    alpha = figure((300, 400), 200, 60, 50)
    portrait = Portrait.from_arrays(np.zeros((300, 400, 3), np.uint8), alpha)
    frame = portrait.frame("square:margin=0")
    assert frame == frame_portrait(alpha, CropOptions("square", margin=0))
    assert portrait.cutout()[frame.slices].shape[:2] == frame.shape
