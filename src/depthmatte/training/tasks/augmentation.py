"""The augmentation of each task: all numbers that decide its samples. Imports no heavy package.

`AUGMENTATIONS` maps the name of a task to its dataclass. Each field is a group of numbers, and a
recipe file has a table for each group: `[augmentation.color]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...option_fields import check_options, option
from ..augment.options import (
    DEFAULT_COLOR,
    DEFAULT_COPY_PASTE,
    DEFAULT_CORRUPTION,
    DEFAULT_CROWD,
    DEFAULT_DEFORMATION,
    DEFAULT_GEOMETRY,
    BackgroundReplacement,
    ColorAugmentation,
    CopyPaste,
    Corruption,
    CrowdOptions,
    CutoutPasting,
    Deformation,
    GeometryAugmentation,
    HiddenRegion,
    Span,
    chance,
    span,
)
from ..scenes.options import DEFAULT_GROUP, DepthSceneOptions, GroupOptions, StereoPairOptions


@dataclass(frozen=True)
class TeacherMatte:
    """How far the matte of a teacher is believed (`data.teacher_band.refine_outline`)."""

    least_iou: float = chance(0.88, "believe a teacher whose IoU with the mask is at least this")
    weight: float = chance(1.0, "give the teacher this weight, the mask the rest")
    band: float = option(
        0.03,
        "believe it within this distance of the outline, as a share of the person's size; "
        "0 believes it everywhere",
        0,
        10,
    )
    least_band: float = option(3.0, "make the band at least this wide", 0, 1000, unit="pixels")
    error_reach: float = option(
        0.5, "leave out places around errors farther from the outline than this share of it", 0, 1
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class DepthSampling:
    """What an epoch of the depth network shows, and how far weak labels are trusted."""

    scenes_per_epoch: int = option(1800, "draw this many composite scenes per epoch", 0, 1_000_000)
    photo_share: float = option(0.5, "draw each photo with people this often", 0, 1000)
    background_share: float = option(1.5, "draw each background this often", 0, 1000)
    full_width_share: float = chance(0.4, "draw this share of scenes as wide as the canvas")
    width: Span = span((0.7, 1.0), "draw the others this wide, as a share of it", 0.1, 1)
    trust_person: float = chance(0.15, "trust weak labels of people this much")
    trust_around: float = chance(0.5, "trust weak labels around people this much")
    trust_background: float = chance(1.0, "trust weak labels of backgrounds this much")
    least_ratio: float = option(1.05, "rank points whose distances differ by this factor", 1, 10)
    people_points: int = option(200, "rank this many points between two people", 1, 100_000)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class FusionSampling:
    """How often the fusion network sees each kind of maps, and how maps are varied."""

    scene_share: float = option(6.0, "draw each scene this often", 0, 1000)
    composite_share: float = option(2.0, "draw each composite this often", 0, 1000)
    group_share: float = option(1.0, "draw each photo of a group this often", 0, 1000)
    photo_share: float = option(2.0, "draw each ordinary photo this often", 0, 1000)
    wrong_depth_chance: float = chance(0.3, "show depth that is entirely wrong")
    other_scene_share: float = chance(0.25, "take this share of it from another picture")
    misplaced_chance: float = chance(0.3, "misplace part of the subject in an estimate")
    cropped_field_chance: float = chance(0.25, "show a part of the photo to another depth camera")
    no_color_chance: float = chance(0.1, "show no colors")
    gamma_spread: float = option(0.2, "spread log gamma by this", 0, 2)
    gain_spread: float = option(0.12, "spread log exposure by this", 0, 2)
    white_balance_spread: float = option(0.05, "spread the log gain of each color by this", 0, 2)
    flip_chance: float = chance(0.5, "mirror the maps")
    zoom: Span = span((-0.2, 0.35), "change log scale by this", -2, 2)
    move: float = option(0.12, "move maps by at most this share of half their size", 0, 1)
    offset_chance: float = chance(0.35, "shift depth by some pixels")
    offset_spread: float = option(3.0, "spread that shift by this", 0, 100, unit="pixels")
    large_offset_chance: float = chance(0.15, "shift the depth of others by many pixels")
    large_offset: float = option(14.0, "shift it by at most this", 0, 1000, unit="pixels")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class StereoSampling:
    """What an epoch of the stereo network shows."""

    pairs_per_epoch: int = option(2400, "draw this many pairs per epoch", 1, 1_000_000)
    disparity_part: float = option(
        0.95, "draw disparities up to this share of what the network can see", 0.01, 1
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class PeopleSampling:
    """What an epoch of the network of people shows."""

    scenes_per_epoch: int = option(4000, "draw this many scenes of groups per epoch", 0, 1_000_000)
    outside_weight: float = option(
        0.15, "weight what lies outside the mask of a photo by this", 0, 10
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class PersonView:
    """How the parts network sees a person: cut from the photo with a margin."""

    margin: Span = span(
        (0.02, 0.35), "leave this margin, as a share of the person's longer side", 0, 10
    )
    whole_chance: float = chance(0.1, "show the whole photo instead")
    long_side: int = option(400, "shrink what is cut to this long side", 32, 4096, unit="pixels")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class EdgeErrors:
    """How the alpha that the parts network is given differs from the mask."""

    shift: float = option(1.2, "move the edge by a spread of this", 0, 100, unit="pixels")
    blur: Span = span((0.0, 1.8), "blur it by this many pixels", 0, 100)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class MatteAugmentation:
    """The numbers of the portrait network's samples."""

    color: ColorAugmentation = option(DEFAULT_COLOR, "vary colors")
    geometry: GeometryAugmentation = option(DEFAULT_GEOMETRY, "move photo and truth")
    hidden: HiddenRegion = option(HiddenRegion(), "hide a region of the person")
    background: BackgroundReplacement = option(BackgroundReplacement(), "replace backgrounds")
    copy_paste: CopyPaste = option(DEFAULT_COPY_PASTE, "paste people into other pictures")
    crowd: CrowdOptions = option(DEFAULT_CROWD, "add other people")
    cutout: CutoutPasting = option(CutoutPasting(), "paste RGBA cut-outs")
    deformation: Deformation = option(DEFAULT_DEFORMATION, "bend people and add cloth")
    teacher: TeacherMatte = option(TeacherMatte(), "soften outlines by a teacher's matte")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class DepthAugmentation:
    """The numbers of the depth network's samples."""

    sampling: DepthSampling = option(DepthSampling(), "mix scenes, photos and backgrounds")
    scene: DepthSceneOptions = option(DepthSceneOptions(), "compose scenes")
    color: ColorAugmentation = option(DEFAULT_COLOR, "vary colors")
    geometry: GeometryAugmentation = option(DEFAULT_GEOMETRY, "move photo and truth")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class StereoAugmentation:
    """The numbers of the stereo network's pairs."""

    sampling: StereoSampling = option(StereoSampling(), "decide how many pairs are drawn")
    pair: StereoPairOptions = option(StereoPairOptions(), "compose pairs")
    color: ColorAugmentation = option(DEFAULT_COLOR, "vary colors")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class FusionAugmentation:
    """The numbers of the fusion network's samples."""

    sampling: FusionSampling = option(FusionSampling(), "mix and vary maps")
    corruption: Corruption = option(DEFAULT_CORRUPTION, "corrupt mattes and depth")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class DetailPatch:
    """How the patches of the detail network are drawn and varied."""

    share: float = option(4.0, "draw from each file of patches this often per epoch", 0, 1000)
    photo_share: float = option(
        1.5, "draw from each file of patches of a photo this often per epoch", 0, 1000
    )
    flip_chance: float = chance(0.5, "mirror a patch")
    turn_chance: float = chance(0.5, "turn a patch by 90 degrees")
    tone_chance: float = chance(0.7, "change exposure, contrast, gamma and white balance")
    swap_chance: float = chance(0.1, "then swap its colors")
    noise_chance: float = chance(0.3, "add noise to the photo")
    noise: Span = span((0.002, 0.02), "spread it by this share of white", 0, 1)
    window: int = option(31, "compare coarse alpha and truth in windows of this side", 3, 159)
    undecided: Span = span(
        (0.3, 0.5),
        "leave alpha as it is where their means differ by the second, and mix from the first",
        0,
        1,
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class PartWeights:
    """How much a pixel of each part counts in the loss of the parts network."""

    hair: float = option(1.0, "weight hair by this", 0, 100)
    face_skin: float = option(1.0, "weight face skin by this", 0, 100)
    body_skin: float = option(1.0, "weight body skin by this", 0, 100)
    clothes: float = option(1.0, "weight clothes by this", 0, 100)
    things: float = option(1.0, "weight things by this", 0, 100)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class DetailAugmentation:
    """The numbers of the detail network's patches."""

    patch: DetailPatch = option(DetailPatch(), "draw and vary patches")
    color: ColorAugmentation = option(DEFAULT_COLOR, "vary colors")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class PartsAugmentation:
    """The numbers of the parts network's samples."""

    view: PersonView = option(PersonView(), "cut the person from the photo")
    edge: EdgeErrors = option(EdgeErrors(), "change the edge of the alpha that it sees")
    weight: PartWeights = option(PartWeights(), "weight parts in the loss")
    color: ColorAugmentation = option(DEFAULT_COLOR, "vary colors")
    geometry: GeometryAugmentation = option(DEFAULT_GEOMETRY, "move photo and truth")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class PeopleAugmentation:
    """The numbers of the samples of the network of people."""

    sampling: PeopleSampling = option(PeopleSampling(), "mix scenes and photos")
    scene: GroupOptions = option(DEFAULT_GROUP, "compose scenes of groups")
    color: ColorAugmentation = option(DEFAULT_COLOR, "vary colors")
    geometry: GeometryAugmentation = option(DEFAULT_GEOMETRY, "move photo and truth")

    def __post_init__(self) -> None:
        check_options(self)


DEFAULT_MATTE_AUGMENTATION = MatteAugmentation()
"""The portrait network's numbers where a recipe does not say."""

DEFAULT_DEPTH_AUGMENTATION = DepthAugmentation()
"""The depth network's numbers where a recipe does not say."""

DEFAULT_STEREO_AUGMENTATION = StereoAugmentation()
"""The stereo network's numbers where a recipe does not say."""

DEFAULT_FUSION_AUGMENTATION = FusionAugmentation()
"""The fusion network's numbers where a recipe does not say."""

DEFAULT_DETAIL_AUGMENTATION = DetailAugmentation()
"""The detail network's numbers where a recipe does not say."""

DEFAULT_PARTS_AUGMENTATION = PartsAugmentation()
"""The parts network's numbers where a recipe does not say."""

DEFAULT_PEOPLE_AUGMENTATION = PeopleAugmentation()
"""The numbers of the network of people where a recipe does not say."""

Augmentation = (
    MatteAugmentation
    | DepthAugmentation
    | StereoAugmentation
    | FusionAugmentation
    | DetailAugmentation
    | PartsAugmentation
    | PeopleAugmentation
)
"""The numbers of some task's samples."""

AUGMENTATIONS: Mapping[str, type[Augmentation]] = {
    "matte": MatteAugmentation,
    "depth": DepthAugmentation,
    "stereo": StereoAugmentation,
    "fuse": FusionAugmentation,
    "detail": DetailAugmentation,
    "parts": PartsAugmentation,
    "people": PeopleAugmentation,
}
"""Task -> its numbers."""
