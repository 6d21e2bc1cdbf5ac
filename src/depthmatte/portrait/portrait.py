"""The result for one photo: maps on demand, and effects as methods."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..canvas import Box, Letterbox, from_canvas
from ..color.icc import is_srgb_profile
from ..corrections.matte_edit import MatteEdit, apply_edits
from ..corrections.specks import remove_specks
from ..errors import InputError, MissingMap
from ..matte_edge import edit_edge
from ..options import CropOptions, EdgeOptions, parse_crop
from ..photo import Photo
from ..restore import restore_map, restore_measured
from ..subjects.framing import frame_portrait
from ..types import RGB, Float, dataclasses_equal, make_read_only
from ..values import Depth, Matte
from .background_input import make_background
from .parts import PortraitParts
from .people import PortraitPeople
from .portrait_area import make_trimap, pictured_opacity
from .preview import encode_preview

_MIN_PORTRAIT_SHARE = 0.005
"""Share of the photo's area that a portrait must cover to count as found."""


@dataclass(frozen=True, eq=False, repr=False)
class Portrait(PortraitParts, PortraitPeople):
    """The result of cutting one photo. Maps are restored to photo size on demand.

    `alpha`, `prob`, `depth`, `meters` and `depth_prob` are float32 (H, W), `mask` is bool and
    `validity` is uint8. Each map is computed once and is read-only; copy it to change it. When
    `found` is False, `alpha` and `prob` are 0 everywhere and all effects still work.

    Portraits can be pickled, without restored maps. `==` leaves out `timings` and `notes`.

    Parameters
    ----------
    photo : Photo
        The photo that was cut.
    matte : Matte
        The fused matte, on the canvas of `fit`.
    measured : Depth
        The depth, on the canvas of `depth_fit`. An estimate may be deferred.
    fit : Letterbox
        The layout of the matte. After a second look it shows a crop of the photo.
    threshold : float
        Alpha from which a pixel belongs to `mask`.
    timings : dict of str to float
        Stage of the pipeline -> milliseconds.
    full_fit : Letterbox, optional
        The layout of the depth, where it differs from `fit`.
    notes : tuple of str
        Sentences about depth that was given but rejected.
    edge : EdgeOptions, optional
        How the edge of `alpha` is changed.
    refine : callable, optional
        (photo's rgb, alpha, pixels of the photo per pixel of the canvas) -> alpha, before `edge`.
    first_matte : Matte, optional
        What the network first saw in the whole photo, on the canvas of `depth_fit`.
    edits : tuple of MatteEdit
        Corrections of `alpha`, in order.
    clean : bool
        Whether specks are removed from `alpha` and pinholes filled.

    Raises
    ------
    InputError
        When the layout does not match the photo or a map.

    Examples
    --------
    >>> import depthmatte as dm
    >>> portrait = dm.cut("photo.jpg")  # doctest: +SKIP
    >>> portrait.found, portrait.alpha.shape  # doctest: +SKIP
    (True, (3024, 4032))
    >>> blurred = portrait.blur(strength=0.5)  # doctest: +SKIP
    >>> portrait.save("cutout.png")  # doctest: +SKIP
    """

    photo: Photo
    matte: Matte
    measured: Depth
    fit: Letterbox
    threshold: float = 0.5
    timings: dict[str, float] = field(default_factory=dict, compare=False)
    full_fit: Letterbox | None = None
    notes: tuple[str, ...] = field(default=(), compare=False)
    edge: EdgeOptions | None = None
    refine: Callable[[RGB, Float, float], Float] | None = None
    first_matte: Matte | None = None
    edits: tuple[MatteEdit, ...] = ()
    clean: bool = False

    def __post_init__(self) -> None:
        for name, values, fit in (
            ("matte", self.matte.alpha, self.fit),
            ("depth", self.measured, self.depth_fit),
        ):
            if fit.photo != self.photo.shape:
                raise InputError(f"fit for {fit.photo} does not match photo {self.photo.shape}")
            if values.shape != fit.canvas:
                raise InputError(f"{name} {values.shape} does not match the canvas {fit.canvas}")

    @classmethod
    def from_arrays(
        cls, rgb: RGB, alpha: Float, depth: Float | None = None, depth_prob: Float | None = None
    ) -> Portrait:
        """Make a portrait from arrays at photo size, to apply effects to any matte.

        Parameters
        ----------
        rgb : ndarray
            uint8 (H, W, 3), sRGB.
        alpha : ndarray
            float32 (H, W) in [0, 1].
        depth : ndarray, optional
            Relative depth, float32 (H, W) in [0, 1], 0 nearest.
        depth_prob : ndarray, optional
            Probability of the depth, float32 (H, W) in [0, 1]; 1 by default.

        Returns
        -------
        Portrait
            A portrait whose canvas is the photo; it has no `parts`.

        Raises
        ------
        InputError
            When an array has the wrong type, shape or range.

        Examples
        --------
        >>> import numpy as np
        >>> from depthmatte import Portrait
        >>> rgb, alpha = np.zeros((4, 6, 3), np.uint8), np.ones((4, 6), np.float32)
        >>> Portrait.from_arrays(rgb, alpha).cutout().shape
        (4, 6, 4)
        """
        photo, shape = Photo(rgb), np.shape(rgb)[:2]
        zeros = np.zeros(shape, np.float32)
        certain = zeros if depth is None else np.ones(shape, np.float32)
        measured = Depth(
            zeros if depth is None else depth, certain if depth_prob is None else depth_prob
        )
        return cls(photo, Matte(alpha, alpha), measured, Letterbox.identity(photo.shape))

    __eq__ = dataclasses_equal

    def __repr__(self) -> str:
        height, width = self.photo.shape
        found = "found" if self.found else "no person found"
        return (
            f"Portrait({self.photo.meta.name!r}, {width} x {height}, {found}, "
            f"depth {self.measured.source!r})"
        )

    def __getstate__(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @property
    def depth_fit(self) -> Letterbox:
        """The layout of the photo on the depth's canvas, which always shows the whole photo."""
        return self.full_fit or self.fit

    @property
    def found(self) -> bool:
        """Whether a person was found: the portrait covers at least 0.5 percent of the photo."""
        if self.edits:
            return bool(self.mask.mean() >= _MIN_PORTRAIT_SHARE)
        inside = self.matte.alpha[self.fit.content_slices]
        return bool((inside >= self.threshold).mean() * self.fit.photo_share >= _MIN_PORTRAIT_SHARE)

    @cached_property
    def alpha(self) -> Float:
        """Opacity of the portrait, float32 (H, W) in [0, 1]. Edges follow those of the photo."""
        # The canvas has the colors of the photo unless a profile was converted to sRGB.
        canvas_rgb = self.matte.rgb if is_srgb_profile(self.photo.meta.icc) else None
        alpha = restore_map(self.matte.alpha, self.fit, self.photo.rgb, canvas_rgb)
        if self.refine is not None:
            alpha = self.refine(self.photo.rgb, alpha, max(1.0, 1 / self.fit.scale))
        alpha = apply_edits(alpha, self.edits, self.photo.rgb)
        alpha = remove_specks(alpha) if self.clean else alpha
        return make_read_only(alpha if self.edge is None else edit_edge(alpha, self.edge))

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """The portrait area, bool (H, W): alpha at or above `threshold`."""
        return make_read_only(self.alpha >= self.threshold)

    @cached_property
    def opacity(self) -> Float:
        """What pictures show, float32 (H, W) in [0, 1]: see `pictured_opacity`."""
        return make_read_only(pictured_opacity(self))

    @cached_property
    def prob(self) -> Float:
        """Probability that a pixel belongs to the portrait, float32 (H, W) in [0, 1]."""
        return make_read_only(restore_map(self.matte.prob, self.fit))

    @cached_property
    def depth(self) -> Float:
        """Relative depth, float32 (H, W) in [0, 1] with 0 nearest; 0 where not valid."""
        return self._restore_depth_map(self.measured.relative)

    @cached_property
    def meters(self) -> Float:
        """Depth in meters, float32 (H, W); 0 where not valid.

        Raises
        ------
        MissingMap
            When depth is only relative.
        """
        if not self.measured.metric:
            raise MissingMap(
                f"{self.photo.meta.name}: its depth is relative and has no meters; "
                "give a depth file in meters, or a calibrated pair"
            )
        return make_read_only(
            restore_measured(self.measured.z, self.measured.known, self.depth_fit)
        )

    @cached_property
    def depth_prob(self) -> Float:
        """Probability that the depth is right, float32 (H, W) in [0, 1]; 0 where not valid."""
        return self._restore_depth_map(self.measured.prob)

    def _restore_depth_map(self, values: Float) -> Float:
        restored = restore_measured(values, self.measured.known, self.depth_fit)
        return make_read_only(np.minimum(restored, np.float32(1)))

    @cached_property
    def validity(self) -> NDArray[np.uint8]:
        """Whether depth is valid, or why not: uint8 (H, W) of `DepthStatus`."""
        return make_read_only(from_canvas(self.measured.validity, self.depth_fit, nearest=True))

    @cached_property
    def trimap(self) -> NDArray[np.uint8]:
        """What is certain, uint8 (H, W): 0 background, 255 portrait, 128 unknown."""
        return make_read_only(make_trimap(self.opacity))

    def frame(self, crop: str | CropOptions = "subject") -> Box:
        """Find a frame around the person, to crop any picture of this portrait.

        Parameters
        ----------
        crop : str or CropOptions
            "subject", "square", "passport" or "W:H", with options after a colon, such as
            "square:margin=0.1".

        Returns
        -------
        Box
            Within the photo; the whole photo without a person.

        Raises
        ------
        OptionError
            For any other text.

        Examples
        --------
        >>> picture = portrait.cutout()[portrait.frame("passport").slices]  # doctest: +SKIP
        """
        return frame_portrait(self.alpha, parse_crop(crop) if isinstance(crop, str) else crop)

    def cutout(self, **options: Any) -> NDArray[np.uint8]:
        """Return the person on a transparent background.

        Parameters
        ----------
        **options : Any
            Options of the effect `cutout`.

        Returns
        -------
        ndarray
            uint8 (H, W, 4) RGBA with straight alpha. Edge colors are free of the background.
        """
        return self._effect("cutout", **options)

    def blur(self, **options: Any) -> RGB:
        """Return the photo with the background out of focus.

        Parameters
        ----------
        **options : Any
            Options of the effect `blur`, such as `strength`.

        Returns
        -------
        ndarray
            uint8 (H, W, 3), in the color profile of the photo.
        """
        return self._effect("blur", **options)

    def beautify(self, **options: Any) -> RGB:
        """Return the photo with the skin of the person smoothed.

        Parameters
        ----------
        **options : Any
            Options of the effect `beautify`, such as `strength`.

        Returns
        -------
        ndarray
            uint8 (H, W, 3), in the color profile of the photo.
        """
        return self._effect("beautify", **options)

    def place(self, background: Any = "white", **options: Any) -> NDArray[np.uint8]:
        """Return the person on another background, or somewhere in another picture.

        Parameters
        ----------
        background : str, path, tuple, PIL.Image.Image, Photo or ndarray
            A color in sRGB ("#rrggbb", a name, "transparent", or (r, g, b) from 0 to 255), the
            path of a picture, or a picture uint8 (h, w, 3). A picture is scaled to cover the
            photo and cropped.
        **options : Any
            Options of the effect `background`, such as `shadow`. With `at` or `height`, options
            of the effect `place`: then a picture keeps its size, and the person stands in it.

        Returns
        -------
        ndarray
            uint8 (H, W, 3), in the color profile of the photo; (H, W, 4) on "transparent"; of
            the picture's size with `at` or `height`.

        Raises
        ------
        InputError
            When the picture cannot be read, or the text is neither a file nor a color.

        Examples
        --------
        >>> picture = portrait.place("beach.jpg", at=(0.3, 0.95), height=0.6)  # doctest: +SKIP
        """
        if "at" in options or "height" in options:
            picture = make_background(background).picture
            return self._effect("place", picture=picture, **options)
        return replace(make_background(background), **options)(self)

    def save(self, path: str | os.PathLike[str] | BinaryIO, format: str | None = None) -> Any:
        """Write the cutout to a file and keep the photo's EXIF and color profile.

        Parameters
        ----------
        path : path or binary file
            The file to write. The suffix picks the format. The photo's own file is refused.
        format : {"png", "webp", "tiff"}, optional
            The format, instead of the suffix. An open file gets "png" by default.

        Returns
        -------
        Path or binary file

        Raises
        ------
        InputError
            When the file cannot be written or has no alpha channel.

        Examples
        --------
        >>> dm.cut("photo.jpg").save("cutout.png")  # doctest: +SKIP
        """
        from ..io.photo.photo_writer import write

        meta, picture = self.photo.meta, self.cutout()
        if isinstance(path, str | os.PathLike):
            return write(picture, path, meta, forbid=meta.path or (), format=format)
        write(picture, path, meta, format=format)
        return path

    def _effect(self, name: str, **options: Any) -> NDArray[np.uint8]:
        from ..effects import EFFECTS

        return EFFECTS[name](**options)(self)

    def _repr_png_(self) -> bytes:
        """Return the cutout as a small PNG for notebooks."""
        return encode_preview(self)
