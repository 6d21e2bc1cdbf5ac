"""`depthmatte demo`: cut one photo and write every kind of picture."""

from __future__ import annotations

from pathlib import Path

from ... import api
from ...errors import MissingExtra
from ...evaluation.contact_sheet import draw_contact_sheet
from ...io.photo.photo_reader import read
from ...io.photo.photo_writer import to_8bit, write
from ...photo import Meta, Photo
from ...types import RGB

_BACKGROUND_COLOR = "#2f6f8f"
"""Background color of the demo."""


def load_sample_photo() -> Photo:
    """Load NASA's portrait of the astronaut Eileen Collins (public domain) from scikit-image.

    Raises
    ------
    MissingExtra
        When scikit-image is not installed.
    """
    try:
        from skimage import data
    except ImportError:
        raise MissingExtra("the sample photo", "demo") from None
    pixels: RGB = data.astronaut()  # type: ignore[no-untyped-call]
    return Photo(pixels, Meta("astronaut"))


def write_demo(out: Path, photo: Path | None = None) -> dict[str, Path]:
    """Cut a photo and write every kind of picture.

    Parameters
    ----------
    out : Path
        The folder of results.
    photo : Path, optional
        The photo. By default the sample photo.

    Returns
    -------
    dict of str to Path
        Kind of picture -> file.

    Raises
    ------
    InputError
        When the photo cannot be read.
    MissingExtra
        When the sample photo is not installed.
    """
    portrait = api.cut(read(photo) if photo else load_sample_photo())
    stem = photo.stem if photo else "astronaut"
    pictures = {
        "photo": portrait.photo.rgb,
        "alpha": to_8bit(portrait.alpha),
        "cutout": portrait.cutout(),
        "blur": portrait.blur(),
        "background": portrait.place(_BACKGROUND_COLOR),
        "sheet": draw_contact_sheet(portrait),
    }
    return {
        name: write(picture, out / f"{stem}.{name}.png", portrait.photo.meta, forbid=photo or ())
        for name, picture in pictures.items()
    }
