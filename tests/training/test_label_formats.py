"""Labels of COCO, Label Studio and CVAT: read, refused, and written as the tools want them."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pycocotools.mask as coco_mask
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depthmatte.errors import InputError
from depthmatte.training.data.formats import coco, cvat, label_studio
from depthmatte.training.data.formats.brush_rle import decode_brush, encode_brush
from depthmatte.training.data.formats.import_labels import read_labels
from depthmatte.training.data.formats.label_file import ReadLabels
from depthmatte.training.data.formats.predictions import Prediction

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
"""pycocotools with NumPy 2."""

HEIGHT, WIDTH = 120, 90

SQUARE = [10, 20, 40, 20, 40, 70, 10, 70]
"""Columns 10 to 39 and rows 20 to 69, as COCO writes them."""


def square_mask() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[20:70, 10:40] = True
    return mask


def figure() -> np.ndarray:
    """A person with a hole, cut off by the frame, and another apart."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(mask, (40, 120), (26, 90), 0, 0, 360, 1, -1)
    cv2.ellipse(mask, (40, 80), (8, 11), 20, 0, 360, 0, -1)
    cv2.ellipse(mask, (78, 30), (8, 22), 0, 0, 360, 1, -1)
    return mask > 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two photos in `images`."""
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for name in ("a.png", "b.png"):
        rgb = rng.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / "images" / name), rgb)
    return tmp_path


def coco_file(folder: Path, *segmentations: Any, **changes: Any) -> Path:
    """A COCO file in which photo a.png has these people."""
    content: dict[str, Any] = {
        "images": [{"id": 7, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}],
        "categories": [{"id": 3, "name": "person"}, {"id": 4, "name": "dog"}],
        "annotations": [
            {"id": i, "image_id": 7, "category_id": 3, "segmentation": one}
            for i, one in enumerate(segmentations)
        ],
    }
    path = folder / "labels.json"
    path.write_text(json.dumps(content | changes))
    return path


def task(image: str, *values: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A task of Label Studio with one submitted annotation, as it exports it."""
    results = [
        {
            "id": f"r{i}", "from_name": "tag", "to_name": "image", "origin": "manual",
            "type": next(key for key in value if key.endswith("labels")),
            "original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0,
            "value": value,
        }
        for i, value in enumerate(values)
    ]  # fmt: skip
    annotation = {"id": 1, "was_cancelled": False, "ground_truth": False, "result": results}
    return {
        "id": 1,
        "data": {"image": image},
        "annotations": [annotation],
        "predictions": [],
    } | more


def brush(mask: np.ndarray, label: str = "person") -> dict[str, Any]:
    return {"format": "rle", "rle": encode_brush(mask), "brushlabels": [label]}


def tasks_file(folder: Path, *tasks: dict[str, Any]) -> Path:
    path = folder / "tasks.json"
    path.write_text(json.dumps(tasks))
    return path


def xml_file(folder: Path, shapes: str, head: str = "", name: str = "a.png") -> Path:
    """A file "CVAT for images 1.1", with everything that CVAT writes around the shapes."""
    path = folder / "annotations.xml"
    path.write_text(
        f"""<?xml version="1.0" encoding="utf-8"?>{head}
<annotations>
  <version>1.1</version>
  <meta>
    <job><id>5</id><size>1</size><mode>annotation</mode>
      <labels><label><name>person</name><color>#33ddff</color><type>any</type>
        <attributes><attribute><name>pose</name><values>a\nb</values></attribute></attributes>
      </label></labels>
    </job>
    <dumped>2026-01-01 00:00:00+00:00</dumped>
  </meta>
  <image id="0" name="{name}" width="{WIDTH}" height="{HEIGHT}">
    {shapes}
  </image>
</annotations>
"""
    )
    return path


def only_mask(found: ReadLabels) -> np.ndarray:
    """The mask of the only photo of a file without problems."""
    assert found.problems == []
    (item,) = found.photos
    mask: Any = item.mask
    return np.asarray(mask.draw((HEIGHT, WIDTH)) > 0)


