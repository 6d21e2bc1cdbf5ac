"""Routes that programs for rembg's server call, with its fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, File, Query, Request, Response, UploadFile
from numpy.typing import NDArray

from ...io.photo.photo_writer import encode_picture
from ...options import CutOptions
from ..http_errors import RequestError
from ..kept_portraits import Upload
from ..portrait_routes import ERROR_ANSWERS, ServiceOf
from ..service import Service, take_upload
from .removal_picture import put_over_color
from .removal_routes import fetch_upload

rembg_router = APIRouter(tags=["compatible"], responses=ERROR_ANSWERS)

_FULL = 255
_TRUE, _FALSE = ("true", "1", "on", "yes"), ("false", "0", "off", "no", "")

_Url = Annotated[str, Query(max_length=2048, description="Where the photo is.")]
_OnlyMask = Annotated[bool, Query(alias="om", description="Answer the mask only.")]
_PostProcess = Annotated[bool, Query(alias="ppm", description="Make the edge of the mask hard.")]
_Color = Annotated[
    str, Query(alias="bgc", max_length=40, description="R,G,B,A behind the person, 0 to 255.")
]
_Matting = Annotated[bool, Query(alias="a", description="Taken; the edge is always soft.")]
_Level = Annotated[int, Query(ge=0, le=_FULL, description="Taken and not used.")]
_Erosion = Annotated[int, Query(alias="ae", ge=0, le=1000, description="Taken and not used.")]
_Name = Annotated[str, Query(max_length=60, description="Taken and not used.")]
_Extras = Annotated[str, Query(max_length=16_384, description="Taken and not used.")]


@dataclass(frozen=True)
class _Wish:
    """What a request asks for; what this server does not use was checked."""

    only_mask: bool
    hard: bool
    color: tuple[int, int, int, int] | None


def _wish_of_query(
    only_mask: _OnlyMask = False,
    hard: _PostProcess = False,
    color: _Color = "",
    matting: _Matting = False,
    af: _Level = 240,
    ab: _Level = 10,
    erosion: _Erosion = 10,
    model: _Name = "",
    extras: _Extras = "",
) -> _Wish:
    return _Wish(only_mask, hard, _parse_rgba(color))


_WishOfQuery = Annotated[_Wish, Depends(_wish_of_query)]


@rembg_router.get("/api/remove", operation_id="rembg_url")
async def remove_by_url(service: ServiceOf, url: _Url, wish: _WishOfQuery) -> Response:
    """Cut out the photo at a URL, as rembg's server does; needs --fetch-urls."""

    def work() -> Response:
        return _answer(service, fetch_upload(service, "url", url), wish)

    return await service.pool.run(work)


@rembg_router.post("/api/remove", operation_id="rembg_file")
async def remove_from_file(
    service: ServiceOf,
    request: Request,
    file: Annotated[UploadFile, File(description="The photo.")],
    wish: _WishOfQuery,
) -> Response:
    """Cut out an uploaded photo, as rembg's server does. Fields may be in the form or the query."""
    form = await request.form()
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    wanted = _add_form_fields(wish, fields)

    def work() -> Response:
        return _answer(service, take_upload("file", file), wanted)

    return await service.pool.run(work)


def _add_form_fields(wish: _Wish, fields: Mapping[str, str]) -> _Wish:
    def switch(name: str) -> bool:
        text = fields.get(name, "").lower()
        if text not in _TRUE + _FALSE:
            raise RequestError(400, f"{name}: give true or false")
        return text in _TRUE

    switch("a")
    for name, high in (("af", _FULL), ("ab", _FULL), ("ae", 1000)):
        text = fields.get(name, "0")
        if not text.isdecimal() or int(text[:9]) > high:
            raise RequestError(400, f"{name}: give a whole number from 0 to {high}")
    color = _parse_rgba(fields.get("bgc", ""))
    return _Wish(wish.only_mask or switch("om"), wish.hard or switch("ppm"), color or wish.color)


def _parse_rgba(text: str) -> tuple[int, int, int, int] | None:
    if not text:
        return None
    parts = text.split(",")
    if len(parts) != 4 or not all(p.strip().isdecimal() and int(p[:9]) <= _FULL for p in parts):
        raise RequestError(400, "bgc: give R,G,B,A from 0 to 255")
    red, green, blue, alpha = (int(part) for part in parts)
    return red, green, blue, alpha


def _answer(service: Service, upload: Upload, wish: _Wish) -> Response:
    portrait = service.cut({"photo": upload}, CutOptions()).portrait
    if wish.hard:
        matte = portrait.matte
        sharp = (matte.alpha >= portrait.threshold).astype(np.float32)
        portrait = replace(portrait, matte=replace(matte, alpha=sharp))
    if wish.only_mask:
        picture: NDArray[np.uint8] = np.rint(portrait.alpha * _FULL).astype(np.uint8)
    else:
        picture = portrait.cutout()
        if wish.color is not None:
            picture = put_over_color(picture, wish.color)
    return Response(encode_picture(picture, "png", portrait.photo.meta), media_type="image/png")
