"""The numbers of composite scenes and stereo pairs, each written once with its range.

Imports no heavy package.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...option_fields import check_options, option
from ..augment.options import CountSpan, Span, chance, span

Shares = tuple[float, ...]
"""How often each of several cases occurs; the sum is 1."""


def shares(default: Shares, help: str) -> Shares:
    """An option of as many shares as the default has, whose sum is 1."""
    made: Shares = option(
        default, help, 0, 1,
        valid=lambda held: len(held) == len(default) and abs(sum(held) - 1) < 1e-9,
        takes=f"{len(default)} shares whose sum is 1",
    )  # fmt: skip
    return made


@dataclass(frozen=True)
class DepthSceneOptions:
    """How a scene that trains the depth network is composed (`scenes.depth_scenes`)."""

    indoor_share: float = chance(0.55, "draw this share of scenes indoors")
    focal: Span = span((0.8, 1.5), "draw the focal length, shares of the longer side", 0.1, 10)
    horizon: Span = span((0.28, 0.6), "draw the horizon, shares of the height", 0, 1)
    camera_height: Span = span((1.1, 1.7), "draw the camera's height in meters", 0.1, 10)
    indoor_wall: Span = span((3.5, 10.0), "draw the wall indoors at these meters", 1, 60)
    outdoor_wall: Span = span((15.0, 60.0), "draw the wall outdoors at these meters", 1, 60)
    background_crop_area: float = option(0.4, "keep this share of a background", 0.01, 1)
    poster_wall: float = option(12.0, "hang posters on walls nearer than this", 0, 100)
    poster_counts: Shares = shares((0.25, 0.45, 0.3), "hang 0, 1 or 2 posters this often")
    poster_height: Span = span((0.5, 2.2), "make posters this high in meters", 0.05, 10)
    poster_frame_chance: float = chance(0.6, "frame a poster")
    poster_frame: Span = span((0.01, 0.05), "make frames this wide, shares of the height", 0, 0.4)
    poster_bottom: Span = span(
        (0.6, 1.0), "hang them with the bottom here, shares of the wall", 0, 2
    )
    poster_left: Span = span((-0.15, 0.9), "hang them this far from the left", -1, 2)
    background_blur_chance: float = chance(0.35, "blur the background")
    background_blur: Span = span((0.5, 3.0), "blur it by this many pixels", 0.01, 100)
    portrait_chance: float = chance(0.45, "put a portrait in front")
    portrait_meters: Span = span((0.5, 1.4), "put it at these meters", 0.1, 60)
    portrait_height: Span = span((0.5, 0.98), "make it this high, shares of the picture", 0.01, 4)
    people_behind_portrait: CountSpan = span((0, 3), "stand this many people behind it", 0, 50)
    people_alone: CountSpan = span((1, 4), "stand this many people without it", 0, 50)
    first_meters: Span = span((1.8, 5.0), "stand the first at these meters", 0.3, 60)
    abreast_chance: float = chance(0.2, "stand the next one about as far")
    abreast_step: Span = span((1.0, 1.15), "multiply its distance by this", 1, 10)
    farther_step: Span = span((1.2, 2.2), "multiply the distance of others by this", 1, 10)
    person_height: Span = span((1.5, 1.9), "make people this tall in meters", 0.3, 3)
    person_column: Span = span((0.05, 0.95), "stand them between these columns", -1, 2)
    shadow_chance: float = chance(0.5, "draw the shadow of a person")
    crowd_chance: float = chance(0.45, "stand a row of people behind all others")
    crowd_count: CountSpan = span((5, 12), "stand this many in the row", 1, 100)
    crowd_step: Span = span((1.0, 1.15), "multiply their distances by this", 1, 10)
    crowd_columns: Span = span((-0.1, 1.1), "stand them between these columns", -1, 2)
    crowd_column_spread: float = option(0.04, "spread their columns by this", 0, 1)
    seated_chance: float = chance(0.5, "show only the upper part of one of the row")
    seated_part: float = option(0.65, "show this share of the rows", 0.05, 1)
    object_counts: Shares = shares((0.5, 0.35, 0.15), "add 0, 1 or 2 objects this often")
    object_close_chance: float = chance(0.5, "hold an object up close")
    object_close_meters: Span = span((0.35, 0.6), "hold it at these meters", 0.1, 60)
    object_close_height: Span = span((0.15, 0.45), "make it this high in the picture", 0.01, 2)
    object_close_bottom: Span = span((0.7, 1.15), "hold its bottom here", 0, 3)
    object_meters: Span = span((1.5, 8.0), "stand others at these meters", 0.3, 60)
    object_height: Span = span((0.3, 1.2), "make them this high in meters", 0.01, 10)
    object_left: Span = span((-0.2, 1.0), "put objects this far from the left", -1, 2)
    tone_chance: float = chance(0.7, "show a cut-out in other light")
    poster_weight: float = option(3.0, "weigh a poster's pixels by this", 0, 100)
    background_weight: float = option(0.25, "weigh the background's depth by this", 0, 100)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class StereoPairOptions:
    """How a pair that trains the stereo network is composed (`scenes.stereo_pairs`)."""

    reach: Span = span((0.12, 1.0), "draw the largest disparity as this share of its limit", 0, 1)
    reach_limit: float = option(0.5, "limit disparities to this share of the width", 0.01, 1)
    far_part: Span = span((0.0, 0.5), "put the background at this share of the reach", 0, 1)
    background_slant: float = option(0.05, "spread the background's slant by this", 0, 1)
    largest_slant: float = option(0.3, "slant by at most this across", 0, 0.9)
    bump_chance: float = chance(0.5, "add bumps to a sheet")
    bump_spread: float = option(4.0, "spread bumps by at most this many pixels", 0, 100)
    bump_part: float = option(0.06, "spread them by at most this share of the disparity", 0, 1)
    ground_chance: float = chance(0.5, "add ground, nearer toward the lower rim")
    ground_horizon: Span = span((0.4, 0.8), "start it at this share of the height", 0, 0.99)
    covering_scale: Span = span((0.6, 1.0), "scale backgrounds by this", 0.01, 1)
    sheet_count: CountSpan = span((3, 10), "add this many sheets", 0, 100)
    sheet_depth: Span = span((0.02, 1.0), "put them at this share between far and near", 0, 1)
    steep_chance: float = chance(0.5, "slant a sheet more")
    steep_slant: float = option(0.1, "spread the slant of those by this", 0, 1)
    flat_slant: float = option(0.02, "spread the slant of others by this", 0, 1)
    cutout_height: Span = span((0.2, 1.1), "make sheets this high, shares of the picture", 0.01, 4)
    cutout_tilt: float = option(0.12, "spread their tilt by this", 0, 3.2, unit="radians")
    cutout_row: Span = span((0.1, 1.0), "put their middles on these rows", 0, 1)
    standing_share: float = chance(0.2, "show a standing person in this share of sheets")
    portrait_share: float = chance(0.2, "show a portrait in this share")
    object_share: float = chance(0.15, "show an object in this share; the rest are pictures")
    place_share: float = chance(0.8, "take this share of pictures from backgrounds")
    plain_chance: float = chance(0.15, "show one color only instead of a picture")
    shared_tone_chance: float = chance(0.5, "change the light of both views alike")
    gain_spread: float = option(0.06, "spread each view's log exposure by this", 0, 2)
    white_balance_spread: float = option(0.02, "spread the log gain of its colors by this", 0, 2)
    offset_spread: float = option(3.0, "spread its black level by this", 0, 100)
    blur_chance: float = chance(0.2, "blur a view")
    blur: Span = span((0.3, 1.0), "blur it by this many pixels", 0.01, 50)
    noise_chance: float = chance(0.5, "add sensor noise to a view")
    jpeg_chance: float = chance(0.15, "pack a view as JPEG")
    misaligned_chance: float = chance(0.5, "spoil the rectification")
    shift_spread: float = option(0.35, "spread the vertical shift by this", 0, 50, unit="pixels")
    turn_spread: float = option(0.0008, "spread the roll by this", 0, 1, unit="radians")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class GroupOptions:
    """How a scene that trains the network of people is composed (`scenes.group_scenes`)."""

    background_crop_area: float = option(0.4, "keep this share of a background", 0.01, 1)
    background_blur_chance: float = chance(0.35, "blur the background")
    background_blur: Span = span((0.5, 3.0), "blur it by this many pixels", 0.01, 100)
    row_share: float = chance(0.55, "stand people in a row in this share of scenes")
    portrait_share: float = chance(0.2, "cut them off below in this share")
    empty_share: float = chance(0.03, "show nobody in this share; the rest are scattered")
    people: CountSpan = span((1, 6), "show this many people", 0, 50)
    portraits: CountSpan = span((1, 4), "show this many people cut off below", 0, 50)
    cutout_share: float = chance(0.5, "take this share of people from RGBA cut-outs")
    row_height: Span = span((0.2, 1.05), "make a row this high, shares of the picture", 0.02, 4)
    height_spread: float = option(0.15, "spread the log height of its people by this", 0, 2)
    gap: Span = span(
        (-0.55, 0.35), "leave this gap, shares of the narrower of two; below 0 they overlap", -1, 10
    )
    widest_row: float = option(1.1, "shrink rows wider than this share of the picture", 0.1, 10)
    floor: Span = span((0.3, 1.15), "stand them on this share of the free rows", -1, 3)
    order_spread: float = option(
        0.05, "spread the order in which they cover each other by this share of the height", 0, 1
    )
    portrait_height: Span = span((0.5, 1.2), "make people cut off below this high", 0.05, 4)
    portrait_shown: Span = span((0.4, 1.0), "show this share of their rows", 0.05, 1)
    scatter_height: Span = span((0.12, 1.1), "make scattered people this high", 0.02, 4)
    tone_chance: float = chance(0.7, "show a cut-out in other light")
    object_chance: float = chance(0.08, "put an object before a person")
    object_height: Span = span((0.15, 0.5), "make it this high, shares of the person", 0.01, 4)
    object_place: Span = span((0.3, 1.0), "put it on these rows of the person", -1, 2)

    def __post_init__(self) -> None:
        check_options(self)


DEFAULT_DEPTH_SCENE = DepthSceneOptions()
"""How depth scenes are composed where a recipe does not say."""

DEFAULT_STEREO_PAIR = StereoPairOptions()
"""How stereo pairs are composed where a recipe does not say."""

DEFAULT_GROUP = GroupOptions()
"""How groups are composed where a recipe does not say."""
