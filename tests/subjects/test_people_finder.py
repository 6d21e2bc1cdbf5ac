"""Everybody is found, from near, whomever the first look showed; numbers and layouts agree."""

from __future__ import annotations

import json
import pickle
from functools import cache

import cv2
import numpy as np
import onnx  # noqa: F401
import pytest
from onnx import TensorProto, helper

from depthmatte.canvas import Box, Canvas, Letterbox, prepare_canvas
from depthmatte.depth import no_depth
from depthmatte.fusion import FUSIONS
from depthmatte.networks.contract import METADATA_KEY
from depthmatte.networks.network import Network
from depthmatte.photo import Photo
from depthmatte.pipeline import Pipeline
from depthmatte.subjects.people_finder import FoundPeople, PeopleFinder, move_map
from depthmatte.values import Depth, Matte

PRESET = (96, 64)


@cache
def painted_network() -> Network:
    """A network of people whose answer is the colors: red are people, green are heads."""
    nodes, outputs, constants = [], [], []
    for name, channel, factor in (
        ("person", 0, 1.0),
        ("head", 1, 1.0),
        ("vote_x", 0, 0.0),
        ("vote_y", 0, 0.0),
    ):
        constants += [
            helper.make_tensor(f"{name}_at", TensorProto.INT64, [1], [channel]),
            helper.make_tensor(f"{name}_by", TensorProto.FLOAT, [], [factor]),
        ]
        nodes.append(helper.make_node("Gather", ["image", f"{name}_at"], [f"{name}_in"], axis=1))
        nodes.append(helper.make_node("Mul", [f"{name}_in", f"{name}_by"], [name]))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, "h", "w"]))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "h", "w"])
    graph = helper.make_graph(nodes, "people", [image], outputs, constants)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    told = {
        "contract": 1,
        "task": "people",
        "input": {
            "name": "image", "channels": 3, "range": [0, 1], "multiple": 32, "preset": list(PRESET)
        },
        "outputs": dict.fromkeys(("person", "head", "vote_x", "vote_y"), "a color"),
    }  # fmt: skip
    helper.set_model_props(proto, {METADATA_KEY: json.dumps(told)})
    return Network(bytes(proto.SerializeToString()))


