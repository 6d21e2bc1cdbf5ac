"""Parse the fields of a remove.bg request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import UploadFile as FormFile

from ...effects import Background
from ..http_errors import RequestError

SIZES = {"preview": 0.25e6, "small": 0.25e6, "regular": 0.25e6, "medium": 1.5e6, "hd": 4e6}
"""`size` -> pixels at most. Others, such as auto and full, keep the photo's size."""

KNOWN_SIZES = (*SIZES, "auto", "4k", "full", "50MP")
"""All values of `size`."""

RESULT_FORMATS = ("auto", "png", "jpg", "webp", "zip")
"""All values of `format`."""

_TYPES = ("auto", "person")
_OTHER_TYPES = ("car", "product", "animal", "graphic", "graphics", "transportation", "other")
_TYPE_LEVELS = ("none", "1", "2", "latest")
_SWITCH = ("true", "false")
_MAX_MARGIN_PX, _MAX_MARGIN_PERCENT = 500.0, 50.0
_MIN_SCALE_PERCENT = 10.0
_OPAQUE = 255

_LENGTH = re.compile(r"(\d{1,5}(?:\.\d{1,6})?)(px|%)?")
_HEX_COLOR = re.compile(r"#?(?:[0-9A-Fa-f]{3,4}){1,2}")


@dataclass(frozen=True)
class Length:
    """A length in pixels, or as a share of another length.

    Parameters
    ----------
    value : float
        Pixels, or the share.
    relative : bool
        Whether it is a share.
    """

    value: float
    relative: bool

    def pixels(self, whole: int) -> float:
        """Return the pixels, where `whole` is the other length."""
        return self.value * whole if self.relative else self.value


@dataclass(frozen=True)
class RemovalWish:
    """What a remove.bg request asks for.

    Parameters
    ----------
    size, format : str
        Of the result, see SIZES and RESULT_FORMATS.
    alpha_only : bool
        Whether only the matte is wanted.
    region : tuple of Length, optional
        Left, top, right and bottom of the area in which people count.
    crop : bool
        Whether the result is cropped to the person.
    margins : tuple of Length
        Top, right, bottom and left margin of the crop, relative to the person's size.
    scale : float, optional
        Share of the picture that the person fills.
    position : tuple of float, optional
        Horizontal and vertical place of the person, as shares of the free space.
    color : str
        Color behind the person, without alpha; empty for none.
    color_alpha : int
        Its opacity, 0 to 255.
    background : UploadFile, str or None
        An uploaded picture behind the person, or the URL of one.
    tell_type : bool
        Whether the answer states the type.
    """

    size: str
    format: str
    alpha_only: bool
    region: tuple[Length, Length, Length, Length] | None
    crop: bool
    margins: tuple[Length, Length, Length, Length]
    scale: float | None
    position: tuple[float, float] | None
    color: str
    color_alpha: int
    background: FormFile | str | None
    tell_type: bool

    @property
    def is_opaque(self) -> bool:
        """Whether the background leaves nothing transparent."""
        return self.background is not None or (bool(self.color) and self.color_alpha == _OPAQUE)


def parse_removal_fields(fields: Mapping[str, Any]) -> RemovalWish:
    """Parse the fields that change the picture.

    Parameters
    ----------
    fields : mapping
        Fields of a form or of a JSON object. Unknown ones are not looked at.

    Returns
    -------
    RemovalWish

    Raises
    ------
    RequestError
        Status 400 for a value that is wrong or that this server cannot do.
    OptionError
        For an unknown color.
    """
    _check_type(fields)
    for name in ("add_shadow", "shadow_type"):
        if _text(fields, name, "none").lower() not in ("none", "false"):
            raise RequestError(400, f"{name}: shadows are not drawn; leave it out")
    _switch(fields, "semitransparency", "true")
    crop = _switch(fields, "crop", "false")
    scale = _parse_scale(_text(fields, "scale", "original"))
    position = _parse_position(_text(fields, "position", "original"))
    if crop and (scale is not None or position is not None):
        raise RequestError(400, "crop: does not go with scale or position; leave one out")
    color, color_alpha = _parse_color(_text(fields, "bg_color", ""))
    background = _background(fields)
    if color and background is not None:
        raise RequestError(400, "bg_color: does not go with a background picture; leave one out")
    return RemovalWish(
        _choice(fields, "size", "auto", KNOWN_SIZES),
        _choice(fields, "format", "auto", RESULT_FORMATS),
        _choice(fields, "channels", "rgba", ("rgba", "alpha")) == "alpha",
        _parse_region(_text(fields, "roi", "")),
        crop,
        _parse_margins(_text(fields, "crop_margin", "0")),
        scale,
        (0.5, 0.5) if scale is not None and position is None else position,
        color,
        color_alpha,
        background,
        _choice(fields, "type_level", "1", _TYPE_LEVELS) != "none",
    )


