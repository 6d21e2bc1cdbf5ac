"""What a HEIC holds beside its photo: auxiliary depth, a matte, a stereo pair's other view.

The decoder turns every picture by its own properties. Where only the photo has any, its
auxiliaries come out as the sensor saw them and are turned here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...camera import Camera
from ...evidence import Evidence, RawDepth, StereoView
from ...types import Float
from ..photo import exif
from ..photo.orientation import apply_orientation
from . import apple, heif_boxes, stereo_pair
from .aux_image import MAX_PLANE_PIXELS
from .corrupt import CorruptFileError
from .depth_encoding import relative_levels_to_depth
from .heif_boxes import HeifBoxes, HeifItem, HeifTransforms
from .result import EmbeddedData, has_photo_aspect, keep_if_covering, try_finder

if TYPE_CHECKING:
    from PIL.Image import Exif

_DEPTH = ("urn:mpeg:hevc:2015:auxid:2", "urn:mpeg:mpegB:cicp:systems:auxiliary:depth")


def find_heif_data(content: bytes, shape: tuple[int, int], tags: Exif) -> EmbeddedData:
    """Everything in the bytes of a HEIF whose photo decodes to `shape` (h, w), upright."""
    boxes = heif_boxes.read_heif_boxes(content)
    photo_turns = boxes.items.get(boxes.primary, HeifItem()).transforms
    of_depth = _auxiliary(boxes, _DEPTH)
    file = _decoder(content) if boxes.auxiliaries or boxes.pair else None
    camera = try_finder(_camera, file, of_depth, photo_turns, shape)
    camera = camera or try_finder(exif.camera_from_exif, tags, shape)
    if file is None:
        return EmbeddedData(camera=camera)
    return EmbeddedData(
        Evidence(
            embedded_depth=keep_if_covering(try_finder(_depth, file, of_depth, photo_turns), shape),
            second_view=try_finder(_second, file, boxes, shape, camera),
            matte=try_finder(_matte, file, boxes, photo_turns, shape),
        ),
        camera,
    )


def _decoder(content: bytes) -> Any:
    import pillow_heif

    return pillow_heif.open_heif(content, convert_hdr_to_8bit=True)


def _auxiliary(boxes: HeifBoxes, names: tuple[str, ...]) -> HeifItem | None:
    """The photo's first auxiliary picture of a kind."""
    found = (boxes.items.get(item, HeifItem()) for item in boxes.auxiliaries)
    return next((item for item in found if item.auxiliary_type in names), None)


def _depth(file: Any, item: HeifItem | None, photo_turns: HeifTransforms) -> RawDepth | None:
    if item is None:
        return None
    image = file[file.primary_index].info["depth_images"][0]
    stored = _turned(_levels(image), item.transforms, photo_turns)
    kind = apple.classify_apple_image(item.xmp)
    if kind in ("disparity", "depth"):
        return apple.parse_apple_depth(kind, stored, item.xmp)
    return _by_picture(stored, image.info.get("metadata") or {})


def _by_picture(levels: Float, about: dict[str, Any]) -> RawDepth:
    """Depth by the representation that the picture's own stream states (H.265 annex G)."""
    kinds: dict[int, Literal["disparity", "depth"]] = {1: "disparity", 2: "depth"}
    form = about.get("representation_type")
    if form == 0 and about.get("z_near") and about.get("z_far"):  # 1 / z, in even steps
        near, far = about["z_near"], about["z_far"]
        return apple.apple_levels_to_depth("disparity", levels, 1 / far, 1 / near)
    names = ("d_min", "d_max") if form == 1 else ("z_near", "z_far")
    low, high = about.get(names[0]), about.get(names[1])
    if form in kinds and low is not None and high is not None:
        return apple.apple_levels_to_depth(kinds[form], levels, low, high)
    return relative_levels_to_depth("heic-depth", levels, near_is_high=True)


def _matte(
    file: Any, boxes: HeifBoxes, photo_turns: HeifTransforms, shape: tuple[int, int]
) -> NDArray[np.uint8] | None:
    item = _auxiliary(boxes, (apple.APPLE_MATTE_URN,))
    photo = file[file.primary_index]
    numbers = photo.info.get("aux", {}).get(apple.APPLE_MATTE_URN, [])
    if item is None or not numbers:
        return None
    levels = _levels(photo.get_aux_image(numbers[0]))
    matte = _turned((levels * 255).round().astype(np.uint8), item.transforms, photo_turns)
    return matte if has_photo_aspect(matte, shape) else None


def _second(
    file: Any, boxes: HeifBoxes, shape: tuple[int, int], camera: Camera | None
) -> StereoView | None:
    """The pair's other picture; `ster` lists the left one first."""
    if boxes.pair is None or boxes.primary not in boxes.pair or len(file) != 2:
        return None
    other = file[1 - file.primary_index]
    if other.size != shape[::-1]:
        return None
    rgb = np.array(other.to_pillow().convert("RGB"))
    side: Literal["left", "right"] = "right" if boxes.pair[0] == boxes.primary else "left"
    apart = _baseline(boxes)
    return StereoView(rgb, side, "spatial-heic", stereo_pair.make_side_camera(camera, side, apart))


def _baseline(boxes: HeifBoxes) -> float | None:
    places = [boxes.items.get(item, HeifItem()).place for item in boxes.pair or ()]
    if len(places) != 2 or places[0] is None or places[1] is None:
        return None
    return float(np.linalg.norm(np.subtract(places[0], places[1])))


def _camera(
    file: Any, depth: HeifItem | None, photo_turns: HeifTransforms, shape: tuple[int, int]
) -> Camera | None:
    stated = None if depth is None else apple.find_apple_camera(depth.xmp)
    if stated is not None:
        turn = _to_exif_orientation(photo_turns)
        return stated.scaled(shape[::-1] if turn >= 5 else shape).apply_orientation(turn)
    matrix = {} if file is None else file[file.primary_index].info.get("heif", {})
    own = matrix.get("camera_intrinsic_matrix")
    if not own:
        return None
    names = ("focal_length_x", "focal_length_y", "principal_point_x", "principal_point_y")
    fx, fy, cx, cy = (float(own[name]) for name in names)
    return Camera(shape, fx, fy, cx - 0.5, cy - 0.5)


def _levels(image: Any) -> Float:
    """A decoded grey picture as float32 (h, w) in [0, 1]."""
    if image.size[0] * image.size[1] > MAX_PLANE_PIXELS:
        raise CorruptFileError("too large")
    pixels = np.asarray(image)
    width, height = image.size
    pixels = pixels[:height, :width]
    if pixels.ndim == 3:
        pixels = pixels[..., 0]
    return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


def _turned(plane: NDArray[Any], own: HeifTransforms, photo: HeifTransforms) -> NDArray[Any]:
    return apply_orientation(plane, _to_exif_orientation(photo)) if photo and not own else plane


def _to_exif_orientation(turns: HeifTransforms) -> int:
    """HEIF's turns in order -> the EXIF orientation that does the same."""
    stored = seen = np.arange(6).reshape(2, 3)
    for kind, amount in turns:
        seen = np.rot90(seen, amount) if kind == "irot" else np.flip(seen, amount & 1)
    return next(
        number for number in range(1, 9) if np.array_equal(apply_orientation(stored, number), seen)
    )
