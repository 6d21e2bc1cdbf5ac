"""Run networks on a server that speaks the Open Inference Protocol v2 over HTTP.

Such servers are NVIDIA Triton, KServe, OpenVINO Model Server, MLServer and `depthmatte serve`.
The server has one model per task, with the name of the task. What it says about the model is
compared with the contract of the local file. The picture that the network sees is sent, not the
photo's file. Nothing is sent unless the caller named a server.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, RemoteError
from ..options import SessionOptions
from ..system.printable_text import printable_excerpt, short
from . import inference_protocol as oip
from .contract import Contract
from .download import display_url, is_url

if TYPE_CHECKING:
    from .http_connection import HttpAnswer, HttpServer

AUTHORIZATION_VARIABLE = "DEPTHMATTE_REMOTE_AUTHORIZATION"
"""Environment variable with the value of the HTTP header `Authorization`."""

API_KEY_VARIABLE = "DEPTHMATTE_REMOTE_API_KEY"
"""Environment variable with the key of a `depthmatte serve`, sent as `X-API-Key`."""

_BACKOFF_S, _MAX_WAIT_S = 0.5, 10.0
"""Wait before the first retry, in seconds, doubled each time; and the longest wait."""

_BUSY_STATUSES = frozenset({429, 502, 503, 504})
"""HTTP statuses after which the same request may succeed."""

_FLOAT_TYPE = "FP32"


class Runner(Protocol):
    """What runs a network: ONNX Runtime on this machine, or a server."""

    @property
    def provider(self) -> str:
        """What runs the network, for people to read."""

    def run(
        self, names: list[str], inputs: Mapping[str, NDArray[Any]], shape: tuple[int, ...]
    ) -> list[NDArray[np.float32]]:
        """Return the outputs `names`, float32 arrays of `shape`, finite."""


class ServerUnavailable(RemoteError):
    """The server does not answer or is overloaded, so that another machine may do the work."""


@dataclass(frozen=True)
class RemoteServer:
    """A server that runs networks. Several threads may use it at once.

    Parameters
    ----------
    url : str
        Its http or https address, with or without `/v2` at the end.
    timeout_s : float
        Seconds that one request may take, above 0.
    retries : int
        How often a request is repeated when the server does not answer or is busy, 0 or more.
    fallback : bool
        Whether a network runs on this machine when the server is unavailable. A warning says so.

    Raises
    ------
    OptionError
        When the address is not valid.

    Examples
    --------
    >>> RemoteServer("http://127.0.0.1:8000/v2/").name
    'http://127.0.0.1:8000'
    """

    url: str
    timeout_s: float = 30.0
    retries: int = 2
    fallback: bool = False
    name: str = field(init=False, compare=False)
    _http: HttpServer = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        base = self.url.rstrip("/").removesuffix("/v2")
        object.__setattr__(self, "name", display_url(base))
        if not is_url(base) or any(mark in base for mark in "@?#"):
            raise OptionError(
                f"{self.name}: is not the address of a server; give http://HOST:PORT, and "
                f"a password in the environment variable {AUTHORIZATION_VARIABLE}"
            )
        # Imported late, because most sessions have no server.
        from .http_connection import HttpServer

        object.__setattr__(self, "_http", HttpServer(base))

    @classmethod
    def from_options(cls, options: SessionOptions) -> RemoteServer | None:
        """Return the server that the options name; None when they name none."""
        if options.remote is None:
            return None
        return cls(
            options.remote,
            options.remote_timeout,
            options.remote_retries,
            options.remote_fallback,
        )

    def open_runner(self, contract: Contract, open_local: Callable[[], Runner]) -> Runner:
        """Return what runs a network: this server, or the local machine where it may.

        Parameters
        ----------
        contract : Contract
            The contract of the local file. The server's model must have the same one.
        open_local : callable
            Loads the local file. It is called only for a fallback.

        Raises
        ------
        RemoteError
            When the server cannot be used and `fallback` is off, or its model differs.
        """
        open_remote = partial(RemoteRunner, self, contract)
        if self.fallback:
            return _FallbackRunner(open_remote, open_local, contract.task)
        return open_remote()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def fetch(
        self,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = oip.MAX_HEADER_BYTES,
    ) -> HttpAnswer:
        """Send a request, again where that helps, and return the answer with status 200.

        Parameters
        ----------
        path : str
            Path below the server's address.
        body : bytes, optional
            Body of a POST request. Without it the request is a GET.
        headers : mapping of str to str, optional
            HTTP headers.
        max_bytes : int
            Size limit of the answer.

        Raises
        ------
        ServerUnavailable
            When the server does not answer, is busy or fails, after all retries.
        RemoteError
            When the server refuses the request.
        """
        sent = {"User-Agent": "depthmatte", "Accept": "*/*", **(headers or {})}
        secrets = {"Authorization": AUTHORIZATION_VARIABLE, "X-API-Key": API_KEY_VARIABLE}
        sent |= {name: os.environ[one] for name, one in secrets.items() if os.environ.get(one)}
        method = "GET" if body is None else "POST"
        from http.client import HTTPException

        for tries in range(self.retries + 1):
            wait = _BACKOFF_S * 2**tries * random.uniform(0.5, 1)
            try:
                answer = self._http.request(method, path, body, sent, self.timeout_s, max_bytes)
            except (OSError, HTTPException, ValueError) as error:
                problem = self._describe(error)
            else:
                if answer.status == 200:
                    return answer
                problem = _describe_status(answer)
                if answer.status not in _BUSY_STATUSES:
                    self._refuse(answer, problem)
                asked = answer.headers.get("retry-after", "")
                wait = max(wait, int(asked)) if asked.isdecimal() and len(asked) < 6 else wait
            if tries < self.retries:
                time.sleep(min(wait, _MAX_WAIT_S))
        times = f" after {self.retries + 1} tries" if self.retries else ""
        raise ServerUnavailable(
            f"{self.name}: the server does not run networks now ({problem}{times}); "
            "start it, check the address, or allow this machine with --remote-fallback"
        )

    def _describe(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"no answer in {self.timeout_s:g} s"
        words = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return printable_excerpt(words, 120).lower()

    def _refuse(self, answer: HttpAnswer, problem: str) -> None:
        """Raise the error of an answer that will not change when it is asked for again."""
        if answer.status >= 500:
            raise ServerUnavailable(
                f"{self.name}: the server fails ({problem}); see its log, "
                "or allow this machine with --remote-fallback"
            )
        remedy = "check the address and what the server serves"
        if answer.status in (401, 403):
            remedy = f"set {API_KEY_VARIABLE} for depthmatte serve, else {AUTHORIZATION_VARIABLE}"
        elif 300 <= answer.status < 400:
            remedy = "redirects are not followed; give the final address"
        raise RemoteError(f"{self.name}: the server refuses ({problem}); {remedy}")


class RemoteRunner:
    """Runs one network on a server.

    Parameters
    ----------
    server : RemoteServer
        The server.
    contract : Contract
        The contract of the local file.

    Raises
    ------
    RemoteError
        When the server cannot be reached, has no such model, or has one with other inputs or
        outputs.
    """

    def __init__(self, server: RemoteServer, contract: Contract) -> None:
        self._server, self._contract = server, contract
        from urllib.parse import quote

        self._path = f"/v2/models/{quote(contract.task, safe='')}"
        self._model = self._read(oip.read_model_metadata, server.fetch(self._path).body)
        self._check_model()
        self._binary = self._read(oip.has_binary_extension, server.fetch("/v2").body)

    @property
    def provider(self) -> str:
        """The address of the server."""
        return f"remote {self._server.name}"

    def run(
        self, names: list[str], inputs: Mapping[str, NDArray[Any]], shape: tuple[int, ...]
    ) -> list[NDArray[np.float32]]:
        """Send the inputs and return the outputs, as `Runner` says.

        Raises
        ------
        ServerUnavailable
            When the server does not answer, is busy or fails.
        RemoteError
            When the server refuses the inputs, or an output is missing, has another type or
            shape, or holds NaN.
        """
        for name, values in inputs.items():
            if not self._model.inputs[name].admits(values.shape):
                raise self._mismatch(
                    f"takes {_shown(self._model.inputs[name].shape)} where {values.shape} is sent"
                )
        body, headers = oip.encode_request(inputs, names, self._binary)
        answer = self._server.fetch(
            f"{self._path}/infer", body, headers, oip.max_answer_bytes(len(names), shape)
        )
        length = answer.headers.get(oip.HEADER_LENGTH.lower())
        found: list[NDArray[np.float32]] = self._read(
            oip.decode_answer, answer.body, length, names, shape
        )
        for name, values in zip(names, found, strict=True):
            if not np.isfinite(values).all():
                raise self._mismatch(f"returns NaN or infinity as {short(name)}")
        return found

    def _check_model(self) -> None:
        """Raise RemoteError when the server's model breaks the contract of the local file."""
        contract, model = self._contract, self._model
        size = contract.preset
        if set(model.inputs) != {contract.input}:
            raise self._mismatch(f"takes {_names(model.inputs)} where {contract.input} is needed")
        missing = [name for name in contract.outputs if name not in model.outputs]
        if missing:
            raise self._mismatch(
                f"returns {_names(model.outputs)} where {short(missing[0])} is needed"
            )
        expected = {contract.input: (1, contract.channels, *size)}
        expected |= dict.fromkeys(contract.outputs, (1, 1, *size))
        for name, shape in expected.items():
            about = model.inputs.get(name) if name == contract.input else model.outputs[name]
            if about is None or about.datatype != _FLOAT_TYPE or not about.admits(shape):
                found = f"{short(about.datatype)} {_shown(about.shape)}" if about else "nothing"
                raise self._mismatch(
                    f"has {short(name)} as {found} where {_FLOAT_TYPE} {shape} is needed"
                )

    def _mismatch(self, problem: str) -> RemoteError:
        return RemoteError(
            f"{self._server.name}: its model {self._contract.task} {problem}; "
            "serve the network that this machine has"
        )

    def _read(self, read: Callable[..., Any], *args: Any) -> Any:
        try:
            return read(*args)
        except oip.ProtocolError as error:
            raise RemoteError(
                f"{self._server.name}: does not speak the Open Inference Protocol v2 ({error}); "
                "check the address"
            ) from None


