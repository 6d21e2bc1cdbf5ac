"""Corrections by hand: what is pointed at changes, and nothing else does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import depthmatte as dm
from depthmatte.canvas import Canvas, Letterbox
from depthmatte.corrections.matte_edit import MatteEdit, apply_edits
from depthmatte.corrections.specks import remove_specks
from depthmatte.corrections.strokes import DROP_STROKE, KEEP_STROKE, find_stroke_edits
from depthmatte.depth import no_depth
from depthmatte.evidence import Evidence
from depthmatte.fusion import FUSIONS
from depthmatte.io.stroke_picture import attach_strokes
from depthmatte.photo import Photo
from depthmatte.pipeline import Pipeline
from depthmatte.portrait import Portrait
from depthmatte.segment.corrections import Corrections
from depthmatte.values import Matte

PLACES = {"left": (60, 110), "middle": (150, 200), "right": (240, 290)}
"""Columns of three red people on blue."""

ROWS = slice(60, 220)


def trio() -> Photo:
    rgb = np.full((240, 360, 3), (20, 20, 160), np.uint8)
    for start, stop in PLACES.values():
        rgb[ROWS, start:stop] = (230, 20, 20)
    return Photo(rgb)


def red(canvas: Canvas) -> Matte:
    alpha = np.clip((canvas.rgb[0, 0] - canvas.rgb[0, 2]) * 2, 0, 1).astype(np.float32)
    alpha *= canvas.fit.inside()
    return Matte(alpha, alpha, canvas.rgb[0])


def cut(photo: Photo, subject: str = "all", **fixes: Any) -> Portrait:
    request = dm.options.parse_subject(subject)
    return Pipeline(
        red, no_depth, FUSIONS["none"], preset=(240, 176), subject=request,
        corrections=Corrections(**fixes),
    )(photo)  # fmt: skip


def shown(portrait: Portrait) -> list[str]:
    return [
        name
        for name, (start, stop) in PLACES.items()
        if portrait.alpha[80:200, start + 10 : stop - 10].mean() > 0.5
    ]


def test_a_point_adds_the_person_whom_a_choice_removed() -> None:
    alone = cut(trio(), "85,140")
    assert shown(alone) == ["left"]
    both = cut(trio(), "85,140", keep=((265.0, 140.0),))
    assert shown(both) == ["left", "right"]
    assert np.array_equal(both.alpha[:, :220], alone.alpha[:, :220])


def test_a_point_removes_one_person() -> None:
    all_three = cut(trio())
    assert shown(all_three) == list(PLACES)
    two = cut(trio(), drop=((175.0, 100.0),))
    assert shown(two) == ["left", "right"]
    outside = np.ones((240, 360), bool)
    outside[:, 140:210] = False
    assert np.array_equal(two.alpha[outside], all_three.alpha[outside])
    assert two.alpha[:, 145:205].max() < 0.02


@settings(max_examples=15)
@given(st.integers(0, 359), st.integers(0, 239), st.booleans())
def test_a_point_changes_only_what_hangs_together_with_it(x: int, y: int, keeps: bool) -> None:
    """A piece and its rim; a dot of the brush, where nothing is; never two people."""
    before = cut(trio(), "175,140")
    point = ((float(x), float(y)),)
    after = cut(trio(), "175,140", **{"keep" if keeps else "drop": point})
    changed = np.abs(after.alpha - before.alpha) > 0
    columns = [(s - 10, e + 10) for s, e in PLACES.values()]
    hit = [bool(changed[:, max(0, s) : e].any()) for s, e in columns]
    assert sum(hit) <= 1
    if keeps:
        assert (after.alpha >= before.alpha).all()
    else:
        assert (after.alpha <= before.alpha).all()


def test_a_box_keeps_only_what_is_inside() -> None:
    portrait = cut(trio(), box=(130.0, 40.0, 300.0, 235.0))
    assert shown(portrait) == ["middle", "right"]
    outside = np.ones((240, 360), bool)
    outside[40:235, 130:300] = False
    assert portrait.alpha[outside].max() == 0
    # Of the left one less than half is inside: nothing stays of her.
    assert not cut(trio(), box=(95.0, 40.0, 300.0, 235.0)).alpha[:, :120].any()


def test_a_subject_may_be_a_number_or_a_box() -> None:
    numbers = {tuple(shown(cut(trio(), f"person:{n}"))) for n in (1, 2, 3)}
    assert numbers == {("left",), ("middle",), ("right",)}
    assert shown(cut(trio(), "box:230,50,300,230")) == ["right"]
    with pytest.raises(dm.InputError, match="has no person 4; `depthmatte people` lists the 3"):
        cut(trio(), "person:4")
    with pytest.raises(dm.InputError, match="nobody is in this box"):
        cut(trio(), "box:0,0,20,20")


def test_places_outside_the_photo_are_one_clear_line() -> None:
    for wrong in ({"keep": ((400.0, 3.0),)}, {"drop": ((3.0, -1.0),)}):
        with pytest.raises(dm.InputError, match="outside the photo, which is 360 x 240"):
            cut(trio(), **wrong)
    with pytest.raises(dm.InputError, match=r"box 400,0,500,90 lies outside"):
        cut(trio(), box=(400.0, 0.0, 500.0, 90.0))


def test_people_add_up_to_the_portrait() -> None:
    portrait = cut(trio(), "85,140", keep=((265.0, 140.0),))
    people = portrait.people
    assert [person.kept for person in people].count(True) == 2
    assert len(people) == 3
    together = sum(person.alpha for person in people if person.kept)
    assert np.allclose(together, portrait.alpha, atol=1e-5)
    for person in people:
        x0, y0, x1, y1 = person.box
        rows, columns = np.nonzero(person.mask)
        assert (x0, x1) == (columns.min(), columns.max() + 1)
        assert (y0, y1) == (rows.min(), rows.max() + 1)
        assert person.area == person.mask.sum()
        assert 0 <= person.score <= 1
        assert person.depth is None
    assert [person.id for person in people] == [1, 2, 3]
    assert Portrait.from_arrays(trio().rgb, np.zeros((240, 360), np.float32)).people == []


def test_strokes_are_hard_truths_and_stay_near() -> None:
    photo, portrait = trio(), cut(trio())
    strokes = np.zeros((240, 360), np.uint8)
    strokes[100:110, 160:190] = DROP_STROKE
    strokes[20:30, 310:340] = KEEP_STROKE
    painted = Photo(photo.rgb, evidence=Evidence(strokes=strokes))
    obeyed = cut(painted)
    assert not obeyed.alpha[strokes == DROP_STROKE].any()
    assert (obeyed.alpha[strokes == KEEP_STROKE] == 1).all()
    assert np.array_equal(obeyed.alpha[:, :100], portrait.alpha[:, :100])


@settings(max_examples=15)
@given(st.integers(0, 60), st.integers(0, 44), st.sampled_from([KEEP_STROKE, DROP_STROKE]))
def test_a_stroke_never_does_the_opposite(x: int, y: int, value: int) -> None:
    rng = np.random.default_rng(x * 61 + y)
    rgb = rng.integers(0, 255, (48, 64, 3), np.uint8)
    alpha = np.zeros((48, 64), np.float32)
    alpha[10:40, 20:44] = 1
    strokes = np.zeros((48, 64), np.uint8)
    strokes[y : y + 3, x : x + 3] = value
    after = alpha
    for edit in find_stroke_edits(rgb, alpha, strokes):
        after = edit.apply(after, rgb)
    if value == KEEP_STROKE:
        assert (after >= alpha - 1e-6).all()
        assert (after[strokes > 0] == 1).all()
    else:
        assert (after <= alpha + 1e-6).all()
        assert not after[strokes > 0].any()


def test_strokes_are_read_from_colors(tmp_path: Any) -> None:
    import cv2

    rgba = np.zeros((240, 360, 4), np.uint8)
    for column, color in enumerate(((0, 255, 0), (255, 255, 255), (255, 0, 0), (0, 0, 0))):
        rgba[50, 10 + column] = [*color, 255]
    path = tmp_path / "strokes.png"
    cv2.imwrite(str(path), rgba[..., [2, 1, 0, 3]])
    for picture in (path, str(path), rgba):
        strokes = attach_strokes(trio(), picture).evidence.strokes
        assert strokes is not None
        assert strokes[50, 10:14].tolist() == [1, 1, 2, 2]
        assert np.count_nonzero(strokes) == 4
    cv2.imwrite(str(path), rgba[:100, :, [2, 1, 0, 3]])
    with pytest.raises(dm.InputError, match="is 360 x 100 pixels but the upright photo 360 x 240"):
        attach_strokes(trio(), path)
    cv2.imwrite(str(path), rgba[..., :3])
    with pytest.raises(dm.InputError, match="is no picture with transparency"):
        attach_strokes(trio(), path)
    with pytest.raises(dm.InputError, match="has no strokes"):
        attach_strokes(trio(), np.zeros((240, 360, 4), np.uint8))
    assert attach_strokes(trio(), None).evidence.strokes is None


def test_specks_go_and_pinholes_are_filled() -> None:
    alpha = np.zeros((200, 200), np.float32)
    alpha[40:180, 50:150] = 1
    alpha[40, 50:150] = 0.3
    clean = remove_specks(alpha)
    assert np.array_equal(clean, alpha)
    dirty = alpha.copy()
    dirty[10:14, 10:14] = 1
    dirty[100:102, 100:102] = 0
    assert np.array_equal(remove_specks(dirty), alpha)
    hole = alpha.copy()
    hole[100:120, 90:110] = 0
    assert np.array_equal(remove_specks(hole), hole)
    assert not remove_specks(np.zeros_like(alpha)).any()


def test_an_edit_of_nothing_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    alpha = rng.random((50, 70), np.float32)
    fit = Letterbox.for_photo((50, 70), (48, 32))
    nothing = np.zeros(fit.canvas, np.float32)
    guide = rng.integers(0, 255, (50, 70, 3), np.uint8)
    for adds in (True, False):
        assert np.array_equal(MatteEdit(nothing, fit, adds).apply(alpha, guide), alpha)


def test_a_real_network_is_corrected() -> None:
    """The astronaut twice: the second one is added, removed, and looked at alone."""
    from known_people import in_depth

    known, meters = in_depth()
    near = dm.cut(known.rgb, depth=meters, subject="nearest")
    assert [person.kept for person in near.people] == [True, False]
    assert [person.depth for person in near.people] == pytest.approx([1.2, 3.0], rel=0.01)
    assert near.people[1].mask[300:, 450:].any()
    both = dm.cut(known.rgb, depth=meters, subject="nearest", keep=[(560, 450)])
    assert both.mask[300:, 500:].mean() > 0.3
    assert np.array_equal(both.alpha[:, :400], near.alpha[:, :400])
    boxed = dm.cut(known.rgb, box=(430, 200, 800, 640))
    assert boxed.mask[300:, 500:].mean() > 0.3
    assert boxed.alpha[:, :430].max() < 1e-6


def test_a_dot_spreads_up_to_edges_where_colors_do_not_tell() -> None:
    """A bag of the person's own color, behind a thin dark seam, goes; the person stays."""
    rng = np.random.default_rng(0)
    rgb = np.full((200, 200, 3), (20, 20, 160), np.uint8)
    rgb[20:180, 60:120] = (200, 60, 50)
    rgb[90:130, 122:150] = (200, 60, 50)
    rgb[88:132, 119:123] = (40, 10, 10)
    rgb = np.clip(rgb + rng.normal(0, 6, rgb.shape), 0, 255).astype(np.uint8)
    alpha = np.zeros((200, 200), np.float32)
    alpha[20:180, 60:120], alpha[88:132, 119:150] = 1, 1
    strokes = np.zeros((200, 200), np.uint8)
    strokes[109:111, 139:141] = DROP_STROKE
    left = {
        is_dot: apply_edits(alpha, find_stroke_edits(rgb, alpha, strokes, is_dot))
        for is_dot in (False, True)
    }
    assert left[False][92:128, 126:148].mean() > 0.8  # a painted stroke means what it covers
    assert left[True][92:128, 126:148].mean() < 0.1
    assert left[True][20:180, 62:114].min() > 0.95
    strokes[strokes > 0] = KEEP_STROKE
    missing = alpha.copy()
    missing[:, 119:] = 0
    found = apply_edits(missing, find_stroke_edits(rgb, missing, strokes, is_dot=True))
    assert found[92:128, 126:148].mean() > 0.9
    assert found[:60, 130:].max() < 0.05
