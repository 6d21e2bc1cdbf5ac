"""Routes under /v1: cut photos, render kept portraits, correct them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from time import perf_counter
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, File, Form, Path, Query, Request, Response, UploadFile
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from ..feedback.store import store_sample
from ..portrait import Portrait
from . import cutting, rendering
from .http_errors import RequestError
from .kept_portraits import KeptPortrait, Upload, scale_portrait
from .portrait_report import describe_portrait
from .rendering import PictureFormat
from .service import Service, get_service, take_uploads


class ErrorAnswer(BaseModel):
    """What went wrong, on one line, and the id that the log has."""

    error: str
    request_id: str = ""


ERROR_ANSWERS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": text}
    for status, text in (
        (400, "A file or option cannot be used."),
        (401, "The API key is missing or wrong."),
        (403, "The page or host may not call this server."),
        (404, "No such portrait."),
        (408, "The request arrived too slowly."),
        (413, "The request is too large."),
        (429, "All workers are busy; Retry-After says when to try again."),
        (500, "The server failed."),
        (501, "An option needs a package that the server has not; the answer names it."),
        (503, "It took too long, or the server is stopping."),
    )
}
"""Answers that every route may give."""

_PICTURES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A picture, a ZIP of pictures, or JSON.",
        "content": {
            **{media: {} for media in rendering.MEDIA_TYPES.values()},
            "application/zip": {},
            "application/json": {},
        },
    }
}

portrait_router = APIRouter(prefix="/v1", tags=["portraits"], responses=ERROR_ANSWERS)

ServiceOf = Annotated[Service, Depends(get_service)]
_Id = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9_-]+$", description="Portrait id.")]
_Effects = Annotated[
    list[str], Query(max_length=8, description="An effect, such as blur:strength=0.5.")
]
_Width = Annotated[
    int | None, Query(ge=1, le=16384, description="Longer side of a preview, in pixels.")
]
_Crop = Annotated[
    str | None,
    Query(max_length=80, description="A frame around the person, such as square:margin=0.1."),
]
_Format = Annotated[PictureFormat, Query(description="Format of pictures. Maps are PNG.")]


@portrait_router.post("/portraits", responses=_PICTURES)
async def create_portrait(
    request: Request,
    service: ServiceOf,
    photo: Annotated[UploadFile, File(description="The photo.")],
    depth: Annotated[UploadFile | None, File(description="A depth file.")] = None,
    calib: Annotated[UploadFile | None, File(description="A calibration.")] = None,
    right: Annotated[UploadFile | None, File(description="A second view.")] = None,
    strokes: Annotated[
        UploadFile | None,
        File(description="A transparent PNG of the photo's size: green keeps, red drops."),
    ] = None,
    options: Annotated[str, Form(description="JSON object of the options of a cut.")] = "",
    view: Annotated[list[str], Query(max_length=32, description="Views to answer.")] = [],  # noqa: B006
    effect: _Effects = [],  # noqa: B006
    width: _Width = None,
    crop: _Crop = None,
    format: _Format = "png",
) -> Response:
    """Cut a photo.

    One view answers a picture, several a ZIP; none, or `Accept: application/json`, a JSON.
    """
    chosen = cutting.parse_cut_options(options)
    makers = rendering.picture_makers(view, effect)
    wanted = rendering.PictureWish(format, width, rendering.parse_crop_text(crop))
    wants_json = not makers or "application/json" in request.headers.get("accept", "").split(",")[0]
    given = {"photo": photo, "depth": depth, "calib": calib, "right": right, "strokes": strokes}

    def work() -> Response:
        files = take_uploads(given)
        portrait, timings = service.cut(files, chosen)
        kept = service.kept.keep(portrait, chosen, files)
        if wants_json:
            return _json_answer(kept, timings)
        return _picture_answer(service, portrait, kept.id, makers, wanted)

    return await service.pool.run(work)


def _json_answer(kept: KeptPortrait, timings: dict[str, float]) -> Response:
    return JSONResponse(describe_portrait(kept, timings), headers={"X-Portrait-Id": kept.id})


def _picture_answer(
    service: Service,
    portrait: Portrait,
    id: str,
    makers: dict[str, Any],
    wish: rendering.PictureWish,
) -> Response:
    start = perf_counter()
    if wish.width is not None and wish.width < max(portrait.photo.shape):
        portrait = scale_portrait(portrait, wish.width)
    if len(makers) == 1:
        ((name, maker),) = makers.items()
        content, used = rendering.encode_view(name, maker, portrait, wish)
        media = rendering.MEDIA_TYPES[used]
    else:
        content, media = rendering.render_zip(portrait, makers, wish), "application/zip"
    service.metrics.count_stages({"render": 1000 * (perf_counter() - start)})
    return Response(content, media_type=media, headers={"X-Portrait-Id": id})


@portrait_router.get("/portraits/{id}")
async def read_portrait(service: ServiceOf, id: _Id, crop: _Crop = None) -> dict[str, Any]:
    """Describe a kept portrait; with `crop` also where that frame lies."""
    kept = await asyncio.to_thread(service.kept.get, id)
    frame = rendering.parse_crop_text(crop)
    return await service.pool.run(describe_portrait, kept, kept.portrait.timings, frame)


@portrait_router.delete("/portraits/{id}", status_code=204)
async def delete_portrait(service: ServiceOf, id: _Id) -> None:
    """Forget a kept portrait."""
    await asyncio.to_thread(service.kept.forget, id)


@portrait_router.get("/portraits/{id}/{view}", responses=_PICTURES)
async def render_portrait(
    service: ServiceOf,
    id: _Id,
    view: Annotated[str, Path(max_length=40, description="A view or effect.")],
    effect: _Effects = [],  # noqa: B006
    width: _Width = None,
    crop: _Crop = None,
    format: _Format = "png",
) -> Response:
    """Render a view of a kept portrait; no network runs."""
    kept = await asyncio.to_thread(service.kept.get, id)
    if view not in rendering.VIEW_NAMES:
        raise RequestError(404, f"no such view; use one of {', '.join(rendering.VIEW_NAMES)}")
    wish = rendering.PictureWish(format, width, rendering.parse_crop_text(crop))

    def work() -> Response:
        start = perf_counter()
        content, used = rendering.render_view(kept, view, effect, wish)
        service.metrics.count_stages({"render": 1000 * (perf_counter() - start)})
        headers = {"X-Portrait-Id": id, "Cache-Control": "private, no-store"}
        return Response(content, media_type=rendering.MEDIA_TYPES[used], headers=headers)

    return await service.pool.run(work)


@portrait_router.post("/portraits/{id}/options", openapi_extra={
    "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}}
})  # fmt: skip
async def change_options(request: Request, service: ServiceOf, id: _Id) -> Response:
    """Cut a kept photo again with these options; those left out have their defaults."""
    kept = await asyncio.to_thread(service.kept.get, id)
    chosen = cutting.parse_cut_options(await request.body())

    def work() -> Response:
        portrait, timings = service.cut_again(kept, chosen)
        again = service.kept.keep(portrait, chosen, kept.files)
        return _json_answer(again, timings)

    return await service.pool.run(work)


@portrait_router.put("/portraits/{id}/alpha", openapi_extra={
    "requestBody": {"content": {
        "image/png": {"schema": {"type": "string", "format": "binary"}},
    }}
})  # fmt: skip
async def correct_alpha(request: Request, service: ServiceOf, id: _Id) -> Response:
    """Take a corrected matte, a gray PNG at the size of the photo; answer a new portrait."""
    kept = await asyncio.to_thread(service.kept.get, id)
    content = await request.body()

    def work() -> Response:
        portrait = cutting.replace_alpha(kept, content, service.max_pixels)
        corrected = service.kept.keep(portrait, kept.options, kept.files, corrected=True)
        return _json_answer(corrected, {})

    return await service.pool.run(work)


@portrait_router.post("/portraits/{id}/feedback")
async def store_feedback(service: ServiceOf, id: _Id) -> dict[str, Any]:
    """Store a photo with its corrected matte as a sample to learn from."""
    kept = await asyncio.to_thread(service.kept.get, id)
    if not kept.corrected:
        raise RequestError(400, "the matte was not corrected; PUT one to /alpha first")

    def work() -> dict[str, Any]:
        mask = np.rint(replace(kept.portrait).alpha * 255).astype(np.uint8)
        photo: Upload = kept.files["photo"]
        stored = store_sample(
            photo.content,
            mask,
            source="server",
            name=photo.name,
            network=str(service.session.options.matte_network),
        )
        return {"id": stored.sample.id, "outcome": stored.outcome, "notes": list(stored.notes)}

    return await service.pool.run(work)


@portrait_router.get("/schema", tags=["schema"])
async def read_schema() -> dict[str, Any]:
    """List options, effects, views, fusions and formats with help, choices and ranges."""
    return rendering.server_schema()
