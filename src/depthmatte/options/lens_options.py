"""The lens of the effect `blur`: its fields, which are also flags of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..errors import OptionError
from ..option_fields import check_options, list_options, option

LensShape = Literal["disc", "5", "6", "7", "8", "9"]
"""The opening of a lens: a disc, or a polygon with so many blades."""

PhotoPlace = tuple[float, float]
"""(x, y) as shares of the photo's width and height from the top left corner."""

_EFFECT = "blur"


def read_place(text: str) -> PhotoPlace:
    """Read "X,Y", "X;Y" or "(X,Y)"; ValueError for anything else."""
    x, y = (float(part) for part in text.strip().strip("()").replace(";", ",").split(","))
    return x, y


def show_place(place: PhotoPlace | None) -> str:
    """Write a place as an effect takes it: "X;Y"; "" for None."""
    return "" if place is None else ";".join(f"{share:g}" for share in place)


def is_place(place: PhotoPlace | None) -> bool:
    """Return whether a place lies in the photo. None does."""
    return place is None or all(0 <= share <= 1 for share in place)


@dataclass(frozen=True)
class LensOptions:
    """What the flags `--focus`, `--aperture` and `--shape` say of the effect `blur`.

    Parameters
    ----------
    focus : tuple of float, optional
        A place (x, y) to stay sharp, as shares of width and height from the top left corner.
    aperture : float, optional
        The f-number.
    shape : {"disc", "5", "6", "7", "8", "9"}, optional
        The opening of the lens.

    Raises
    ------
    OptionError
        When a value is not allowed.

    Examples
    --------
    >>> LensOptions(aperture=1.8).add_to(["beautify"])
    ('beautify', 'blur:aperture=1.8')
    >>> LensOptions(focus=(0.5, 0.2)).add_to(["blur:strength=0.7"])
    ('blur:strength=0.7,focus=0.5;0.2',)
    """

    focus: PhotoPlace | None = option(
        None,
        "blur around this place, which stays sharp by its depth, instead of the person",
        takes="X,Y (in an effect X;Y), shares of width and height from the top left corner",
        metavar="X,Y",
        read=read_place,
        show=show_place,
        valid=is_place,
    )
    aperture: float | None = option(
        None,
        "blur like a full-frame lens of this f-number, such as 1.8, instead of by strength",
        0.5,
        128,
    )
    shape: LensShape | None = option(
        None, "blur with this opening of the lens: a disc, or a polygon with so many blades"
    )

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def _given(self) -> dict[str, str]:
        """Field -> text, of those that are given."""
        values = {one.name: (one, getattr(self, one.name)) for one in list_options(type(self))}
        return {
            name: one.format_value(value)
            for name, (one, value) in values.items()
            if value is not None
        }

    def add_to(self, effects: Sequence[str]) -> tuple[str, ...]:
        """Write the fields into each effect `blur`; without one, add it.

        Parameters
        ----------
        effects : sequence of str
            Effects as `--effect` takes them.

        Returns
        -------
        tuple of str
            The same effects when no field is given.

        Raises
        ------
        OptionError
            When an effect has a field of its own that is also given here.
        """
        if not self._given:
            return tuple(effects)
        pairs = ",".join(f"{name}={text}" for name, text in self._given.items())
        if not any(map(_is_blur, effects)):
            return (*effects, f"{_EFFECT}:{pairs}")
        return tuple(self._merge(text, pairs) if _is_blur(text) else text for text in effects)

    def add_to_only(self, effect: str | None, background: str | None) -> str | None:
        """Write the fields into the only effect of a video, as `add_to`.

        Raises
        ------
        OptionError
            Also when another effect or a background is asked for.
        """
        if not self._given:
            return effect
        flags = " and ".join(f"--{name}" for name in self._given)
        if background is not None:
            raise OptionError(f"{flags} and --background exclude each other; leave one out")
        if effect is not None and not _is_blur(effect):
            raise OptionError(
                f"{flags}: belongs to the effect blur; leave it out, or give --effect blur"
            )
        return self.add_to(() if effect is None else (effect,))[0]

    def _merge(self, effect: str, pairs: str) -> str:
        own = {part.partition("=")[0].strip() for part in effect.partition(":")[2].split(",")}
        for name in self._given:
            if name in own:
                raise OptionError(f"--{name} and --effect {effect}: both set {name}; give it once")
        if ":" not in effect:
            return f"{effect}:{pairs}"
        return f"{effect}{pairs}" if effect.endswith(":") else f"{effect},{pairs}"


def _is_blur(effect: str) -> bool:
    """Whether an effect is a blur: "blur", "blur:..." or "blur@name:..."."""
    return effect.partition(":")[0].partition("@")[0] == _EFFECT
