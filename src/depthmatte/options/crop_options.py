"""Options of the frame that results are cropped to: `--crop square:margin=0.1`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ..errors import OptionError
from ..option_fields import check_options, option, parse_options, parse_pairs

_SHAPES = ("subject", "square", "passport")
_RATIO = r"\d{1,4}:\d{1,4}"
_TEXT = re.compile(rf"({'|'.join(_SHAPES)}|{_RATIO})(?::(.*))?", re.DOTALL)


@dataclass(frozen=True)
class CropOptions:
    """A frame around the person.

    Parameters
    ----------
    shape : str
        "subject", the person's own box; "square"; "passport", 35 by 45 around the head; or a
        ratio "W:H". The frame lies within the photo.
    margin : float
        Room around the person, as a share of the longer side of her box; for "passport" room
        above the head, as a share of the frame's height.
    head : float
        Share of the frame's height from the crown to the chin, for "passport". ICAO Doc 9303
        asks for .7 to .8.

    Raises
    ------
    OptionError
        When a value is not allowed.
    """

    shape: str = option(
        "subject",
        "the shape of the frame",
        takes="subject, square, passport or W:H",
        valid=lambda shape: shape in _SHAPES or _ratio(shape) is not None,
        pattern=rf"^({'|'.join(_SHAPES)}|{_RATIO})$",
        examples=("4:5", "3:2", "16:9", "9:16"),
    )
    margin: float = option(0.05, "room around the person, as a share of the longer side", 0, 2)
    head: float = option(0.73, "height of the head as a share of a passport photo's", 0.1, 1)

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def ratio(self) -> float | None:
        """Width over height of the frame; None for the person's own box."""
        if self.shape == "passport":
            return 35 / 45
        return 1.0 if self.shape == "square" else _ratio(self.shape)


def _ratio(shape: str) -> float | None:
    """Width over height of "W:H"; None for anything else."""
    if not re.fullmatch(_RATIO, shape):
        return None
    width, height = map(int, shape.split(":"))
    return width / height if width and height else None


def parse_crop(text: str) -> CropOptions:
    """Read SHAPE or SHAPE:OPTION=VALUE,...

    Parameters
    ----------
    text : str
        Such as "subject", "16:9" or "passport:head=.75".

    Returns
    -------
    CropOptions

    Raises
    ------
    OptionError
        For any other text.

    Examples
    --------
    >>> parse_crop("16:9:margin=.2")
    CropOptions(shape='16:9', margin=0.2, head=0.73)
    """
    found = _TEXT.fullmatch(text)
    if not found:
        raise OptionError(
            f"crop is {text!r}; give subject, square, passport or W:H, and options after a colon"
        )
    pairs = parse_pairs(found[2] or "")
    if "shape" in pairs:
        raise OptionError(f"crop {text!r}: names the shape twice; give it once")
    try:
        return replace(parse_options(CropOptions, pairs), shape=found[1])
    except OptionError as error:
        raise OptionError(f"crop {text!r}: {error}") from None
