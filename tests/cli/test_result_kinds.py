"""Kinds of results: layers, ZIP, AVIF, 16 bits, trimap, frames, edges, premultiplied colors."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from cutting import files, run
from depthmatte import read
from depthmatte.options import parse_crop
from depthmatte.subjects.framing import frame_portrait


def cut(photos: Path, nets: list[str], *words: str) -> None:
    done = run("cut", photos / "a.png", "--fusion", "none", *words, *nets)
    assert done.exit_code == 0, done.output


def pixels(path: str) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_layers_are_an_open_raster_file(photos: Path, nets: list[str]) -> None:
    cut(photos, nets, "--save", "layers,cutout")
    assert files("out") == ["out/a.cutout.png", "out/a.layers.ora"]
    with zipfile.ZipFile("out/a.layers.ora") as archive:
        first = archive.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        assert archive.read("mimetype") == b"image/openraster"
        tree = ElementTree.fromstring(archive.read("stack.xml"))
        assert (tree.attrib["w"], tree.attrib["h"]) == ("60", "90")
        layers = tree.findall("stack/layer")
        assert [layer.attrib["name"] for layer in layers] == ["Person", "Photo"]
        top, below = (
            np.asarray(Image.open(io.BytesIO(archive.read(layer.attrib["src"]))))
            for layer in layers
        )
        merged = np.asarray(Image.open(io.BytesIO(archive.read("mergedimage.png"))))
        assert {"Thumbnails/thumbnail.png"} <= set(archive.namelist())
    assert (top == pixels("out/a.cutout.png")).all()
    assert (below == read(photos / "a.png").rgb).all()
    assert (merged == below).all()


def test_a_zip_holds_color_and_alpha_that_compose_to_the_cutout(
    photos: Path, nets: list[str]
) -> None:
    cut(photos, nets, "--save", "color_alpha,cutout,alpha")
    with zipfile.ZipFile("out/a.color_alpha.zip") as archive:
        assert archive.namelist() == ["color.jpg", "alpha.png"]
        color, alpha = (
            np.asarray(Image.open(io.BytesIO(archive.read(name)))) for name in archive.namelist()
        )
    assert (alpha == pixels("out/a.alpha.png")).all()
    opaque = alpha == 255
    gap = np.abs(color[opaque].astype(int) - pixels("out/a.cutout.png")[opaque][:, :3])
    assert gap.mean() < 4


def test_avif_keeps_alpha_and_size(photos: Path, nets: list[str]) -> None:
    cut(photos, nets, "--save", "cutout,alpha", "--format", "avif")
    assert files("out") == ["out/a.alpha.png", "out/a.cutout.avif"]
    shown, alpha = pixels("out/a.cutout.avif"), pixels("out/a.alpha.png")
    assert shown.shape == (90, 60, 4)
    assert np.abs(shown[..., 3].astype(int) - alpha).mean() < 2


def test_16_bits_are_finer_and_say_the_same(photos: Path, nets: list[str]) -> None:
    names = ["alpha", "prob", "depth_prob", "mask"]
    cut(photos, nets, "--save", ",".join(names), "-o", "coarse")
    cut(photos, nets, "--save", ",".join(names), "-o", "fine", "--bits", "16")
    for name in names[:3]:
        fine, coarse = pixels(f"fine/a.{name}.png"), pixels(f"coarse/a.{name}.png")
        assert (fine.dtype, coarse.dtype) == (np.uint16, np.uint8)
        assert np.abs(fine / 257 - coarse).max() <= 0.51
    assert pixels("fine/a.mask.png").dtype == np.uint8


@pytest.mark.parametrize("crop", ["subject", "square:margin=0.1", "3:4"])
def test_all_results_are_cropped_to_one_frame(crop: str, photos: Path, nets: list[str]) -> None:
    words = ("--save", "alpha,mask,cutout,layers", "--effect", "blur")
    cut(photos, nets, *words, "-o", "whole")
    cut(photos, nets, *words, "-o", "framed", "--crop", crop)
    alpha = pixels("whole/a.alpha.png").astype(np.float32) / 255
    frame = frame_portrait(alpha, parse_crop(crop))
    assert frame.shape != alpha.shape
    for name in ("alpha", "mask", "cutout", "blur"):
        expected = pixels(f"whole/a.{name}.png")[frame.slices]
        assert (pixels(f"framed/a.{name}.png") == expected).all()
    with zipfile.ZipFile("framed/a.layers.ora") as archive:
        merged = archive.read("mergedimage.png")
    with Image.open(io.BytesIO(merged)) as picture:
        assert picture.size == frame.shape[::-1]


def test_an_edge_moves_in_every_result(photos: Path, nets: list[str]) -> None:
    cut(photos, nets, "--save", "alpha,mask,trimap", "-o", "plain")
    cut(photos, nets, "--save", "alpha,mask,trimap", "-o", "less", "--edge", "shift=-4,feather=1")
    for name in ("alpha", "mask"):
        assert pixels(f"less/a.{name}.png").sum() < pixels(f"plain/a.{name}.png").sum()
    assert set(np.unique(pixels("plain/a.trimap.png"))) <= {0, 128, 255}


def test_premultiplied_colors(photos: Path, nets: list[str]) -> None:
    cut(photos, nets, "--effect", "cutout:premultiplied=true", "--effect", "cutout@straight")
    dark, straight = pixels("out/a.cutout.png"), pixels("out/a.cutout@straight.png")
    expected = straight[..., :3] * (straight[..., 3:] / 255)
    assert np.abs(dark[..., :3] - expected).max() <= 1.01
    assert (dark[..., 3] == straight[..., 3]).all()


@pytest.mark.parametrize(
    "words", [["--crop", "circle"], ["--edge", "shift=x"], ["--bits", "12"], ["--save", "layer"]]
)
def test_wrong_words_are_usage_errors(words: list[str], photos: Path, nets: list[str]) -> None:
    done = run("cut", photos / "a.png", *words, *nets)
    assert done.exit_code == 2
    assert not Path("out").exists()
