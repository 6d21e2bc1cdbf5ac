"""What a HEIC holds beside its photo: auxiliary depth, a matte, a stereo pair's other view.

The decoder turns every picture by its own properties. Where only the photo has any, its
auxiliaries come out as the sensor saw them and are turned here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..arrays import Float
from ..camera import Camera
from ..evidence import Evidence, RawDepth, StereoView
from . import apple, exif, heif_boxes, stereo_file
from .damaged import Damaged
from .findings import Findings, attempt, covering, covers
from .heif_boxes import Boxes, Item, Turns
from .orientation import upright
from .plane import LARGEST
from .ranges import relative

if TYPE_CHECKING:
    from PIL.Image import Exif

_DEPTH = ("urn:mpeg:hevc:2015:auxid:2", "urn:mpeg:mpegB:cicp:systems:auxiliary:depth")


def find(content: bytes, shape: tuple[int, int], tags: Exif) -> Findings:
    """Everything in the bytes of a HEIF whose photo decodes to `shape` (h, w), upright."""
    boxes = heif_boxes.read(content)
    photo_turns = boxes.items.get(boxes.primary, Item()).turns
    of_depth = _auxiliary(boxes, _DEPTH)
    file = _decoder(content) if boxes.auxiliaries or boxes.pair else None
    camera = attempt(_camera, file, of_depth, photo_turns, shape)
    camera = camera or attempt(exif.camera, tags, shape)
    if file is None:
        return Findings(camera=camera)
    return Findings(
        Evidence(
            stored=covering(attempt(_depth, file, of_depth, photo_turns), shape),
            second=attempt(_second, file, boxes, shape, camera),
            matte=attempt(_matte, file, boxes, photo_turns, shape),
        ),
        camera,
    )


def _decoder(content: bytes) -> Any:
    import pillow_heif

    return pillow_heif.open_heif(content, convert_hdr_to_8bit=True)


def _auxiliary(boxes: Boxes, names: tuple[str, ...]) -> Item | None:
    """The photo's first auxiliary picture of a kind."""
    found = (boxes.items.get(item, Item()) for item in boxes.auxiliaries)
    return next((item for item in found if item.auxiliary in names), None)


def _depth(file: Any, item: Item | None, photo_turns: Turns) -> RawDepth | None:
    if item is None:
        return None
    image = file[file.primary_index].info["depth_images"][0]
    stored = _turned(_levels(image), item.turns, photo_turns)
    kind = apple.kind(item.xmp)
    if kind in ("disparity", "depth"):
        return apple.depth(kind, stored, item.xmp)
    return _by_picture(stored, image.info.get("metadata") or {})


def _by_picture(levels: Float, about: dict[str, Any]) -> RawDepth:
    """Depth by the representation that the picture's own stream states (H.265 annex G)."""
    kinds: dict[int, Literal["disparity", "depth"]] = {1: "disparity", 2: "depth"}
    form = about.get("representation_type")
    if form == 0 and about.get("z_near") and about.get("z_far"):  # 1 / z, in even steps
        near, far = about["z_near"], about["z_far"]
        return apple.ranged("disparity", levels, 1 / far, 1 / near)
    names = ("d_min", "d_max") if form == 1 else ("z_near", "z_far")
    low, high = about.get(names[0]), about.get(names[1])
    if form in kinds and low is not None and high is not None:
        return apple.ranged(kinds[form], levels, low, high)
    return relative("heic-depth", levels, near_is_high=True)


def _matte(
    file: Any, boxes: Boxes, photo_turns: Turns, shape: tuple[int, int]
) -> NDArray[np.uint8] | None:
    item = _auxiliary(boxes, (apple.MATTE,))
    photo = file[file.primary_index]
    numbers = photo.info.get("aux", {}).get(apple.MATTE, [])
    if item is None or not numbers:
        return None
    levels = _levels(photo.get_aux_image(numbers[0]))
    matte = _turned((levels * 255).round().astype(np.uint8), item.turns, photo_turns)
    return matte if covers(matte, shape) else None


def _second(
    file: Any, boxes: Boxes, shape: tuple[int, int], camera: Camera | None
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
    return StereoView(rgb, side, "spatial-heic", stereo_file.beside(camera, side, apart))


def _baseline(boxes: Boxes) -> float | None:
    places = [boxes.items.get(item, Item()).place for item in boxes.pair or ()]
    if len(places) != 2 or places[0] is None or places[1] is None:
        return None
    return float(np.linalg.norm(np.subtract(places[0], places[1])))


def _camera(
    file: Any, depth: Item | None, photo_turns: Turns, shape: tuple[int, int]
) -> Camera | None:
    stated = None if depth is None else apple.camera(depth.xmp)
    if stated is not None:
        turn = orientation(photo_turns)
        return stated.scaled(shape[::-1] if turn >= 5 else shape).turn(turn)
    matrix = {} if file is None else file[file.primary_index].info.get("heif", {})
    own = matrix.get("camera_intrinsic_matrix")
    if not own:
        return None
    names = ("focal_length_x", "focal_length_y", "principal_point_x", "principal_point_y")
    fx, fy, cx, cy = (float(own[name]) for name in names)
    return Camera(shape, fx, fy, cx - 0.5, cy - 0.5)


def _levels(image: Any) -> Float:
    """A decoded grey picture as float32 (h, w) in [0, 1]."""
    if image.size[0] * image.size[1] > LARGEST:
        raise Damaged("too large")
    pixels = np.asarray(image)
    width, height = image.size
    pixels = pixels[:height, :width]
    if pixels.ndim == 3:
        pixels = pixels[..., 0]
    return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


def _turned(plane: NDArray[Any], own: Turns, photo: Turns) -> NDArray[Any]:
    return upright(plane, orientation(photo)) if photo and not own else plane


def orientation(turns: Turns) -> int:
    """HEIF's turns in order -> the EXIF orientation that does the same."""
    stored = seen = np.arange(6).reshape(2, 3)
    for kind, amount in turns:
        seen = np.rot90(seen, amount) if kind == "irot" else np.flip(seen, amount & 1)
    return next(number for number in range(1, 9) if np.array_equal(upright(stored, number), seen))
