"""Find data inside a HEIC: auxiliary depth, a matte, the other view of a stereo pair.

The decoder turns every picture by its own transforms. Where only the photo has transforms, its
auxiliary pictures are decoded as the sensor saw them. They are turned here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...camera import Camera
from ...evidence import Evidence, RawDepth, StereoView
from ...types import Float
from ..damage import CorruptFileError, try_finder
from ..photo import exif
from ..photo.orientation import apply_orientation
from . import apple, heif_boxes, stereo_pair
from .aux_image import MAX_PLANE_PIXELS
from .depth_encoding import relative_levels_to_depth
from .embedded_data import EmbeddedData, has_photo_aspect, keep_if_covering
from .heif_boxes import HeifBoxes, HeifItem, HeifTransforms

if TYPE_CHECKING:
    from PIL.Image import Exif

_DEPTH_URNS = ("urn:mpeg:hevc:2015:auxid:2", "urn:mpeg:mpegB:cicp:systems:auxiliary:depth")


def find_heif_data(content: bytes, shape: tuple[int, int], tags: Exif) -> EmbeddedData:
    """Find everything in a HEIF file beside the pixels of its photo.

    Parameters
    ----------
    content : bytes
        The file.
    shape : tuple of int
        (h, w) of the photo as decoded, that is upright.
    tags : PIL.Image.Exif
        EXIF of the photo.

    Returns
    -------
    EmbeddedData
        On the upright pixels.

    Raises
    ------
    CorruptFileError
        For damaged boxes.
    """
    boxes = heif_boxes.read_heif_boxes(content)
    transforms = boxes.items.get(boxes.primary, HeifItem()).transforms
    depth_item = _find_auxiliary(boxes, _DEPTH_URNS)
    file = _decoder(content) if boxes.auxiliaries or boxes.pair else None
    camera = try_finder(_find_camera, file, depth_item, transforms, shape)
    camera = camera or try_finder(exif.camera_from_exif, tags, shape)
    if file is None:
        return EmbeddedData(camera=camera)
    depth = try_finder(_decode_depth, file, depth_item, transforms)
    return EmbeddedData(
        Evidence(
            embedded_depth=keep_if_covering(depth, shape),
            second_view=try_finder(_decode_second_view, file, boxes, shape, camera),
            matte=try_finder(_decode_matte, file, boxes, transforms, shape),
        ),
        camera,
    )


def _decoder(content: bytes) -> Any:
    import pillow_heif

    return pillow_heif.open_heif(content, convert_hdr_to_8bit=True)


def _find_auxiliary(boxes: HeifBoxes, names: tuple[str, ...]) -> HeifItem | None:
    """The photo's first auxiliary picture of a kind."""
    found = (boxes.items.get(item, HeifItem()) for item in boxes.auxiliaries)
    return next((item for item in found if item.auxiliary_type in names), None)


def _decode_depth(file: Any, item: HeifItem | None, photo: HeifTransforms) -> RawDepth | None:
    if item is None:
        return None
    image = file[file.primary_index].info["depth_images"][0]
    stored = _turn_like_photo(_levels(image), item.transforms, photo)
    kind = apple.classify_apple_image(item.xmp)
    if kind in ("disparity", "depth"):
        return apple.parse_apple_depth(kind, stored, item.xmp)
    return _by_representation(stored, image.info.get("metadata") or {})


def _by_representation(levels: Float, info: dict[str, Any]) -> RawDepth:
    """Depth by the representation that the picture's own stream states (H.265, annex G)."""
    kinds: dict[int, Literal["disparity", "depth"]] = {1: "disparity", 2: "depth"}
    form = info.get("representation_type")
    if form == 0 and info.get("z_near") and info.get("z_far"):  # 1 / z in equal steps
        near, far = info["z_near"], info["z_far"]
        return apple.apple_levels_to_depth("disparity", levels, 1 / far, 1 / near)
    names = ("d_min", "d_max") if form == 1 else ("z_near", "z_far")
    low, high = info.get(names[0]), info.get(names[1])
    if form in kinds and low is not None and high is not None:
        return apple.apple_levels_to_depth(kinds[form], levels, low, high)
    return relative_levels_to_depth("heic-depth", levels, near_is_high=True)


