"""Run the server: listen, print one line when ready, and finish what was accepted at SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..errors import InputError
from ..options import SessionOptions
from ..system.printable_text import describe_os_error, label
from .app import create_app
from .serve_options import ServeOptions

_HEADER_SECONDS = 15.0
"""Time in which the headers of a request must arrive."""

_BACKLOG = 1024
_MAX_HEADER_BYTES = 32_768
_MAX_FRAME_BYTES = 5_000_000

_MAX_FRAMES_READ = 2
"""Frames of a socket that are read before the first of them is taken."""

_SLOW_READER_SECONDS = 15.0
_SLOW_READER_BYTES = 32_768
"""Bytes of an answer that its client must take within _SLOW_READER_SECONDS."""


def run_server(options: ServeOptions, session: SessionOptions) -> None:
    """Serve until SIGTERM or Ctrl-C; then answer what was accepted and return.

    Raises
    ------
    InputError
        When the address cannot be used.
    """
    start_log(options)
    listener = listen(options)
    app = create_app(options, session)
    limits = {
        "header_seconds": min(_HEADER_SECONDS, options.time_limit),
        "reader_seconds": min(_SLOW_READER_SECONDS, options.time_limit),
    }
    config = uvicorn.Config(
        app,
        http=type("_LimitedProtocol", (_TimedProtocol,), limits),
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        h11_max_incomplete_event_size=_MAX_HEADER_BYTES,
        ws_max_size=_MAX_FRAME_BYTES,
        ws_max_queue=_MAX_FRAMES_READ,
        timeout_graceful_shutdown=max(1, round(options.time_limit)),
    )
    server = _Server(config, app.state.service)
    try:
        asyncio.run(server.serve(sockets=[listener]))
    except KeyboardInterrupt:  # uvicorn raises the signal again after it has ended
        pass
    finally:
        listener.close()


def start_log(options: ServeOptions) -> None:
    """Send the log of this process to stderr."""
    log = logging.getLogger("depthmatte.server")
    if not log.handlers:
        log.addHandler(logging.StreamHandler(sys.stderr))
    log.setLevel(logging.INFO if options.log == "json" else logging.CRITICAL)


def tell_address(host: str, port: int) -> None:
    """Print the line that says that the server is ready."""
    shown = f"[{host}]" if ":" in host else host
    sys.stdout.write(f"depthmatte serves http://{shown}:{port}\n")
    sys.stdout.flush()


class _Server(uvicorn.Server):
    """Prints the address when ready, and tells the service when it begins to drain."""

    def __init__(self, config: uvicorn.Config, service: Any) -> None:
        super().__init__(config)
        self._service = service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, and print one line."""
        await super().startup(sockets)
        if self.started and sockets:
            tell_address(*sockets[0].getsockname()[:2])

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to drain."""
        self._service.draining = True
        super().handle_exit(sig, frame)


class _TimedProtocol(H11Protocol):
    """HTTP/1.1 that closes connections of clients that send headers or read answers too slowly.

    `header_seconds` and `reader_seconds` are the times that they have.
    """

    header_seconds = _HEADER_SECONDS
    reader_seconds = _SLOW_READER_SECONDS
    _timer: asyncio.TimerHandle | None = None
    _reader_timer: asyncio.TimerHandle | None = None
    _unread_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """Start to wait for headers."""
        super().connection_made(transport)
        self._wait_for_headers()

    def data_received(self, data: bytes) -> None:
        """Take a piece; the time runs on while headers are incomplete."""
        super().data_received(data)
        if self._awaits_headers():
            self._wait_for_headers()
        elif self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._stop_reader_timer()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begin to watch how fast the client takes its answer."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """Stop watching: the client took nearly all."""
        self._stop_reader_timer()
        super().resume_writing()

    def _watch_reader(self) -> None:
        self._unread_bytes = self.transport.get_write_buffer_size()
        self._reader_timer = self.loop.call_later(self.reader_seconds, self._check_reader)

    def _check_reader(self) -> None:
        taken = self._unread_bytes - self.transport.get_write_buffer_size()
        if taken < _SLOW_READER_BYTES:
            self.transport.abort()
        else:
            self._watch_reader()

    def _stop_reader_timer(self) -> None:
        if self._reader_timer is not None:
            self._reader_timer.cancel()
            self._reader_timer = None

    def _awaits_headers(self) -> bool:
        cycle: Any = self.cycle  # None before the first request
        return cycle is None or bool(cycle.response_complete)

    def _wait_for_headers(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.header_seconds, self._headers_late)

    def _headers_late(self) -> None:
        self._timer = None
        replaced = self.transport.get_protocol() is not self  # by a socket
        if self._awaits_headers() and not replaced and not self.transport.is_closing():
            self.transport.close()


def listen(options: ServeOptions) -> socket.socket:
    """Return a socket that is bound to the address.

    Raises
    ------
    InputError
        When the address cannot be used.
    """
    host = options.host.strip("[]")
    try:
        found = socket.getaddrinfo(host, options.port, type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except (OSError, UnicodeError) as error:
        reason = describe_os_error(error) if isinstance(error, OSError) else "no address"
        raise InputError(
            f"{label(options.host)}:{options.port}: cannot be listened on ({reason}); "
            "choose another --port or --host"
        ) from None
    listener.set_inheritable(True)
    return listener
