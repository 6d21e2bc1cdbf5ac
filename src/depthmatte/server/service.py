"""What all routes of one server share: session, worker threads, kept portraits, counters."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import cv2
from fastapi import Request, UploadFile

from ..options import CutOptions, SessionOptions
from ..session import Session
from ..system.cpu_count import count_cores
from . import cutting
from .cutting import PhotoCut
from .kept_portraits import KeptPortrait, KeptPortraits, Upload
from .metrics import ServerMetrics
from .request_pool import RequestPool
from .serve_options import ServeOptions

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

_MAX_NAME_LENGTH = 100

_BODIES_HELD = 8
"""Largest bodies that may be here at once; far more requests of usual size fit in them."""


class Service:
    """The state of a server.

    Parameters
    ----------
    options : ServeOptions
        Limits.
    session : SessionOptions
        Networks and device.
    kept : KeptPortraits, optional
        Where portraits are kept. By default in this process.
    """

    def __init__(
        self, options: ServeOptions, session: SessionOptions, kept: KeptPortraits | None = None
    ) -> None:
        self.options = options
        self.session = Session(session)
        cores = session.threads or count_cores()
        workers = options.workers or cores
        self.threads = max(1, cores // workers)
        cv2.setNumThreads(cores)  # one render has all cores; calls at once share them
        self.max_pixels = round(options.max_megapixels * 1e6)
        body_bytes = round(_BODIES_HELD * options.max_body_mb * 1e6)
        self.pool = RequestPool(workers, options.queue, body_bytes, options.time_limit)
        self.kept = make_kept_portraits(options) if kept is None else kept
        self.metrics = ServerMetrics(self.pool, self.kept)
        self.draining = False
        self.ready = False

    def load(self) -> None:
        """Load the networks of a default cut, so that the first request does not wait."""
        self.session.pipeline(CutOptions(), self.threads)
        self.session.network("depth", self.threads)
        self.ready = True

    def cut(self, files: dict[str, Upload], options: CutOptions) -> PhotoCut:
        """Cut a photo on this thread, and count the time of the stages."""
        result = cutting.cut_uploads(self.session, files, options, self.max_pixels, self.threads)
        self.metrics.count_stages(result.timings)
        return result

    def cut_again(self, kept: KeptPortrait, options: CutOptions) -> PhotoCut:
        """Cut a kept photo with other options on this thread."""
        result = cutting.cut_again(self.session, kept, options, self.max_pixels, self.threads)
        self.metrics.count_stages(result.timings)
        return result


def make_kept_portraits(options: ServeOptions) -> KeptPortraits:
    """Return an empty store with the bounds of the options."""
    return KeptPortraits(options.keep_count, options.keep_mb << 20, options.keep_minutes * 60)


def service_of(connection: HTTPConnection) -> Service:
    """Return the service of the server that a request or socket belongs to."""
    service = connection.app.state.service
    assert isinstance(service, Service)
    return service


def get_service(request: Request) -> Service:
    """Return the service of a request, as a dependency of routes."""
    return service_of(request)


def take_upload(name: str, file: UploadFile) -> Upload:
    """Read an upload on a worker thread; until then a large one lies on disk."""
    file.file.seek(0)
    return Upload(upload_name(name, file.filename), file.file.read())


def upload_name(field: str, given: str | None) -> str:
    """Return the name of an uploaded file for messages: no folders, one printable line."""
    bare = os.path.basename((given or "").replace("\\", "/"))[-_MAX_NAME_LENGTH:]
    shown = "".join(letter if letter.isprintable() else "?" for letter in bare)
    return shown or field


def take_uploads(files: dict[str, Any]) -> dict[str, Upload]:
    """Read the uploads that were given."""
    return {name: take_upload(name, file) for name, file in files.items() if file is not None}
