from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import depthmatte as dm
import tinynets


def person() -> np.ndarray:
    """Portrait for the tiny networks: red and green, without blue."""
    rgb = np.zeros((80, 60, 3), np.uint8)
    rgb[..., 2] = 200
    rgb[20:60, 15:45] = (255, 255, 0)
    return rgb


@pytest.fixture
def nets(tmp_path: Path) -> dict[str, Any]:
    paths = tinynets.save(tmp_path)
    return {"matte_network": paths["matte"], "depth_network": paths["depth"]}


def png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(person()).save(file, "PNG")
    return file.getvalue()


def test_arrays_in_arrays_out(nets: dict[str, Any]) -> None:
    portrait = dm.cut(person(), **nets)
    assert isinstance(portrait, dm.Portrait)
    assert portrait.found
    for name in ("alpha", "prob", "depth", "depth_prob"):
        values = getattr(portrait, name)
        assert values.shape == (80, 60)
        assert values.dtype == np.float32
        assert 0 <= values.min() <= values.max() <= 1
    assert portrait.mask.dtype == bool
    np.testing.assert_array_equal(portrait.mask, person()[..., 0] > 0)


def test_every_way_to_name_a_photo_gives_the_same(tmp_path: Path, nets: dict[str, Any]) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(png())
    expected = dm.cut(person(), **nets).alpha
    with file.open("rb") as stream:
        for source in (file, str(file), png(), stream, dm.Photo(person()), dm.read(file)):
            np.testing.assert_array_equal(dm.cut(source, **nets).alpha, expected)


def test_effects_are_methods(tmp_path: Path, nets: dict[str, Any]) -> None:
    portrait = dm.cut(person(), **nets)
    cutout = portrait.cutout()
    assert cutout.shape == (80, 60, 4)
    np.testing.assert_array_equal(cutout[..., 3] > 127, portrait.mask)
    np.testing.assert_array_equal(portrait.blur(strength=0), person())
    assert portrait.beautify().shape == (80, 60, 3)
    assert portrait.place("#008000")[0, 0].tolist() == [0, 128, 0]
    assert portrait.place().tolist()[0][0] == [255, 255, 255]
    backdrop = np.full((5, 5, 3), (9, 8, 7), np.uint8)
    assert portrait.place(backdrop)[0, 0].tolist() == [9, 8, 7]
    Image.fromarray(backdrop).save(tmp_path / "b.png")
    for path in (tmp_path / "b.png", str(tmp_path / "b.png")):
        assert portrait.place(path)[0, 0].tolist() == [9, 8, 7]
    assert portrait.place("transparent").shape == (80, 60, 4)


def test_save_writes_the_cutout(tmp_path: Path, nets: dict[str, Any]) -> None:
    portrait = dm.cut(person(), **nets)
    path = portrait.save(tmp_path / "me.png")
    with Image.open(path) as written:
        np.testing.assert_array_equal(np.asarray(written), portrait.cutout())
    with pytest.raises(dm.InputError, match="JPEG has no transparency"):
        portrait.save(tmp_path / "me.jpg")


def test_a_result_without_people_still_answers(nets: dict[str, Any]) -> None:
    portrait = dm.cut(np.full((30, 40, 3), 10, np.uint8), **nets)
    assert not portrait.found
    assert not portrait.alpha.any()
    assert not portrait.mask.any()
    assert not portrait.cutout()[..., 3].any()
    np.testing.assert_array_equal(portrait.blur(), portrait.photo.rgb)


def test_options_reach_the_pipeline(nets: dict[str, Any]) -> None:
    wide = np.ascontiguousarray(person().transpose(1, 0, 2))
    assert dm.cut(wide, orient="rotate", **nets).fit.rotated
    assert not dm.cut(wide, orient="pad", **nets).fit.rotated
    assert dm.cut(wide, depth_source="none", **nets).measured.source == "none"
    assert dm.cut(wide, **nets).measured.source == "mono"
    product = dm.cut(wide, fusion="product", **nets)
    assert product.matte.alpha.max() <= 1
    assert set(product.timings) == {"prepare", "segment", "measure", "fuse"}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (np.full((4, 4, 3), 7.0), "float pixels reach from 7 to 7"),
        (np.zeros((4, 4, 2), np.uint8), "are no photo"),
        (b"nothing", "is not a photo"),
        ("gone.jpg", "there is no such file"),
        (7, "give a path, bytes or an open binary file"),
    ],
)
def test_what_is_no_photo_is_refused(source: Any, says: str, nets: dict[str, Any]) -> None:
    with pytest.raises(dm.InputError, match=says):
        dm.cut(source, **nets)


def test_what_is_no_option_is_refused(nets: dict[str, Any]) -> None:
    with pytest.raises(dm.InputError, match="fusion is 'mean'; give none"):
        dm.cut(person(), fusion="mean", **nets)
    with pytest.raises(dm.InputError, match="orient is 'up'; give pad"):
        dm.cut(person(), orient="up", **nets)  # type: ignore[arg-type]
    with pytest.raises(dm.InputError, match="fusion normalized needs depth"):
        dm.cut(person(), fusion="normalized", depth_source="none", **nets)
    with pytest.raises(dm.InputError, match="neither a picture file nor a color"):
        dm.cut(person(), **nets).place("reddish")


def test_depth_of_ones_own_is_used(nets: dict[str, Any]) -> None:
    """Numbers in meters, in mm, or a file: the same depth."""
    rgb = person()
    meters = np.full(rgb.shape[:2], 2.0, np.float32)
    meters[:, :10] = 0.5
    one = dm.cut(rgb, depth=meters, fusion="none", **nets)
    assert one.measured.source == "sensor"
    assert one.measured.metric
    known = one.measured.prob > 0
    assert set(np.unique(one.measured.z[known].round(2))) <= {0.5, 2.0}
    two = dm.cut(rgb, depth=(meters * 1000).astype(np.uint16), fusion="none", **nets)
    np.testing.assert_allclose(two.measured.z[known], one.measured.z[known], rtol=1e-5)
    assert dm.cut(rgb, depth=meters, depth_source="mono", **nets).measured.source == "mono"
    with pytest.raises(dm.InputError, match="no depth file was given"):
        dm.cut(rgb, depth_source="sensor", **nets)
    with pytest.raises(dm.InputError, match="outside the photo"):
        dm.cut(rgb, subject="9999,1", **nets)
