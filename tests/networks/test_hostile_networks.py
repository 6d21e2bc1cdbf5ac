"""A stranger's network, whatever is in it: a WeightsError of one clean line that names the file,
within stated time and memory, and never a traceback."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

import tinynets
from depthmatte.errors import DepthmatteError, WeightsError
from depthmatte.networks import onnx_file, registry, runtime
from depthmatte.networks.contract import _MAX_PIXELS, Contract
from depthmatte.networks.network import Network

IMAGE = np.zeros((1, 3, 32, 32), np.float32)


def used(file: Path) -> None:
    Network(file, threads=1).run(IMAGE)


def refused(file: Path) -> str:
    """What is said of a file that must not be usable."""
    with pytest.raises(WeightsError) as caught:
        used(file)
    said = str(caught.value)
    assert said.startswith(f"{file}: ")
    assert said.isprintable()
    return said


def made(
    file: Path,
    nodes: list[Any],
    constants: list[Any] = [],  # noqa: B006  # only read
    metadata: str | None = None,
    **changes: Any,
) -> Path:
    """A matte network of any graph: `image` in, `alpha` and `prob` out."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "h", "w"])
    outputs = [
        helper.make_tensor_value_info(name, changes.pop(name, TensorProto.FLOAT), None)
        for name in ("alpha", "prob")
    ]
    graph = helper.make_graph(nodes, "g", [image], outputs, constants)
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
    model = helper.make_model(graph, opset_imports=sets, ir_version=8, **changes)
    text = json.dumps(tinynets.contract("matte")) if metadata is None else metadata
    helper.set_model_props(model, {"depthmatte": text})
    file.write_bytes(model.SerializeToString())
    return file


def red(*nodes: Any) -> list[Any]:
    """Nodes before the two outputs, both of which are `last`."""
    both = [helper.make_node("Identity", ["last"], [name]) for name in ("alpha", "prob")]
    return [*nodes, *both]


def first_channel(name: str) -> list[Any]:
    return [
        helper.make_node("Constant", [], ["zero"], value_ints=[0]),
        helper.make_node("Gather", ["image", "zero"], [name], axis=1),
    ]


def expanding(file: Path) -> Path:
    """Six billion numbers out of one, which no constant says."""
    sizes = helper.make_tensor("sizes", TensorProto.INT64, [4], [2000, 3, 1000, 1000])
    nodes = [
        *first_channel("one"),
        helper.make_node("ReduceMean", ["one"], ["mean"], keepdims=1),
        helper.make_node("Expand", ["mean", "sizes"], ["much"]),
        helper.make_node("ReduceMax", ["much"], ["most"], keepdims=1),
        helper.make_node("Add", ["one", "most"], ["last"]),
    ]
    return made(file, red(*nodes), [sizes])


def unfolding(file: Path) -> Path:
    """The same of constants alone, which would be computed while it loads."""
    sizes = helper.make_tensor("sizes", TensorProto.INT64, [1], [6_000_000_000])
    nodes = [
        helper.make_node("ConstantOfShape", ["sizes"], ["much"]),
        helper.make_node("ReduceMax", ["much"], ["most"], keepdims=0),
        *first_channel("one"),
        helper.make_node("Add", ["one", "most"], ["last"]),
    ]
    return made(file, red(*nodes), [sizes])


def endless(file: Path) -> Path:
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Identity", ["x"], ["y"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("count", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, None),
        ],
    )
    yes = helper.make_tensor("yes", TensorProto.BOOL, [], [True])
    loop = helper.make_node("Loop", ["", "yes", "one"], ["last"], body=body)
    return made(file, red(*first_channel("one"), loop), [yes])


def functions(file: Path) -> Path:
    """Each function calls the one before it twice: 2^40 nodes."""
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
    rows = [
        helper.make_function("f", "f0", ["a"], ["b"], [helper.make_node("Neg", ["a"], ["b"])], sets)
    ]
    for index in range(1, 40):
        calls = [
            helper.make_node(f"f{index - 1}", [a], [b], domain="f")
            for a, b in (("a", "t"), ("t", "b"))
        ]
        rows.append(helper.make_function("f", f"f{index}", ["a"], ["b"], calls, sets))
    call = helper.make_node("f39", ["one"], ["last"], domain="f")
    return made(file, red(*first_channel("one"), call), functions=rows)


