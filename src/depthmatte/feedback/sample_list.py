"""The list of a feedback store, samples.jsonl: one line for each time a sample was stored.

The last line of an id counts, the lines before it are its history. A line that a killed process
left half written is dropped by the next one that writes.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..system.atomic_write import atomic_draft
from ..system.printable_text import describe_os_error, label, short
from ..system.user_folders import user_data_folder

LIST_NAME = "samples.jsonl"

_MAX_LIST_BYTES = 256 << 20
_ID = re.compile("[0-9a-f]{12}")
_TEXT_KEYS = ("time", "source", "name", "note", "version", "network", "network_sha256")
_FILE_KEYS = ("photo", "mask", "photo_sha256", "mask_sha256", "original_sha256")


@dataclass(frozen=True)
class FeedbackSample:
    """A photo with its corrected mask, and where they come from.

    Attributes
    ----------
    store : Path
        The folder of the store.
    id : str
        12 hex digits, from the photo's checksum: the same photo has the same id.
    photo, mask : str
        Their files, relative to the store. The mask is uint8 at the upright photo's size.
    width, height : int
        Size of the upright photo in pixels.
    photo_sha256, mask_sha256, original_sha256 : str
        Checksums in hex of the stored photo, of its mask, and of the photo as it was given.
    time : str
        When it was stored, ISO 8601 in UTC.
    source : str
        What stored it, such as "feedback add".
    name : str
        Name of the photo's file, without its folder.
    note : str
        A remark of the user.
    version : str
        Version of depthmatte.
    network, network_sha256 : str
        The matte network at that time; "" when it could not be read.
    revision : int
        How many times the mask was stored, from 1.
    """

    store: Path
    id: str
    photo: str
    mask: str
    width: int
    height: int
    photo_sha256: str
    mask_sha256: str
    original_sha256: str
    time: str
    source: str
    name: str
    note: str
    version: str
    network: str
    network_sha256: str
    revision: int = 1

    @property
    def photo_path(self) -> Path:
        """The photo's file."""
        return self.store / self.photo

    @property
    def mask_path(self) -> Path:
        """The mask's file."""
        return self.store / self.mask

    @property
    def is_complete(self) -> bool:
        """Whether both files are there."""
        return self.photo_path.is_file() and self.mask_path.is_file()

    def to_json(self) -> dict[str, Any]:
        """Everything but the store and the count, as plain values."""
        held = {key: getattr(self, key) for key in self.__dataclass_fields__}
        return {key: value for key, value in held.items() if key not in ("store", "revision")}


def feedback_folder() -> Path:
    """Return the default store, `feedback/` in the user's data folder. It is not made."""
    return user_data_folder() / "feedback"


def list_samples(store: Path | None = None) -> list[FeedbackSample]:
    """Return the samples of a store, those stored first in front; none where there is no store.

    Raises
    ------
    InputError
        For a list that is damaged.
    """
    store = feedback_folder() if store is None else store
    found: dict[str, FeedbackSample] = {}
    for line in _read_lines(store / LIST_NAME):
        sample = _parse_line(line, store)
        if sample is None:
            raise InputError(
                f"{label(store / LIST_NAME)}: holds a line that is no sample "
                f"({short(line.decode('utf-8', 'replace'))}); delete that line"
            )
        earlier = found.get(sample.id)
        revision = earlier.revision + 1 if earlier else 1
        found[sample.id] = FeedbackSample(**{**vars(sample), "revision": revision})
    return list(found.values())


def find_sample(id: str, store: Path | None = None) -> FeedbackSample:
    """Return the sample of an id, or of the start of one; InputError where there is not one."""
    store = feedback_folder() if store is None else store
    found = [one for one in list_samples(store) if id and one.id.startswith(id)]
    if len(found) != 1:
        problem = "belongs to several samples" if found else "no such sample"
        raise InputError(f"{short(id)}: {problem} in {label(store)}; see depthmatte feedback list")
    return found[0]


def append_sample(sample: FeedbackSample) -> None:
    """Add a line to the list. The caller holds the lock of the store."""
    path = sample.store / LIST_NAME
    line = json.dumps(sample.to_json(), ensure_ascii=False).encode() + b"\n"
    try:
        with path.open("a+b") as file:
            file.seek(0)
            end = file.read().rfind(b"\n") + 1
            file.truncate(end)  # what a killed process left
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise InputError(
            f"{label(path)}: cannot be written ({describe_os_error(error)}); make room"
        ) from error


def drop_sample(id: str, store: Path) -> None:
    """Remove all lines of a sample. The caller holds the lock of the store."""
    path = store / LIST_NAME
    kept = [line for line in _read_lines(path) if _id_of(line) != id]
    with atomic_draft(path) as draft:
        draft.write_bytes(b"".join(line + b"\n" for line in kept))


def _read_lines(path: Path) -> Iterable[bytes]:
    """Yield the whole lines of the list."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_LIST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise InputError(
            f"{label(path)}: cannot be read ({describe_os_error(error)}); check its permissions"
        ) from None
    if len(content) > _MAX_LIST_BYTES:
        raise InputError(f"{label(path)}: is larger than {_MAX_LIST_BYTES >> 20} MiB; shorten it")
    whole = content[: content.rfind(b"\n") + 1]
    return [line for line in whole.split(b"\n") if line.strip()]


def _id_of(line: bytes) -> str | None:
    try:
        held = json.loads(line)
        return str(held["id"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _parse_line(line: bytes, store: Path) -> FeedbackSample | None:
    """The sample of a line; None for another line. Its files lie inside the store."""
    try:
        held = json.loads(line)
        texts = {key: str(held[key]) for key in ("id", *_FILE_KEYS, *_TEXT_KEYS)}
        size = {key: int(held[key]) for key in ("width", "height")}
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return None
    if not _ID.fullmatch(texts["id"]):
        return None
    for folder, key in (("images", "photo"), ("masks", "mask")):
        if Path(texts[key]).parent.as_posix() != folder or "\0" in texts[key]:
            return None
    return FeedbackSample(store, **texts, **size)  # type: ignore[arg-type]
