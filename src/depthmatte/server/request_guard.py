"""The middleware around all routes: ids, key, origin, limits, security headers, log, counters."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import secrets
from collections.abc import Iterator
from contextlib import nullcontext
from time import perf_counter, time
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .http_errors import RequestError, error_body, message_of, status_of
from .request_pool import RequestPool
from .serve_options import is_loopback
from .service import Service

_OPEN_PATHS = ("/", "/healthz", "/readyz", "/favicon.ico")
"""Paths without a key: the page, and what tells whether the server runs."""

_OPEN_PREFIXES = ("/static/", "/v2/health/")

_WORK_PREFIXES = ("/v1/portraits", "/v1.0/", "/api/remove", "/v2/models/")
"""Paths whose requests need a slot."""

_DRAIN_SECONDS = 5.0
"""Time in which the body of a refused request is read, so that its sender hears the answer."""

_PIECE_BYTES = 262_144
"""Bytes of an answer that are sent at once."""

_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
        "connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
}

_LOG = logging.getLogger("depthmatte.server")


class RequestGuard:
    """Refuses what may not or cannot be served before anything is read, and logs the rest.

    Parameters
    ----------
    app : callable
        The ASGI app inside.
    service : Service
        Limits, slots and counters.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        self._max_bytes = round(service.options.max_body_mb * 1e6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "websocket" and (problem := self._refusal(scope)):
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": message_of(problem)})
        else:
            await self._app(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        start, request_id = perf_counter(), secrets.token_hex(8)
        scope["request_id"] = request_id
        told: dict[str, Any] = {"status": 0, "bytes": 0}

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                told["status"] = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            told["bytes"] += len(message.get("body", b""))
            for piece in _pieces(message):
                await send(piece)

        pool = self._service.pool
        body = _LimitedBody(receive, self._max_bytes, pool)
        try:
            refusal = self._refusal(scope)
            if refusal is not None:
                raise refusal
            with self._slot(scope):
                await self._app(scope, body.receive, answer)
        except Exception as error:
            if not isinstance(error, RequestError):
                _LOG.error(
                    json.dumps({"id": request_id, "failed": repr(error)[:500]}), exc_info=error
                )
            if told["status"]:
                raise
            if status_of(error) != 413:
                await body.drain(_DRAIN_SECONDS)
            await error_answer(scope, error)(scope, receive, answer)
        finally:
            pool.hold_bytes(-body.held)
            seconds = perf_counter() - start
            route = getattr(scope.get("route"), "path", "other")
            self._service.metrics.count_request(scope["method"], route, told["status"], seconds)
            _log_request(scope, request_id, told, seconds)

    def _slot(self, scope: Scope) -> Any:
        if not scope["path"].startswith(_WORK_PREFIXES):
            return nullcontext()
        slot = self._service.pool.slot()
        try:
            slot.__enter__()
        except RequestError:
            self._service.metrics.count_refused("queue")
            raise
        return _Entered(slot)

    def _refusal(self, scope: Scope) -> RequestError | None:
        """Return why a request is refused by its headers; None where it is not."""
        options, headers = self._service.options, Headers(scope=scope)
        count = self._service.metrics.count_refused
        host = headers.get("host", "")
        if not options.api_key and not is_loopback(_host_name(host)):
            count("origin")
            return RequestError(403, "the header Host names no address of this machine")
        origin = headers.get("origin")
        if origin and origin not in options.allow_origin and urlsplit(origin).netloc != host:
            count("origin")
            return RequestError(403, "pages of this origin may not call; see --allow-origin")
        if options.api_key and not self._has_key(scope, headers):
            count("key")
            return RequestError(401, "the API key is missing or wrong; send it in X-API-Key")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:19]) > self._max_bytes:
            count("size")
            return RequestError(
                413, f"the request is larger than {options.max_body_mb:g} MB; scale the photo down"
            )
        return None

    def _has_key(self, scope: Scope, headers: Headers) -> bool:
        path = scope["path"]
        if path in _OPEN_PATHS or path.startswith(_OPEN_PREFIXES):
            return True
        given = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        if scope["type"] == "websocket" and not given:  # a page cannot set headers here
            given = parse_qs(scope["query_string"].decode("latin-1")).get("key", [""])[0]
        return hmac.compare_digest(given.encode(), self._service.options.api_key.encode())


class _Entered:
    """A context that was entered already."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def __enter__(self) -> None:
        pass

    def __exit__(self, *given: Any) -> None:
        self._context.__exit__(*given)


def _pieces(message: Message) -> Iterator[Message]:
    """Split the body of an answer, so that the request keeps its slot until its client took it."""
    body: bytes = message.get("body", b"")
    if len(body) <= _PIECE_BYTES:
        yield message
        return
    for start in range(0, len(body), _PIECE_BYTES):
        piece, last = body[start : start + _PIECE_BYTES], start + _PIECE_BYTES >= len(body)
        yield {**message, "body": piece, "more_body": not last or message.get("more_body", False)}


class _LimitedBody:
    """The body of a request within a limit of bytes and seconds."""

    def __init__(self, receive: Receive, max_bytes: int, pool: RequestPool) -> None:
        self._receive = receive
        self._pool = pool
        self._draining = False
        self.held = 0
        self._left = max_bytes
        self._max_bytes = max_bytes
        self._end = perf_counter() + pool.time_limit
        self._complete = False

    async def receive(self) -> Message:
        """Return the next message of the client."""
        if self._complete:
            return await self._receive()
        try:
            message = await asyncio.wait_for(
                self._receive(), max(0.001, self._end - perf_counter())
            )
        except TimeoutError:
            raise HTTPException(408, "the request arrived too slowly; send it again") from None
        size = len(message.get("body", b""))
        self._left -= size
        if not self._draining:
            self.held += size
            try:
                self._pool.hold_bytes(size)
            except RequestError as error:  # FastAPI passes on HTTPException alone from here
                headers = {"Retry-After": str(error.retry_after)}
                raise HTTPException(429, str(error), headers) from None
        self._complete = not message.get("more_body", False)
        if self._left < 0:
            limit = f"{self._max_bytes / 1e6:g} MB"
            raise HTTPException(413, f"the request is larger than {limit}; scale the photo down")
        return message

    async def drain(self, seconds: float) -> None:
        """Read and drop the rest of the body."""
        self._draining = True
        self._end = min(self._end, perf_counter() + seconds)
        try:
            while not self._complete:
                await self.receive()
        except HTTPException:
            self._complete = True


def error_answer(scope: Scope, error: Exception) -> JSONResponse:
    """Return the answer to a request that failed."""
    status, message = status_of(error), message_of(error)
    if isinstance(error, HTTPException):
        status, message = error.status_code, str(error.detail)
    headers = dict(getattr(error, "headers", None) or {})
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if status in (408, 413):
        headers["Connection"] = "close"
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    body = error_body(scope["path"], status, message, scope.get("request_id", ""))
    return JSONResponse(body, status, headers)


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.rpartition(":")[0] or host


def _log_request(scope: Scope, request_id: str, told: dict[str, Any], seconds: float) -> None:
    client = scope.get("client")
    row = {
        "time": round(time(), 3),
        "id": request_id,
        "client": client[0] if client else None,
        "method": scope["method"],
        "path": scope["path"][:200],
        "status": told["status"],
        "bytes": told["bytes"],
        "ms": round(1000 * seconds, 1),
    }
    _LOG.info(json.dumps(row))
