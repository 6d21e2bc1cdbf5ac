"""What `cut` says about the depth it used: notes on stderr, `depth` in the JSON line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import depthmatte as dm
import tinynets
from depthmatte.cli.app import app
from depthmatte.io.depthmaps import depth_reader
from depthmatte.io.embedded.gdepth import embed_gdepth

ROWS, COLUMNS = 90, 60


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `a.png`, `phone.jpg` with depth inside, and depth files for both."""
    monkeypatch.chdir(tmp_path)
    rgb = np.zeros((ROWS, COLUMNS, 3), np.uint8)
    rgb[20:70, 15:45] = (255, 255, 0)
    Image.fromarray(rgb).save("a.png")
    Image.fromarray(rgb).save("plain.jpg")
    ramp = np.linspace(1, 3, ROWS * COLUMNS, dtype=np.float32).reshape(ROWS, COLUMNS)
    Path("phone.jpg").write_bytes(embed_gdepth(Path("plain.jpg").read_bytes(), ramp, True))
    mm = np.full((ROWS, COLUMNS), 3000, np.uint16)
    mm[:, :30] = 1200
    mm[:9] = 0
    Image.fromarray(mm).save("mm.png")
    Image.fromarray(np.zeros_like(mm)).save("blank.png")
    Image.fromarray(np.full_like(mm, 1500)).save("flat.png")
    np.save("meters.npy", mm / np.float32(1000))
    return tmp_path


@pytest.fixture
def nets(tmp_path: Path) -> list[str]:
    (tmp_path / "nets").mkdir()
    paths = tinynets.save(tmp_path / "nets")
    return ["--matte-network", paths["matte"], "--depth-network", paths["depth"]]


def cut(*arguments: str) -> Any:
    # A fusion without a network of its own.
    fusion = [] if "--fusion" in arguments else ["--fusion", "product"]
    done = CliRunner().invoke(app, ["cut", *arguments, *fusion])
    assert done.exit_code == 0, done.output
    return done


@pytest.mark.usefixtures("place")
def test_json_tells_the_depth(nets: list[str]) -> None:
    """1.2 and 3 m by hand, 81 of 90 rows valid; the farther half has I2 = 0 and counts."""
    done = cut("a.png", "--depth", "mm.png", "--json", *nets)
    depth = json.loads(done.stdout)["depth"]
    assert depth.pop("measured") == pytest.approx(0.9, abs=0.01)
    meters = {"near_relative": None, "far_relative": None, "near_m": 1.2, "far_m": 3.0}
    assert depth == {"unit": "mm, assumed", "metric": True} | meters
    assert done.stderr == "", "the unit stands in the line already"
    mono = json.loads(cut("a.png", "--json", *nets).stdout)["depth"]
    assert (mono["unit"], mono["metric"], mono["measured"]) == ("relative", False, 1)
    assert (mono["near_m"], mono["far_m"]) == (None, None)
    none = cut("a.png", "--fusion", "none", "--json", *nets).stdout
    assert json.loads(none)["depth"] is None


