"""Routes that programs for remove.bg and for rembg's server call, with their fields."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import parse_qsl

import numpy as np
from fastapi import APIRouter, File, Query, Request, Response, UploadFile
from fastapi.responses import JSONResponse
from numpy.typing import NDArray
from starlette.datastructures import UploadFile as FormFile

from ...effects import Background
from ...errors import InputError
from ...io.photo.photo_reader import read
from ...io.photo.photo_writer import encode_picture
from ...options import CutOptions
from ...portrait import Portrait
from ..http_errors import RequestError
from ..kept_portraits import Upload, scale_portrait
from ..portrait_routes import ERROR_ANSWERS, ServiceOf
from ..public_fetch import fetch_public
from ..rendering import render_zip
from ..service import Service, take_upload

removal_router = APIRouter(tags=["compatible"], responses=ERROR_ANSWERS)

_SIZES = {"preview": 0.25e6, "small": 0.25e6, "regular": 0.25e6, "medium": 1.5e6, "hd": 4e6}
"""`size` -> pixels at most. Others, such as auto and full, keep the photo's size."""

_KNOWN_SIZES = (*_SIZES, "auto", "4k", "full", "50MP")
_FORMATS = {"auto": "png", "png": "png", "jpg": "jpg", "webp": "webp", "zip": "zip"}
_MEDIA = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "webp": "image/webp",
    "zip": "application/zip",
}
_SOURCES = ("image_file", "image_file_b64", "image_url")
_MAX_FIELDS, _MAX_FIELD_BYTES = 40, 90_000_000
_FULL, _PERSON_ALPHA = 255, 1

_Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class _Wish:
    """The fields of a remove.bg request that change the picture."""

    size: str
    format: str
    crop: bool
    margin: float
    alpha_only: bool
    color: str
    background: Upload | str | None


@removal_router.post(
    "/v1.0/removebg",
    openapi_extra={
        "requestBody": {
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "image_file": {"type": "string", "format": "binary"},
                            "image_file_b64": {"type": "string"},
                            "image_url": {"type": "string"},
                            "size": {"type": "string", "enum": list(_KNOWN_SIZES)},
                            "format": {"type": "string", "enum": list(_FORMATS)},
                            "channels": {"type": "string", "enum": ["rgba", "alpha"]},
                            "crop": {"type": "string", "enum": ["true", "false"]},
                            "crop_margin": {"type": "string"},
                            "bg_color": {"type": "string"},
                            "bg_image_url": {"type": "string"},
                            "bg_image_file": {"type": "string", "format": "binary"},
                        },
                    }
                }
            }
        }
    },
)
async def remove_background(request: Request, service: ServiceOf) -> Response:
    """Answer a cutout as remove.bg does: same fields, headers and errors."""
    fields = await _read_fields(request)
    wish = _parse_wish(fields)
    given = [name for name in _SOURCES if fields.get(name)]
    if len(given) != 1:
        kind = "missing_source" if not given else "multiple_sources"
        title = "No image given" if not given else "Multiple image sources given"
        return _removebg_error(400, title, kind)
    as_json = "application/json" in request.headers.get("accept", "")

    def work() -> Response:
        upload = _take_source(service, given[0], fields[given[0]])
        portrait, _ = service.cut({"photo": upload}, CutOptions())
        if not portrait.found:
            return _removebg_error(
                400, "Could not identify foreground in image.", "unknown_foreground"
            )
        return _removebg_answer(service, portrait, wish, as_json)

    return await service.pool.run(work)


def _removebg_error(status: int, title: str, code: str) -> Response:
    return JSONResponse({"errors": [{"title": title, "code": code}]}, status)


