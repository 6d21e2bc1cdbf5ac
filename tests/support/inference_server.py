"""A small real server of the Open Inference Protocol v2 over HTTP, on the standard library.

It runs ONNX files with ONNX Runtime and takes arrays as JSON or as raw bytes behind the JSON
(the binary tensor extension). It knows nothing of depthmatte. `run` as a program serves FILES:
`python inference_server.py matte=FILE depth=FILE`, and prints its address.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import onnxruntime as ort

LENGTH = "Inference-Header-Content-Length"

Reply = tuple[int, dict[str, str], bytes]


class InferenceServer(ThreadingHTTPServer):
    """Serves models by name on loopback.

    `before` may answer in place of the server: (method, path, headers) -> reply or None.
    `after` may change an answer. `requests` lists what was asked, with the bytes received.
    """

    daemon_threads = True

    def __init__(
        self, models: Mapping[str, bytes], binary: bool = True, port: int = 0, prefix: str = ""
    ) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        self.models = {
            name: ort.InferenceSession(content, options) for name, content in models.items()
        }
        self.binary, self.prefix = binary, prefix
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connections = 0
        self.before: Callable[[str, str, dict[str, str]], Reply | None] = lambda *_: None
        self.after: Callable[[str, Reply], Reply] = lambda _, reply: reply
        self._open: list[Any] = []
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{self.prefix}"

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.append(request)
        super().process_request(request, client_address)

    def server_close(self) -> None:
        """Stop listening and hang up on everybody."""
        super().server_close()
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def handle_error(self, *_: Any) -> None:
        """Clients that hang up are no news."""

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        if not path.startswith(f"{self.prefix}/v2"):
            return _json({"error": "no such path"}, 404)
        words = path.removeprefix(f"{self.prefix}/v2").strip("/").split("/")
        if words == [""]:
            extensions = ["binary_tensor_data"] if self.binary else []
            return _json({"name": "tests", "version": "1", "extensions": extensions})
        if words[0] != "models" or words[1] not in self.models:
            return _json({"error": f"Request for unknown model: '{words[-1]}' is not found"}, 404)
        session = self.models[words[1]]
        if words[2:] == ["infer"] and method == "POST":
            return self._infer(session, headers, body)
        return _json(
            {
                "name": words[1],
                "versions": ["1"],
                "platform": "onnxruntime_onnx",
                "inputs": [_describe(node) for node in session.get_inputs()],
                "outputs": [_describe(node) for node in session.get_outputs()],
            }
        )

    def _infer(self, session: Any, headers: dict[str, str], body: bytes) -> Reply:
        length = headers.get(LENGTH.lower())
        if length is not None and not self.binary:
            return _json({"error": "no binary tensors here"}, 400)
        end = len(body) if length is None else int(length)
        request, place, inputs = json.loads(body[:end]), end, {}
        for tensor in request["inputs"]:
            if tensor["datatype"] != "FP32":
                return _json({"error": "only FP32"}, 400)
            size = tensor.get("parameters", {}).get("binary_data_size")
            if size is None:
                values = np.array(tensor["data"], np.float32)
            else:
                values = np.frombuffer(body[place : place + size], "<f4")
                place += size
            inputs[tensor["name"]] = values.reshape(tensor["shape"])
        if place != len(body):
            return _json({"error": "bytes left over"}, 400)
        names = [one["name"] for one in request["outputs"]]
        raw = {
            one["name"]
            for one in request["outputs"]
            if one.get("parameters", {}).get("binary_data")
        }
        blocks, outputs = [], []
        for name, values in zip(names, session.run(names, inputs), strict=True):
            output = {"name": name, "datatype": "FP32", "shape": list(values.shape)}
            if name in raw:
                blocks.append(values.astype("<f4").tobytes())
                output["parameters"] = {"binary_data_size": len(blocks[-1])}
            else:
                output["data"] = values.ravel().tolist()
            outputs.append(output)
        status, said, header = _json({"model_name": "any", "outputs": outputs})
        if raw:
            said = {"Content-Type": "application/octet-stream", LENGTH: str(len(header))}
        return status, said, b"".join((header, *blocks))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: InferenceServer

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def _reply(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        self.server.requests.append((self.command, self.path, headers, body))
        reply = self.server.before(self.command, self.path, headers)
        if reply is None:
            reply = self.server.answer(self.command, self.path, headers, body)
        status, said, content = self.server.after(self.path, reply)
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | said).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _reply  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Be silent."""


def _describe(node: Any) -> dict[str, Any]:
    kinds = {"tensor(float)": "FP32", "tensor(double)": "FP64"}
    shape = [size if isinstance(size, int) else -1 for size in node.shape]
    return {"name": node.name, "datatype": kinds[node.type], "shape": shape}


def _json(value: Any, status: int = 200) -> Reply:
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


@contextmanager
def serving(server: InferenceServer) -> Iterator[InferenceServer]:
    """Serve in a thread inside the block."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _main() -> None:
    models = {}
    for word in sys.argv[1:]:
        name, _, path = word.partition("=")
        with open(path, "rb") as file:
            models[name] = file.read()
    server = InferenceServer(models)
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    _main()