def circle(file: Path) -> Path:
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
    rows = [
        helper.make_function(
            "f", name, ["a"], ["b"], [helper.make_node(other, ["a"], ["b"], domain="f")], sets
        )
        for name, other in (("f0", "f1"), ("f1", "f0"))
    ]
    call = helper.make_node("f0", ["one"], ["last"], domain="f")
    return made(file, red(*first_channel("one"), call), functions=rows)


def elsewhere(file: Path) -> Path:
    """Its weights are another file of the machine."""
    weight = helper.make_tensor("w", TensorProto.FLOAT, [1], [0.0])
    weight.ClearField("float_data")
    weight.data_location = TensorProto.EXTERNAL
    entry = weight.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    nodes = [*first_channel("one"), helper.make_node("Mul", ["one", "w"], ["last"])]
    return made(file, red(*nodes), [weight])


def sparse(file: Path) -> Path:
    """A terabyte of zeros in a few bytes."""
    values = helper.make_tensor("s", TensorProto.FLOAT, [1], [1.0])
    places = helper.make_tensor("i", TensorProto.INT64, [1], [0])
    tensor = helper.make_sparse_tensor(values, places, [1_000_000, 1_000_000])
    node = helper.make_node("Constant", [], ["much"], sparse_value=tensor)
    add = helper.make_node("Add", ["one", "much"], ["last"])
    return made(file, red(*first_channel("one"), node, add))


def texts(file: Path) -> Path:
    cast = helper.make_node("Cast", ["one"], ["last"], to=TensorProto.STRING)
    string = TensorProto.STRING
    return made(file, red(*first_channel("one"), cast), alpha=string, prob=string)


def doubles(file: Path) -> Path:
    cast = helper.make_node("Cast", ["one"], ["last"], to=TensorProto.DOUBLE)
    double = TensorProto.DOUBLE
    return made(file, red(*first_channel("one"), cast), alpha=double, prob=double)


def flat(file: Path) -> Path:
    shape = helper.make_node("Flatten", ["one"], ["last"])
    return made(file, red(*first_channel("one"), shape))


def nothing(file: Path) -> Path:
    """NaN, by 0 / 0."""
    nodes = [
        *first_channel("one"),
        helper.make_node("Sub", ["one", "one"], ["null"]),
        helper.make_node("Div", ["null", "null"], ["last"]),
    ]
    return made(file, red(*nodes))


def infinite(file: Path) -> Path:
    nodes = [
        *first_channel("one"),
        helper.make_node("Sub", ["one", "one"], ["null"]),
        helper.make_node("Exp", ["null"], ["full"]),
        helper.make_node("Div", ["full", "null"], ["last"]),
    ]
    return made(file, red(*nodes))


def other_bytes(file: Path) -> Path:
    content = tinynets.model("matte").replace(b'"license"', b'"l\xff\xfe\xfdnse"')
    file.write_bytes(content)
    return file


def odd_name(file: Path) -> Path:
    content = tinynets.model("matte").replace(b"alpha_of_image", b"al\xff\xfea_of_image")
    file.write_bytes(content.replace(b"alpha_channel", b"al\xff\xfea_channel"))
    return file