async def _read_fields(request: Request) -> dict[str, Any]:
    """Return the fields of a form or of a JSON object."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        form = await request.form(
            max_files=4, max_fields=_MAX_FIELDS, max_part_size=_MAX_FIELD_BYTES
        )
        return dict(form.items())
    body = await request.body()
    if kind == "application/json":
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            raise RequestError(400, "the body is no JSON; send an object") from None
        if not isinstance(found, dict):
            raise RequestError(400, "the body is no JSON object; send one")
        return found
    try:
        return dict(parse_qsl(body.decode(), max_num_fields=_MAX_FIELDS))
    except ValueError:
        raise RequestError(400, "the body is no form; send multipart/form-data") from None


def _parse_wish(fields: dict[str, Any]) -> _Wish:
    def text(name: str, default: str) -> str:
        value = fields.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, FormFile | dict | list):
            raise RequestError(400, f"{name}: is no text; send one")
        return str(value).lower() if isinstance(value, bool) else str(value)

    size, form = text("size", "auto"), text("format", "auto")
    if size not in _KNOWN_SIZES:
        raise RequestError(400, f"size: unknown; use one of {', '.join(_KNOWN_SIZES)}")
    if form not in _FORMATS:
        raise RequestError(400, f"format: unknown; use one of {', '.join(_FORMATS)}")
    margin = re.fullmatch(r"(\d{1,2}(?:\.\d+)?)%?|(\d{1,4})px", text("crop_margin", "0"))
    if margin is None:
        raise RequestError(400, "crop_margin: give percent of the person, such as 10%")
    color = text("bg_color", "").removeprefix("#")
    if re.fullmatch(r"(?:[0-9A-Fa-f]{3,4}){1,2}", color):
        color = f"#{color}"
    file = fields.get("bg_image_file")
    background: Any = text("bg_image_url", "") or None
    if isinstance(file, FormFile):
        background = take_upload("bg_image_file", file)  # type: ignore[arg-type]
    if color:
        Background(color=color)
    return _Wish(
        size,
        _FORMATS[form],
        text("crop", "false") == "true",
        float(margin[1] or 0) / 100,
        text("channels", "rgba") == "alpha",
        color,
        background,
    )


def _take_source(service: Service, name: str, value: Any) -> Upload:
    """Return the photo of a request; it is fetched only where the server may."""
    if isinstance(value, FormFile):
        return take_upload(name, value)  # type: ignore[arg-type]
    if not isinstance(value, str):
        raise InputError(f"{name}: is no photo; send a file")
    if name == "image_url":
        return Upload("image_url", _fetch(service, value))
    if name == "image_file":
        raise InputError("image_file: is a text; send a file")
    try:
        return Upload("image_file_b64", base64.b64decode(value.partition("base64,")[2] or value))
    except (ValueError, binascii.Error):
        raise InputError("image_file_b64: is no base64; encode the photo again") from None


def _fetch(service: Service, url: str) -> bytes:
    if not service.options.fetch_urls:
        raise RequestError(403, "URLs are not fetched here; upload the photo, or see --fetch-urls")
    limit = round(service.options.max_body_mb * 1e6)
    return fetch_public(url, limit, service.options.time_limit / 2)


def _removebg_answer(service: Service, portrait: Portrait, wish: _Wish, as_json: bool) -> Response:
    height, width = portrait.photo.shape
    pixels = _SIZES.get(wish.size)
    if pixels is not None and height * width > pixels:
        side = max(1, int(max(height, width) * (pixels / (height * width)) ** 0.5))
        portrait = scale_portrait(portrait, side)
    rows, columns = _person_box(portrait.alpha, wish.margin)
    if wish.format == "zip":
        makers = {
            "color": lambda one: one.photo.rgb,
            "alpha": lambda one: np.rint(one.alpha * _FULL).astype(np.uint8),
        }
        content = render_zip(portrait, makers, "png")
    else:
        picture = _picture(service, portrait, wish)
        if wish.crop:
            picture = np.ascontiguousarray(picture[rows, columns])
        content = encode_picture(picture, wish.format, portrait.photo.meta)
    place = {
        "foreground_top": rows.start,
        "foreground_left": columns.start,
        "foreground_width": columns.stop - columns.start,
        "foreground_height": rows.stop - rows.start,
    }
    if as_json:
        return JSONResponse({"data": {"result_b64": base64.b64encode(content).decode(), **place}})
    shape = portrait.photo.shape
    headers = {
        "X-Type": "person",
        "X-Width": str(columns.stop - columns.start if wish.crop else shape[1]),
        "X-Height": str(rows.stop - rows.start if wish.crop else shape[0]),
        "X-Max-Width": str(width),
        "X-Max-Height": str(height),
        "X-Credits-Charged": "0",
        **{f"X-{name.title().replace('_', '-')}": str(at) for name, at in place.items()},
    }
    return Response(content, media_type=_MEDIA[wish.format], headers=headers)


def _picture(service: Service, portrait: Portrait, wish: _Wish) -> _Pixels:
    if wish.alpha_only:
        return np.rint(portrait.alpha * _FULL).astype(np.uint8)
    behind = wish.background
    if isinstance(behind, str):
        behind = Upload("bg_image_url", _fetch(service, behind))
    if behind is not None:
        picture = read(behind.content, behind.name, service.max_pixels, evidence=False)
        return Background(picture=picture)(portrait)
    color = wish.color or ("white" if wish.format == "jpg" else "transparent")
    return Background(color=color)(portrait)


def _person_box(alpha: NDArray[np.float32], margin: float) -> tuple[slice, slice]:
    """Return rows and columns of the person, with a margin as a share of its size."""
    spans = []
    for axis in (1, 0):
        marked = np.nonzero((alpha >= _PERSON_ALPHA / _FULL).any(axis=axis))[0]
        first, last = (int(marked[0]), int(marked[-1]) + 1) if marked.size else (0, alpha.shape[0])
        more = round(margin * (last - first))
        spans.append(slice(max(0, first - more), min(alpha.shape[1 - axis], last + more)))
    return spans[0], spans[1]


_Url = Annotated[str, Query(max_length=2048, description="Where the photo is.")]
_OnlyMask = Annotated[bool, Query(alias="om", description="Answer the mask only.")]
_PostProcess = Annotated[bool, Query(alias="ppm", description="Make the edge of the mask hard.")]
_Color = Annotated[
    str, Query(alias="bgc", max_length=40, description="R,G,B,A behind the person, 0 to 255.")
]
_Ignored = Annotated[str, Query(max_length=60, description="Taken and not used.")]


@removal_router.get("/api/remove", operation_id="rembg_url")
async def remove_by_url(
    service: ServiceOf,
    url: _Url,
    only_mask: _OnlyMask = False,
    hard: _PostProcess = False,
    color: _Color = "",
    model: _Ignored = "",
) -> Response:
    """Cut out the photo at a URL, as rembg's server does; needs --fetch-urls."""
    wanted = _parse_rgba(color)

    def work() -> Response:
        return _rembg_answer(service, Upload("url", _fetch(service, url)), only_mask, hard, wanted)

    return await service.pool.run(work)


