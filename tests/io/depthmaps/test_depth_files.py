"""Depth files: every kind is read, its scale is said, and nothing wrong passes quietly."""

from __future__ import annotations

import importlib.util
import os
import sys
import zipfile
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
from depthmatte.evidence import DepthStatus
from depthmatte.io.depthmaps import depth_reader, pfm
from fixtures import png_header

MM = np.array([[0, 1500, 2000], [3000, 65535, 1000]], np.uint16)
METERS = np.where(MM > 0, MM / 1000, 0).astype(np.float32)


def written(folder: Path, name: str, values: NDArray[Any]) -> Path:
    """A depth file by its suffix, by other programs' writers."""
    path = folder / name
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".npz":
        np.savez(path, depth=values)
    elif path.suffix == ".pfm":
        pfm.write_pfm(values, path)
    elif values.dtype == np.int32:
        Image.fromarray(values).save(path)
    else:
        assert cv2.imwrite(str(path), values)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.npy", "a.npz"])
def test_whole_numbers_are_millimeters_and_say_so(tmp_path: Path, name: str) -> None:
    raw = depth_reader.read_depth_file(written(tmp_path, name, MM))
    assert raw.z == pytest.approx(METERS)
    assert raw.validity.tolist() == [[DepthStatus.MISSING, 0, 0], [0, 0, 0]]
    assert (raw.metric, raw.unit) == (True, "mm, assumed")
    assert raw.kind == {"tif": "tiff"}.get(name[2:], name[2:])


@pytest.mark.parametrize("name", ["a.tif", "a.pfm", "a.npy", "a.npz"])
def test_floats_are_meters_and_say_so(tmp_path: Path, name: str) -> None:
    raw = depth_reader.read_depth_file(written(tmp_path, name, METERS))
    assert raw.z == pytest.approx(METERS)
    assert (raw.metric, raw.unit) == (True, "m, assumed")


@pytest.mark.parametrize(("scale", "meters"), [(5000, 0.3), (256, 1500 / 256)])
def test_tum_and_kitti_have_scales_of_their_own(
    tmp_path: Path, scale: float, meters: float
) -> None:
    raw = depth_reader.read_depth_file(written(tmp_path, "a.png", MM), scale)
    assert raw.z[0, 1] == pytest.approx(meters)
    assert raw.unit == f"{scale} per meter"


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
        depth_reader.read_depth_file(path)
    assert units in str(found.value)
    assert depth_reader.read_depth_file(path, 1000 if values[0, 0] == 2000 else 10).z.all()


def test_big_endian_and_32_bits(tmp_path: Path) -> None:
    little, big = b"Pf\n2 1\n-1\n", b"Pf\n2 1\n1\n"
    (tmp_path / "a.pfm").write_bytes(little + np.array([1.5, 2], "<f4").tobytes())
    (tmp_path / "b.pfm").write_bytes(big + np.array([1.5, 2], ">f4").tobytes())
    for name in ("a.pfm", "b.pfm"):
        assert depth_reader.read_depth_file(tmp_path / name).z.tolist() == [[1.5, 2]]
    raw = depth_reader.read_depth_file(written(tmp_path, "d.tif", MM.astype(np.int32)))
    assert raw.z == pytest.approx(METERS)


def test_8_bits_are_relative(tmp_path: Path) -> None:
    raw = depth_reader.read_depth_file(
        written(tmp_path, "a.png", np.array([[0, 51, 255]], np.uint8))
    )
    assert raw.z == pytest.approx(np.array([[0, 0.2, 1]]))
    assert not raw.validity.any()
    assert not raw.metric
    assert raw.unit is not None
    assert raw.unit.startswith("relative")
    assert depth_reader.read_depth_file(tmp_path / "a.png", 100).z == pytest.approx(
        np.array([[0, 0.51, 2.55]])
    )


