from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import tinynets
from depthmatte.canvas import Box, prepare_canvas
from depthmatte.depth.estimated import create_depth_estimator
from depthmatte.errors import InputError, WeightsError
from depthmatte.networks.contract import Contract
from depthmatte.networks.network import Network
from depthmatte.photo import Photo
from depthmatte.segment.portrait_network import create_segmenter

OTHER = {"alpha": "", "prob": "", "gamma": ""}
NO_CHANNELS = {**tinynets.contract("matte")["input"], "channels": 0}


def picture(height: int, width: int) -> Photo:
    rgb = np.random.default_rng(3).integers(0, 256, (height, width, 3))
    return Photo(rgb.astype(np.uint8))


def test_runs_and_names_its_outputs() -> None:
    image = np.random.default_rng(1).random((1, 3, 64, 96), np.float32)
    maps = Network(tinynets.model("matte"), threads=1).run(image)
    assert set(maps) == {"alpha", "prob"}
    np.testing.assert_array_equal(maps["alpha"][0, 0], image[0, 0])
    np.testing.assert_array_equal(maps["prob"][0, 0], image[0, 1])


class Leaning(Network):
    """Sees less and less to the right, as networks do that never saw the mirror image."""

    def run(self, image: np.ndarray) -> dict[str, np.ndarray]:
        fading = np.linspace(1, 0, image.shape[3], dtype=np.float32)
        return {name: values * fading for name, values in super().run(image).items()}


def test_the_second_look_averages_with_the_mirrored_canvas() -> None:
    photo = picture(600, 400)
    network = Leaning(tinynets.model("matte"))
    segment = create_segmenter(network)
    assert segment(prepare_canvas(photo)).alpha[:, -20:].max() < 0.1
    near = prepare_canvas(photo, crop=Box(100, 50, 300, 200))
    assert network.predict_canvas(near)["alpha"][:, -20:].max() < 0.1
    # The fading and its mirror image add up to 1 everywhere.
    expected = near.rgb[0, 0] / 2
    mean = network.predict_canvas(near, flip_average=True)["alpha"]
    np.testing.assert_allclose(mean, expected, atol=1e-6)
    inside = near.fit.inside()
    np.testing.assert_allclose(segment(near).alpha[inside], expected[inside], atol=1e-6)


def test_a_path_works_like_bytes(tmp_path: Path) -> None:
    file = Path(tinynets.save(tmp_path)["depth"])
    image = np.full((1, 3, 32, 32), 0.25, np.float32)
    np.testing.assert_array_equal(Network(file).run(image)["depth"], image[:, 2:])


@pytest.mark.parametrize(
    ("normalization", "license"), [("normalization", "license"), ("normalisation", "licence")]
)
def test_both_spellings_of_contract_keys_are_read(normalization: str, license: str) -> None:
    stored = {
        "contract": 1,
        "task": "matte",
        "input": {"name": "image", "range": [0, 1], "multiple": 32, "preset": [64, 64]},
        "outputs": {"alpha": "opacity", "prob": "probability"},
        normalization: "none",
        license: "MIT",
    }
    contract = Contract.parse(json.dumps(stored))
    assert (contract.normalization, contract.license) == ("none", "MIT")


def test_contract_is_read() -> None:
    contract = Network(tinynets.model("depth")).contract
    assert (contract.task, contract.input, contract.multiple) == ("depth", "image", 32)
    assert contract.preset == (320, 256)
    assert (contract.low, contract.high) == (0, 1)
    assert dict(contract.outputs) == {"depth": "channel 2", "prob": "channel 1"}
    assert contract.license == "CC0-1.0"
    assert contract.numbers["iou"] == 0.5
    assert contract.parity == 0


def test_reports_the_provider_that_runs() -> None:
    network = Network(tinynets.model("matte"), providers=["CPUExecutionProvider"])
    assert network.provider == "CPUExecutionProvider"
    assert Network(tinynets.model("matte")).provider in onnxruntime.get_available_providers()


