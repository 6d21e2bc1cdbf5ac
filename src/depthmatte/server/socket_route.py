"""The WebSocket /v1/live: frames in, pictures out; the newest frame wins."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from ..errors import DepthmatteError, OptionError
from ..options import CutOptions
from .cutting import parse_cut_options
from .http_errors import RequestError, message_of
from .kept_portraits import Upload
from .rendering import PictureWish, encode_view, parse_effect_text, picture_makers
from .service import Service, service_of

live_router = APIRouter()

_MAX_FRAME_BYTES = 4_000_000
_MAX_FRAME_PIXELS = 2_500_000
_MAX_SETTINGS_LENGTH = 16_384
_DEFAULT_LOOK = "blur"


@dataclass
class _Live:
    """One socket: the newest frame, and how it is cut and shown."""

    options: CutOptions = field(default_factory=CutOptions)
    name: str = _DEFAULT_LOOK
    maker: Any = None
    frame: bytes | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def set_look(self, text: str) -> None:
        """Apply a text message: a JSON object with `options`, `effect` or `view`."""
        if len(text) > _MAX_SETTINGS_LENGTH:
            raise OptionError("the message is too long; send options and effect only")
        try:
            given = json.loads(text)
        except (ValueError, RecursionError):
            raise OptionError('the message is no JSON; send {"effect": "blur"}') from None
        if not isinstance(given, dict) or not given.keys() <= {"options", "effect", "view"}:
            raise OptionError('send an object with "options", "effect" or "view"')
        if "options" in given:
            self.options = parse_cut_options(json.dumps(given["options"]))
        for key in ("effect", "view"):
            if key in given and not isinstance(given[key], str):
                raise OptionError(f"{key}: is no text; send a name")
        if given.get("effect"):
            self.name, self.maker = parse_effect_text(given["effect"])
        elif given.get("view"):
            ((self.name, self.maker),) = list(picture_makers([given["view"]], []).items())[:1]


@live_router.websocket("/v1/live")
async def run_live(socket: WebSocket) -> None:
    """Answer each frame that is the newest when the server gets to it."""
    service = service_of(socket)
    try:
        slot = service.pool.slot()
        slot.__enter__()
    except RequestError as error:
        await socket.close(1013, message_of(error))
        return
    try:
        await socket.accept()
        live = _Live()
        live.set_look(json.dumps({"effect": _DEFAULT_LOOK}))
        answering = asyncio.create_task(_answer_frames(socket, service, live))
        try:
            await _take_messages(socket, live)
        finally:
            answering.cancel()
            with suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                await answering
    finally:
        slot.__exit__(None, None, None)


async def _take_messages(socket: WebSocket, live: _Live) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        frame = message.get("bytes")
        if frame is not None:
            if len(frame) > _MAX_FRAME_BYTES:
                await _tell(socket, "the frame is larger than 4 MB; scale it down")
                continue
            live.frame = frame
            live.arrived.set()
            continue
        try:
            live.set_look(message.get("text") or "")
        except DepthmatteError as error:
            await _tell(socket, message_of(error))
        else:
            await socket.send_text(json.dumps({"look": live.name}))


async def _tell(socket: WebSocket, problem: str) -> None:
    await socket.send_text(json.dumps({"error": problem}))


async def _answer_frames(socket: WebSocket, service: Service, live: _Live) -> None:
    while True:
        await live.arrived.wait()
        live.arrived.clear()
        frame, live.frame = live.frame, None
        if frame is None:
            continue
        try:
            picture = await service.pool.run(_render_frame, service, live, frame)
        except DepthmatteError as error:
            await _tell(socket, message_of(error))
        else:
            await socket.send_bytes(picture)


def _render_frame(service: Service, live: _Live, frame: bytes) -> bytes:
    from .cutting import cut_uploads

    name, maker = live.name, live.maker
    options = replace(live.options, quality="fast")  # the next frame is waiting
    result = cut_uploads(
        service.session,
        {"photo": Upload("frame", frame)},
        options,
        _MAX_FRAME_PIXELS,
        service.threads,
    )
    service.metrics.count_stages(result.timings)
    return encode_view(name, maker, result.portrait, PictureWish("jpeg"))[0]