def test_what_is_no_distance_is_missing() -> None:
    values = np.array([[np.nan, np.inf, -np.inf, -1, 0, 2.5, 1e10]])
    raw = depth_reader.to_raw_depth(values, "npy")
    assert raw.validity.tolist() == [[1, 1, 1, 1, 1, 0, 1]]
    assert raw.z.tolist() == [[0, 0, 0, 0, 0, 2.5, 0]]
    assert (depth_reader.to_raw_depth(values[:, :5], "npy").validity == DepthStatus.MISSING).all()


def test_confidence_comes_along(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, depth=MM, confidence=np.full(MM.shape, 51, np.uint8))
    raw = depth_reader.read_depth_file(path)
    assert raw.confidence == pytest.approx(np.full(MM.shape, 0.2))
    np.savez(path, depth=MM, confidence=np.ones(3))
    with pytest.raises(InputError, match="confidence"):
        depth_reader.read_depth_file(path)


def test_one_plane_in_three_axes_is_one_plane() -> None:
    for shape in ((1, 2, 3), (2, 3, 1)):
        assert depth_reader.to_raw_depth(MM.reshape(shape), "npy").shape == (2, 3)


@pytest.mark.skipif(importlib.util.find_spec("OpenEXR") is None, reason="needs the extra exr")
@pytest.mark.parametrize("channel", ["Z", "ViewLayer.Depth.Z", "Y"])
def test_exr(tmp_path: Path, channel: str) -> None:
    import OpenEXR

    values = np.array([[1, 2], [3, 1e10]], np.float32)
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {channel: values}).write(str(tmp_path / "a.exr"))
    raw = depth_reader.read_depth_file(tmp_path / "a.exr")
    assert (raw.kind, raw.unit) == ("exr", "m, assumed")
    assert raw.z.tolist() == [[1, 2], [3, 0]]
    OpenEXR.File(header, {"A": values, "B": values}).write(str(tmp_path / "b.exr"))
    with pytest.raises(InputError, match="channel Z"):
        depth_reader.read_depth_file(tmp_path / "b.exr")


def test_without_the_package_exr_names_its_install_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    (tmp_path / "a.exr").write_bytes(b"\x76\x2f\x31\x01rest")
    with pytest.raises(MissingExtra, match=r"pip install 'depthmatte\[exr\]'"):
        depth_reader.read_depth_file(tmp_path / "a.exr")


class Trap:
    """Unpickling it would be noticed."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('a pickle ran')",))


def wrong_files(folder: Path) -> dict[str, str]:
    """File name -> what is said about it."""
    colors = np.arange(36).reshape(3, 4, 3)
    written(folder, "rgb.png", colors.astype(np.uint8))
    written(folder, "deep.png", colors.astype(np.uint16))
    np.save(folder / "rgb.npy", colors)
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
    pfm.write_pfm(np.arange(12, dtype=np.float32).reshape(2, 2, 3), folder / "color.pfm")
    (folder / "broken.npz").write_bytes(b"PK\x03\x04 no zip at all")
    (folder / "folder.png").mkdir()
    return {
        "rgb.png": "a picture with colors, not depth",
        "deep.png": "a picture with colors",
        "rgb.npy": "a picture with colors",
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
        "color.pfm": "a picture with colors",
        "broken.npz": "cannot be decoded",
        "folder.png": "is a folder",
        "absent.png": "no such file",
    }


def test_names_inside_a_file_are_cleaned_and_cut(tmp_path: Path) -> None:
    """A name in an archive must not reach the terminal as it is."""
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("\x1b[2J\x1b]0;evil\x07.npy", "b" * 5000 + ".npy", *map(str, range(50))):
            archive.writestr(name, b"")
    with pytest.raises(InputError, match="name the depth array depth") as found:
        depth_reader.read_depth_file(path)
    assert str(found.value).isprintable()
    assert len(str(found.value)) < 600 + len(str(path))


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is not a file"):
        depth_reader.read_depth_file(tmp_path / "pipe")


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.npy", "a.npz", "a.pfm", "rgba.png"])
def test_equal_channels_are_one(tmp_path: Path, name: str) -> None:
    values = METERS if name.endswith("pfm") else MM
    single = depth_reader.read_depth_file(written(tmp_path, "one" + name[-4:], values))
    equal = np.stack([values] * (4 if "rgba" in name else 3), axis=-1)
    raw = depth_reader.read_depth_file(written(tmp_path, name, equal))
    assert np.array_equal(raw.z, single.z)
    assert raw.unit == single.unit


def test_equal_channels_of_8_bits_are_relative(tmp_path: Path) -> None:
    """What networks' programs save as a gray RGB picture."""
    level = np.array([[0, 51, 255]], np.uint8)
    raw = depth_reader.read_depth_file(written(tmp_path, "a.png", np.stack([level] * 3, axis=-1)))
    assert raw.z == pytest.approx(np.array([[0, 0.2, 1]]))
    assert not raw.metric