def test_an_absent_provider_is_skipped_or_refused() -> None:
    absent = "NoSuchExecutionProvider"
    both = Network(tinynets.model("matte"), providers=[absent, "CPUExecutionProvider"])
    assert both.provider == "CPUExecutionProvider"
    with pytest.raises(InputError, match=r"use one of .*CPUExecutionProvider"):
        Network(tinynets.model("matte"), providers=[absent])


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"gone\.onnx: no such network file"):
        Network(tmp_path / "gone.onnx")


@pytest.mark.parametrize("content", [b"", b"not a network", tinynets.model("matte")[:200]])
def test_a_damaged_file_is_one_line(
    content: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.onnx"
    file.write_bytes(content)
    with pytest.raises(WeightsError, match=r"bad\.onnx: not a usable ONNX network") as caught:
        Network(file)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ("", "carries no depthmatte contract"),
        ("{", "contract is damaged"),
        ("[]", "contract is damaged"),
        ("{}", "contract is damaged"),
        (json.dumps(tinynets.contract("matte", contract=2)), "contract version 2"),
        (json.dumps(tinynets.contract("matte", outputs=[])), "contract is damaged"),
        (json.dumps(tinynets.contract("matte", input=NO_CHANNELS)), "0 input channels"),
        (json.dumps(tinynets.contract("matte", outputs={"gamma": ""})), "no output alpha"),
        (json.dumps(tinynets.contract("matte", outputs=OTHER)), "breaks its contract"),
    ],
)
def test_a_broken_contract_is_refused(metadata: str, problem: str) -> None:
    with pytest.raises(WeightsError, match=problem):
        Network(tinynets.model("matte", metadata))


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((1, 3, 32, 33), np.float32),
        np.zeros((2, 3, 32, 32), np.float32),
        np.zeros((3, 32, 32), np.float32),
        np.zeros((1, 3, 32, 32)),
    ],
)
def test_a_wrong_input_is_refused(image: np.ndarray) -> None:
    with pytest.raises(InputError):
        Network(tinynets.model("matte")).run(image)


def test_a_graph_that_breaks_its_promise_is_refused() -> None:
    """A contract whose outputs are not of the image's size: here the image itself is one."""
    graph = onnx.load_from_string(tinynets.model("matte"))
    graph.graph.node[0].op_type = "Identity"
    del graph.graph.node[0].input[1:], graph.graph.node[0].attribute[:]
    network = Network(graph.SerializeToString(), threads=1)
    with pytest.raises(WeightsError, match=r"output alpha is \(1, 3, 32, 32\)"):
        network.run(np.zeros((1, 3, 32, 32), np.float32))


def test_tasks_do_not_mix() -> None:
    with pytest.raises(WeightsError, match="a depth network, but a matte network is needed"):
        create_segmenter(Network(tinynets.model("depth")))
    with pytest.raises(WeightsError, match="a matte network, but a depth network is needed"):
        create_depth_estimator(Network(tinynets.model("matte")))


@pytest.mark.parametrize("orient", ["rotate", "pad"])
@pytest.mark.parametrize("shape", [(200, 90), (90, 300), (320, 256)])
def test_steps_read_the_canvas_and_leave_the_padding_empty(
    shape: tuple[int, int], orient: str
) -> None:
    photo = picture(*shape)
    canvas = prepare_canvas(photo, orient=orient)  # type: ignore[arg-type]
    inside = canvas.fit.inside()
    matte = create_segmenter(Network(tinynets.model("matte")))(canvas)
    depth = create_depth_estimator(Network(tinynets.model("depth")))(photo, canvas)
    np.testing.assert_array_equal(matte.alpha[inside], canvas.rgb[0, 0][inside])
    np.testing.assert_array_equal(matte.prob[inside], canvas.rgb[0, 1][inside])
    np.testing.assert_array_equal(depth.z[inside], canvas.rgb[0, 2][inside])
    np.testing.assert_array_equal(depth.prob[inside], canvas.rgb[0, 1][inside])
    for padded in (matte.alpha, matte.prob, depth.prob):
        assert not padded[~inside].any()
    assert depth.source == "mono"
