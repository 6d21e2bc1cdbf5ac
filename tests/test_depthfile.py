"""Depth files: every kind is read, its scale is said, and nothing wrong passes quietly."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from depthmatte.errors import InputError, MissingExtra
from depthmatte.evidence import Reason
from depthmatte.io import depthfile, pfm
from fixtures import png_header

MM = np.array([[0, 1500, 2000], [3000, 65535, 1000]], np.uint16)
METRES = np.where(MM > 0, MM / 1000, 0).astype(np.float32)


def written(folder: Path, name: str, values: NDArray[Any]) -> Path:
    """A depth file by its suffix, by other programs' writers."""
    path = folder / name
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".npz":
        np.savez(path, depth=values)
    elif path.suffix == ".pfm":
        pfm.write(values, path)
    elif values.dtype == np.int32:
        Image.fromarray(values).save(path)
    else:
        assert cv2.imwrite(str(path), values)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.npy", "a.npz"])
def test_whole_numbers_are_millimetres_and_say_so(tmp_path: Path, name: str) -> None:
    raw = depthfile.read(written(tmp_path, name, MM))
    assert raw.z == pytest.approx(METRES)
    assert raw.validity.tolist() == [[Reason.MISSING, 0, 0], [0, 0, 0]]
    assert (raw.metric, raw.unit) == (True, "mm, assumed")
    assert raw.kind == {"tif": "tiff"}.get(name[2:], name[2:])


@pytest.mark.parametrize("name", ["a.tif", "a.pfm", "a.npy", "a.npz"])
def test_floats_are_metres_and_say_so(tmp_path: Path, name: str) -> None:
    raw = depthfile.read(written(tmp_path, name, METRES))
    assert raw.z == pytest.approx(METRES)
    assert (raw.metric, raw.unit) == (True, "m, assumed")


@pytest.mark.parametrize(("scale", "metres"), [(5000, 0.3), (256, 1500 / 256)])
def test_tum_and_kitti_have_scales_of_their_own(
    tmp_path: Path, scale: float, metres: float
) -> None:
    raw = depthfile.read(written(tmp_path, "a.png", MM), scale)
    assert raw.z[0, 1] == pytest.approx(metres)
    assert raw.unit == f"{scale} per metre"


@pytest.mark.parametrize(
    ("values", "units"),
    [
        (np.full((2, 2), 2000, np.float32), "2e+03 m at 1 units"),
        (np.full((2, 2), 12, np.uint16), "0.012 m at 1000 units"),
    ],
)
def test_a_wrong_scale_never_passes(tmp_path: Path, values: NDArray[Any], units: str) -> None:
    path = written(tmp_path, "a.tif", values)
    with pytest.raises(InputError, match="--depth-scale") as found:
        depthfile.read(path)
    assert units in str(found.value)
    assert depthfile.read(path, 1000 if values[0, 0] == 2000 else 10).z.all()


def test_big_endian_and_32_bits(tmp_path: Path) -> None:
    little, big = b"Pf\n2 1\n-1\n", b"Pf\n2 1\n1\n"
    (tmp_path / "a.pfm").write_bytes(little + np.array([1.5, 2], "<f4").tobytes())
    (tmp_path / "b.pfm").write_bytes(big + np.array([1.5, 2], ">f4").tobytes())
    for name in ("a.pfm", "b.pfm"):
        assert depthfile.read(tmp_path / name).z.tolist() == [[1.5, 2]]
    raw = depthfile.read(written(tmp_path, "d.tif", MM.astype(np.int32)))
    assert raw.z == pytest.approx(METRES)


def test_8_bits_are_relative(tmp_path: Path) -> None:
    raw = depthfile.read(written(tmp_path, "a.png", np.array([[0, 51, 255]], np.uint8)))
    assert raw.z == pytest.approx(np.array([[0, 0.2, 1]]))
    assert not raw.validity.any()
    assert not raw.metric
    assert raw.unit is not None
    assert raw.unit.startswith("relative")
    assert depthfile.read(tmp_path / "a.png", 100).z == pytest.approx(np.array([[0, 0.51, 2.55]]))


def test_what_is_no_distance_is_missing() -> None:
    values = np.array([[np.nan, np.inf, -np.inf, -1, 0, 2.5, 1e10]])
    raw = depthfile.raw_depth(values, "npy")
    assert raw.validity.tolist() == [[1, 1, 1, 1, 1, 0, 1]]
    assert raw.z.tolist() == [[0, 0, 0, 0, 0, 2.5, 0]]
    assert (depthfile.raw_depth(values[:, :5], "npy").validity == Reason.MISSING).all()


def test_confidence_comes_along(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, depth=MM, confidence=np.full(MM.shape, 51, np.uint8))
    raw = depthfile.read(path)
    assert raw.confidence == pytest.approx(np.full(MM.shape, 0.2))
    np.savez(path, depth=MM, confidence=np.ones(3))
    with pytest.raises(InputError, match="confidence"):
        depthfile.read(path)