POLYGON_XML = '<polygon label="person" points="10.00,20.00;40.00,20.00;40.00,70.00;10.00,70.00"/>'


# --- what is read


def test_coco_polygons_and_run_lengths_are_read(folder: Path) -> None:
    theirs = coco_mask.encode(np.asfortranarray(square_mask().astype(np.uint8)))
    size = [HEIGHT, WIDTH]
    counts = [10 * HEIGHT + 20, *[50, HEIGHT - 50] * 29, 50]
    counts.append(HEIGHT * WIDTH - sum(counts))
    for segmentation in (
        [SQUARE],
        {"size": size, "counts": theirs["counts"].decode()},
        {"size": size, "counts": counts},
    ):
        assert np.array_equal(only_mask(coco.read(coco_file(folder, segmentation))), square_mask())


def test_people_of_a_photo_are_joined_with_a_note(folder: Path) -> None:
    other = [50, 20, 60, 20, 60, 30, 50, 30]
    found = coco.read(coco_file(folder, [SQUARE], [SQUARE, other]))
    expected = square_mask()
    expected[20:30, 50:60] = True
    assert np.array_equal(only_mask(found), expected)
    assert [note for note in found.notes if "1 photos several labels" in note]


def test_other_categories_are_no_people(folder: Path) -> None:
    dog = [{"id": 1, "image_id": 7, "category_id": 4, "segmentation": [SQUARE]}]
    found = coco.read(coco_file(folder, annotations=dog))
    assert [item.mask for item in found] == [None]
    assert "photos without people" in found.notes[0]
    found = coco.read(coco_file(folder, annotations=dog), category="dog")
    assert np.array_equal(only_mask(found), square_mask())


def test_an_unknown_category_is_named(folder: Path) -> None:
    for path in (
        coco_file(folder, [SQUARE]),
        tasks_file(folder, task("a.png", brush(square_mask()))),
        xml_file(folder, POLYGON_XML),
    ):
        with pytest.raises(InputError, match=r"no category 'human'.*person"):
            read_labels(path, category="human")


BRUSH_CODES = [
    [
        0, 0, 0, 216, 57, 27, 254, 43, 0, 194, 127, 247, 192, 39, 255, 140, 2, 127, 251, 224,
        19, 255, 198, 1, 63, 253, 240, 12, 39, 255, 138, 192, 0,
    ],
    [
        0, 0, 0, 216, 57, 27, 254, 43, 0, 0, 72, 11, 128, 33, 128, 255, 0, 72, 11, 128, 33, 128,
        255, 0, 72, 11, 128, 33, 128, 255, 0, 72, 11, 128, 33, 128, 255, 0, 72, 11, 128, 33,
        128, 255, 190, 0, 0, 144, 23, 0, 67, 1, 254, 0, 144, 23, 0, 67, 1, 255, 24, 0, 2, 64,
        92, 1, 12, 7, 248, 2, 64, 92, 1, 12, 7, 253, 240, 0, 4, 128, 184, 2, 24, 15, 240, 4,
        128, 184, 2, 24, 15, 248, 192, 0, 18, 2, 224, 8, 96, 63, 192, 18, 2, 224, 8, 96, 63,
        239, 128, 0, 36, 5, 192, 16, 192, 127, 128, 36, 5, 192, 16, 192, 127, 128, 36, 5, 192,
        16, 192, 127, 128, 36, 5, 192, 16, 192, 127, 128, 36, 5, 192, 16, 192, 127, 226, 176, 0,
    ],
]  # fmt: skip


