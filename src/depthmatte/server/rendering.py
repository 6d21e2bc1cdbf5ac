"""Pictures of a portrait by view and effect, encoded for an answer."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from ..batch.cutting.file_results import encode_parts
from ..batch.cutting.pictures import MAP_PICTURES, VIEW_PICTURES, PictureMaker
from ..canvas import Box
from ..effects import EFFECTS, Effect
from ..errors import OptionError
from ..io.photo.photo_writer import encode_picture
from ..option_fields import json_schema, parse_options, parse_pairs
from ..options import CropOptions, CutOptions, parse_crop
from ..portrait import Portrait
from ..system.printable_text import short
from .kept_portraits import KeptPortrait

PictureFormat = Literal["png", "jpeg", "webp"]

MEDIA_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
"""Format -> its media type."""

_SUFFIXES = {"png": "png", "jpeg": "jpg", "webp": "webp"}

_EFFECTS = {name: effect for name, effect in EFFECTS.items() if name != "place"}
"""Effects of the server. `place` needs a picture, and a request carries none."""

_PARTS_VIEW = "parts"
"""The view that is a PNG with a palette, as `--save parts` writes it."""

VIEW_NAMES = tuple(dict.fromkeys((*VIEW_PICTURES, *MAP_PICTURES, _PARTS_VIEW, *_EFFECTS)))
"""Names of all views."""

_MAX_EFFECTS = 8
_ALPHA_CHANNELS = 4


class PictureWish(NamedTuple):
    """How a picture is asked for.

    Attributes
    ----------
    format : {"png", "jpeg", "webp"}
        The wish. Maps are always PNG, and so is a picture with alpha that JPEG cannot hold.
    width : int, optional
        Longer side of the scaled photo, in pixels.
    crop : CropOptions, optional
        The frame that pictures of the photo's size are cropped to.
    """

    format: PictureFormat
    width: int | None = None
    crop: CropOptions | None = None


def parse_crop_text(text: str | None) -> CropOptions | None:
    """Parse a frame such as "square:margin=0.1"; None for none, OptionError for other texts."""
    return parse_crop(text) if text else None


def parse_effect_text(text: str) -> tuple[str, Effect]:
    """Parse an effect such as "blur:strength=0.5"; a path to a picture is refused.

    Parameters
    ----------
    text : str
        NAME or NAME:OPTION=VALUE,OPTION=VALUE.

    Returns
    -------
    tuple of str and Effect
        The name and the effect.

    Raises
    ------
    OptionError
        When the effect or an option is unknown or a value is not allowed.
    """
    name, _, rest = text.partition(":")
    if name not in _EFFECTS:
        raise OptionError(f"effect {short(name)!r}: unknown; use one of {', '.join(_EFFECTS)}")
    try:
        return name, parse_options(_EFFECTS[name], parse_pairs(rest), _refuse_path)
    except OptionError as error:
        raise OptionError(f"effect {short(text)!r}: {error}") from None


def _refuse_path(kind: Any, text: str) -> Any:
    raise OptionError("picture: paths are not read by a server; use a color")


def check_view(name: str) -> str:
    """Return the name of a view; OptionError for an unknown one."""
    if name not in VIEW_NAMES:
        raise OptionError(f"view {short(name)!r}: unknown; use one of {', '.join(VIEW_NAMES)}")
    return name


def picture_makers(views: Sequence[str], effects: Sequence[str]) -> dict[str, PictureMaker]:
    """Return view -> function that makes it.

    Parameters
    ----------
    views : sequence of str
        Names of views; "a,b" counts as two.
    effects : sequence of str
        Effects as text. One whose name is also a view sets the options of that view.

    Raises
    ------
    OptionError
        For unknown names and for more than 8 effects.
    """
    if len(effects) > _MAX_EFFECTS:
        raise OptionError(f"effect: is given {len(effects)} times; give at most {_MAX_EFFECTS}")
    names = [check_view(name) for text in views for name in text.split(",") if name]
    named = dict(parse_effect_text(text) for text in effects)
    known: dict[str, Any] = {
        **{name: effect() for name, effect in _EFFECTS.items()},
        **VIEW_PICTURES,
        **MAP_PICTURES,
        _PARTS_VIEW: lambda portrait: portrait.parts.labels,
        **named,
    }
    return {name: known[name] for name in dict.fromkeys((*names, *named))}


def encode_view(
    name: str, maker: PictureMaker, portrait: Portrait, wish: PictureWish
) -> tuple[bytes, str]:
    """Make and encode one view.

    Parameters
    ----------
    name : str
        The view.
    maker : callable
        Portrait -> picture.
    portrait : Portrait
        Of full size, or scaled.
    wish : PictureWish
        Its format and its frame.

    Returns
    -------
    tuple of bytes and str
        The file and its format.
    """
    if name == _PARTS_VIEW:
        return encode_parts(portrait, Box(0, 0, *portrait.photo.shape)), "png"
    picture, format = maker(portrait), wish.format
    if wish.crop is not None and picture.shape[:2] == portrait.photo.shape:
        picture = picture[portrait.frame(wish.crop).slices]
    has_alpha = picture.ndim == 3 and picture.shape[2] == _ALPHA_CHANNELS
    if name in MAP_PICTURES or (has_alpha and format == "jpeg"):
        format = "png"
    meta = None if name in MAP_PICTURES else portrait.photo.meta
    return encode_picture(picture, _SUFFIXES[format], meta), format


def render_view(
    kept: KeptPortrait,
    view: str,
    effects: Sequence[str],
    wish: PictureWish,
) -> tuple[bytes, str]:
    """Render one view of a kept portrait; bytes and format. Only parts need a network."""
    makers = picture_makers([view], effects)
    name = check_view(view)
    return encode_view(name, makers[name], kept.scaled(wish.width), wish)


def render_zip(portrait: Portrait, makers: dict[str, PictureMaker], wish: PictureWish) -> bytes:
    """Render several views into a ZIP whose files are called like the views."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:
        for name, maker in makers.items():
            content, used = encode_view(name, maker, portrait, wish)
            archive.writestr(f"{name}.{_SUFFIXES[used]}", content)
    return held.getvalue()


def server_schema() -> dict[str, Any]:
    """Return everything that a page or program needs to offer options: names, help, ranges."""
    options = json_schema(CutOptions)
    fusion = options["properties"]["fusion"]
    return {
        "options": options,
        "effects": {name: json_schema(effect) for name, effect in _EFFECTS.items()},
        "crop": json_schema(CropOptions),
        "views": list(VIEW_NAMES),
        "fusions": list(fusion["enum"]),
        "formats": list(MEDIA_TYPES),
    }
