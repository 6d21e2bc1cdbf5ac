"""The route that programs for remove.bg call, with its fields, headers and errors."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import UploadFile as FormFile

from ...errors import InputError
from ...io.photo.photo_reader import read
from ...options import CutOptions
from ...photo import Photo
from ..http_errors import RequestError
from ..kept_portraits import Upload
from ..portrait_routes import ERROR_ANSWERS, ServiceOf
from ..service import Service, take_upload
from .bounded_json import parse_bounded_json
from .public_fetch import fetch_public
from .removal_fields import KNOWN_SIZES, RESULT_FORMATS, RemovalWish, parse_removal_fields
from .removal_picture import RemovalResult, limit_to_region, make_removal

removal_router = APIRouter(tags=["compatible"], responses=ERROR_ANSWERS)

_MEDIA = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "webp": "image/webp",
    "zip": "application/zip",
}
_SOURCES = ("image_file", "image_file_b64", "image_url")
_MAX_FIELDS, _MAX_FIELD_BYTES = 40, 90_000_000

_FORM_FIELDS: dict[str, dict[str, Any]] = {
    "image_file": {"type": "string", "format": "binary"},
    "image_file_b64": {"type": "string"},
    "image_url": {"type": "string"},
    "size": {"type": "string", "enum": list(KNOWN_SIZES)},
    "format": {"type": "string", "enum": list(RESULT_FORMATS)},
    "channels": {"type": "string", "enum": ["rgba", "alpha"]},
    "type": {"type": "string", "enum": ["auto", "person"]},
    "roi": {"type": "string", "description": "Left, top, right, bottom; in px or %."},
    "crop": {"type": "string", "enum": ["true", "false"]},
    "crop_margin": {"type": "string", "description": "One, two or four lengths; in px or %."},
    "scale": {"type": "string", "description": "original, or 10% to 100%."},
    "position": {"type": "string", "description": "original, center, or shares across and down."},
    "bg_color": {"type": "string"},
    "bg_image_url": {"type": "string"},
    "bg_image_file": {"type": "string", "format": "binary"},
}


@removal_router.post(
    "/v1.0/removebg",
    openapi_extra={
        "requestBody": {
            "content": {
                "multipart/form-data": {"schema": {"type": "object", "properties": _FORM_FIELDS}}
            }
        }
    },
)
async def remove_background(request: Request, service: ServiceOf) -> Response:
    """Answer a cutout as remove.bg does: same fields, headers and errors."""
    fields = await _read_fields(request)
    wish = parse_removal_fields(fields)
    given = [name for name in _SOURCES if fields.get(name)]
    if len(given) != 1:
        kind = "missing_source" if not given else "multiple_sources"
        title = "No image given" if not given else "Multiple image sources given"
        return _removebg_error(400, title, kind)
    as_json = "application/json" in request.headers.get("accept", "")

    def work() -> Response:
        upload = _take_source(service, given[0], fields[given[0]])
        behind = _read_background(service, wish)
        options = CutOptions() if wish.region is None else CutOptions(subject="all")
        portrait = limit_to_region(service.cut({"photo": upload}, options).portrait, wish)
        if not portrait.found:
            return _removebg_error(
                400, "Could not identify foreground in image.", "unknown_foreground"
            )
        made = make_removal(portrait, wish, behind)
        return _answer(made, portrait.photo.shape, wish, as_json)

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
        found = parse_bounded_json(body, "the body", "send an object")
        if not isinstance(found, dict):
            raise RequestError(400, "the body is no JSON object; send one")
        return found
    try:
        return dict(parse_qsl(body.decode(), max_num_fields=_MAX_FIELDS))
    except ValueError:
        raise RequestError(400, "the body is no form; send multipart/form-data") from None


def _take_source(service: Service, name: str, value: Any) -> Upload:
    """Return the photo of a request; it is fetched only where the server may."""
    if isinstance(value, FormFile):
        return take_upload(name, value)  # type: ignore[arg-type]
    if not isinstance(value, str):
        raise InputError(f"{name}: is no photo; send a file")
    if name == "image_url":
        return fetch_upload(service, "image_url", value)
    if name == "image_file":
        raise InputError("image_file: is a text; send a file")
    try:
        return Upload("image_file_b64", base64.b64decode(value.partition("base64,")[2] or value))
    except (ValueError, binascii.Error):
        raise InputError("image_file_b64: is no base64; encode the photo again") from None


def _read_background(service: Service, wish: RemovalWish) -> Photo | None:
    given = wish.background
    if given is None:
        return None
    if isinstance(given, str):
        upload = fetch_upload(service, "bg_image_url", given)
    else:
        upload = take_upload("bg_image_file", given)  # type: ignore[arg-type]
    return read(upload.content, upload.name, service.max_pixels, evidence=False)


def fetch_upload(service: Service, name: str, url: str) -> Upload:
    """Fetch the photo at a URL; RequestError 403 where the server does not fetch.

    Parameters
    ----------
    service : Service
        Its options say whether it fetches, how much and how long.
    name : str
        Name of the field, for messages.
    url : str
        Of a public address.

    Returns
    -------
    Upload
    """
    if not service.options.fetch_urls:
        raise RequestError(403, "URLs are not fetched here; upload the photo, or see --fetch-urls")
    limit = round(service.options.max_body_mb * 1e6)
    return Upload(name, fetch_public(url, limit, service.options.time_limit / 2))


def _answer(
    made: RemovalResult, photo_shape: tuple[int, int], wish: RemovalWish, as_json: bool
) -> Response:
    place = {
        "foreground_top": made.person.top,
        "foreground_left": made.person.left,
        "foreground_width": made.person.width,
        "foreground_height": made.person.height,
    }
    if as_json:
        encoded = base64.b64encode(made.content).decode()
        return JSONResponse({"data": {"result_b64": encoded, **place}})
    headers = {
        "X-Width": str(made.shape[1]),
        "X-Height": str(made.shape[0]),
        "X-Max-Width": str(photo_shape[1]),
        "X-Max-Height": str(photo_shape[0]),
        "X-Credits-Charged": "0",
        **{f"X-{name.title().replace('_', '-')}": str(at) for name, at in place.items()},
    }
    if wish.tell_type:
        headers["X-Type"] = "person"
    return Response(made.content, media_type=_MEDIA[made.format], headers=headers)