def test_brush_masks_of_the_tool_are_read() -> None:
    """Codes that Label Studio's own converter made: of a mask, and of a brush color."""
    mask = np.zeros((6, 9), np.uint8)
    mask[1:5, 2:7] = 255
    mask[2:4, 4] = 0
    for code in BRUSH_CODES:
        canvas = np.zeros((6, 9), np.uint8)
        decode_brush(code, 6, 9).draw_onto(canvas)
        assert np.array_equal(canvas, mask)
    # The converter adds a byte where the bits end with one.
    ours = encode_brush(mask > 0)
    assert BRUSH_CODES[0][: len(ours)] == ours


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
@settings(max_examples=50)
def test_brush_masks_give_the_mask_back(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = cv2.GaussianBlur(rng.random((height, width)), (0, 0), 1.5) > rng.random()
    canvas = np.zeros((height, width), np.uint8)
    decode_brush(encode_brush(mask), height, width).draw_onto(canvas)
    assert np.array_equal(canvas > 0, mask)


def test_long_runs_of_a_brush_mask_are_split() -> None:
    mask = np.zeros((700, 600), bool)
    mask[600:, :] = True
    canvas = np.zeros(mask.shape, np.uint8)
    decode_brush(encode_brush(mask), *mask.shape).draw_onto(canvas)
    assert np.array_equal(canvas > 0, mask)


def test_brush_masks_agree_with_label_studios_converter() -> None:
    theirs = pytest.importorskip("label_studio_converter.brush")
    rng = np.random.default_rng(3)
    for _ in range(5):
        height, width = rng.integers(1, 30, 2)
        mask = cv2.GaussianBlur(rng.random((height, width)), (0, 0), 2) > 0.5
        alpha = theirs.decode_rle(encode_brush(mask)).reshape(height, width, 4)[..., 3]
        assert np.array_equal(alpha > 0, mask)
        rgba = rng.integers(0, 3, (height, width, 4)).astype(np.uint8)
        canvas = np.zeros((height, width), np.uint8)
        decode_brush(theirs.encode_rle(rgba.ravel()), height, width).draw_onto(canvas)
        assert np.array_equal(canvas > 0, rgba[..., 3] > 0)


def test_label_studio_polygons_are_percent(folder: Path) -> None:
    points = [[100 * x / WIDTH, 100 * y / HEIGHT] for x, y in np.reshape(SQUARE, (4, 2)).tolist()]
    value = {"points": points, "closed": True, "polygonlabels": ["person"]}
    found = label_studio.read(tasks_file(folder, task("a.png", value)))
    assert np.array_equal(only_mask(found), square_mask())


@pytest.mark.parametrize(
    "address",
    [
        "a.png",
        "/data/upload/3/0a1b2c3d-a.png",
        "/data/local-files/?d=corpus/images/a.png",
        "/data/local-files/?d=images%2Fa.png",
        "s3://bucket/photos/a.png",
        "https://example.com/x/a.png?token=1",
        "C:\\photos\\a.png",
    ],
)
def test_photos_are_found_by_every_address_of_label_studio(folder: Path, address: str) -> None:
    found = label_studio.read(tasks_file(folder, task(address, brush(square_mask()))))
    assert found.problems == []
    assert [item.photo for item in found] == [folder / "images" / "a.png"]


def test_the_annotation_that_counts(folder: Path) -> None:
    """The ground truth, else the newest; never a skipped one or a prediction."""
    one = task("a.png", brush(square_mask()))
    (newest,) = one["annotations"]
    newest["updated_at"] = "2026-02-01T00:00:00Z"
    older = newest | {"result": [], "updated_at": "2026-01-01T00:00:00Z"}
    skipped = older | {"was_cancelled": True, "updated_at": "2026-03-01T00:00:00Z"}
    one["annotations"] = [older, newest, skipped]
    found = label_studio.read(tasks_file(folder, one))
    assert np.array_equal(only_mask(found), square_mask())
    one["annotations"] = [older | {"ground_truth": True}, newest]
    assert [item.mask for item in label_studio.read(tasks_file(folder, one))] == [None]
    waiting = one | {"annotations": [skipped], "predictions": [newest]}
    found = label_studio.read(tasks_file(folder, waiting))
    assert found.photos == []
    assert "1 tasks have no submitted annotation" in found.notes[0]


def test_cvat_polygons_and_masks_are_read(folder: Path) -> None:
    mask = (
        '<mask label="person" source="manual" occluded="0" rle="0, 1, 2, 4, 1, 1" '
        'left="12" top="21" width="3" height="3" z_order="0"></mask>'
    )
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[21:24, 12:15] = np.array([[1, 0, 0], [1, 1, 1], [1, 0, 1]]) > 0
    assert np.array_equal(only_mask(cvat.read(xml_file(folder, mask))), expected)
    nested = '><attribute name="pose">a</attribute></polygon>'
    found = cvat.read(xml_file(folder, POLYGON_XML.replace("/>", nested)))
    assert np.array_equal(only_mask(found), square_mask())


def test_cvats_own_coco_export_is_found(folder: Path) -> None:
    """Its labels lie in annotations/, its photos in images/default/."""
    (folder / "annotations").mkdir()
    (folder / "images" / "default").mkdir()
    (folder / "images" / "a.png").rename(folder / "images" / "default" / "a.png")
    path = coco_file(folder, [SQUARE]).rename(folder / "annotations" / "instances_default.json")
    assert np.array_equal(only_mask(coco.read(path)), square_mask())


def test_sizes_are_those_of_the_upright_photo(folder: Path) -> None:
    from PIL import Image

    turned = Image.new("RGB", (HEIGHT, WIDTH))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it by 90 degrees to show it
    turned.save(folder / "images" / "t.jpg", exif=exif)
    found = cvat.read(xml_file(folder, POLYGON_XML, name="t.jpg"))
    assert np.array_equal(only_mask(found), square_mask())


# --- what is refused


def runs(height: int, width: int, *counts: int) -> dict[str, Any]:
    return {"size": [height, width], "counts": list(counts)}


@pytest.mark.parametrize(
    ("segmentation", "problem"),
    [
        ([[1, 2, 3, 4]], "fewer than 3 points"),
        ([[1, 2, 3, 4, 5]], "odd number"),
        ([[1, 2, 3, 4, 5, "x"]], "no numbers"),
        ([[1, 2, 3, 4, 5, float("nan")]], "no pixel coordinates"),
        ([[1, 2, 3, 4, 5, 10**400]], "no numbers"),
        ([[]], "fewer than 3 points"),
        ([5], "no points"),
        ([], "no outline"),
        (None, "no outline"),
        ({"counts": [3]}, "without a size"),
        (runs(HEIGHT + 1, WIDTH, 5), "90 x 121 pixels for a photo of 90 x 120"),
        (runs(10**9, 10**9, 10**18), "for a photo of 90 x 120"),
        (runs(HEIGHT, WIDTH, 5, 5), "runs of 10 pixels"),
        (runs(HEIGHT, WIDTH, -5), "no whole numbers"),
        (runs(HEIGHT, WIDTH), "no run lengths"),
        ({"size": [HEIGHT, WIDTH], "counts": "~~"}, "cannot be read"),
    ],
)
def test_a_bad_label_leaves_its_photo_out(folder: Path, segmentation: Any, problem: str) -> None:
    """The good label beside it does not save the photo: half of its people would be missing."""
    found = coco.read(coco_file(folder, [SQUARE], segmentation))
    assert found.photos == []
    (line,) = found.problems
    assert "labels.json: photo a.png: a label has" in line
    assert problem in line


def test_problems_of_photos_are_listed(folder: Path) -> None:
    photos = [
        {"id": 1, "file_name": "a.png", "width": HEIGHT, "height": WIDTH},
        {"id": 2, "file_name": "gone.png", "width": 5, "height": 5},
        {"id": 3, "file_name": "b.png", "width": WIDTH, "height": HEIGHT},
        {"id": 4, "file_name": "./b.png", "width": WIDTH, "height": HEIGHT},
        {"id": 5},
        {"id": 6, "file_name": "text.png"},
    ]
    labels = [
        {"id": 1, "image_id": 99, "category_id": 3, "segmentation": [SQUARE]},
        {"id": 2, "image_id": 3, "category_id": 99, "segmentation": [SQUARE]},
    ]
    (folder / "images" / "text.png").write_text("no picture")
    found = coco.read(coco_file(folder, images=photos, annotations=labels))
    assert [item.photo.name for item in found] == ["b.png"]
    text = "\n".join(found.problems)
    for said in (
        "label 1: belongs to no photo",
        "label 2: has an unknown category",
        "photo a.png: was labeled at 120 x 90 pixels and has 90 x 120",
        "photo gone.png: is missing",
        "photo ./b.png: is labeled twice",
        "a photo: has no file name",
        "text.png: ",
    ):
        assert said in text
    assert len(found.problems) == 7


@pytest.mark.parametrize(
    "name", ["../secret.png", "/../secret.png", "x/../../secret.png", "link.png"]
)
def test_photos_stay_in_their_folder(folder: Path, name: str) -> None:
    (folder / "images" / "a.png").rename(folder / "secret.png")
    (folder / "images" / "link.png").symlink_to(folder / "secret.png")
    photos = [{"id": 7, "file_name": name}]
    found = coco.read(coco_file(folder, [SQUARE], images=photos), images=folder / "images")
    assert found.photos == []
    assert "is missing" in found.problems[0]
    found = label_studio.read(
        tasks_file(folder, task(f"/data/local-files/?d={name}", brush(square_mask()))),
        images=folder / "images",
    )
    assert found.photos == []


BOMB = '<!DOCTYPE a [<!ENTITY x "people"><!ENTITY y "&x;&x;&x;&x;&x;&x;&x;&x;&x;&x;">]>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("head", [BOMB, OUTSIDE, "<!DOCTYPE annotations>"])
def test_xml_entities_are_refused(folder: Path, head: str) -> None:
    with pytest.raises(InputError, match="entities, which are refused"):
        cvat.read(xml_file(folder, POLYGON_XML, head))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<annotations>", "not valid XML"),
        ("<a>" * 50, "nested too deeply"),
        ("<annotations/>\n<more/>", "not valid XML"),
        ("<other/>", "CVAT for images 1.1"),
        ('<annotations><track id="0" label="person"/></annotations>', "CVAT for images 1.1"),
        ("\0", "not valid XML"),
        ("PK\3\4", "ZIP file; unpack it"),
    ],
)
def test_other_xml_is_refused(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "annotations.xml"
    path.write_text(content)
    with pytest.raises(InputError, match=said):
        cvat.read(path)


@pytest.mark.parametrize(
    ("read", "content", "said"),
    [
        (coco.read, "{", "not valid JSON"),
        (coco.read, "[" * 200_000, "nested too deeply"),
        (coco.read, "[]", "no COCO file"),
        (coco.read, '{"images": [], "annotations": {}, "categories": []}', "no COCO file"),
        (coco.read, "9" * 9000, "not valid JSON"),
        (label_studio.read, "{}", 'choose the format "JSON"'),
        (label_studio.read, '[{"image": "a.png", "tag": []}]', 'choose the format "JSON"'),
        (label_studio.read, "[3]", 'choose the format "JSON"'),
    ],
)
def test_other_json_is_refused(
    tmp_path: Path, read: Callable[[Path], ReadLabels], content: str, said: str
) -> None:
    path = tmp_path / "labels.json"
    path.write_text(content)
    with pytest.raises(InputError, match=said):
        read(path)


def test_files_have_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(2**29 + 1)
    with pytest.raises(InputError, match="larger than 512 MiB"):
        read_labels(path, "coco")
    with pytest.raises(InputError, match="is not a file"):
        read_labels(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        read_labels(tmp_path / "missing.json")
    with pytest.raises(InputError, match="is no folder"):
        read_labels(coco_file(tmp_path, [SQUARE]), images=tmp_path / "missing")


def code(total: int, *more: int) -> list[int]:
    """The start of a brush code that claims this many values."""
    return [*total.to_bytes(4, "big"), *more]


@pytest.mark.parametrize(
    ("rle", "said"),
    [
        ("x", "no brush code"),
        ([300], "no list of bytes"),
        ([1.5], "no list of bytes"),
        ([], "ends too early"),
        (code(2**32 - 1), "brush mask of 1073741823 pixels for 90 x 120"),
        (code(4 * HEIGHT * WIDTH), "ends too early"),
        (code(4 * HEIGHT * WIDTH, 57, 27, 252), "ends too early"),
        (code(4 * HEIGHT * WIDTH, 57, 27, 252, *[255] * 40), "more pixels than the photo"),
    ],
)
def test_a_bad_brush_mask_is_a_problem(folder: Path, rle: Any, said: str) -> None:
    value = {"format": "rle", "rle": rle, "brushlabels": ["person"]}
    found = label_studio.read(tasks_file(folder, task("a.png", value)))
    assert found.photos == []
    assert said in found.problems[0]


def test_shapes_without_an_outline_are_problems(folder: Path) -> None:
    box = '<box label="person" xtl="1" ytl="2" xbr="3" ybr="4"/>'
    for shapes, said in (
        (POLYGON_XML + box, "is a box and no outline"),
        ('<polygon label="person" points="1,2;3"/>', "no pairs"),
        ('<polygon label="person"/>', "no pairs"),
        ('<mask label="person" rle="1,2" left="0" top="0" width="3" height="x"/>', "whole numbers"),
        ('<mask label="person" rle="9" left="88" top="0" width="3" height="3"/>', "column 88"),
        ('<mask label="person" rle="8" left="0" top="0" width="3" height="3"/>', "runs of 8"),
    ):
        found = cvat.read(xml_file(folder, shapes))
        assert found.photos == []
        assert said in found.problems[0]
    rectangle = {"x": 1, "y": 2, "width": 3, "height": 4, "rectanglelabels": ["person"]}
    found = label_studio.read(tasks_file(folder, task("a.png", rectangle)))
    assert "neither a brush mask nor a polygon" in found.problems[0]
    turned = task("a.png", brush(square_mask()))
    turned["annotations"][0]["result"][0]["image_rotation"] = 90
    assert "rotated photo" in label_studio.read(tasks_file(folder, turned)).problems[0]
    small = task("a.png", brush(np.ones((3, 3), bool)))
    small["annotations"][0]["result"][0].update(original_width=3, original_height=3)
    assert "3 x 3 pixels for a photo" in label_studio.read(tasks_file(folder, small)).problems[0]


KEYS = [
    "images",
    "annotations",
    "categories",
    "id",
    "name",
    "file_name",
    "image_id",
    "category_id",
    "segmentation",
    "size",
    "counts",
    "width",
    "height",
    "data",
    "result",
    "value",
    "rle",
    "points",
    "brushlabels",
    "labels",
]

KEYS = [
    *("images", "annotations", "categories", "id", "name", "file_name", "image_id", "category_id"),
    *("segmentation", "size", "counts", "width", "height", "data", "result", "value", "rle"),
    *("points", "brushlabels", "labels"),
]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=6,
)


@given(anything, anything)
@settings(max_examples=15)
def test_whatever_a_file_holds_is_read_or_refused(one: Any, two: Any) -> None:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "labels.json"
        for content in (
            {"images": [one], "annotations": [two], "categories": [one]},
            [{"data": one, "annotations": [two, {"result": [{"value": two}, one]}]}],
        ):
            path.write_text(json.dumps(content))
            with contextlib.suppress(InputError):
                assert read_labels(path).photos == []


# --- what is written


def test_coco_labels_are_what_pycocotools_reads(tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    mask = figure()
    found = [Prediction.of_mask(f"{kind}.png", mask, kind, 0) for kind in (False, True)]
    path = coco.write(found, tmp_path)
    table = COCO(str(path))
    for number in (1, 2):
        labels = table.loadAnns(table.getAnnIds(imgIds=number))
        assert labels
        joined = np.zeros(mask.shape, bool)
        for one in labels:
            drawn = table.annToMask(one) > 0
            left, top, width, height = one["bbox"]
            rows, columns = np.nonzero(drawn)
            assert columns.min() >= left - 1
            assert columns.max() <= left + width
            assert rows.min() >= top - 1
            assert rows.max() <= top + height
            assert abs(drawn.sum() - one["area"]) <= 0.02 * drawn.sum() + 20
            joined |= drawn
        difference = joined != mask
        if number == 1:
            assert not difference.any()
        edges = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3)))
        assert not difference[edges == 0].any()


