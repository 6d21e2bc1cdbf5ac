"""Who is the subject: people are told apart by gaps and depth, and the choice is obeyed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from depthmatte.errors import InputError
from depthmatte.fusion import FUSIONS
from depthmatte.options import SubjectRequest, parse_subject
from depthmatte.subjects.select import (
    Subject,
    constrain_to_subject,
    find_instance_parts,
    find_instances,
    select_instances,
    select_subject,
    subject_log_depth,
)
from depthmatte.values import Depth, Matte

UNIT = st.floats(0, 1, width=32)


def crowd() -> tuple[Matte, Depth]:
    """A big one far left, a near one overlapping it, one alone to the right as far as the first."""
    alpha = np.zeros((120, 200), np.float32)
    z = np.ones((120, 200), np.float32)
    for left, right, top, d in ((10, 90, 20, 0.6), (80, 120, 60, 0.2), (150, 180, 50, 0.6)):
        alpha[top:118, left:right] = 1
        z[top:118, left:right] = d
    return Matte(alpha, alpha), Depth(z, np.ones_like(z))


def areas(matte: Matte) -> tuple[float, float, float]:
    """How much of the three is left: first (where alone), second, third."""
    a = matte.alpha
    return a[60:110, 20:70].mean(), a[70:110, 85:115].mean(), a[60:110, 155:175].mean()


def test_touching_people_are_parted_by_depth() -> None:
    matte, depth = crowd()
    found = find_instances(matte, depth)
    assert len(found) == 3
    assert sorted(np.round(found.depth[1:], 3)) == pytest.approx([0.2, 0.6, 0.6])
    # Every pixel of the matte goes with somebody.
    assert (found.label > 0)[matte.alpha > 0].all()


def somebody() -> tuple[Matte, Depth]:
    """One person whose trunk is nearer than the legs, an arm stretched out to the lens."""
    alpha = np.zeros((160, 120), np.float32)
    alpha[10:150, 30:90] = 1
    z = np.ones_like(alpha)
    z[alpha > 0] = 0.5
    z[90:150, 30:90] = 0.6
    z[50:62, 45:90] = 0.2
    return Matte(alpha, alpha), Depth(z, np.ones_like(z))


@pytest.mark.parametrize(
    "wanted",
    [Subject("nearest"), Subject("largest"), Subject("auto", (40.0, 30.0)),
     Subject("auto", (60.0, 55.0)), Subject("auto", (60.0, 140.0))],
)  # fmt: skip
def test_no_person_is_torn_by_a_choice(wanted: Subject) -> None:
    matte, depth = somebody()
    assert len(find_instances(matte, depth)) == 1
    assert len(find_instance_parts(matte, depth)) == 3  # trunk, arm, legs
    assert np.array_equal(select_subject(matte, depth, wanted)[0].alpha, matte.alpha)


def test_without_depth_only_gaps_part_people() -> None:
    matte, depth = crowd()
    found = find_instances(matte, Depth.none(depth.z.shape))
    assert len(found) == 2
    assert np.isnan(found.depth[1:]).all()


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (Subject("nearest"), (0, 1, 0)),
        (Subject("largest"), (1, 0, 0)),
        (Subject("all"), (1, 1, 1)),
        (Subject("auto", (165.0, 80.0)), (1, 0, 1)),  # the first stands at the same depth
        (Subject("auto", (100.0, 90.0)), (0, 1, 0)),
        (Subject("auto", (199.0, 0.0)), (1, 0, 1)),  # nobody there: the nearest one to it
    ],
)
def test_the_choice_is_obeyed(wanted: Subject, left: tuple[int, int, int]) -> None:
    matte, depth = crowd()
    chosen, at = select_subject(matte, depth, wanted)
    assert areas(chosen) == pytest.approx(left, abs=0.02)
    assert 0.2 - 1e-6 <= at <= 0.6 + 1e-6


def test_auto_leaves_the_matte_as_it_is() -> None:
    matte, depth = crowd()
    chosen, at = select_subject(matte, depth, Subject())
    assert chosen is matte
    assert at in (pytest.approx(0.2), pytest.approx(0.6))


def selfie() -> tuple[Matte, Depth]:
    """The same crowd, its second so near that it is the subject."""
    matte, depth = crowd()
    return matte, Depth(np.where(depth.z == np.float32(0.2), np.float32(0.05), depth.z), depth.prob)


def test_the_subject_of_a_selfie_is_near() -> None:
    matte, depth = selfie()
    assert subject_log_depth(matte, depth) == pytest.approx(0.05)
    assert np.isnan(subject_log_depth(matte, Depth.none(depth.z.shape)))


def test_outlines_without_depth_tie_no_person() -> None:
    """As depth cameras see it: a strip of holes between two people who touch in the photo."""
    matte, depth = selfie()
    seen = np.ones_like(depth.z)
    seen[:, 76:86] = 0
    holes = Depth(depth.z, seen)
    for parted in (find_instance_parts, find_instances):
        found = parted(matte, holes)
        large = found.depth[1:][found.area[1:] > 100]
        assert sorted(np.round(large, 3)) == pytest.approx([0.05, 0.6, 0.6])
    assert subject_log_depth(matte, holes) == pytest.approx(0.05)
    chosen, _ = select_subject(matte, holes, Subject("largest"))
    assert chosen.alpha[60:110, 20:70].all()
    assert not chosen.alpha[70:110, 95:115].any()


def test_who_was_measured_in_part_counts_whole() -> None:
    alpha, z = np.zeros((120, 200), np.float32), np.ones((120, 200), np.float32)
    for left, right, d in ((10, 90, 0.5), (130, 170, 0.5)):
        alpha[20:118, left:right], z[20:118, left:right] = 1, d
    z[:, 130:] += 0.1
    seen = np.ones_like(z)
    seen[:, :70] = 0  # three quarters of the larger one
    found = subject_log_depth(Matte(alpha, alpha), Depth(np.minimum(z, 1), seen))
    assert found == pytest.approx(0.5)


def test_a_person_without_depth_is_a_person() -> None:
    matte, depth = crowd()
    seen = np.ones_like(depth.z)
    seen[:, 140:] = 0
    found = find_instances(matte, Depth(depth.z, seen))
    assert len(found) == 3
    assert np.isnan(found.depth[found.label[80, 165]])


def test_a_fusion_is_held_to_the_choice() -> None:
    matte, depth = crowd()
    chosen, _ = select_subject(matte, depth, Subject("largest"))
    everybody, nobody = matte, Matte.empty(depth.z.shape)
    assert areas(
        constrain_to_subject(everybody, matte, chosen, Subject("largest"))
    ) == pytest.approx((1, 0, 0), abs=0.02)
    assert areas(constrain_to_subject(nobody, matte, matte, Subject("all"))) == (1, 1, 1)
    assert constrain_to_subject(everybody, matte, chosen, Subject()) is everybody


@pytest.mark.parametrize("name", ["product", "normalized"])
def test_with_all_a_product_is_what_it_is(name: str) -> None:
    """It fades with distance and takes nobody away: S_in would be too much beside it."""
    matte, depth = crowd()
    rule = FUSIONS[name]
    fused = rule(matte, depth)
    assert constrain_to_subject(fused, matte, matte, Subject("all"), rule.opacity) is fused
    assert FUSIONS["adaptive"].opacity


def test_empty_surroundings_change_no_person() -> None:
    matte, depth = crowd()
    alpha, z = np.pad(matte.alpha, 40), np.pad(depth.z, 40, constant_values=1)
    found, alone = (
        find_instances(Matte(alpha, alpha), Depth(z, np.ones_like(z))),
        find_instances(matte, depth),
    )
    assert np.array_equal(found.label[40:-40, 40:-40], alone.label)
    assert np.count_nonzero(found.label) == np.count_nonzero(alone.label)
    for name in ("area", "prob_sum", "depth"):
        assert np.array_equal(getattr(found, name)[1:], getattr(alone, name)[1:])


def test_an_empty_matte_has_no_people() -> None:
    empty = Matte.empty((8, 9))
    found = find_instances(empty, Depth.none((8, 9)))
    assert len(found) == 0
    for wanted in (Subject("nearest"), Subject("largest"), Subject("auto", (1.0, 1.0))):
        assert not select_instances(found, wanted).any()
        chosen, at = select_subject(empty, Depth.none((8, 9)), wanted)
        assert not chosen.alpha.any()
        assert np.isnan(at)


@given(arrays(np.float32, (12, 15), elements=UNIT), arrays(np.float32, (12, 15), elements=UNIT))
def test_a_choice_only_takes_away(alpha: Any, z: Any) -> None:
    matte, depth = Matte(alpha, alpha), Depth(z, np.ones_like(z))
    for wanted in (Subject("nearest"), Subject("largest"), Subject("auto", (3.0, 4.0))):
        chosen, _ = select_subject(matte, depth, wanted)
        assert ((chosen.alpha == alpha) | (chosen.alpha == 0)).all()


def test_what_a_user_may_type() -> None:
    assert parse_subject("nearest") == SubjectRequest("nearest")
    assert parse_subject("120,40.5") == parse_subject((120, 40.5))
    assert parse_subject("120,40.5") == SubjectRequest("auto", (120.0, 40.5))
    assert parse_subject("person:12") == SubjectRequest("auto", person=12)
    assert parse_subject("box:1,2,3,4.5") == SubjectRequest("auto", box=(1.0, 2.0, 3.0, 4.5))
    for text in ("", "me", "1", "1,2,3", "a,b", "person:0", "person:-1", "person:", "person:1,2",
                 "box:1,2,3", "box:3,2,1,4", "box:nan,1,2,3"):  # fmt: skip
        with pytest.raises(InputError, match="give auto, nearest, largest, all, or X,Y"):
            parse_subject(text)
