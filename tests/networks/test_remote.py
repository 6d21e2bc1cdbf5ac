"""Networks on a server: the same result as here, in bounded time, and one clear line otherwise."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from typer.testing import CliRunner

import tinynets
from depthmatte import DepthmatteError, Session
from depthmatte.cli.app import app
from depthmatte.errors import OptionError, RemoteError
from depthmatte.io.photo.photo_writer import write
from depthmatte.networks import inference_protocol as oip
from depthmatte.networks import remote
from depthmatte.networks.network import Network
from depthmatte.networks.remote import RemoteServer
from inference_server import LENGTH, InferenceServer, serving

IMAGE = np.random.default_rng(1).random((1, 3, 64, 96), np.float32)
PHOTO = np.random.default_rng(2).integers(0, 256, (90, 70, 3)).astype(np.uint8)
TASKS = ("matte", "depth")


KEYS = [("authorization", "AUTHORIZATION_VARIABLE"), ("x-api-key", "API_KEY_VARIABLE")]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in (remote.AUTHORIZATION_VARIABLE, remote.API_KEY_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(remote, "_BACKOFF_S", 0.01)


@pytest.fixture(params=[True, False], ids=["binary", "json"])
def server(request: pytest.FixtureRequest) -> Iterator[InferenceServer]:
    models = {task: tinynets.model(task) for task in TASKS}
    with serving(InferenceServer(models, binary=request.param)) as running:
        yield running


@pytest.fixture
def plain() -> Iterator[InferenceServer]:
    with serving(InferenceServer({task: tinynets.model(task) for task in TASKS})) as running:
        yield running


def matte(server: InferenceServer, **options: Any) -> Network:
    return Network(tinynets.model("matte"), server=RemoteServer(server.url, **options))


def problem(server: InferenceServer, **options: Any) -> str:
    with pytest.raises(RemoteError) as caught:
        matte(server, **options).run(IMAGE)
    text = str(caught.value)
    assert text.startswith(server.url)
    assert text.isprintable()
    assert len(text) < 500
    return text


def test_the_arrays_are_those_of_this_machine(server: InferenceServer) -> None:
    here, there = Network(tinynets.model("matte")), matte(server)
    for _ in range(3):
        for name, values in here.run(IMAGE).items():
            np.testing.assert_array_equal(there.run(IMAGE)[name], values)
    assert there.provider == f"remote {server.url}"
    assert server.connections == 1
    binary = [
        LENGTH.lower() in headers for verb, _, headers, _ in server.requests if verb == "POST"
    ]
    assert set(binary) == {server.binary}


def test_a_session_cuts_as_it_does_here(server: InferenceServer, tmp_path: Path) -> None:
    networks = tinynets.save(tmp_path)
    options = {"fusion": "product", "depth_source": "mono"}
    here = Session(networks=networks).cut(PHOTO, **options)
    with Session(networks=networks, remote=server.url) as session:
        there = session.cut(PHOTO, **options)
        assert session.running == dict.fromkeys(TASKS, f"remote {server.url}")
    np.testing.assert_array_equal(there.alpha, here.alpha)
    np.testing.assert_array_equal(there.depth, here.depth)


def test_threads_share_a_server(plain: InferenceServer) -> None:
    there = matte(plain)
    images = [np.full((1, 3, 32, 32), number / 16, np.float32) for number in range(16)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(there.run, images))
    for image, maps in zip(images, found, strict=True):
        np.testing.assert_array_equal(maps["alpha"], image[:, :1])
    assert plain.connections <= 4


def test_only_what_the_network_sees_is_sent(plain: InferenceServer, tmp_path: Path) -> None:
    with Session(networks=tinynets.save(tmp_path), remote=plain.url) as session:
        session.cut(PHOTO, fusion="none")
    for verb, path, headers, body in plain.requests:
        assert path.startswith("/v2")
        assert set(headers) <= {
            *("host", "accept-encoding", "user-agent", "accept"),
            *("content-length", "content-type", LENGTH.lower()),
        }
        if verb == "POST":
            sent = json.loads(body[: int(headers[LENGTH.lower()])])
            assert [one["name"] for one in sent["inputs"]] == ["image"]
            assert sent["inputs"][0]["shape"] == [1, 3, 320, 256]


def test_no_server_no_connection(plain: InferenceServer, tmp_path: Path) -> None:
    with Session(networks=tinynets.save(tmp_path)) as session:
        session.cut(PHOTO)
    assert plain.requests == []


@pytest.mark.parametrize("end", ["", "/", "/v2", "/v2/"])
def test_an_address_may_have_a_path(end: str) -> None:
    models = {"matte": tinynets.model("matte")}
    with serving(InferenceServer(models, prefix="/serving/one")) as running:
        network = Network(models["matte"], server=RemoteServer(running.url + end))
        np.testing.assert_array_equal(network.run(IMAGE)["alpha"], IMAGE[:, :1])


@pytest.mark.parametrize(("header", "variable"), KEYS)
def test_a_key_comes_from_the_environment(
    header: str, variable: str, plain: InferenceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def before(_: str, __: str, headers: dict[str, str]) -> Any:
        good = headers.get(header) == "Bearer key"
        return None if good else (401, {}, b'{"error": "who are you?\\u001b"}')

    plain.before = before
    text = problem(plain)
    assert "status 401: who are you??" in text
    name = getattr(remote, variable)
    assert name in text
    monkeypatch.setenv(name, "Bearer key")
    np.testing.assert_array_equal(matte(plain).run(IMAGE)["alpha"], IMAGE[:, :1])


def test_a_stopped_server(plain: InferenceServer, caplog: pytest.LogCaptureFixture) -> None:
    there = matte(plain, retries=1)
    plain.shutdown()
    plain.server_close()
    with pytest.raises(RemoteError, match=r"does not run networks now \(.* after 2 tries\)"):
        there.run(IMAGE)
    assert "--remote-fallback" in problem(plain, retries=0)
    assert caplog.records == []


def test_the_fallback_is_said_once(
    plain: InferenceServer, caplog: pytest.LogCaptureFixture
) -> None:
    there = matte(plain, retries=0, fallback=True)
    np.testing.assert_array_equal(there.run(IMAGE)["alpha"], IMAGE[:, :1])
    assert there.provider == f"remote {plain.url}"
    plain.before = lambda *_: (503, {}, b"")
    with caplog.at_level(logging.WARNING, "depthmatte"):
        for _ in range(2):
            np.testing.assert_array_equal(there.run(IMAGE)["alpha"], IMAGE[:, :1])
    assert there.provider == "CPUExecutionProvider"
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{plain.url}: ")
    assert record.getMessage().endswith("the network matte now runs on this machine")


def test_a_server_that_is_off_from_the_start(tmp_path: Path) -> None:
    with serving(InferenceServer({})) as gone:
        url = gone.url
    networks = tinynets.save(tmp_path)
    with pytest.raises(RemoteError, match="does not run networks now"):
        Session(networks=networks, remote=url, remote_retries=0).cut(PHOTO)
    with Session(networks=networks, remote=url, remote_retries=0, remote_fallback=True) as session:
        found = session.cut(PHOTO, fusion="none")
        assert set(session.running.values()) == {"CPUExecutionProvider"}
    expected = Session(networks=networks).cut(PHOTO, fusion="none")
    np.testing.assert_array_equal(found.alpha, expected.alpha)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_again(status: int, plain: InferenceServer) -> None:
    left = [status, status]

    def before(*_: Any) -> Any:
        return (left.pop(), {"Retry-After": "0"}, b"") if left else None

    plain.before = before
    np.testing.assert_array_equal(matte(plain).run(IMAGE)["alpha"], IMAGE[:, :1])
    assert left == []


def test_what_is_refused_is_not_asked_again(plain: InferenceServer) -> None:
    plain.before = lambda *_: (400, {}, b"no JSON")
    assert "refuses (status 400)" in problem(plain, fallback=True)
    assert len(plain.requests) == 1


def test_a_redirect_is_not_followed(plain: InferenceServer) -> None:
    plain.before = lambda *_: (307, {"Location": f"{plain.url}/v2"}, b"")
    assert "redirects are not followed" in problem(plain)
    assert len(plain.requests) == 1


def test_a_model_that_is_not_there() -> None:
    with serving(InferenceServer({"depth": tinynets.model("depth")})) as running:
        assert "unknown model: 'matte'" in problem(running)


def other_matte() -> bytes:
    """A matte network whose output has another name."""
    proto = onnx.load_from_string(tinynets.model("matte"))
    proto.graph.output[0].name = proto.graph.node[1].output[0] = "opacity"
    return bytes(proto.SerializeToString())


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (tinynets.model("depth"), "returns depth, prob where alpha is needed"),
        (tinynets.model("stereo"), "where alpha is needed"),
        (other_matte(), "returns opacity, prob where alpha is needed"),
    ],
)
def test_another_network_on_the_server(model: bytes, words: str) -> None:
    with serving(InferenceServer({"matte": model})) as running:
        assert words in problem(running, fallback=True)
        assert not any(verb == "POST" for verb, *_ in running.requests)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"datatype": "FP16"}, "as FP16 "),
        ({"shape": [1, 1, 64, 64]}, r"(1, 1, 64, 64) where FP32 (1, 3, 320, 256) is needed"),
        ({"shape": [-1, -1, -1]}, "(any, any, any)"),
        ({"name": "picture"}, "takes picture where image is needed"),
    ],
)
def test_another_input_on_the_server(
    changes: dict[str, Any], words: str, plain: InferenceServer
) -> None:
    def after(path: str, reply: Any) -> Any:
        if not path.endswith("/matte"):
            return reply
        found = json.loads(reply[2])
        found["inputs"][0] |= changes
        return 200, {}, json.dumps(found).encode()

    plain.after = after
    assert words in problem(plain)


def answer_of(header: Any, raw: bytes = b"", length: str | None = None) -> Any:
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    return 200, {LENGTH: length or str(len(content))}, content + raw


def output(name: str = "alpha", **changes: Any) -> dict[str, Any]:
    shape = [1, 1, 64, 96]
    return {"name": name, "datatype": "FP32", "shape": shape, "data": [0.0] * 6144} | changes


@pytest.mark.parametrize(
    "reply",
    [
        answer_of(b""),
        answer_of(b"[]"),
        answer_of(b"[" * 100_000),
        answer_of({"outputs": {}}),
        answer_of({"outputs": [output()]}),
        answer_of({"outputs": [output(), output("prob", data=[1.0])]}),
        answer_of({"outputs": [output(), output("prob", data=["x"] * 6144)]}),
        answer_of({"outputs": [output(), output("prob", data=None)]}),
        answer_of({"outputs": [output(), output("prob", datatype="INT8")]}),
        answer_of({"outputs": [output(), output("prob", shape=[1, 1, 96, 64])]}),
        answer_of({"outputs": [output(), output("prob", shape=[1, 1, -1, -1])]}),
        answer_of({"outputs": [output(), output("prob", parameters={"binary_data_size": 5})]}),
        answer_of({"outputs": [output(), output("prob", parameters={"binary_data_size": -1})]}),
        answer_of({"outputs": [output(), output("prob", parameters={"binary_data_size": 24576})]}),
        answer_of({"outputs": [output(), output("prob")]}, b"more"),
        answer_of({"outputs": [output(), output("prob")]}, length="99999999"),
        answer_of({"outputs": [output(), output("prob")]}, length="-1"),
        answer_of({"outputs": [output(), output("prob", data=[float("nan")] * 6144)]}),
        answer_of({"outputs": [output(), output("prob", data=[1e300] * 6144)]}),
        (200, {"Content-Length": "1000000000"}, b"short"),
        (200, {}, b"x" * 3_000_000),
        (200, {"Transfer-Encoding": "chunked", "Content-Length": "4"}, b"zz\r\n"),
        (500, {}, b'{"error": "out of memory"}'),
        (204, {}, b""),
    ],
)
def test_answers_that_break_the_protocol(reply: Any, plain: InferenceServer) -> None:
    plain.after = lambda path, good: reply if path.endswith("/infer") else good
    problem(plain, retries=0, timeout_s=2)


@pytest.mark.parametrize(
    "reply", [(200, {}, b""), (200, {}, b"<html>"), (200, {}, b'{"inputs": [], "outputs": []}')]
)
def test_what_is_no_inference_server(reply: Any, plain: InferenceServer) -> None:
    plain.before = lambda *_: reply
    assert "does not speak the Open Inference Protocol v2" in problem(plain)


def test_a_silent_server_has_an_end(plain: InferenceServer) -> None:
    done = threading.Event()
    plain.before = lambda *_: done.wait(20) and None
    start = time.monotonic()
    assert "no answer in 0.3 s after 2 tries" in problem(plain, retries=1, timeout_s=0.3)
    assert time.monotonic() - start < 10
    done.set()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "localhost:8000",
        "ftp://host",
        "http://",
        "http://me:secret@host",
        "http://h/?a=1",
        "x\n",
    ],
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(OptionError, match="is not the address of a server") as caught:
        Session(remote=address)
    assert str(caught.value).isprintable()
    assert "secret" not in str(caught.value)


FLOATS = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=4, max_dims=4, max_side=5),
    elements=st.floats(-(2.0**99), 2.0**99, width=32, allow_subnormal=False),
)


@given(values=FLOATS, binary=st.booleans())
def test_every_array_comes_back(values: np.ndarray, binary: bool) -> None:
    """What is encoded as an input decodes as an output: both have one form."""
    body, headers = oip.encode_request({"x": values, "y": -values}, ["x"], binary)
    length = headers.get(oip.HEADER_LENGTH)
    end = len(body) if length is None else int(length)
    header = json.dumps({"outputs": json.loads(body[:end])["inputs"]}).encode()
    answer = header + body[end:]
    found = oip.decode_answer(answer, length and str(len(header)), ["y", "x"], values.shape)
    np.testing.assert_array_equal(found, [-values, values])
    assert len(answer) <= oip.max_answer_bytes(2, values.shape)


@given(st.binary(max_size=300), st.one_of(st.none(), st.text(max_size=12)))
def test_no_answer_breaks_the_reader(content: bytes, length: str | None) -> None:
    with pytest.raises(oip.ProtocolError):
        oip.decode_answer(content, length, ["alpha"], (1, 1, 2, 2))


def test_networks_by_what_they_are_for(tmp_path: Path) -> None:
    files = tinynets.save(tmp_path)
    both = (files["depth"], files["matte"])
    expected = Session(networks=files).cut(PHOTO, fusion="product", depth_source="mono")
    found = Session(network=both).cut(PHOTO, fusion="product", depth_source="mono")
    np.testing.assert_array_equal(found.alpha, expected.alpha)
    with pytest.raises(OptionError, match="both are for matte"):
        Session(network=both, matte_network=files["matte"]).cut(PHOTO)
    (tmp_path / "two.onnx").write_bytes(tinynets.model("matte"))
    with pytest.raises(OptionError, match="both are for matte"):
        Session(network=(files["matte"], str(tmp_path / "two.onnx"))).cut(PHOTO)
    with pytest.raises(DepthmatteError, match="no such network file"):
        Session(network=("gone.onnx",)).cut(PHOTO)


def test_the_command_line(server: InferenceServer, tmp_path: Path) -> None:
    files = tinynets.save(tmp_path)
    write(PHOTO, tmp_path / "photo.png")
    words = ["cut", str(tmp_path / "photo.png"), "--fusion", "none", "--save", "alpha", "--json"]
    words += ["--network", files["matte"], "--jobs", "1", "-o", str(tmp_path / "out")]
    words += ["--remote", server.url, "--remote-retries", "0"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["provider"] == f"remote {server.url}"
    server.shutdown()
    server.server_close()
    done = CliRunner().invoke(app, words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"depthmatte: {server.url}: the server does not run networks now")
    assert done.stderr.count("\n") == 1
    done = CliRunner().invoke(app, [*words, "--remote-fallback"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["provider"] == "CPUExecutionProvider"