@pytest.mark.skipif(importlib.util.find_spec("OpenEXR") is None, reason="needs the extra exr")
@pytest.mark.parametrize("names", ["RGB", "RGBA"])
def test_exr_of_equal_channels(tmp_path: Path, names: str) -> None:
    import OpenEXR

    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    planes = {name: METERS if name != "A" else METERS + 1 for name in names}
    OpenEXR.File(header, planes).write(str(tmp_path / "a.exr"))
    assert np.array_equal(depth_reader.read_depth_file(tmp_path / "a.exr").z, METERS)
    planes["G"] = METERS + 1
    OpenEXR.File(header, planes).write(str(tmp_path / "b.exr"))
    with pytest.raises(InputError, match="channel Z"):
        depth_reader.read_depth_file(tmp_path / "b.exr")


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_of_64_bit_floats(tmp_path: Path, order: str) -> None:
    values = METERS.astype(np.float64)
    path = written(tmp_path, "a.tif", values)
    assert depth_reader.read_depth_file(path).z == pytest.approx(METERS)
    assert depth_reader.read_depth_file(path).unit == "m, assumed"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InputError):
        depth_reader.read_depth_file(path)


@pytest.mark.parametrize("most", [255, 4095, 65535])
@pytest.mark.parametrize("text", [False, True])
def test_pgm_numbers_stand_as_stored(tmp_path: Path, most: int, text: bool) -> None:
    """Not scaled by the largest number, as viewers do: they are millimeters."""
    values = np.minimum(MM, most).astype(np.uint8 if most < 256 else np.uint16)
    head = f"P{2 if text else 5}\n# Kinect\n3 2\n# more\n{most}\n".encode()
    body = (
        " ".join(map(str, values.ravel())).encode()
        if text
        else values.astype(values.dtype.newbyteorder(">")).tobytes()
    )
    (tmp_path / "a.pgm").write_bytes(head + body)
    raw = depth_reader.read_depth_file(tmp_path / "a.pgm")
    assert raw.kind == "pgm"
    assert raw.z == pytest.approx(values / (255 if most < 256 else 1000), rel=1e-6)
    (tmp_path / "b.pgm").write_bytes((head + body)[:-6])
    with pytest.raises(InputError, match="cannot be decoded"):
        depth_reader.read_depth_file(tmp_path / "b.pgm")


@pytest.mark.parametrize(
    ("plane", "wanted"),
    [
        (np.array([[0, 1, 2]], np.uint8), [0, 0.5, 1]),
        (np.array([[0, 1, 2]], np.int64), [0, 0.5, 1]),
        (np.array([[0, 1, 1]], np.uint8), [0, 1, 1]),
        (np.array([[True, False, True]]), [1, 0, 1]),
        (np.array([[0, 51, 255]], np.uint8), [0, 0.2, 1]),
        (np.array([[0.25, np.nan, 7]]), [0.25, 0, 1]),
    ],
)
def test_confidence_by_what_it_counts_in(
    tmp_path: Path, plane: NDArray[Any], wanted: list[float]
) -> None:
    """ARKit's 0, 1, 2 are low, medium and high."""
    np.savez(tmp_path / "a.npz", depth=np.full((1, 3), 2.0, np.float32), confidence=plane)
    sure = depth_reader.read_depth_file(tmp_path / "a.npz").confidence
    assert sure is not None
    assert sure[0].tolist() == pytest.approx(wanted)