@removal_router.post("/api/remove", operation_id="rembg_file")
async def remove_from_file(
    service: ServiceOf,
    request: Request,
    file: Annotated[UploadFile, File(description="The photo.")],
    only_mask: _OnlyMask = False,
    hard: _PostProcess = False,
    color: _Color = "",
    model: _Ignored = "",
) -> Response:
    """Cut out an uploaded photo, as rembg's server does. Fields may be in the form or the query."""
    form = await request.form()
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    wanted = _parse_rgba(fields.get("bgc", color))
    truths = ("true", "1", "on", "yes")
    only = only_mask or fields.get("om", "").lower() in truths
    sharp = hard or fields.get("ppm", "").lower() in truths

    def work() -> Response:
        return _rembg_answer(service, take_upload("file", file), only, sharp, wanted)

    return await service.pool.run(work)


def _parse_rgba(text: str) -> tuple[int, int, int, int] | None:
    if not text:
        return None
    parts = text.split(",")
    if len(parts) != 4 or not all(p.strip().isdecimal() and int(p[:9]) <= _FULL for p in parts):
        raise RequestError(400, "bgc: give R,G,B,A from 0 to 255")
    red, green, blue, alpha = (int(part) for part in parts)
    return red, green, blue, alpha


def _rembg_answer(
    service: Service,
    upload: Upload,
    only_mask: bool,
    hard: bool,
    color: tuple[int, int, int, int] | None,
) -> Response:
    portrait, _ = service.cut({"photo": upload}, CutOptions())
    if hard:
        matte = portrait.matte
        sharp = (matte.alpha >= portrait.threshold).astype(np.float32)
        portrait = replace(portrait, matte=replace(matte, alpha=sharp))
    if only_mask:
        picture: _Pixels = np.rint(portrait.alpha * _FULL).astype(np.uint8)
    else:
        picture = portrait.cutout()
        if color is not None:
            picture = _over_color(picture, color)
    return Response(encode_picture(picture, "png", portrait.photo.meta), media_type="image/png")


def _over_color(cutout: _Pixels, color: tuple[int, int, int, int]) -> _Pixels:
    """Return a cutout over a color with alpha, both straight: uint8 (H, W, 4)."""
    front = cutout[..., 3:].astype(np.float32) / np.float32(_FULL)
    back = (1 - front) * np.float32(color[3] / _FULL)
    total = front + back
    mixed = cutout[..., :3] * front + np.asarray(color[:3], np.float32) * back
    rgb = mixed / np.maximum(total, np.float32(1e-6))
    return np.asarray(np.rint(np.concatenate([rgb, total * _FULL], axis=2)), np.uint8)
