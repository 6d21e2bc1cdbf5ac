"""The app: all routes, the page, documentation of the API, and how errors are answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from html import escape
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles

from .. import __version__
from ..errors import DepthmatteError
from ..options import SessionOptions
from . import portrait_routes
from .compatible import inference_routes, rembg_routes, removal_routes
from .http_errors import RequestError
from .kept_portraits import KeptPortraits
from .request_guard import RequestGuard, error_answer
from .serve_options import ServeOptions
from .service import Service
from .socket_route import live_router

_STATIC = Path(__file__).parent / "static"
_EXPIRY_SECONDS = 15.0


def create_app(
    options: ServeOptions, session: SessionOptions, kept: KeptPortraits | None = None
) -> FastAPI:
    """Make the ASGI app of a server.

    Parameters
    ----------
    options : ServeOptions
        Address, key and limits.
    session : SessionOptions
        Networks and device.
    kept : KeptPortraits, optional
        Where portraits are kept. By default in this process.

    Returns
    -------
    FastAPI
        The app; its networks load when it starts.
    """
    service = Service(options, session, kept)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(service.load)
        expiry = asyncio.create_task(_expire(service))
        yield
        service.draining = True
        expiry.cancel()
        with suppress(asyncio.CancelledError):
            await expiry
        service.pool.close()
        service.session.close()

    app = FastAPI(
        title="depthmatte",
        version=__version__,
        description="Cuts people out of photos with a segmentation network and depth.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.service = service
    app.include_router(portrait_routes.portrait_router)
    app.include_router(live_router)
    app.include_router(removal_routes.removal_router)
    app.include_router(rembg_routes.rembg_router)
    app.include_router(inference_routes.inference_router)
    _add_status_routes(app, service)
    _add_page(app)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    for kind in (HTTPException, DepthmatteError, MemoryError):
        app.add_exception_handler(kind, _failed_request)
    app.add_middleware(RequestGuard, service=service)
    if options.allow_origin:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(options.allow_origin),
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["X-API-Key", "Authorization", "Content-Type"],
            expose_headers=["X-Portrait-Id", "X-Request-Id", "Retry-After"],
        )
    return app


async def _expire(service: Service) -> None:
    while True:
        await asyncio.sleep(_EXPIRY_SECONDS)
        await asyncio.to_thread(service.kept.expire)


async def _invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:]) or "the request"
    shown = "".join(letter if letter.isprintable() else "?" for letter in place)[:80]
    return error_answer(request.scope, RequestError(400, f"{shown}: {first['msg']}"))


async def _failed_request(request: Request, error: Exception) -> JSONResponse:
    return error_answer(request.scope, error)


def _add_status_routes(app: FastAPI, service: Service) -> None:
    @app.get("/healthz", tags=["status"])
    async def is_alive() -> dict[str, str]:
        """Tell that the server runs."""
        return {"status": "ok", "version": __version__}

    @app.get("/readyz", tags=["status"], responses={503: {"description": "Not now."}})
    async def is_ready() -> Response:
        """Tell whether the server takes photos now."""
        full = service.pool.taken >= service.pool.capacity
        ready = service.ready and not service.draining and not full
        status = "ready" if ready else "draining" if service.draining else "busy"
        return JSONResponse({"status": status}, 200 if ready else 503)

    @app.get("/metrics", tags=["status"], response_class=PlainTextResponse)
    async def read_metrics() -> Response:
        """List the counters in the text format of Prometheus."""
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")

    @app.get("/docs", include_in_schema=False)
    async def read_docs() -> HTMLResponse:
        """List all routes on a page that loads nothing from elsewhere."""
        return HTMLResponse(_docs_page(app.openapi()))


def _add_page(app: FastAPI) -> None:
    if not (_STATIC / "index.html").is_file():
        return

    @app.get("/", include_in_schema=False)
    async def read_page() -> FileResponse:
        """The studio page."""
        return FileResponse(_STATIC / "index.html", headers={"Cache-Control": "no-cache"})

    app.mount("/static", StaticFiles(directory=_STATIC), name="static")


def _docs_page(schema: dict[str, Any]) -> str:
    """Return the page that lists the operations of an OpenAPI document."""
    rows = []
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            about = escape(operation.get("description", operation.get("summary", "")))
            given = "".join(
                f"<li><code>{escape(one['name'])}</code> {escape(one.get('description', ''))}</li>"
                for one in operation.get("parameters", ())
            )
            rows.append(
                f"<section><h2><code>{method.upper()} {escape(path)}</code></h2>"
                f"<p>{about}</p><ul>{given}</ul></section>"
            )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>depthmatte API</title>'
        f"<h1>depthmatte {escape(schema['info']['version'])}</h1>"
        '<p>The same as <a href="/openapi.json">OpenAPI</a>.</p>' + "".join(rows) + "</html>"
    )
