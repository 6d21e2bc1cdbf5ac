"""Parts of people: they add up to alpha, lie where they were seen, and cost nothing unasked."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from PIL import Image

import tinynets
from depthmatte.batch.cutting.file_results import FILE_RESULTS
from depthmatte.canvas import Box, Canvas, Letterbox
from depthmatte.depth import no_depth
from depthmatte.errors import InputError, MissingMap, WeightsError
from depthmatte.fusion import FUSIONS
from depthmatte.networks.contract import _REQUIRED_OUTPUTS, METADATA_KEY
from depthmatte.networks.network import Network
from depthmatte.networks.registry import network_path
from depthmatte.photo import Photo
from depthmatte.pipeline import Pipeline
from depthmatte.portrait import PART_COLORS, Portrait
from depthmatte.restore import restore_shares
from depthmatte.segment.parts import (
    PERSON_MARGIN,
    PartsFinder,
    measure_parts,
    person_box,
    prepare_part_canvas,
)
from depthmatte.session import Session
from depthmatte.values import PART_NAMES, Matte, PartShares

# Channel of the input that each output shows: red is hair, green the face, blue clothes.
SOURCES = {"hair": 0, "face_skin": 1, "body_skin": None, "clothes": 2, "things": None}


@cache
def painted_bytes() -> bytes:
    """The file of a network of parts whose answer can be read off the colors."""
    nodes, outputs, constants = [], [], []
    for name, channel in SOURCES.items():
        index = helper.make_tensor(f"{name}_at", TensorProto.INT64, [1], [channel or 0])
        factor = helper.make_tensor(
            f"{name}_by", TensorProto.FLOAT, [], [float(channel is not None)]
        )
        constants += [index, factor]
        nodes.append(helper.make_node("Gather", ["image", f"{name}_at"], [f"{name}_in"], axis=1))
        nodes.append(helper.make_node("Mul", [f"{name}_in", f"{name}_by"], [name]))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, "h", "w"]))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 4, "h", "w"])
    graph = helper.make_graph(nodes, "parts", [image], outputs, constants)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    told = {
        "contract": 1,
        "task": "parts",
        "input": {
            "name": "image",
            "channels": 4,
            "range": [0, 1],
            "multiple": 16,
            "preset": [96, 64],
        },
        "outputs": dict.fromkeys(SOURCES, "a color"),
    }
    helper.set_model_props(proto, {METADATA_KEY: json.dumps(told)})
    return bytes(proto.SerializeToString())


@cache
def painted_network() -> Network:
    return Network(painted_bytes())


FINDER = PartsFinder(painted_network)


def person(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Red above green above blue inside an oval, on gray; and the oval."""
    rgb = np.full((rows, columns, 3), 128, np.uint8)
    alpha = np.zeros((rows, columns), np.float32)
    middle, axes = (columns // 2, rows // 2), (max(1, columns // 4), max(1, rows // 3))
    cv2.ellipse(alpha, middle, axes, 0, 0, 360, 1, -1)
    alpha = cv2.GaussianBlur(alpha, (0, 0), 1.5) if min(rows, columns) > 8 else alpha
    for place, color in enumerate([(250, 0, 0), (0, 250, 0), (0, 0, 250)]):
        band = np.zeros((rows, columns), bool)
        band[rows * place // 3 : rows * (place + 1) // 3] = True
        rgb[band & (alpha > 0)] = color
    return rgb, alpha


def portrait_of(rgb: np.ndarray, alpha: np.ndarray) -> Portrait:
    made = Portrait.from_arrays(rgb, alpha)
    return Portrait(made.photo, made.matte, made.measured, made.fit, find_parts=FINDER)


def all_maps(portrait: Portrait) -> np.ndarray:
    return np.stack([portrait.parts.map(name) for name in PART_NAMES])


def test_the_names_are_the_outputs_of_the_contract() -> None:
    assert _REQUIRED_OUTPUTS["parts"] == PART_NAMES
    assert tuple(PART_COLORS) == ("background", *PART_NAMES)
    assert len(set(PART_COLORS.values())) == len(PART_COLORS)


@settings(max_examples=40)
@given(st.integers(1, 130), st.integers(1, 130), st.integers(0, 2**31))
def test_parts_add_up_to_alpha_at_any_size(rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rgb = rng.integers(0, 256, (rows, columns, 3), dtype=np.uint8)
    alpha = rng.random((rows, columns), np.float32)
    alpha[rng.random((rows, columns)) < 0.3] = 0
    portrait = portrait_of(rgb, alpha)
    maps = all_maps(portrait)
    assert maps.shape == (5, rows, columns)
    assert maps.dtype == np.float32
    assert maps.min() >= 0
    assert (maps[:, alpha == 0] == 0).all()
    expected = alpha if portrait.found else np.zeros_like(alpha)
    np.testing.assert_allclose(maps.sum(axis=0), expected, atol=1e-5)
    labels = portrait.parts.labels
    assert labels.dtype == np.uint8
    assert ((labels > 0) == ((alpha >= 0.5) & portrait.found)).all()
    assert labels.max(initial=0) <= len(PART_NAMES)


@pytest.mark.parametrize("shape", [(60, 40), (301, 203), (1300, 901)])
def test_parts_lie_where_they_were_seen(shape: tuple[int, int]) -> None:
    rgb, alpha = person(*shape)
    labels = portrait_of(rgb, alpha).parts.labels
    for place, name in enumerate(("hair", "face_skin", "clothes")):
        code = 1 + PART_NAMES.index(name)
        inside = np.zeros(shape, bool)
        margin = max(2, shape[0] // 50)
        inside[shape[0] * place // 3 + margin : shape[0] * (place + 1) // 3 - margin] = True
        inside &= alpha > 0.99
        assert inside.any()
        assert (labels[inside] == code).mean() > 0.99, name


def test_a_small_person_is_seen_from_near() -> None:
    rgb, alpha = np.full((800, 800, 3), 90, np.uint8), np.zeros((800, 800), np.float32)
    rgb[100:148, 600:632], alpha[100:148, 600:632] = (200, 10, 10), 1
    prepared = prepare_part_canvas(Photo(rgb), alpha, (96, 64))
    assert prepared is not None
    canvas, seen = prepared
    box = canvas.fit.photo_box
    assert (box.height, box.width) == (48 + 2 * 5, 32 + 2 * 5)
    assert seen.shape == canvas.fit.canvas == (96, 64)
    assert seen.mean() > 0.4
    assert round(PERSON_MARGIN * 48) == 5


@given(st.integers(1, 50), st.integers(1, 50), st.floats(0, 3))
def test_the_box_of_a_person_stays_in_the_photo(rows: int, columns: int, margin: float) -> None:
    mask = np.zeros((rows, columns), bool)
    assert person_box(mask, margin) is None
    mask[rows // 2, columns // 3] = True
    box = person_box(mask, margin)
    assert box is not None
    assert box.inside(mask.shape)
    assert mask[box.slices].any()


def test_beyond_the_canvas_the_parts_at_its_edge_go_on() -> None:
    fit = Letterbox.for_photo((40, 40), (32, 32), crop=Box(10, 10, 20, 20))
    maps = np.zeros((5, 32, 32), np.float32)
    maps[0, :16], maps[3, 16:] = 1, 1
    shares = PartShares(maps, fit, np.zeros((3, 32, 32), np.float32))
    restored = restore_shares(shares, np.zeros((40, 40, 3), np.uint8))
    np.testing.assert_allclose(restored.sum(axis=0), 1, atol=1e-5)
    assert (restored[0, :10] > 0.99).all()
    assert (restored[3, 30:] > 0.99).all()


def test_nobody_has_no_parts_and_no_network_runs() -> None:
    def fail() -> Network:
        raise AssertionError("the network was loaded")

    rgb = np.zeros((40, 30, 3), np.uint8)
    nobody = Portrait.from_arrays(rgb, np.zeros((40, 30), np.float32))
    asked = Portrait(
        nobody.photo, nobody.matte, nobody.measured, nobody.fit, find_parts=PartsFinder(fail)
    )
    assert not asked.found
    assert asked.part_shares is None
    assert all_maps(asked).max() == 0
    assert asked.parts.labels.max() == 0
    assert PartsFinder(fail)(nobody.photo, nobody.alpha) is None


def test_the_network_runs_when_asked_and_once() -> None:
    calls = []

    def count(photo: Photo, alpha: np.ndarray) -> PartShares | None:
        calls.append(photo)
        return FINDER(photo, alpha)

    rgb, _ = person(90, 60)

    def red(canvas: Canvas) -> Matte:
        values = np.ascontiguousarray((np.ptp(canvas.rgb[0], axis=0) > 0.3).astype(np.float32))
        return Matte(values, values, canvas.rgb[0])

    pipeline = Pipeline(red, no_depth, FUSIONS["none"], (96, 64), find_parts=count)
    portrait = pipeline(Photo(rgb))
    _ = portrait.alpha, portrait.cutout(), portrait.mask
    assert calls == []
    assert portrait.parts.hair.max() > 0.9
    _ = portrait.parts.labels, portrait.parts.clothes, portrait.beautify()
    assert len(calls) == 1


def test_a_portrait_without_a_network_says_so() -> None:
    rgb, alpha = person(30, 20)
    with pytest.raises(MissingMap, match="cut the photo with a session"):
        _ = Portrait.from_arrays(rgb, alpha).parts
    with pytest.raises(MissingMap, match="is no part; use hair, face_skin"):
        portrait_of(rgb, alpha).parts.map("tail")


def test_a_pickled_portrait_finds_parts_elsewhere() -> None:
    rgb, alpha = person(64, 48)
    there = pickle.loads(pickle.dumps(portrait_of(rgb, alpha)))
    assert there == portrait_of(rgb, alpha)
    assert isinstance(there.find_parts, PartsFinder)
    np.testing.assert_allclose(all_maps(there).sum(axis=0), alpha, atol=1e-5)


def test_another_network_is_refused() -> None:
    rgb, alpha = person(64, 48)
    prepared = prepare_part_canvas(Photo(rgb), alpha, (320, 256))
    assert prepared is not None
    with pytest.raises(WeightsError, match="a matte network, but a parts network is needed"):
        measure_parts(*prepared, Network(tinynets.model("matte")))


@pytest.mark.parametrize("spoiled", ["type", "shape", "sum", "range", "rgb"])
def test_shares_that_are_none_are_refused(spoiled: str) -> None:
    fit = Letterbox.identity((4, 6))
    maps, rgb = np.full((5, 4, 6), 0.2, np.float32), np.zeros((3, 4, 6), np.float32)
    assert PartShares(maps, fit, rgb) == PartShares(maps.copy(), fit, rgb)
    if spoiled == "type":
        maps = maps.astype(np.float64)
    elif spoiled == "shape":
        maps = maps[:4]
    elif spoiled == "sum":
        maps = maps * np.float32(0.5)
    elif spoiled == "range":
        maps[0], maps[1] = 1.2, -0.8
    else:
        rgb = rgb[:, :2]
    with pytest.raises(InputError):
        PartShares(maps, fit, rgb)


def test_saved_parts_have_a_palette_and_masks_add_up() -> None:
    rgb, alpha = person(80, 50)
    portrait, frame = portrait_of(rgb, alpha), Box(10, 5, 60, 41)
    picture = Image.open(io.BytesIO(FILE_RESULTS["parts"].encode(portrait, frame)))
    assert picture.mode == "P"
    assert picture.size == (41, 60)
    np.testing.assert_array_equal(np.asarray(picture), portrait.parts.labels[frame.slices])
    colors = np.array(list(PART_COLORS.values()))
    shown = np.asarray(picture.convert("RGB"))
    np.testing.assert_array_equal(shown, colors[portrait.parts.labels[frame.slices]])
    content = FILE_RESULTS["part_masks"].encode(portrait, frame)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == [f"{name}.png" for name in PART_NAMES]
        masks = [np.asarray(Image.open(io.BytesIO(archive.read(n)))) for n in archive.namelist()]
    total = np.sum(masks, axis=0, dtype=int)
    assert np.abs(total - portrait.alpha[frame.slices] * 255).max() <= 3


# --- the shipped network --------------------------------------------------------------------------


def test_the_shipped_network_is_small_and_keeps_its_contract() -> None:
    file = network_path("shipped:parts")
    assert file.stat().st_size <= 1_500_000
    network = Network(file, threads=1).require_task("parts")
    assert tuple(network.contract.outputs) == PART_NAMES
    assert network.contract.teacher
    onnx.checker.check_model(onnx.load(str(file)))


def test_parts_of_a_real_photo() -> None:
    data = pytest.importorskip("skimage.data", reason="needs the extra demo")
    photo = np.asarray(data.astronaut())
    with Session(threads=1) as session:
        portrait = session.cut(photo, depth_source="none", fusion="none")
        again = session.cut(photo, depth_source="none", fusion="none")
    labels = portrait.parts.labels
    # Places seen by eye: forehead, cheek, hair, shoulder, sleeve.
    for (x, y), name in {
        (222, 95): "face_skin",
        (245, 115): "face_skin",
        (180, 60): "hair",
        (130, 250): "clothes",
        (110, 330): "clothes",
    }.items():
        assert PART_NAMES[labels[y, x] - 1] == name, (x, y)
    assert labels[40, 440] == 0
    np.testing.assert_array_equal(labels, again.parts.labels)
    np.testing.assert_allclose(all_maps(portrait).sum(axis=0), portrait.alpha, atol=1e-5)


def test_a_network_given_to_the_session_is_the_one_that_runs(tmp_path: Path) -> None:
    file = tmp_path / "painted.onnx"
    file.write_bytes(painted_bytes())
    rgb, alpha = person(90, 60)
    with Session(network=(str(file),), threads=1) as session:
        find_parts = session.pipeline().find_parts
        assert find_parts is not None
        shares = find_parts(Photo(rgb), alpha)
    assert shares is not None
    assert shares.fit.canvas == (96, 64)