def twice(file: Path) -> Path:
    model = onnx.load_from_string(tinynets.model("matte"))
    model.metadata_props.append(model.metadata_props[0])
    file.write_bytes(model.SerializeToString())
    return file


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (expanding, "needs more than 1.5 GB of memory"),
        (unfolding, "needs more than 1.5 GB of memory"),
        (endless, "runs for more than"),
        (functions, "expands to more than 50000 nodes"),
        (circle, "calls itself"),
        (elsewhere, "keeps its weights in another file"),
        (sparse, "sparse weights"),
        (texts, "alpha is tensor(string)"),
        (doubles, "alpha is tensor(double)"),
        (flat, "output alpha is (1, 1024)"),
        (nothing, "holds NaN or infinity"),
        (infinite, "holds NaN or infinity"),
        (other_bytes, "not UTF-8"),
        (odd_name, "not UTF-8"),
        (twice, "'depthmatte' twice"),
    ],
)
def test_each_is_refused_in_one_line(
    make: Callable[[Path], Path],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(runtime, "_MAX_SECONDS", 2.0)
    start = time.monotonic()
    assert said in refused(make(tmp_path / "bad.onnx"))
    assert time.monotonic() - start < 10
    assert capfd.readouterr() == ("", "")


def image(**changes: Any) -> dict[str, Any]:
    return {"input": tinynets.contract("matte")["input"] | changes}


@pytest.mark.parametrize(
    "changes",
    [
        {"outputs": {}},
        {"outputs": {"alpha": ""}},
        {"task": "ma\ntte\x1b[2J"},
        {"outputs": {"alpha": "", "prob": "", "\x1b[31m\n": ""}},
        {"outputs": {"alpha": "", "prob": "", "\ud800": ""}},
        {"data": 5},
        {"numbers": [1, 2, 3]},
        {"parity": [1]},
        image(preset=[32_000_000, 32_000_000]),
        image(preset=[960_000, 32]),
        image(preset=[4096, 4096]),
        image(preset=[float("inf"), 320]),
        image(preset=[float("nan"), 320]),
        image(preset=[0, 0]),
        image(preset=[-32, -32]),
        image(preset=[32]),
        image(multiple=0),
        image(multiple=10**400),
        image(channels=10**9),
        image(channels=6),
        image(range=[0, float("inf")]),
        image(name="\x1b[2J"),
    ],
)
def test_a_contract_no_network_can_keep(changes: dict[str, Any], tmp_path: Path) -> None:
    changes = dict(changes)
    contract = tinynets.contract("matte") | changes
    (tmp_path / "bad.onnx").write_bytes(tinynets.model("matte", json.dumps(contract)))
    with pytest.raises(WeightsError) as caught:
        Network(tmp_path / "bad.onnx", threads=1).require_task("matte")
    assert str(caught.value).startswith(f"{tmp_path / 'bad.onnx'}: ")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("text", ["[" * 200_000, '{"contract":' + "[" * 100_000, "9" * 10_000])
def test_json_without_end(text: str) -> None:
    with pytest.raises(WeightsError):
        Contract.parse(text)


def test_a_preset_at_the_bound_is_a_network() -> None:
    side = int(_MAX_PIXELS**0.5)
    text = json.dumps(tinynets.contract("matte") | image(preset=[side, side]))
    assert Contract.parse(text).preset == (side, side)


@given(st.data())
def test_any_byte_may_be_wrong(data: st.DataObject) -> None:
    """Whatever is done to a file, it is a network or a WeightsError."""
    content = bytearray(tinynets.model("matte"))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    try:
        network = Network(bytes(content), threads=1)
        network.run(IMAGE)
    except DepthmatteError as error:
        assert str(error).isprintable()  # noqa: PT017  # an outcome that may be


def test_a_network_of_ones_own_keeps_its_speed() -> None:
    """What the trainer exports needs no limit on constants: weights are cast, and shapes joined."""
    for name in ("matte", "depth", "fuse"):
        assert onnx_file.can_fold_constants(onnx_file.open_buffer(registry.network_path(name)))


@pytest.mark.parametrize("name", ["matte", "depth"])
def test_limits_change_no_answer(name: str) -> None:
    file = registry.network_path(name)
    ours = Network(file, threads=1)
    stranger = Network(file, threads=1, trusted=False)
    seen = np.random.default_rng(2).random((1, 3, 160, 128), np.float32)
    theirs = stranger.run(seen)
    for output, values in ours.run(seen).items():
        np.testing.assert_array_equal(values, theirs[output])


def whole(file: Path) -> None:
    """Loaded, run at its own preset, and taken for what it should be."""
    network = Network(file, threads=1)
    network.run(np.zeros((1, 3, *network.contract.preset), np.float32))
    network.require_task("nothing")


def test_reported_hostile_networks(shared: Path) -> None:
    files = sorted((shared / "faults" / "hostile").glob("onnx_*.onnx"))
    if not files:
        pytest.skip("needs the hostile files")
    for file in files:
        if file.stem == "onnx_loop":  # 20 s; its like is above
            continue
        with pytest.raises(WeightsError, match=file.name):
            whole(file)
