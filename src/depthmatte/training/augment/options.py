"""The numbers of augmentation that all tasks share, each written once with its range.

A *chance* says how often a change happens, in [0, 1]. A *span* is the least and the largest value
that is drawn. A *spread* is the standard deviation of what is drawn. Imports no heavy package.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...option_fields import check_options, option

Span = tuple[float, float]
"""Least and largest value."""

CountSpan = tuple[int, int]
"""Least and largest whole number, both drawn."""


def chance(default: float, help: str) -> Any:
    """An option in [0, 1]."""
    return option(default, help, 0, 1)


def span(default: Span | CountSpan, help: str, low: float, high: float) -> Any:
    """An option of two numbers in [low, high], the smaller first."""
    return option(
        default, help, low, high, valid=lambda pair: pair[0] <= pair[1],
        takes=f"two numbers from {low:.12g} to {high:.12g}, the smaller first",
    )  # fmt: skip


@dataclass(frozen=True)
class ColorAugmentation:
    """How the colors of a photo are varied (`augment.color`); the strength scales each chance."""

    tone_chance: float = chance(0.8, "change exposure, contrast, gamma and white balance")
    gamma_spread: float = option(0.2, "spread log gamma by this", 0, 2)
    contrast_spread: float = option(0.15, "spread log contrast by this", 0, 2)
    brightness_spread: float = option(0.06, "spread brightness by this share of white", 0, 1)
    white_balance_spread: float = option(0.06, "spread the log gain of each color by this", 0, 2)
    saturation_chance: float = chance(0.4, "change saturation")
    gray_share: float = chance(0.08, "make this share of them gray")
    saturation: Span = span((0.6, 1.4), "multiply saturation by this", 0, 10)
    low_light_chance: float = chance(0.06, "make the photo dark and noisy")
    low_light_gain: Span = span((0.15, 0.5), "multiply its light by this", 0, 1)
    low_light_noise: Span = span((0.3, 1.0), "multiply its shot noise by this", 0, 10)
    blur_chance: float = chance(0.15, "blur the photo")
    defocus_share: float = chance(0.5, "put this share of them out of focus; shake the others")
    defocus_sigma: Span = span((0.4, 1.6), "blur out-of-focus photos by this many pixels", 0.01, 50)
    shake_length: CountSpan = span((2, 5), "shake by this many pixels", 1, 100)
    shake_across_share: float = chance(0.5, "shake this share from side to side")
    noise_chance: float = chance(0.15, "add sensor noise")
    noise_sigma: Span = span((1.0, 10.0), "spread it by this many gray levels", 0, 255)
    jpeg_chance: float = chance(0.2, "pack the photo as JPEG")
    jpeg_quality: CountSpan = span((25, 89), "pack it at this quality", 1, 100)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class GeometryAugmentation:
    """How photo and truth are moved together (`augment.geometry`)."""

    quarter_turn_chance: float = chance(0.06, "turn the photo by 90 degrees")
    crop_chance: float = chance(0.7, "cut a window smaller than the largest")
    crop_area: float = option(0.4, "keep at least this share of the largest window", 0.01, 1)
    portrait_aspect: Span = span((0.62, 1.0), "cut upright windows this wide per height", 0.1, 1)
    landscape_aspect: Span = span((1.1, 1.6), "cut landscape windows this wide per height", 1, 10)
    flip_chance: float = chance(0.5, "mirror the photo")
    rotation_chance: float = chance(0.4, "rotate, scale and squeeze the photo")
    rotation_degrees: float = option(7.5, "spread the rotation by this", 0, 90, unit="degrees")
    zoom: float = option(0.25, "change log scale by at most this", 0, 2)
    squeeze: float = option(0.08, "change log aspect by at most this", 0, 2)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class HiddenRegion:
    """An oval of the person is blurred or painted over (`augment.color.obscure_region`)."""

    hidden_chance: float = chance(0.3, "hide a region of the person")
    upper_share: float = chance(0.8, "center this share of them in the upper part")
    upper_part: float = option(0.5, "take this share of the person's rows as upper part", 0.01, 1)
    half_axes: Span = span((0.1, 0.32), "give the oval these half axes, shares of the size", 0, 2)
    blur_share: float = chance(0.6, "blur this share; paint the others in one color")
    blur: Span = span((0.04, 0.15), "blur by this share of the person's size", 0, 1)
    least_blur: float = option(1.5, "blur by at least this many pixels", 0.1, 100)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class BackgroundReplacement:
    """Another picture behind the person (`augment.copy_paste.replace_background`)."""

    replacement_chance: float = chance(0.25, "replace the background; the strength scales it")
    crop_area: float = option(0.5, "keep at least this share of the new picture", 0.01, 1)
    blur_chance: float = chance(0.4, "blur the new background")
    blur: Span = span((0.5, 4.0), "blur it by this many pixels", 0.01, 100)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class CrowdOptions:
    """The other people in a copy-paste picture."""

    companions: float = chance(0.25, "add people who belong to the portrait")
    distractors: float = chance(0.7, "add people farther away who do not belong to it")
    distractor_height: Span = span(
        (0.25, 0.7), "make distractors this tall, as shares of the portrait's height", 0.01, 2
    )
    aligned: bool = option(
        False, "stand companions on one level with the person, about equally tall"
    )
    companions_drawn: int = option(1, "draw this many companions", 0, 20)
    aligned_companions_drawn: int = option(4, "draw this many to find aligned ones among", 0, 20)
    aligned_companions: int = option(2, "keep at most this many aligned companions", 0, 20)
    distractors_drawn: int = option(8, "draw distractors from this many photos", 0, 100)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class CutoutPasting:
    """RGBA cut-outs are pasted into pictures with their own alpha."""

    long_side: int = option(640, "shrink cut-outs to this long side", 32, 4096, unit="pixels")
    distractors: float = chance(0.3, "add people behind who do not belong to the portrait")
    distractors_drawn: int = option(4, "draw them from this many photos", 0, 100)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class CopyPaste:
    """People cut from their photos are pasted into other pictures (`augment.copy_paste`)."""

    paste_chance: float = chance(0.5, "paste a photo's person; the strength scales it")
    long_side: int = option(512, "make pictures this long", 32, 4096, unit="pixels")
    aspect: Span = span((1.2, 1.85), "make them this long per their shorter side", 1, 10)
    edge_gain: float = option(1.6, "draw the outline in by this slope", 1, 10)
    background_crop_area: float = option(
        0.5, "keep at least this share of the background picture", 0.01, 1
    )
    background_blur_chance: float = chance(0.4, "blur the background")
    background_blur: Span = span((0.5, 3.0), "blur it by this many pixels", 0.01, 100)
    height: Span = span((0.35, 1.0), "make people this tall, as shares of the picture", 0.01, 4)
    height_spread: Span = span((0.9, 1.1), "vary the heights in one picture by this", 0.1, 4)
    aligned_height_spread: Span = span((0.95, 1.05), "vary aligned heights by this", 0.1, 4)
    columns: Span = span((0.3, 0.7), "stand several people between these columns", 0, 1)
    column_offset: float = option(0.2, "move each by at most this share of the width", 0, 1)
    ground: Span = span((0.2, 1.0), "leave this share of the free rows above people", 0, 1)
    widest: float = option(1.3, "make people at most this wide, as a share of the width", 0.1, 10)
    mirror_chance: float = chance(0.5, "mirror a person")
    tone_chance: float = chance(0.5, "show a person in other light")
    tilt_degrees: float = option(6.0, "spread the tilt by this", 0, 180, unit="degrees")
    large_tilt_chance: float = chance(0.2, "let a whole person lean far")
    large_tilt_degrees: float = option(35.0, "spread that tilt by this", 0, 180, unit="degrees")
    motion_blur_chance: float = chance(0.3, "smear a person in motion")
    motion_blur: Span = span((0.01, 0.04), "smear by this share of the height", 0, 1)
    two_rows_chance: float = chance(0.35, "stand distractors in two rows")
    row_count: CountSpan = span((1, 11), "stand this many distractors in a row", 1, 100)
    row_columns: Span = span((-0.05, 1.05), "stand them between these columns", -1, 2)
    row_ground: Span = span((0.55, 0.9), "stand them on this row, a share of the height", 0, 2)
    row_height_spread: Span = span((0.9, 1.1), "vary the heights in a row by this", 0.1, 4)
    seated_chance: float = chance(0.5, "show only the upper part of a distractor")
    seated_part: Span = span((0.5, 0.7), "show this share of the rows", 0.05, 1)
    row_blur_chance: float = chance(0.4, "blur a row and what is behind it")
    row_blur: Span = span((0.5, 2.5), "blur it by this many pixels", 0.01, 100)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class Deformation:
    """Pasted people out of shape, with trailing cloth (`augment.deform`)."""

    bend_chance: float = chance(0.35, "bend a person")
    stretch: float = option(0.25, "stretch what reaches out by at most this", 0, 0.33)
    raised: float = option(0.3, "raise or lower it by at most this share of the height", 0, 1)
    sway: float = option(0.15, "sway by at most this share of the width", 0, 1)
    sway_waves: Span = span((0.5, 2.0), "sway in this many waves", 0, 20)
    cloth_chance: float = chance(0.25, "add trailing cloth to a person")
    cloth_count: CountSpan = span((1, 5), "add this many pieces", 1, 50)
    cloth_row: Span = span((0.2, 0.8), "fix them at this share of the rows", 0, 1)
    cloth_over_chance: float = chance(0.5, "paint cloth over the person, not under")
    cloth_angle: Span = span((-0.5, 1.2), "let cloth hang at this angle in radians", -3.2, 3.2)
    cloth_length: Span = span((0.1, 0.4), "make it this long, as a share of the height", 0.001, 2)
    cloth_width: Span = span((0.008, 0.11), "make it this wide", 0.001, 2)
    cloth_curve: float = option(0.6, "spread the bend of a piece by this", 0, 10)
    cloth_taper: Span = span((-0.8, 0.6), "widen it toward its end by this share", -1, 10)
    fold_waves: Span = span((3.0, 12.0), "draw folds in waves of this angle in radians", 0, 100)
    fold_depth: float = option(0.35, "brighten and darken folds by at most this", 0, 1)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class Corruption:
    """Errors of mattes and depth maps, as networks and sensors make them (`corruptions`)."""

    drop_chance: float = chance(0.4, "cut pieces out of the matte")
    dropped_rest: tuple[float, ...] = option(
        (0.0, 0.0, 0.25), "leave one of these shares of it, each as often", 0, 1
    )
    oval_count: CountSpan = span((1, 3), "change this many ovals", 1, 50)
    oval_axes: Span = span((0.06, 0.35), "give ovals these half axes, shares of the size", 0, 2)
    oval_blur: Span = span((0.5, 2.5), "blur ovals by this many pixels", 0.01, 100)
    false_positive_chance: float = chance(0.25, "add pieces next to the person")
    false_positive_reach: float = option(0.15, "add them within this share of the size", 0, 2)
    false_positive_alpha: Span = span((0.6, 1.0), "give them this alpha", 0, 1)
    false_positive_certainty: Span = span((0.7, 1.0), "multiply their probability by this", 0, 1)
    cropped_edge_chance: float = chance(0.5, "hide depth beyond an edge")
    cropped_edge: float = option(0.6, "hide at most this share of a side", 0, 0.9)
    least_seen: float = option(0.1, "leave at least this share of a side", 0, 1)
    limb_share: float = chance(0.5, "misplace limbs in this share, else ovals")
    limb_width: Span = span((0.15, 0.35), "take what is narrower than this as limbs", 0, 2)
    least_limb_area: float = option(0.005, "leave smaller limbs alone, shares of the area", 0, 1)
    limb_chance: float = chance(0.5, "misplace a limb")
    misplaced_axes: Span = span((0.1, 0.6), "give misplaced ovals these half axes", 0, 2)
    misplaced_percentile: Span = span((30.0, 95.0), "put them at this background depth", 0, 100)
    misplaced_blur: Span = span((1.0, 6.0), "blur them by this many pixels", 0.01, 100)
    misplaced_doubt: float = option(0.7, "lower their probability by at most this share", 0, 1)
    wrong_probability: Span = span((0.2, 1.0), "give made-up depth this probability", 0, 1)
    wrong_grid: CountSpan = span((2, 6), "make depth up on a grid of this many cells", 2, 100)

    def __post_init__(self) -> None:
        check_options(self)


DEFAULT_COLOR = ColorAugmentation()
"""How colors are varied where a recipe does not say."""

DEFAULT_GEOMETRY = GeometryAugmentation()
"""How photos are moved where a recipe does not say."""

DEFAULT_CROWD = CrowdOptions()
"""The other people in the portrait network's pictures."""

DEFAULT_COPY_PASTE = CopyPaste()
"""How people are pasted where a recipe does not say."""

DEFAULT_DEFORMATION = Deformation()
"""How pasted people are bent where a recipe does not say."""

DEFAULT_CORRUPTION = Corruption()
"""How maps are corrupted where a recipe does not say."""