class _FallbackRunner:
    """Runs on a server while it is available, and on this machine from its first failure on."""

    def __init__(
        self,
        open_remote: Callable[[], Runner],
        open_local: Callable[[], Runner],
        task: str,
    ) -> None:
        self._open_local, self._task = open_local, task
        self._local: Runner | None = None
        self._lock = threading.Lock()
        self._remote: Runner | None = None
        try:
            self._remote = open_remote()
        except ServerUnavailable as error:
            self._go_local(error)

    @property
    def provider(self) -> str:
        return (self._local or self._remote).provider  # type: ignore[union-attr]

    def run(
        self, names: list[str], inputs: Mapping[str, NDArray[Any]], shape: tuple[int, ...]
    ) -> list[NDArray[np.float32]]:
        if self._local is None and self._remote is not None:
            try:
                return self._remote.run(names, inputs, shape)
            except ServerUnavailable as error:
                self._go_local(error)
        assert self._local is not None
        return self._local.run(names, inputs, shape)

    def _go_local(self, error: ServerUnavailable) -> None:
        """Load the local file and say so, once."""
        with self._lock:
            if self._local is None:
                self._local = self._open_local()
                logging.getLogger("depthmatte").warning(
                    "%s; the network %s now runs on this machine",
                    str(error).partition(";")[0],
                    self._task,
                )


def _describe_status(answer: HttpAnswer) -> str:
    words = oip.read_error(answer.body)
    return f"status {answer.status}" + (f": {words}" if words else "")


def _names(tensors: Mapping[str, Any]) -> str:
    return printable_excerpt(", ".join(sorted(tensors)) or "nothing", 100)


def _shown(shape: tuple[int, ...]) -> str:
    return f"({', '.join('any' if size < 0 else str(size) for size in shape)})"