# What is larger where it is nearer


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100), st.floats(-50, 50))
def test_inverse_depth_keeps_the_order_whatever_its_scale(
    seed: int, scale: float, shift: float
) -> None:
    meters = np.random.default_rng(seed).uniform(0.5, 8, (12, 9))
    raw = depth_reader.to_raw_depth(scale / meters + shift, "npy", kind="inverse")
    order = np.argsort(meters, axis=None)
    assert not raw.metric
    assert not raw.direction_assumed
    assert (raw.validity == DepthStatus.VALID).all()
    assert (np.diff(raw.z.ravel()[order]) >= -1e-6).all()
    plain = depth_reader.to_raw_depth(1 / meters, "npy", kind="inverse").z
    assert raw.z == pytest.approx(plain, abs=0.02)


def test_disparity_with_a_scale_is_meters() -> None:
    """depth = focal length * baseline / disparity."""
    pixels = np.array([[60, 30, 0, np.nan, np.inf, -3]], np.float32)
    raw = depth_reader.to_raw_depth(pixels, "pfm", 90.0, kind="disparity")
    assert raw.metric
    assert raw.z[0, :2].tolist() == [1.5, 3]
    assert raw.validity[0].tolist() == [0, 0, 1, 1, 1, 1]
    with pytest.raises(InputError, match="is not plausible"):
        depth_reader.to_raw_depth(pixels, "pfm", 1e6, kind="disparity")


def test_disparity_without_a_scale_keeps_ratios() -> None:
    pixels = np.repeat([80, 40, 20, 10], 50).reshape(4, 50).astype(np.uint16)
    raw = depth_reader.to_raw_depth(pixels, "png", kind="disparity")
    assert not raw.metric
    assert raw.z[:, 0] == pytest.approx([0, 1 / 3, 2 / 3, 1], abs=1e-5)


@pytest.mark.parametrize("kind", ["inverse", "disparity"])
@pytest.mark.parametrize("value", [0, 7, np.nan])
def test_a_map_of_one_number_tells_nothing(kind: Any, value: float) -> None:
    raw = depth_reader.to_raw_depth(np.full((3, 4), value), "npy", kind=kind)
    assert (raw.validity == DepthStatus.MISSING).all()


def test_only_unstated_values_are_assumed(tmp_path: Path) -> None:
    path = written(tmp_path, "a.png", MM)
    assert depth_reader.read_depth_file(path).direction_assumed
    assert not depth_reader.read_depth_file(path, kind="distance").direction_assumed
    with pytest.raises(InputError, match="use auto, distance, inverse, disparity"):
        depth_reader.read_depth_file(path, kind="upside down")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="has no units"):
        depth_reader.read_depth_file(path, 1000, kind="inverse")


def test_wrong_files_are_told_on_one_line(tmp_path: Path) -> None:
    for name, said in wrong_files(tmp_path).items():
        with pytest.raises(InputError) as found:
            depth_reader.read_depth_file(tmp_path / name)
        assert said in str(found.value), name
        assert str(found.value).startswith(str(tmp_path / name))
        assert "\n" not in str(found.value)


@pytest.mark.parametrize("scale", [0, -1, np.nan, np.inf])
def test_scales_are_checked(tmp_path: Path, scale: float) -> None:
    with pytest.raises(InputError, match="must be positive"):
        depth_reader.read_depth_file(written(tmp_path, "a.png", MM), scale)


@given(st.sampled_from(["a.png", "a.tif", "a.npy", "a.npz", "a.pfm"]), st.data())
def test_damage_never_gets_through(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    """Whatever a byte becomes, the answer is depth or an InputError."""
    path = written(tmp_path_factory.mktemp("f"), name, METERS if name[2:] == "pfm" else MM)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        raw = depth_reader.read_depth_file(path)
    except (InputError, MissingExtra):
        return
    assert np.isfinite(raw.z).all()
    assert raw.z.min() >= 0