def _decode_matte(
    file: Any, boxes: HeifBoxes, transforms: HeifTransforms, shape: tuple[int, int]
) -> NDArray[np.uint8] | None:
    item = _find_auxiliary(boxes, (apple.APPLE_MATTE_URN,))
    photo = file[file.primary_index]
    numbers = photo.info.get("aux", {}).get(apple.APPLE_MATTE_URN, [])
    if item is None or not numbers:
        return None
    levels = _levels(photo.get_aux_image(numbers[0]))
    pixels = (levels * 255).round().astype(np.uint8)
    matte = _turn_like_photo(pixels, item.transforms, transforms)
    return matte if has_photo_aspect(matte, shape) else None


def _decode_second_view(
    file: Any, boxes: HeifBoxes, shape: tuple[int, int], camera: Camera | None
) -> StereoView | None:
    """The other picture of the stereo pair; the `ster` box lists the left one first."""
    if boxes.pair is None or boxes.primary not in boxes.pair or len(file) != 2:
        return None
    other = file[1 - file.primary_index]
    if other.size != shape[::-1]:
        return None
    rgb = np.array(other.to_pillow().convert("RGB"))
    side: Literal["left", "right"] = "right" if boxes.pair[0] == boxes.primary else "left"
    other_camera = stereo_pair.make_side_camera(camera, side, _baseline(boxes))
    return StereoView(rgb, side, "spatial-heic", other_camera)


def _baseline(boxes: HeifBoxes) -> float | None:
    """Distance of the two cameras in meters; None where the file does not state it."""
    positions = [boxes.items.get(item, HeifItem()).position for item in boxes.pair or ()]
    if len(positions) != 2 or positions[0] is None or positions[1] is None:
        return None
    return float(np.linalg.norm(np.subtract(positions[0], positions[1])))


def _find_camera(
    file: Any, depth: HeifItem | None, transforms: HeifTransforms, shape: tuple[int, int]
) -> Camera | None:
    """The camera that the depth or the photo's own properties state."""
    stored = None if depth is None else apple.find_apple_camera(depth.xmp)
    if stored is not None:
        orientation = _to_exif_orientation(transforms)
        stored_shape = shape[::-1] if orientation >= 5 else shape
        return stored.scaled(stored_shape).apply_orientation(orientation)
    info = {} if file is None else file[file.primary_index].info.get("heif", {})
    matrix = info.get("camera_intrinsic_matrix")
    if not matrix:
        return None
    names = ("focal_length_x", "focal_length_y", "principal_point_x", "principal_point_y")
    fx, fy, cx, cy = (float(matrix[name]) for name in names)
    return Camera(shape, fx, fy, cx - 0.5, cy - 0.5)


def _levels(image: Any) -> Float:
    """A decoded gray picture as float32 (h, w) in [0, 1]."""
    if image.size[0] * image.size[1] > MAX_PLANE_PIXELS:
        raise CorruptFileError(f"{image.size[0]} x {image.size[1]} pixels")
    pixels = np.asarray(image)
    width, height = image.size
    pixels = pixels[:height, :width]
    if pixels.ndim == 3:
        pixels = pixels[..., 0]
    return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


def _turn_like_photo(
    plane: NDArray[Any], own: HeifTransforms, photo: HeifTransforms
) -> NDArray[Any]:
    """Turn a plane by the photo's transforms unless it has transforms of its own."""
    return apply_orientation(plane, _to_exif_orientation(photo)) if photo and not own else plane


def _to_exif_orientation(transforms: HeifTransforms) -> int:
    """The EXIF orientation that equals HEIF's transforms."""
    stored = turned = np.arange(6).reshape(2, 3)
    for kind, amount in transforms:
        turned = np.rot90(turned, amount) if kind == "irot" else np.flip(turned, amount & 1)
    return next(
        orientation
        for orientation in range(1, 9)
        if np.array_equal(apply_orientation(stored, orientation), turned)
    )