def test_one_plane_in_three_axes_is_one_plane() -> None:
    for shape in ((1, 2, 3), (2, 3, 1)):
        assert depthfile.raw_depth(MM.reshape(shape), "npy").shape == (2, 3)


@pytest.mark.skipif(importlib.util.find_spec("OpenEXR") is None, reason="needs the extra exr")
@pytest.mark.parametrize("channel", ["Z", "ViewLayer.Depth.Z", "Y"])
def test_exr(tmp_path: Path, channel: str) -> None:
    import OpenEXR

    values = np.array([[1, 2], [3, 1e10]], np.float32)
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {channel: values}).write(str(tmp_path / "a.exr"))
    raw = depthfile.read(tmp_path / "a.exr")
    assert (raw.kind, raw.unit) == ("exr", "m, assumed")
    assert raw.z.tolist() == [[1, 2], [3, 0]]
    OpenEXR.File(header, {"A": values, "B": values}).write(str(tmp_path / "b.exr"))
    with pytest.raises(InputError, match="channel Z"):
        depthfile.read(tmp_path / "b.exr")


def test_without_the_package_exr_names_its_install_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    (tmp_path / "a.exr").write_bytes(b"\x76\x2f\x31\x01rest")
    with pytest.raises(MissingExtra, match=r"pip install 'depthmatte\[exr\]'"):
        depthfile.read(tmp_path / "a.exr")


class Trap:
    """Unpickling it would be noticed."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('a pickle ran')",))


def wrong_files(folder: Path) -> dict[str, str]:
    """File name -> what is said about it."""
    written(folder, "rgb.png", np.zeros((3, 4, 3), np.uint8))
    written(folder, "deep.png", np.zeros((3, 4, 3), np.uint16))
    written(folder, "mm.npy", MM)
    Image.new("P", (3, 3)).save(folder / "palette.png")
    (folder / "cut.png").write_bytes(written(folder, "whole.png", MM).read_bytes()[:45])
    (folder / "cut.npy").write_bytes((folder / "mm.npy").read_bytes()[:-3])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("depth")
    Image.new("L", (3, 3)).save(folder / "photo.jpg")
    (folder / "huge.png").write_bytes(png_header(60000, 60000))
    np.save(folder / "code.npy", np.array([Trap()]), allow_pickle=True)
    np.save(folder / "flags.npy", np.ones((3, 3), bool))
    np.save(folder / "cube.npy", np.ones((3, 4, 5)))
    np.save(folder / "none.npy", np.ones((0, 4)))
    np.savez(folder / "two.npz", one=MM, two=MM)
    huge = (
        b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (9999999, 999), }"
    )
    (folder / "claims.npy").write_bytes(huge.ljust(127) + b"\n")
    pfm.write(np.ones((2, 2, 3), np.float32), folder / "colour.pfm")
    (folder / "broken.npz").write_bytes(b"PK\x03\x04 no zip at all")
    (folder / "folder.png").mkdir()
    return {
        "rgb.png": "a picture (mode RGB), not depth",
        "deep.png": "a picture (mode",
        "palette.png": "a picture (mode P)",
        "cut.png": "cannot be decoded",
        "cut.npy": "npy: is cut short",
        "empty.png": "is empty",
        "text.png": "is no depth file",
        "photo.jpg": "is no depth file",
        "huge.png": "60000 x 60000 pixels",
        "code.npy": "can run code",
        "flags.npy": "holds bool",
        "cube.npy": "has the shape (3, 4, 5)",
        "none.npy": "has the shape (0, 4)",
        "two.npz": "holds one, two; name the depth array depth",
        "claims.npy": "999 x 9999999 pixels",
        "colour.pfm": "has the shape (2, 2, 3)",
        "broken.npz": "cannot be decoded",
        "folder.png": "is a folder",
        "absent.png": "no such file",
    }


def test_wrong_files_are_told_on_one_line(tmp_path: Path) -> None:
    for name, said in wrong_files(tmp_path).items():
        with pytest.raises(InputError) as found:
            depthfile.read(tmp_path / name)
        assert said in str(found.value), name
        assert str(found.value).startswith(str(tmp_path / name))
        assert "\n" not in str(found.value)


@pytest.mark.parametrize("scale", [0, -1, np.nan, np.inf])
def test_scales_are_checked(tmp_path: Path, scale: float) -> None:
    with pytest.raises(InputError, match="must be positive"):
        depthfile.read(written(tmp_path, "a.png", MM), scale)


@given(st.sampled_from(["a.png", "a.tif", "a.npy", "a.npz", "a.pfm"]), st.data())
def test_damage_never_gets_through(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    """Whatever a byte becomes, the answer is depth or an InputError."""
    path = written(tmp_path_factory.mktemp("f"), name, METRES if name[2:] == "pfm" else MM)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        raw = depthfile.read(path)
    except (InputError, MissingExtra):
        return
    assert np.isfinite(raw.z).all()
    assert raw.z.min() >= 0
