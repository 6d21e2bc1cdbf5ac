"""What the readers of label files share: labels become photos with masks, and problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import InputError
from ....io.photo.photo_reader import read_photo_header
from ....system.printable_text import label, short
from ..drawn_mask import DrawnMask, Polygon, RunLengths
from ..folders import LabeledPhoto
from .photo_folders import PhotoFolders

PERSON = "person"
"""The category of people, as COCO names it."""

MakeRegion = Callable[[tuple[int, int]], Polygon | RunLengths | tuple[Polygon | RunLengths, ...]]
"""(height, width) of the photo -> the parts of one label."""


@dataclass(frozen=True)
class ReadLabels:
    """What a label file gives. Iterating gives the photos.

    Parameters
    ----------
    photos : list of LabeledPhoto
        Usable photos in the order of the file. `mask` is a DrawnMask; None without people.
    problems : list of str
        One line per photo that is left out, or per label that cannot be used.
    notes : list of str
        Lines about what was done with the labels, such as joined people.
    """

    photos: list[LabeledPhoto]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[LabeledPhoto]:
        return iter(self.photos)

    def __len__(self) -> int:
        return len(self.photos)


@dataclass
class LabelCollector:
    """Turns the labels of one file into photos, and gathers problems and notes.

    Parameters
    ----------
    path : Path
        The label file, for messages.
    folders : PhotoFolders
        Where the photos are.
    category : str
        The category of people.
    group : str
        The name of the set of photos.
    """

    path: Path
    folders: PhotoFolders
    category: str
    group: str
    photos: list[LabeledPhoto] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)
    _seen: dict[Path, str] = field(default_factory=dict)

    def problem(self, place: str, text: str) -> None:
        """Note a problem of a place in the file, such as "photo a.jpg"."""
        self.problems.append(f"{label(self.path)}: {short(place, 120)}: {text}")

    def add(
        self, reference: object, size: tuple[Any, Any] | None, regions: Iterable[MakeRegion]
    ) -> None:
        """Add a photo, or a problem where one of its labels cannot be used.

        A photo with one bad label is left out: as part of the background, a person would teach
        the wrong thing.

        Parameters
        ----------
        reference : object
            What the file says of the photo's place.
        size : tuple, optional
            (height, width) that the file claims, in pixels.
        regions : iterable of callables
            Each makes the parts of one label for a photo of (height, width). ValueError says what
            is wrong.
        """
        if not isinstance(reference, str) or not reference:
            self.problem("a photo", "has no file name; export it again")
            return
        place = f"photo {short(reference, 100)}"
        photo = self.folders.find(reference)
        if photo is None:
            self.problem(
                place, "is missing; put it into the folder of the photos, or give --images"
            )
            return
        if photo in self._seen:
            self.problem(place, f"is labeled twice (as {short(self._seen[photo], 60)}); keep one")
            return
        try:
            shape = read_photo_header(photo, stereo="none").shape
        except InputError as error:
            self.problems.append(str(error))
            return
        if size is not None and size != shape:
            claimed = f"{short(size[1], 12)} x {short(size[0], 12)}"
            self.problem(
                place, f"was labeled at {claimed} pixels and has {shape[1]} x {shape[0]}; "
                "give the photo that was labeled"
            )  # fmt: skip
            return
        parts: list[Polygon | RunLengths] = []
        count = 0
        try:
            for region in regions:
                made = region(shape)
                parts += made if isinstance(made, tuple) else (made,)
                count += 1
            source = f"{label(self.path)}: {place}"
            mask: Any = DrawnMask(shape, tuple(parts), source) if parts else None
        except ValueError as error:
            self.problem(
                place, f"a label {short(error, 160)}; mend it in the tool and export again"
            )
            return
        self._seen[photo] = reference
        self._counts["empty" if mask is None else "joined" if count > 1 else "single"] += 1
        self.photos.append(LabeledPhoto(photo, mask, self.group))

    def check_category(self, known: Iterable[object]) -> None:
        """Raise InputError where the file has categories, and none is that of people."""
        names = sorted({str(name) for name in known})
        if names and self.category not in names:
            listed = short(", ".join(names), 200)
            raise InputError(
                f"{label(self.path)}: has no category {short(self.category)!r}; "
                f"name one of these as the category: {listed}"
            )

    def result(self) -> ReadLabels:
        """Return everything, with notes on joined people and photos without people."""
        notes = list(self.notes)
        if self._counts["joined"]:
            notes.append(
                f"{label(self.path)}: in {self._counts['joined']} photos several labels of "
                f"{short(self.category)!r} are joined into one mask"
            )
        if self._counts["empty"]:
            notes.append(
                f"{label(self.path)}: {self._counts['empty']} photos have no label of "
                f"{short(self.category)!r} and count as photos without people"
            )
        return ReadLabels(self.photos, self.problems, notes)


def make_polygon(points: object, scale: tuple[float, float] = (1.0, 1.0)) -> Polygon:
    """Make a polygon from pairs of numbers.

    Parameters
    ----------
    points : object
        A list of (x, y), or of x, y, x, y in turn.
    scale : tuple of float
        Factors of x and y.

    Returns
    -------
    Polygon

    Raises
    ------
    ValueError
        For anything else. The message is part of a sentence.
    """
    if not isinstance(points, Sequence) or isinstance(points, str):
        raise ValueError("has no points")
    try:
        numbers = np.array(points, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("has points that are no numbers") from None
    if numbers.ndim == 1 and len(numbers) % 2:
        raise ValueError("has an odd number of coordinates")
    return Polygon((numbers.reshape(-1, 2) * scale if numbers.size % 2 == 0 else numbers,))


def check_whole(shape: tuple[int, int], height: object, width: object) -> None:
    """Raise ValueError where a mask of a whole photo has another size than (height, width)."""
    if (height, width) != shape:
        raise ValueError(
            f"has a mask of {short(width, 12)} x {short(height, 12)} pixels for a photo of "
            f"{shape[1]} x {shape[0]}"
        )


def make_counts(numbers: object) -> Any:
    """Make int64 (N,) run lengths from a list of whole numbers; ValueError for anything else."""
    if not isinstance(numbers, list) or not numbers:
        raise ValueError("has no run lengths")
    if not all(isinstance(one, int) and 0 <= one < 2**31 for one in numbers):
        raise ValueError("has run lengths that are no whole numbers")
    return np.array(numbers, np.int64)
