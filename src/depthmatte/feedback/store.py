"""Store corrected masks: `store_sample` is the one way in, `remove_sample` the one way out.

A store is a private folder: `images/` and `masks/` with equal names, so that it can be read as a
training folder, `history/` with the masks before a correction was corrected, and samples.jsonl.
A photo keeps the bytes of its file where the training reader understands them. Else it is stored
upright and in sRGB as PNG.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..errors import DepthmatteError, InputError
from ..io.photo.photo_reader import read
from ..io.photo.photo_writer import encode_picture, write_file_bytes
from ..networks import registry
from ..system.folder_lock import folder_lock
from ..system.printable_text import label
from ..system.user_folders import make_private_folder
from ..types import RGB
from .mask_input import check_mask_values, fit_mask_to_photo, read_corrected_mask, read_small_file
from .sample_list import (
    FeedbackSample,
    append_sample,
    drop_sample,
    feedback_folder,
    find_sample,
    list_samples,
)

_MAX_FILE_BYTES = 128 << 20
"""Largest photo file that is stored."""

_MAX_SAMPLES = 100_000
_MAX_NOTE_LENGTH = 1000

_SUFFIX_OF_START = {b"\xff\xd8\xff": ".jpg", b"\x89PNG\r\n\x1a\n": ".png"}
"""First bytes of files that may be stored as they are -> their suffix."""

_MAX_DECODING_ERROR = 2.0
"""Largest mean difference, in levels of 255, of the training reader's pixels from ours."""


@dataclass(frozen=True)
class StoredSample:
    """What storing a sample did.

    Attributes
    ----------
    sample : FeedbackSample
        The sample as it is stored now.
    outcome : {"added", "updated", "unchanged"}
        Whether the photo is new; else whether its mask is another one than before.
    notes : tuple of str
        What the user should check.
    """

    sample: FeedbackSample
    outcome: str
    notes: tuple[str, ...] = ()


def store_sample(
    photo: Path | bytes,
    mask: Path | NDArray[np.uint8],
    *,
    store: Path | None = None,
    source: str = "python",
    name: str | None = None,
    note: str = "",
    network: str = "matte",
    resize_mask: bool = False,
) -> StoredSample:
    """Store a photo with its corrected mask as a sample to learn from.

    Parameters
    ----------
    photo : Path or bytes
        The photo's file, in any format that depthmatte reads.
    mask : Path or ndarray
        The corrected mask at the size of the upright photo: a gray picture or a cut-out with
        alpha, or uint8 (H, W), 0 background and 255 person.
    store : Path, optional
        The store; by default `feedback_folder()`. It is made where there is none.
    source : str
        What stores the sample, such as "feedback add" or the name of a page.
    name : str, optional
        Name of the photo; by default its file's.
    note : str
        A remark, up to 1000 characters.
    network : str
        The network whose mask was corrected, as `network_path` takes it. Its checksum is noted.
    resize_mask : bool
        Whether a mask of the same aspect but another size is scaled.

    Returns
    -------
    StoredSample
        The sample. A photo that is there already gets the new mask; the old one goes to history.

    Raises
    ------
    InputError
        For a photo or mask that cannot be used, and where the store cannot be written.

    Example
    -------
    >>> from pathlib import Path
    >>> store_sample(Path("me.jpg"), Path("fixed.png"))  # doctest: +SKIP
    """
    store = feedback_folder() if store is None else store
    content = photo if isinstance(photo, bytes) else read_small_file(photo, _MAX_FILE_BYTES)
    shown = name or ("photo" if isinstance(photo, bytes) else label(photo))
    if len(content) > _MAX_FILE_BYTES:
        raise InputError(f"{shown}: is larger than {_MAX_FILE_BYTES >> 20} MiB; scale it down")
    if len(note) > _MAX_NOTE_LENGTH:
        raise InputError(f"note: is longer than {_MAX_NOTE_LENGTH} characters; shorten it")
    # As sRGB, which networks get.
    rgb = read(content, shown, evidence=False, color="srgb").rgb
    levels, mask_name = (
        (read_corrected_mask(mask), label(mask))
        if isinstance(mask, Path)
        else (check_mask_values(mask, f"mask of {shown}"), f"mask of {shown}")
    )
    shape = (rgb.shape[0], rgb.shape[1])
    levels = fit_mask_to_photo(levels, shape, mask_name, resize_mask)
    kept, suffix = _encode_photo(content, rgb)
    encoded = encode_picture(levels, "png")
    original = _sha256(content)
    id = original[:12]
    network_name, network_sha256 = _identify_network(network)
    sample = FeedbackSample(
        store,
        id,
        f"images/{id}{suffix}",
        f"masks/{id}.png",
        rgb.shape[1],
        rgb.shape[0],
        _sha256(kept),
        _sha256(encoded),
        original,
        datetime.now(UTC).isoformat(timespec="seconds"),
        source,
        name or ("" if isinstance(photo, bytes) else label(photo.name)),
        note,
        __version__,
        network_name,
        network_sha256,
    )
    notes = (_orientation_note(content, rgb, shown),)
    return _write_sample(sample, kept, encoded, tuple(one for one in notes if one))


