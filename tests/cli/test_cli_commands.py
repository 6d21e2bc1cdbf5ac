"""The other commands: `demo`, `evaluate`, `networks`, `effects`, `--version`."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image

import depthmatte
from cutting import files, person, run
from depthmatte.effects import EFFECTS
from depthmatte.fusion import FUSIONS


def test_demo_on_a_photo_of_ones_own(photos: Path) -> None:
    done = run("demo", "-o", "res", "--photo", photos / "a.png")
    assert done.exit_code == 0, done.output
    names = ["alpha", "background", "blur", "cutout", "photo", "sheet"]
    assert files("res") == [f"res/a.{name}.png" for name in names]
    assert all(f"res/a.{name}.png" in done.stdout for name in names)


def test_demo_on_the_sample(tmp_path: Path) -> None:
    pytest.importorskip("skimage", reason="the sample photo comes with scikit-image")
    done = run("demo", "-o", tmp_path)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "astronaut.sheet.png").is_file()


def test_demo_without_the_sample_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "skimage", None)
    done = run("demo", "-o", tmp_path)
    assert done.exit_code == 1
    assert "pip install 'depthmatte[demo]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_evaluate_measures_every_fusion(photos: Path, nets: list[str]) -> None:
    for name in ("images", "masks"):
        Path("set", name).mkdir(parents=True)
    Image.fromarray(person()).save("set/images/a.png")
    Image.fromarray(person()[..., 0]).save("set/masks/a.png")
    done = run("evaluate", "set", "--json", "t.json", "--csv", "t.csv", *nets)
    assert done.exit_code == 0, done.output
    table = json.loads(Path("t.json").read_text())
    assert list(table) == ["set"]
    assert list(table["set"]) == list(FUSIONS)
    assert table["set"]["none"]["iou"] > 0.99
    assert table["set"]["none"]["mae"] < 0.01
    assert len(Path("t.csv").read_text().splitlines()) == 1 + len(FUSIONS)
    assert all(name in done.stdout for name in ["set", *FUSIONS, "bIoU"])
    assert run("evaluate", "set", "--quiet", *nets).stdout == ""


def test_evaluate_needs_truth(photos: Path, nets: list[str]) -> None:
    done = run("evaluate", photos, *nets)
    assert done.exit_code == 1
    assert "has no folder images" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_networks_are_listed_and_verified() -> None:
    rows = json.loads(run("networks", "--json", "--verify").stdout)
    names = ["matte", "depth", "stereo", "fuse", "detail", "parts", "people"]
    assert [row["name"] for row in rows] == names
    for row in rows:
        assert row["status"] == "verified"
        assert row["license"] == "Apache-2.0"
        assert row["bytes"] == Path(row["file"]).stat().st_size
        assert len(row["sha256"]) == 64
        assert row["provider"].endswith("ExecutionProvider")
    done = run("networks")
    assert done.exit_code == 0
    assert "matte: ok" in done.stdout
    assert "Apache-2.0" in done.stdout


def test_a_damaged_network_fails_the_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from depthmatte.networks import registry

    shutil.copytree(registry.NETWORKS_FOLDER, tmp_path, dirs_exist_ok=True)
    (tmp_path / "depth.onnx").write_bytes(b"damaged")
    monkeypatch.setattr(registry, "NETWORKS_FOLDER", tmp_path)
    done = run("networks", "--verify")
    assert done.exit_code == 1
    assert "matte: verified" in done.stdout
    assert "depth.onnx: is damaged" in done.stdout


def test_effects_are_listed() -> None:
    rows = json.loads(run("effects", "--json").stdout)
    assert list(rows) == list(EFFECTS)
    strength = rows["blur"]["options"][0]
    assert (strength["name"], strength["kind"]) == ("strength", "number")
    assert (strength["min"], strength["max"]) == (0, 1)
    assert rows["background"]["options"][2]["kind"] == "picture"
    assert rows["cutout"]["options"][0]["kind"] == "flag"
    assert "blur" in run("effects").stdout


def test_version() -> None:
    assert run("--version").stdout == f"depthmatte {depthmatte.__version__}\n"
