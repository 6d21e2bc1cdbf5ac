"""Options that change the edge of a matte: `--edge shift=-1,feather=1`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..option_fields import check_options, option


@dataclass(frozen=True)
class EdgeOptions:
    """What is done to the edge of the matte, at the size of the photo, in this order.

    Parameters
    ----------
    threshold : float, optional
        Make alpha 1 from this value on and 0 below; without it alpha stays soft.
    shift : float
        Move the edge outward by this many pixels of the photo, inward where negative.
    feather : float
        Blur alpha with a Gaussian of this standard deviation, in pixels of the photo.

    Raises
    ------
    OptionError
        When a value is out of range.

    Examples
    --------
    >>> import depthmatte as dm
    >>> dm.cut("photo.jpg", edge=dm.EdgeOptions(shift=-1, feather=1))  # doctest: +SKIP
    """

    threshold: float | None = option(
        None, "make alpha 1 from this value on and 0 below it; none keeps it soft", 0.001, 1
    )
    shift: float = option(
        0.0, "move the edge outward by this; inward if negative", -200, 200, unit="photo pixels"
    )
    feather: float = option(
        0.0,
        "soften the edge with a Gaussian of this standard deviation",
        0,
        200,
        unit="photo pixels",
    )

    def __post_init__(self) -> None:
        check_options(self)

    def scaled(self, factor: float) -> EdgeOptions:
        """Return the options for the photo scaled by a factor."""
        return replace(self, shift=self.shift * factor, feather=self.feather * factor)