def remove_sample(id: str, store: Path | None = None) -> FeedbackSample:
    """Delete a sample: its photo, its masks and its lines in the list.

    Parameters
    ----------
    id : str
        The id or its start.
    store : Path, optional
        The store; by default `feedback_folder()`.

    Returns
    -------
    FeedbackSample
        The sample that was deleted.

    Raises
    ------
    InputError
        Where there is no such sample.
    """
    store = feedback_folder() if store is None else store
    found = find_sample(id, store)
    with folder_lock(store):
        for path in (
            found.mask_path,
            found.photo_path,
            *(store / "history").glob(f"{found.id}-*.png"),
        ):
            path.unlink(missing_ok=True)
        drop_sample(found.id, store)
    return found


def _write_sample(
    sample: FeedbackSample, photo: bytes, mask: bytes, notes: tuple[str, ...]
) -> StoredSample:
    """Write files and line of a sample. The line comes last: without it nothing is stored."""
    store = sample.store
    for folder in (store, store / "images", store / "masks", store / "history"):
        make_private_folder(folder)
    with folder_lock(store):
        present = list_samples(store)
        earlier = next((one for one in present if one.id == sample.id), None)
        if earlier is None and len(present) >= _MAX_SAMPLES:
            raise InputError(
                f"{label(store)}: holds {_MAX_SAMPLES} samples; remove some or use another store"
            )
        if earlier and earlier.is_complete and earlier.mask_sha256 == sample.mask_sha256:
            return StoredSample(earlier, "unchanged", notes)
        if earlier and earlier.mask_path.is_file():
            past = store / "history" / f"{earlier.id}-{earlier.mask_sha256[:12]}.png"
            os.replace(earlier.mask_path, past)
        write_file_bytes(photo, sample.photo_path)
        write_file_bytes(mask, sample.mask_path)
        append_sample(sample)
    stored = find_sample(sample.id, store)
    return StoredSample(stored, "updated" if earlier else "added", notes)


def _encode_photo(content: bytes, rgb: RGB) -> tuple[bytes, str]:
    """The bytes to store and their suffix: the file itself, or its pixels as PNG."""
    suffix = next(
        (end for start, end in _SUFFIX_OF_START.items() if content.startswith(start)), None
    )
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        suffix = ".webp"
    decoded = _decode(content, cv2.IMREAD_COLOR) if suffix else None
    if suffix and decoded is not None and _is_alike(decoded, rgb):
        return content, suffix
    return encode_picture(rgb, "png"), ".png"


def _is_alike(bgr: NDArray[np.uint8], rgb: RGB) -> bool:
    """Whether the training reader's pixels are ours: upright, 8-bit and sRGB."""
    if bgr.shape != rgb.shape:
        return False
    return float(cv2.absdiff(bgr[..., ::-1].copy(), rgb).mean()) <= _MAX_DECODING_ERROR


def _orientation_note(content: bytes, rgb: RGB, name: str) -> str:
    """A note on a photo that EXIF mirrors or turns by 180 degrees: sizes cannot tell then."""
    stored = _decode(content, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    upright = _decode(content, cv2.IMREAD_COLOR)
    if stored is None or upright is None or stored.shape != rgb.shape:
        return ""
    if np.array_equal(stored, upright):
        return ""
    return f"{name}: its EXIF orientation turns or mirrors it; make sure that the mask is upright"


def _decode(content: bytes, mode: int) -> NDArray[np.uint8] | None:
    try:
        return cv2.imdecode(np.frombuffer(content, np.uint8), mode)  # type: ignore[return-value]
    except cv2.error:
        return None


def _identify_network(network: str) -> tuple[str, str]:
    """(name, SHA-256) of a network; the checksum is "" where the file cannot be used."""
    try:
        entry = registry.network_entry(network)
        if entry is not None:
            return network, entry.expected_sha256
        return Path(network).name, registry.file_sha256(registry.network_path(network))
    except DepthmatteError:
        return network, ""


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