def test_cvat_masks_are_runs_along_rows_of_their_box(tmp_path: Path) -> None:
    """CVAT's run lengths are COCO's of the transposed box."""
    from xml.etree import ElementTree

    mask = figure()
    path = cvat.write([Prediction.of_mask('a "<&>.png', mask, False, 0)], tmp_path)
    (image,) = ElementTree.parse(path).getroot().findall("image")
    assert image.get("name") == 'a "<&>.png'
    assert (image.get("width"), image.get("height")) == (str(WIDTH), str(HEIGHT))
    (shape,) = image
    left, top, width, height = (int(shape.get(n, "")) for n in ("left", "top", "width", "height"))
    counts = [int(word) for word in shape.get("rle", "").split(",")]
    theirs = coco_mask.frPyObjects({"size": [width, height], "counts": counts}, width, height)
    drawn = np.zeros(mask.shape, bool)
    drawn[top : top + height, left : left + width] = coco_mask.decode(theirs).T
    assert np.array_equal(drawn, mask)


def test_tasks_have_what_label_studio_asks_for(tmp_path: Path) -> None:
    """Names in results are those of the labeling interface; points are percent."""
    from xml.etree import ElementTree

    found = [Prediction.of_mask(f"{n}.png", figure(), n == "b", 1) for n in ("a", "b")]
    path = label_studio.write(found, tmp_path, "wo & man", "/data/local-files/?d=images/")
    tasks = json.loads(path.read_text())
    view = ElementTree.parse(tmp_path / "labeling_interface.xml").getroot()
    tags = {one.get("name"): one for one in view}
    assert [one["data"]["image"][-5:] for one in tasks] == ["a.png", "b.png"]
    for one in tasks:
        (prediction,) = one["predictions"]
        assert prediction["result"]
        for result in prediction["result"]:
            tag = tags[result["from_name"]]
            assert tag.tag.lower() == result["type"]
            assert tag.get("toName") == result["to_name"]
            assert result["value"][result["type"]] == ["wo & man"]
            assert [each.get("value") for each in tag] == ["wo & man"]
            assert (result["original_width"], result["original_height"]) == (WIDTH, HEIGHT)
            for x, y in result["value"].get("points", []):
                assert 0 <= x <= 100
                assert 0 <= y <= 100
    assert len({result["id"] for one in tasks for result in one["predictions"][0]["result"]}) == 3


def test_photos_without_people_have_no_label(tmp_path: Path) -> None:
    nobody = np.zeros((HEIGHT, WIDTH), bool)
    found = [Prediction.of_mask("a.png", nobody, kind, 1) for kind in (True, False)]
    assert json.loads(coco.write(found, tmp_path).read_text())["annotations"] == []
    tasks = json.loads(label_studio.write(found, tmp_path).read_text())
    assert [one["predictions"][0]["result"] for one in tasks] == [[], []]
    assert "<mask" not in cvat.write(found, tmp_path).read_text()
