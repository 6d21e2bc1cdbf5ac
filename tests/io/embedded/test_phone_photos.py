"""Phone files: what each holds, upright and in its place.

The files of `phone_scenes` are made by code and always tested. The real ones are tested in the
same way where they are at hand.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import phone_scenes as scenes
from depthmatte.io.embedded import dynamic_depth, xmp
from depthmatte.io.photo.photo_reader import read
from depthmatte.photo import Photo
from phone_files import near_to, stored
from phone_scenes import PAIRS, PLANE, SHAPE, WITH_DEPTH

REAL = {
    "idm_test00.jpg": ("apple-disparity", (768, 576), 1.735352, 0.787109, "1/m", None),
    "ids_image-with-matte.jpg": (
        ("apple-disparity", (768, 576), 1.366211, 0.864746, "1/m", (2016, 1512))
    ),
    "jx_iphone_portrait_ORIGINAL.jpg": (
        ("apple-disparity", (768, 576), 3.162109, 0.910156, "1/m", None)
    ),
    "jx_iphone_portrait_bike_isJPEG.HEIC": (
        ("apple-disparity", (576, 768), 1.161133, 0.672852, "1/m", None)
    ),
    "ly_test.jpeg": ("apple-disparity", (576, 768), 4.835938, 0.229614, "1/m", None),
    "photopop_PHOTO.HEIC": (
        ("apple-disparity", (576, 768), 2.322266, 1.189453, "1/m", (1512, 2016))
    ),
    "pillowheif_pug.heic": ("apple-disparity", (576, 768), 4.382812, 1.498047, "1/m", None),
    "exifr_xmp_depth_map.jpg": ("gdepth", (2048, 1536), 18.849539, 633.323486, None, None),
    "exiv2-bug922.jpg": ("gdepth", (2048, 1536), 10.917768, 38.583176, None, None),
    "spite_table.jpg": ("gdepth", (1024, 768), 12.423588, 390.539307, None, None),
}
"""What every real file with depth holds: kind, plane, near, far, unit, matte."""

NEAR_AND_FAR = {
    "idm_test00.jpg": ((0.88, 0.4), (0.1, 0.8)),  # car, sky
    "ids_image-with-matte.jpg": ((0.5, 0.55), (0.15, 0.3)),  # shirt, lamps' wall
    "jx_iphone_portrait_ORIGINAL.jpg": ((0.85, 0.5), (0.3, 0.4)),  # glass, street
    "jx_iphone_portrait_bike_isJPEG.HEIC": ((0.6, 0.45), (0.05, 0.5)),  # rider, sky
    "ly_test.jpeg": ((0.55, 0.55), (0.8, 0.55)),  # cup, room
    "photopop_PHOTO.HEIC": ((0.35, 0.75), (0.15, 0.4)),  # boy, shelves
    "pillowheif_pug.heic": ((0.75, 0.4), (0.2, 0.5)),  # pug, wall
    "exifr_xmp_depth_map.jpg": ((0.55, 0.3), (0.03, 0.5)),  # flower, bushes
    "exiv2-bug922.jpg": ((0.42, 0.48), (0.9, 0.2)),  # leaf, leaves below
    "spite_table.jpg": ((0.6, 0.5), (0.3, 0.5)),  # chair, trees
}
"""Two places (y, x) of each photo, as fractions, seen to be near and far by eye."""


def phone(shared: Path, name: str) -> Photo:
    return read(shared / "data" / "phones" / name)


@cache
def made(name: str) -> Photo:
    """A photo of the drawn scene, read as a file of this name."""
    return read(scenes.file_bytes(name), name=name)


@pytest.fixture(scope="module", params=sorted(REAL))
def real(request: pytest.FixtureRequest, shared: Path) -> tuple[str, Photo]:
    """One real photo, read once for all that is asked of it."""
    return request.param, phone(shared, request.param)


@pytest.fixture(scope="module", params=[*sorted(WITH_DEPTH), *sorted(REAL)])
def photo_with_depth(request: pytest.FixtureRequest) -> tuple[str, Photo]:
    """One photo, made or real, read once for all that is asked of it."""
    name = request.param
    return name, made(name) if name in WITH_DEPTH else phone(
        request.getfixturevalue("shared"), name
    )


@pytest.mark.parametrize("name", sorted(WITH_DEPTH))
def test_made_depth(name: str) -> None:
    holds, photo = WITH_DEPTH[name], made(name)
    depth, matte = stored(photo), photo.evidence.matte
    assert near_to(photo.rgb, scenes.rgb(), 12)
    assert (depth.kind, depth.shape, depth.unit) == (holds.kind, PLANE, holds.unit)
    assert (depth.near, depth.far) == pytest.approx((holds.near, holds.far))
    assert depth.metric == (holds.unit is not None)
    z = scenes.depth(PLANE)
    if holds.unit is None:  # the ratio of distances is all there is
        z = np.log(z / holds.near) / np.log(holds.far / holds.near)
    assert near_to(depth.z, z, 0.05)
    assert photo.evidence.second_view is None
    assert (matte is not None) == holds.matte
    if matte is not None:
        assert near_to(matte, scenes.person(scenes.MATTE) * 255.0, 60)


@pytest.mark.parametrize("name", sorted(WITH_DEPTH))
def test_made_cameras(name: str) -> None:
    holds, known = WITH_DEPTH[name], made(name).camera
    if holds.focal is None:
        assert known is None
    else:
        assert known is not None
        assert known.shape == SHAPE
        middle = ((SHAPE[1] - 1) / 2, (SHAPE[0] - 1) / 2)
        assert (known.fx, known.fy) == pytest.approx((holds.focal, holds.focal))
        assert (known.cx, known.cy) == pytest.approx(middle)


def test_real_depth(real: tuple[str, Photo]) -> None:
    name, photo = real
    kind, shape, near, far, unit, matte = REAL[name]
    depth = stored(photo)
    assert (depth.kind, depth.shape, depth.unit) == (kind, shape, unit)
    assert depth.metric == (unit is not None)
    assert (depth.near, depth.far) == pytest.approx((near, far))
    found = photo.evidence.matte
    assert (None if found is None else found.shape) == matte
    assert photo.evidence.second_view is None
    if kind == "apple-disparity":
        assert depth.z.min() == pytest.approx(1 / near, rel=0.05)
        assert depth.z.max() == pytest.approx(1 / far, rel=0.15)
        assert photo.camera is not None
        assert 3000 < photo.camera.fx < 7000


def test_depth_is_upright_and_near_is_near(photo_with_depth: tuple[str, Photo]) -> None:
    name, photo = photo_with_depth
    z = stored(photo).z
    places = NEAR_AND_FAR.get(name, ((0.7, 0.42), (0.1, 0.1)))  # made: person, wall
    close, distant = (z[int(y * z.shape[0]), int(x * z.shape[1])] for y, x in places)
    assert distant > close * 1.1


def test_depth_lies_on_the_photo(photo_with_depth: tuple[str, Photo]) -> None:
    """Steps in depth lie on edges of the photo more than those of the depth turned or moved."""
    photo = photo_with_depth[1]
    z = stored(photo).z
    small = cv2.resize(photo.rgb, z.shape[::-1], interpolation=cv2.INTER_AREA)
    edges = _steps(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32))

    def agreement(depth: NDArray[np.float32]) -> float:
        return float(np.corrcoef(np.sqrt(_steps(np.log(depth + 0.1))).ravel(), edges.ravel())[0, 1])

    wrong = [z[::-1], z[:, ::-1], z[::-1, ::-1], np.roll(z, z.shape[1] // 8, 1)]
    assert agreement(z) > max(map(agreement, wrong)) + 0.02


def _steps(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    picture = cv2.GaussianBlur(picture, (0, 0), 2)
    return np.hypot(cv2.Sobel(picture, -1, 1, 0), cv2.Sobel(picture, -1, 0, 1))


@pytest.mark.parametrize("name", [name for name in WITH_DEPTH if WITH_DEPTH[name].matte])
def test_made_mattes_lie_on_the_near_person(name: str) -> None:
    photo = made(name)
    assert photo.evidence.matte is not None
    z = stored(photo).z
    inside = cv2.resize(photo.evidence.matte, z.shape[::-1], interpolation=cv2.INTER_AREA) > 127
    assert 0.2 < inside.mean() < 0.6
    assert z[inside].mean() == pytest.approx(scenes.PERSON, rel=0.03)
    assert np.percentile(z[~inside], 1) > 2


def test_real_mattes_lie_on_the_near_people(shared: Path) -> None:
    for name in ("ids_image-with-matte.jpg", "photopop_PHOTO.HEIC"):
        photo = phone(shared, name)
        assert photo.evidence.matte is not None
        z = stored(photo).z
        inside = cv2.resize(photo.evidence.matte, z.shape[::-1], interpolation=cv2.INTER_AREA) > 127
        assert 0.2 < inside.mean() < 0.6
        assert np.median(z[inside]) < np.median(z[~inside]) * 0.85


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_made_pairs(name: str) -> None:
    """The photo is the left view; from the right, near things shift left against far ones."""
    photo, (_, kind, baseline) = made(name), PAIRS[name]
    view = photo.evidence.second_view
    assert view is not None
    assert (view.kind, view.side) == (kind, "right")
    assert photo.shape == view.rgb.shape[:2] == (384, 384)
    assert photo.evidence.embedded_depth is None
    left, right = scenes.views()
    for one, truth in ((photo.rgb, left), (view.rgb, right)):
        assert np.abs(one.astype(float) - truth).mean() < 6
    assert (view.camera is None) == (baseline is None)
    if view.camera is not None:
        assert view.camera.fx == pytest.approx(360, rel=1e-3)
        assert view.camera.translation.tolist() == [-scenes.BASELINE, 0, 0]
    shift, low = shifts(photo.rgb, view.rgb)
    scale = 1600 / 384
    disparity = [360 * scenes.BASELINE / z * scale for z in (1.6, 4.0)]
    assert [np.median(shift[low]), np.median(shift[~low])] == pytest.approx(disparity, rel=0.1)


@pytest.mark.parametrize(
    ("name", "kind", "size", "baseline"),
    [
        ("Panasonic-DMC-GX8.mpo", "mpo", (1368, 1824), None),
        ("vision-pro_spatial.HEIC", "spatial-heic", (2560, 2560), 0.063774),
        ("lenovo_mirage_vr180.jpg", "vr180", (3016, 3016), None),
        ("capoda.left-right.jpg", "side-by-side", (4096, 4096), None),
    ],
)
def test_real_pairs(
    shared: Path, name: str, kind: str, size: tuple[int, int], baseline: float | None
) -> None:
    """From the right, near things shift left against far ones."""
    photo = phone(shared, name)
    view = photo.evidence.second_view
    assert view is not None
    assert (view.kind, view.side, photo.shape, view.rgb.shape[:2]) == (kind, "right", size, size)
    assert photo.evidence.embedded_depth is None
    if baseline is None:
        assert view.camera is None
    else:
        assert view.camera is not None
        assert view.camera.translation.tolist() == [-baseline, 0, 0]
    shift, low = shifts(photo.rgb, view.rgb)
    # In these scenes the ground at the bottom is nearer than what stands above it; the
    # rendered hedgehog alone is all at one distance, and plainly shifted.
    if name == "capoda.left-right.jpg":
        assert np.percentile(shift, 5) > 20
    else:
        assert np.median(shift[low]) > np.median(shift[~low]) + 1


def shifts(one: NDArray[Any], other: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """x in the first minus x in the second of matched points, in pixels of pictures 1600 wide,
    and which lie in the lower third.
    """
    width = 800
    scale = width / one.shape[1]
    gray = [
        cv2.resize(
            cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY),
            None,
            fx=scale,
            fy=scale,
            interpolation=cv2.INTER_AREA,
        )
        for rgb in (one, other)
    ]
    finder = cv2.SIFT_create(2000)
    (first, about), (second, around) = (finder.detectAndCompute(rgb, None) for rgb in gray)
    pairs = cv2.BFMatcher().knnMatch(about, around, k=2)
    good = [m for m, n in pairs if m.distance < 0.7 * n.distance]
    here = np.array([first[m.queryIdx].pt for m in good])
    moved = here - [second[m.trainIdx].pt for m in good]
    level = np.abs(moved[:, 1]) < 10
    return moved[level, 0] * (1600 / width), here[level, 1] > gray[0].shape[0] * 0.72


def test_a_made_file_without_evidence() -> None:
    photo = read(scenes.without_evidence())
    assert photo.evidence.embedded_depth is None
    assert photo.evidence.second_view is None
    assert photo.camera is not None
    assert photo.camera.fx == pytest.approx(27 * np.hypot(*SHAPE) / np.hypot(36, 24))


def test_real_files_without_evidence(shared: Path) -> None:
    photo = phone(shared, "huawei_example-1.JPG")
    assert photo.evidence.embedded_depth is None
    assert photo.evidence.second_view is None
    assert photo.camera is not None
    assert photo.camera.fx == pytest.approx(27 * np.hypot(3968, 2976) / np.hypot(36, 24))


def test_a_made_segmentation_is_not_taken_for_depth() -> None:
    content = scenes.dynamic(segmentation=True)
    about = xmp.find_xmp_packets(content)
    assert "android/depthmap" in dynamic_depth.list_container_items(about)[1].names
    assert dynamic_depth.find_dynamic_depth(about, content) is None
    photo = read(content)
    assert photo.evidence.embedded_depth is None
    assert photo.camera is not None
    assert (photo.camera.fx, photo.camera.cx) == pytest.approx((scenes.FOCAL, 239.5))


def test_a_real_dynamic_depth_packet(shared: Path) -> None:
    """A front camera's segmentation: listed like depth, and not taken for it."""
    content = (shared / "data/phones/exifr_xmp-gcam-portrait.xml").read_bytes()
    about = xmp.find_xmp_packets(content)
    assert about.text(xmp.NS_XMP_NOTE, "HasExtendedXMP") == "979057752e0037ac7836c599dc5e004a"
    listed = dynamic_depth.list_container_items(about)
    assert [item.length for item in listed] == [0, 2420326, 135047, 96395]
    assert "android/depthmap" in listed[2].names
    assert dynamic_depth.find_dynamic_depth(about, content) is None
    camera = dynamic_depth.find_dynamic_depth_camera(about)
    assert camera is not None
    assert camera.shape == (2448, 3264)
    assert (camera.fx, camera.cx) == pytest.approx((1812.5, 1642.792236))