@pytest.mark.usefixtures("place")
def test_an_assumed_unit_is_said_once(nets: list[str]) -> None:
    for folder, count in (("photos", 2), ("depths", 2)):
        Path(folder).mkdir()
        for name in range(count):
            source = "a.png" if folder == "photos" else "mm.png"
            Path(folder, f"{name}.png").write_bytes(Path(source).read_bytes())
    said = cut("photos", "--depth", "depths", *nets).stderr
    assert said.count("depths: assumed to be millimeters; set --depth-scale to change that") == 1
    assert "assumed to be meters" in cut("a.png", "--depth", "meters.npy", *nets).stderr
    assert "read as" not in cut("a.png", "--depth", "mm.png", "--depth-scale", "1000", *nets).stderr
    assert cut("a.png", "--depth", "mm.png", "-q", *nets).stderr == ""


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["a.png", "--depth", "flat.png", "--depth-scale", "1000"],
            "a.png: --depth flat.png: separates nothing on this photo; the result does not change",
        ),
        (
            ["a.png", "--depth", "blank.png"],
            "a.png: --depth blank.png: holds no valid depth; mono depth was used",
        ),
        (
            ["a.png", "--depth", "blank.png", "--depth-source", "sensor"],
            "a.png: --depth blank.png: holds no valid depth; no depth was used",
        ),
        (
            ["a.png", "--depth", "mm.png", "--depth-source", "mono"],
            "--depth: not used, because --depth-source is mono; use sensor or auto",
        ),
        (
            ["a.png", "--depth", "mm.png", "--fusion", "none"],
            "--depth: not used, because no result needs depth; use a fusion, or save depth",
        ),
        (
            ["a.png", "--right", "a.png", "--fusion", "none", "--depth-source", "none"],
            "--right: not used, because no result needs depth; use a fusion, or save depth",
        ),
    ],
)
def test_unused_depth_is_reported(arguments: list[str], says: str, nets: list[str]) -> None:
    for style in ([], ["--json"]):
        assert cut(*arguments, *style, *nets).stderr == f"depthmatte: note: {says}\n"


@pytest.mark.usefixtures("place")
def test_depth_that_is_used_needs_no_words(nets: list[str]) -> None:
    options = ["--depth", "mm.png", "--depth-scale", "1000", *nets]
    for source in ("auto", "sensor"):
        assert cut("a.png", *options, "--depth-source", source).stderr == ""
    chosen = cut("phone.jpg", *options, "--depth-source", "sensor", "--json")
    assert json.loads(chosen.stdout)["depth_source"] == "sensor"
    assert chosen.stderr == ""


@pytest.mark.usefixtures("place")
def test_millimeters_come_out_as_they_went_in(nets: list[str]) -> None:
    cut("a.png", "--depth", "mm.png", "--save", "depth_mm,validity", *nets)
    mm, why = (np.array(Image.open(f"out/a.{name}.png")) for name in ("depth_mm", "validity"))
    assert mm.shape == (ROWS, COLUMNS)
    assert mm.dtype == np.uint16
    assert not mm[why != 0].any()
    assert (mm[15:, :25] == 1200).all()
    assert (mm[15:, 35:] == 3000).all()


@pytest.mark.usefixtures("place")
def test_relative_depth_has_no_millimeters(nets: list[str]) -> None:
    wanted = ["--save", "alpha,depth_mm", "--fusion", "none"]
    done = CliRunner().invoke(app, ["cut", "a.png", *wanted, *nets])
    assert done.exit_code == 1
    assert "a.png: its depth is relative and has no meters; give" in done.stderr
    assert not Path("out").exists()


@pytest.mark.usefixtures("place")
def test_sensor_options_reach_the_sensor(nets: list[str]) -> None:
    options = ["--depth", "mm.png", "--sensor", "far=2,blur=0.5", "--json"]
    depth = json.loads(cut("a.png", *options, *nets).stdout)["depth"]
    assert depth["far_m"] == pytest.approx(1.2, abs=0.01)
    assert depth["measured"] < 0.5
    portrait = dm.cut(
        "a.png",
        depth=depth_reader.read_depth_file("mm.png"),
        sensor=dm.SensorOptions(far=2),
        stereo_network="sgbm",
        fusion="none",
        matte_network=nets[1],
        depth_network=nets[3],
    )
    assert portrait.meters.max() == pytest.approx(1.2, abs=1e-5)


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--depth", "mm.png", "--sensor", "range=2"], "--sensor: no option 'range'; use"),
        (["--depth", "mm.png", "--sensor", "far=no"], "--sensor: far: 'no' is not a number"),
        (["--depth", "mm.png", "--sensor", "near=3,far=2"], "near 3 m must lie below far 2 m"),
        (["--sensor", "far=2"], "--sensor: goes with --depth; give one"),
    ],
)
def test_wrong_sensor_options_are_one_line(options: list[str], says: str) -> None:
    done = CliRunner().invoke(app, ["cut", "a.png", *options])
    assert done.exit_code == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
