"""Network files in every precision, what they prove, and what their contracts say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("onnx", reason="needs the extra train")

import depthmatte  # noqa: E402
from depthmatte.cli.app import app  # noqa: E402
from depthmatte.errors import InputError, OptionError, WeightsError  # noqa: E402
from depthmatte.networks import onnx_file  # noqa: E402
from depthmatte.networks.contract import DEFAULT_PRECISION, PRECISIONS  # noqa: E402
from depthmatte.networks.network import Network  # noqa: E402
from depthmatte.networks.registry import NETWORKS, network_path  # noqa: E402
from depthmatte.training import quantize  # noqa: E402
from depthmatte.training.export import _command, export_checkpoint  # noqa: E402
from depthmatte.training.exported import held_out  # noqa: E402
from depthmatte.training.exported.parity import PARITY_LIMITS  # noqa: E402
from depthmatte.training.exported.provenance import (  # noqa: E402
    data_licenses,
    hash_data_sets,
    portable_recipe,
    trainer_version,
)
from depthmatte.training.networks.fusion import FusionNetwork  # noqa: E402
from depthmatte.training.networks.matte import PortraitNetwork  # noqa: E402
from training_data import person, use_small_checks  # noqa: E402

SHAPE = (96, 64)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_checks(monkeypatch)
    monkeypatch.setattr(held_out, "PRESET_SHAPE", SHAPE)


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three held-out maps of a person at one depth."""
    folder = tmp_path_factory.mktemp("maps")
    for index in range(3):
        rgb, mask = person(SHAPE[0], SHAPE[1])
        prob = np.full(SHAPE, 255, np.uint8)
        np.savez(
            folder / f"test_scene_{index}.npz",
            alpha=cv2.GaussianBlur(mask, (0, 0), 1 + index), prob=prob, truth=mask,
            rgb=cv2.imencode(".webp", rgb[..., ::-1])[1],
            sensor=(1 - mask / 255).astype(np.float16), sensor_prob=prob,
        )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    """An untrained fusion network: the smallest."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("run") / "last.pt"
    torch.save({"recipe": {"task": "fuse"}, "mean": FusionNetwork().state_dict()}, path)
    return path


@pytest.fixture(scope="module")
def exported(
    checkpoint: Path, data: Path, maps: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Path, float | None]]:
    """The file and the parity of each precision, all from one checkpoint."""
    folder = tmp_path_factory.mktemp("exported")
    with pytest.MonkeyPatch.context() as patch:
        use_small_checks(patch)
        return {
            precision: (
                folder / f"{precision}.onnx",
                export_checkpoint(
                    checkpoint,
                    folder / f"{precision}.onnx",
                    data=data,
                    precision=precision,
                    labels=maps,
                ),
            )
            for precision in PRECISIONS
        }


@pytest.mark.parametrize("precision", PRECISIONS)
def test_an_export_loads_and_proves_itself(
    exported: dict[str, tuple[Path, float | None]], precision: str
) -> None:
    path, parity = exported[precision]
    network = Network(path, threads=1).require_task("fuse")
    assert network.contract.precision == precision
    image = np.random.default_rng(1).random((1, 18, 24, 16), np.float32)
    original = Network(exported["float32"][0], threads=1).run(image)
    for name, values in network.run(image).items():
        assert values.shape == (1, 1, 24, 16)
        assert 0 <= values.min() <= values.max() <= 1
        limit = PARITY_LIMITS.get(precision, 0.25)
        assert np.abs(values - original[name]).max() <= limit
    assert onnx_file.can_fold_constants(onnx_file.open_buffer(path))
    if precision == "int8":
        assert parity is None
        assert 0 <= network.contract.numbers["held-out IoU"] <= 1
        assert 0 <= network.contract.numbers["held-out IoU of the original"] <= 1
    else:
        assert parity == pytest.approx(network.contract.parity)
        assert parity is not None
        assert parity <= PARITY_LIMITS[precision]


def test_smaller_precisions_make_smaller_files(
    exported: dict[str, tuple[Path, float | None]],
) -> None:
    size = {precision: path.stat().st_size for precision, (path, _) in exported.items()}
    assert size["int8"] < size["float16"] < size["float32"]
    assert size["int8"] < size[DEFAULT_PRECISION] < size["float32"]


def test_int8_really_computes_on_bytes(exported: dict[str, tuple[Path, float | None]]) -> None:
    import onnx

    nodes = [node.op_type for node in onnx.load(str(exported["int8"][0])).graph.node]
    assert nodes.count("QuantizeLinear") > nodes.count("Conv") > 10
    kinds = {one.data_type for one in onnx.load(str(exported["int8"][0])).graph.initializer}
    assert onnx.TensorProto.INT8 in kinds


def test_the_contract_tells_where_a_network_comes_from(data: Path, tmp_path: Path) -> None:
    recipe = {
        "task": "matte", "encoder": "mobilenet", "data": str(data), "start": "matte",
        "preset": list(SHAPE), "seed": 3, "threads": 2,
    }  # fmt: skip
    weights = PortraitNetwork("mobilenet").state_dict()
    torch.save({"recipe": recipe, "mean": weights, "epoch": 2}, tmp_path / "last.pt")
    export_checkpoint(tmp_path / "last.pt", tmp_path / "matte.onnx", precision="float32")
    contract = Network(tmp_path / "matte.onnx", threads=1).contract
    assert contract.recipe == {name: recipe[name] for name in recipe if name != "data"}
    assert "--start matte" in contract.command
    assert str(data) not in str(contract)
    assert set(contract.data_sha256) >= {"picsart", "ccp", "backgrounds"}
    assert "cutouts" not in contract.data_sha256  # the matte network pastes no cut-outs
    assert contract.data_sha256.items() <= hash_data_sets(data).items()
    assert contract.data_licenses == data_licenses(contract.data_sha256)
    assert contract.trainer == trainer_version()
    assert re.fullmatch(r"commit [0-9a-f]{40}(-dirty)?|depthmatte \S+", contract.trainer)


def test_a_shipped_network_is_converted(tmp_path: Path) -> None:
    out = tmp_path / "fuse.onnx"
    before = Network(network_path("fuse"), threads=1)
    image = np.random.default_rng(2).random((1, 18, 24, 16), np.float32)
    for precision in ("float32", "float16", "float16-weights"):
        report = quantize.quantize_network("fuse", out, precision)
        after = Network(out, threads=1)
        assert after.contract.precision == precision
        assert after.contract.command == before.contract.command
        assert after.contract.license == before.contract.license
        assert report.parity is not None
        assert report.parity <= PARITY_LIMITS[precision]
        assert report.bytes_after == out.stat().st_size
        assert report.after is None
        limit = PARITY_LIMITS[precision]
        assert np.abs(after.run(image)["verdict"] - before.run(image)["verdict"]).max() <= limit
    # The weights were float16 already, so that storing them again is exact.
    assert quantize.quantize_network("fuse", out, "float16-weights").parity == 0


def test_a_file_of_ones_own_becomes_int8(
    exported: dict[str, tuple[Path, float | None]], data: Path, maps: Path, tmp_path: Path
) -> None:
    source, out = exported[DEFAULT_PRECISION][0], tmp_path / "int8.onnx"
    report = quantize.quantize_network(source, out, "int8", data, maps)
    assert report.bytes_after < report.bytes_before
    assert report.before is not None
    assert report.after is not None
    numbers = Network(out, threads=1).contract.numbers
    assert numbers["held-out IoU"] == pytest.approx(report.after.value, abs=1e-5)
    for wrong in (out, exported["float16"][0]):
        with pytest.raises(InputError) as caught:
            quantize.quantize_network(wrong, tmp_path / "again.onnx", "float32")
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "again.onnx").exists()


def test_a_file_that_differs_too_much_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PARITY_LIMITS, "float16", 1e-9)
    with pytest.raises(WeightsError, match="fuse: the float16 file differs from its original by"):
        quantize.quantize_network("fuse", tmp_path / "fuse.onnx", "float16")
    assert not list(tmp_path.iterdir())


def test_wrong_requests_are_one_line(checkpoint: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.onnx"
    for words, said in (
        (["quantize", "fuse"], "--precision int8: is calibrated on training photos; add --data"),
        (["quantize", "fuse", "--precision", "int4"], "--precision 'int4': is unknown; use float"),
        (["quantize", "nobody", "--precision", "float32"], "nobody: unknown network; use matte"),
        (["quantize", "fuse", "--data", str(tmp_path / "no")], "is no folder; give the data"),
        (["quantize", "fuse", "--data", str(data)], "--labels: no maps to learn from"),
        (["export", str(checkpoint), "--precision", "int8"], "--precision int8: is calibrated"),
    ):
        done = CliRunner().invoke(app, ["train", *words, "-o", str(out)])
        assert done.exit_code in (1, 2), done.output
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert not out.exists()
    shutil.copy(network_path("fuse"), out)
    before = out.read_bytes()
    with pytest.raises(InputError, match="is an input and is not overwritten"):
        quantize.quantize_network(out, out, "float32")
    assert out.read_bytes() == before
    with pytest.raises(OptionError, match="is unknown"):
        export_checkpoint(checkpoint, tmp_path / "x.onnx", precision="half")


def test_a_network_too_sharp_for_float16_weights_is_stored_as_float32(tmp_path: Path) -> None:
    torch.manual_seed(0)
    weights = dict(FusionNetwork().state_dict())
    weights["head.weight"] = weights["head.weight"] * 4000
    checkpoint, out = tmp_path / "last.pt", tmp_path / "sharp.onnx"
    torch.save({"recipe": {"task": "fuse"}, "mean": weights}, checkpoint)
    words = ["train", "export", str(checkpoint), "-o", str(out)]
    done = CliRunner().invoke(app, [*words, "--precision", "float16-weights"])
    assert done.exit_code == 1
    assert done.stderr.splitlines()[0].endswith("more than 0.007; give --precision float32")
    assert not out.exists()
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert f"{out}: float32, differs from torch by at most" in done.stdout
    contract = Network(out, threads=1).contract
    contract = Network(out, threads=1).contract
    assert contract.precision == "float32"
    assert contract.parity is not None
    assert contract.parity <= PARITY_LIMITS["float32"]


def test_the_command_line_converts_and_shows(tmp_path: Path) -> None:
    out = tmp_path / "fuse.onnx"
    words = ["train", "quantize", "fuse", "-o", str(out), "--precision", "float32"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "differs from the original by at most" in done.stdout
    shown = CliRunner().invoke(app, ["networks", "show", str(out), "matte", "depth", "--json"])
    assert shown.exit_code == 0, shown.output
    rows = json.loads(shown.stdout)
    assert [row["precision"] for row in rows] == ["float32", "float16-weights", ""]
    plain = CliRunner().invoke(app, ["networks", "show", str(out)])
    assert "precision      float32" in plain.stdout
    missing = CliRunner().invoke(app, ["networks", "show", str(tmp_path / "no.onnx")])
    assert missing.exit_code == 1
    assert len(missing.stderr.splitlines()) == 1


def test_a_start_is_named_only_where_everyone_has_it() -> None:
    for name in NETWORKS:
        recipe = {"task": "matte", "start": name}
        assert f"--start {name}" in _command(recipe)
        assert portable_recipe(recipe)["start"] == name
    own = {"task": "matte", "start": "work/last.pt", "out": "work/x", "labels": None}
    assert "--start (an earlier run)" in _command(own)
    assert portable_recipe(own) == {"task": "matte", "start": "(an earlier run)"}


def test_hashes_say_names_and_contents(data: Path, tmp_path: Path) -> None:
    before = hash_data_sets(data)
    assert set(before) == {
        "picsart", "ccp", "vikram", "pennfudan", "idphoto", "backgrounds", "cutouts", "objects",
    }  # fmt: skip
    copy = Path(shutil.copytree(data, tmp_path / "elsewhere"))
    photo = copy / "people" / "ccp" / "train" / "images" / "000.png"
    os.utime(photo, (0, 0))
    held = copy / "people" / "ccp" / "eval"
    held.mkdir()
    (held / "held.png").write_bytes(b"x")
    assert hash_data_sets(copy) == before
    photo.rename(photo.with_name("new.png"))
    renamed = hash_data_sets(copy)
    assert {name for name in before if renamed[name] != before[name]} == {"ccp"}
    (copy / "objects" / "0.png").write_bytes(b"another")
    assert hash_data_sets(copy, only=["objects"]).keys() == {"objects"}
    assert hash_data_sets(copy)["objects"] != before["objects"]


def test_a_folder_of_another_layout_is_one_set(tmp_path: Path) -> None:
    (tmp_path / "mine" / "images").mkdir(parents=True)
    assert hash_data_sets(tmp_path / "mine") == {}
    (tmp_path / "mine" / "images" / "a.png").write_bytes(b"a")
    assert list(hash_data_sets(tmp_path / "mine")) == ["mine"]


def test_an_installed_trainer_does_not_name_a_strangers_commit(tmp_path: Path) -> None:
    """The package may lie in an environment inside another project's repository."""
    if shutil.which("git") is None:
        pytest.skip("needs git")
    package = tmp_path / "depthmatte"
    source = Path(depthmatte.__file__).parent
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("*.onnx", "__pycache__"))

    def git(*words: str) -> None:
        own = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *own, *words], cwd=tmp_path, check=True, capture_output=True)

    def version() -> str:
        code = "from depthmatte.training.exported.provenance import trainer_version as v;print(v())"
        environment = os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    git("init", "-q")
    git("commit", "--allow-empty", "-qm", "another project")
    assert version() == f"depthmatte {depthmatte.__version__}"
    git("add", "depthmatte")
    git("commit", "-qm", "the trainer")
    assert re.fullmatch("commit [0-9a-f]{40}", version())
    (package / "new.py").write_text("")
    git("add", "depthmatte")
    assert re.fullmatch("commit [0-9a-f]{40}-dirty", version())