def _text(fields: Mapping[str, Any], name: str, default: str) -> str:
    value = fields.get(name)
    if value is None or value == "":
        return default
    if isinstance(value, FormFile | dict | list):
        raise RequestError(400, f"{name}: is no text; send one")
    return str(value).lower() if isinstance(value, bool) else str(value).strip()


def _choice(fields: Mapping[str, Any], name: str, default: str, known: tuple[str, ...]) -> str:
    value = _text(fields, name, default)
    if value not in known:
        raise RequestError(400, f"{name}: unknown; use one of {', '.join(known)}")
    return value


def _switch(fields: Mapping[str, Any], name: str, default: str) -> bool:
    return _choice(fields, name, default, _SWITCH) == "true"


def _check_type(fields: Mapping[str, Any]) -> None:
    kind = _choice(fields, "type", "auto", (*_TYPES, *_OTHER_TYPES))
    if kind not in _TYPES:
        raise RequestError(400, f"type: this server cuts out people only, no {kind}; use person")


def _lengths(name: str, text: str, counts: tuple[int, ...], remedy: str) -> list[Length]:
    """Parse lengths with spaces between them."""
    found = [_LENGTH.fullmatch(part) for part in text.split()]
    if len(found) not in counts or not all(found):
        raise RequestError(400, f"{name}: {remedy}")
    return [
        Length(float(one[1]) / 100, True) if one[2] == "%" else Length(float(one[1]), False)
        for one in found
        if one is not None
    ]


def _parse_margins(text: str) -> tuple[Length, Length, Length, Length]:
    """Top, right, bottom, left; from one, two or four lengths as in CSS."""
    given = _lengths(
        "crop_margin", text, (1, 2, 4), "give one, two or four margins, such as 10% or 30px"
    )
    for one in given:
        if one.value > (_MAX_MARGIN_PERCENT / 100 if one.relative else _MAX_MARGIN_PX):
            raise RequestError(400, "crop_margin: is too large; give at most 50% or 500px")
    top, right, bottom, left = (given * 4)[:4] if len(given) < 4 else given
    return top, right, bottom, left


def _parse_region(text: str) -> tuple[Length, Length, Length, Length] | None:
    if not text:
        return None
    remedy = 'give left, top, right and bottom, such as "10% 0% 90% 100%"'
    left, top, right, bottom = _lengths("roi", text, (4,), remedy)
    for low, high in ((left, right), (top, bottom)):
        if low.relative == high.relative and low.value >= high.value:
            raise RequestError(400, f"roi: is empty; {remedy}")
        if any(one.relative and one.value > 1 for one in (low, high)):
            raise RequestError(400, f"roi: is larger than the photo; {remedy}")
    return left, top, right, bottom


def _parse_scale(text: str) -> float | None:
    if text == "original":
        return None
    (found,) = _lengths("scale", text, (1,), "give original, or 10% to 100%")
    if not found.relative or not _MIN_SCALE_PERCENT / 100 <= found.value <= 1:
        raise RequestError(400, "scale: give original, or 10% to 100%")
    return found.value


def _parse_position(text: str) -> tuple[float, float] | None:
    if text == "original":
        return None
    if text == "center":
        return 0.5, 0.5
    remedy = "give original, center, or one or two values from 0% to 100%"
    found = _lengths("position", text, (1, 2), remedy)
    if not all(one.relative and one.value <= 1 for one in found):
        raise RequestError(400, f"position: {remedy}")
    return found[0].value, found[-1].value


def _parse_color(text: str) -> tuple[str, int]:
    """Return a color without alpha, and its opacity from 0 to 255."""
    if not text:
        return "", _OPAQUE
    alpha = _OPAQUE
    if _HEX_COLOR.fullmatch(text):
        digits = text.removeprefix("#")
        if len(digits) in (3, 4):
            digits = "".join(2 * digit for digit in digits)
        text, alpha = f"#{digits[:6]}", int(digits[6:] or "ff", 16)
    Background(color=text)
    return text, alpha


def _background(fields: Mapping[str, Any]) -> FormFile | str | None:
    file, url = fields.get("bg_image_file"), _text(fields, "bg_image_url", "")
    if isinstance(file, FormFile):
        if url:
            raise RequestError(400, "bg_image_file and bg_image_url: give one of the two")
        return file
    if file:
        raise RequestError(400, "bg_image_file: is a text; send a file")
    return url or None
