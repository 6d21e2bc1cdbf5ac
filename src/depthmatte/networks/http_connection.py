"""Connections to one HTTP server that stay open between requests.

Every request has a total time limit and every answer a size limit. Redirects are not followed,
because a request holds the user's picture. Proxies are taken from the environment.
"""

from __future__ import annotations

import socket
import threading
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection, RemoteDisconnected
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_CHUNK_BYTES = 1 << 20
_MAX_IDLE = 16
"""Open connections that are kept for the next request."""


class HttpAnswer(NamedTuple):
    """The answer of a server: status, headers in lower case, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpServer:
    """An HTTP server. Several threads may send requests at once.

    Parameters
    ----------
    url : str
        An http or https address. Its path stands before the path of every request.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._scheme, self._host = parts.scheme, parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._path = parts.path.rstrip("/")
        self._proxy = _find_proxy(self._scheme, self._host)
        self._idle: list[HTTPConnection] = []
        self._lock = threading.Lock()
        weakref.finalize(self, _close_all, self._idle)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        seconds: float,
        max_bytes: int,
    ) -> HttpAnswer:
        """Send a request and read the whole answer.

        Parameters
        ----------
        method : str
            "GET" or "POST".
        path : str
            Path below the address, with a leading slash.
        body : bytes or None
            Body of the request.
        headers : mapping of str to str
            HTTP headers.
        seconds : float
            Time limit for connecting, sending and receiving together.
        max_bytes : int
            Size limit of the answer's body.

        Returns
        -------
        HttpAnswer
            The answer, with any status.

        Raises
        ------
        TimeoutError
            When the time is over.
        OSError, http.client.HTTPException
            When the request fails.
        ValueError
            When the answer is larger than `max_bytes`.
        """
        end = time.monotonic() + seconds
        while True:
            connection, reused = self._take(seconds)
            try:
                return self._exchange(connection, method, path, body, headers, end, max_bytes)
            except (RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                connection.close()
                if not reused:  # a kept connection may have been closed by the server meanwhile
                    raise
            except BaseException:
                connection.close()
                raise

    def close(self) -> None:
        """Close the connections that are kept."""
        with self._lock:
            _close_all(self._idle)

    def _take(self, seconds: float) -> tuple[HTTPConnection, bool]:
        """Return a connection, and whether it was used before."""
        with self._lock:
            if self._idle:
                return self._idle.pop(), True
        kind = HTTPSConnection if self._scheme == "https" else HTTPConnection
        if self._proxy is None:
            return kind(self._host, self._port, timeout=seconds), False
        connection = kind(*self._proxy, timeout=seconds)
        if self._scheme == "https":
            connection.set_tunnel(self._host, self._port)
        return connection, False

    def _exchange(
        self,
        connection: HTTPConnection,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        end: float,
        max_bytes: int,
    ) -> HttpAnswer:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        late = threading.Event()

        def hang_up() -> None:
            late.set()
            if connection.sock is not None:
                with suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(left, hang_up)
        timer.daemon = True
        timer.start()
        try:
            connection.timeout = left
            if connection.sock is None:
                connection.connect()
            connection.sock.settimeout(left)
            connection.request(method, self._target(path), body, {**headers, **self._host_header()})
            reply = connection.getresponse()
            found = bytearray()
            while block := reply.read1(_CHUNK_BYTES):
                found += block
                if len(found) > max_bytes:
                    raise ValueError(f"sends more than {max_bytes} bytes")
            if late.is_set():
                raise TimeoutError
            if reply.length:  # announced, and never sent
                raise ConnectionError("the answer ended early")
            answer = HttpAnswer(
                reply.status,
                {name.lower(): value for name, value in reply.getheaders()},
                bytes(found),
            )
            keep = not reply.will_close
            reply.close()
        except (OSError, HTTPException) as error:
            if late.is_set():
                raise TimeoutError from error
            raise
        finally:
            timer.cancel()
        self._give_back(connection, keep)
        return answer

    def _give_back(self, connection: HTTPConnection, keep: bool) -> None:
        with self._lock:
            if keep and len(self._idle) < _MAX_IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def _target(self, path: str) -> str:
        """Return what the request line names: a proxy of http needs the whole address."""
        if self._proxy is None or self._scheme == "https":
            return self._path + path
        return f"http://{self._authority()}{self._path}{path}"

    def _host_header(self) -> dict[str, str]:
        return {"Host": self._authority()}

    def _authority(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        usual = 443 if self._scheme == "https" else 80
        return host if self._port == usual else f"{host}:{self._port}"


def _close_all(connections: list[HTTPConnection]) -> None:
    while connections:
        connections.pop().close()


def _find_proxy(scheme: str, host: str) -> tuple[str, int] | None:
    """Return host and port of the environment's proxy; None for a direct connection."""
    address = getproxies().get(scheme)
    if not address or proxy_bypass(host):
        return None
    parts = urlsplit(address if "://" in address else f"http://{address}")
    return (parts.hostname, parts.port or 80) if parts.hostname else None