def street() -> Photo:
    """Three red people with yellow heads on black: large, small, and one on a dim poster."""
    rgb = np.zeros((240, 360, 3), np.uint8)
    for left, right, top, red in ((20, 110, 40, 255), (168, 194, 40, 250), (250, 320, 40, 200)):
        rgb[top:230, left:right, 0] = red
        cv2.circle(rgb, ((left + right) // 2, top + 18), 12, (red, 255, 0), -1)
    return Photo(rgb)


def by_red(canvas: Canvas) -> Matte:
    """Only what is bright red is shown: not the poster. From far small people are not, either."""
    red = canvas.rgb[0, 0]
    alpha = (red > 0.9).astype(np.float32)
    if not canvas.fit.is_crop:
        count, label, stats, _ = cv2.connectedComponentsWithStats((alpha > 0).astype(np.uint8))
        large = stats[:, cv2.CC_STAT_AREA] > 0.1 * alpha.size
        large[0] = False
        alpha = np.where(large[label], alpha, np.float32(0)) if count else alpha
    return Matte(alpha, alpha, canvas.rgb[0])


def find(looks: bool) -> tuple[FoundPeople, Letterbox, Photo]:
    photo = street()
    canvas = prepare_canvas(photo, PRESET)
    finder = PeopleFinder(painted_network, by_red if looks else None, PRESET)
    return (
        finder(photo, by_red(canvas), Depth.none(canvas.fit.canvas), canvas.fit),
        canvas.fit,
        photo,
    )


def test_without_closer_looks_only_the_shown_count() -> None:
    found, fit, _ = find(looks=False)
    assert found.label.max() == 1
    assert found.looks == {}
    assert found.matte.alpha.shape == fit.canvas
    alpha, layout = found.opacity(1, fit)
    assert layout is fit
    assert (alpha > 0).any()
    assert not alpha[found.label != 1].any()


def test_a_closer_look_adds_people_and_leaves_out_pictures() -> None:
    found, fit, photo = find(looks=True)
    assert found.label.max() == 2
    assert sorted(found.looks) == [1, 2]
    columns = [np.nonzero(found.label == number)[1].mean() for number in (1, 2)]
    x = fit.points_to_photo(np.stack([columns, [40.0, 40.0]], axis=-1))[:, 0]
    assert x[0] == pytest.approx(65, abs=6)  # the large one
    assert x[1] == pytest.approx(181, abs=6)  # the small one, not the poster
    for number, middle in ((1, 65), (2, 181)):
        alpha, layout = found.opacity(number, fit)
        assert layout.is_crop
        assert alpha.shape == layout.canvas
        left = layout.photo_box.left
        assert left < middle < left + layout.photo_box.width <= photo.shape[1]


def test_more_people_than_looks_keep_their_first_outline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("depthmatte.subjects.people_finder.MAX_LOOKS", 0)
    found, _, _ = find(looks=True)
    assert found.looks == {}
    assert found.label.max() == 1  # only the large one is in the first matte


def test_members_share_the_canvas() -> None:
    found, _, _ = find(looks=True)
    both = [found.members(number) for number in (1, 2)]
    assert (both[0] ^ both[1]).all()


def test_in_another_process_it_finds_without_looking() -> None:
    again = pickle.loads(pickle.dumps(PeopleFinder(painted_network, by_red, PRESET)))
    assert isinstance(again, PeopleFinder)


def test_a_matte_without_colors_shows_nobody_new() -> None:
    blank = Matte.empty((64, 96))
    photo = street()
    fit = Letterbox.for_photo(photo.shape, PRESET)

    def fail() -> Network:
        raise AssertionError("loaded a network for nobody")

    found = PeopleFinder(fail)(photo, blank, Depth.none((64, 96)), fit)
    assert not found.label.any()
    assert found.looks == {}


def test_maps_move_between_canvases_and_back() -> None:
    whole = Letterbox.for_photo((240, 360), PRESET)
    crop = Letterbox.for_photo((240, 360), PRESET, crop=Box(30, 60, 180, 200))
    values = np.zeros(whole.canvas, np.float32)
    values[20:40, 30:50] = 1
    near = move_map(values, whole, crop)
    assert near.shape == crop.canvas
    back = move_map(near, crop, whole)
    assert np.abs(back - values).mean() < 0.02
    x, y = whole.points_to_photo(np.array([[10.0, 10.0]]))[0]
    assert not (60 <= x < 260 and 30 <= y < 210)  # not in the crop
    far = np.zeros(whole.canvas, np.float32)
    far[10, 10] = 1
    assert not move_map(far, whole, crop)[crop.inside()].any()


def test_a_portrait_lists_and_cuts_people_whom_the_first_look_missed() -> None:
    pipeline = Pipeline(by_red, no_depth, FUSIONS["none"], PRESET, load_people=painted_network)
    portrait = pipeline(street())
    people = portrait.people
    assert [person.kept for person in people] == [True, False]
    left, _, right, _ = people[1].box
    assert 160 <= left < 174
    assert 188 < right <= 202
    assert people[1].mask[80:220, 172:190].mean() > 0.95
    assert not people[1].mask[:, :140].any()
    alone = Pipeline(
        by_red, no_depth, FUSIONS["none"], PRESET, load_people=painted_network, second_look=False
    )(street())
    assert len(alone.people) == 1  # nobody looks closer


def test_a_person_is_cut_by_number_though_the_first_look_missed_her() -> None:
    from depthmatte.options import parse_subject

    pipeline = Pipeline(
        by_red, no_depth, FUSIONS["none"], PRESET, load_people=painted_network,
        subject=parse_subject("person:2"),
    )  # fmt: skip
    mask = pipeline(street()).mask
    assert mask[80:220, 172:190].mean() > 0.9
    assert not mask[:, :140].any()
