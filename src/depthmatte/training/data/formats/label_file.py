"""What the readers of label files share: bounded files, photos found safely, problems listed.

Label files may come from untrusted sources. Sizes are limited, XML with entities is refused, and
no photo is taken from outside of the folder that the user gave.
"""

from __future__ import annotations

import json
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.parsers import expat

import numpy as np

from ....errors import InputError
from ....io.photo.photo_reader import read_photo_header
from ....system.printable_text import describe_os_error, label, short
from ..drawn_mask import DrawnMask, Polygon, RunLengths
from ..folders import LabeledPhoto

PERSON = "person"
"""The category of people, as COCO names it."""

MakeRegion = Callable[[tuple[int, int]], Polygon | RunLengths | tuple[Polygon | RunLengths, ...]]
"""(height, width) of the photo -> the parts of one label."""

_MAX_FILE_BYTES = 2**29
"""Limit of the size of a label file: the largest of COCO's own has 470 MB."""

_MAX_NESTING = 32
"""Limit of nested XML elements; CVAT uses six."""


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


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Parameters
    ----------
    path : Path
        The file, of 512 MiB at most.

    Returns
    -------
    object

    Raises
    ------
    InputError
        For what cannot be read, is too large, or is no JSON.
    """
    content = _read_bytes(path)
    try:
        return json.loads(content)
    except RecursionError as error:
        raise InputError(f"{label(path)}: is nested too deeply; export it again") from error
    except ValueError as error:
        raise InputError(
            f"{label(path)}: is not valid JSON ({short(error)}); export it again"
        ) from error


def read_xml(
    path: Path,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str, str], None],
) -> None:
    """Read an XML file element by element.

    Parameters
    ----------
    path : Path
        The file, of 512 MiB at most.
    start : callable
        Is called with the name and the attributes of each element.
    end : callable
        Is called with the name and the text of each element.

    Raises
    ------
    InputError
        For what cannot be read, is too large, declares a document type or entities, or is no XML.
    """
    parser = expat.ParserCreate()
    texts: list[list[str]] = []
    name = label(path)

    def refuse(*_: Any) -> None:
        raise InputError(f"{name}: declares XML entities, which are refused; export it again")

    def open_element(tag: str, attributes: dict[str, str]) -> None:
        if len(texts) >= _MAX_NESTING:
            raise InputError(f"{name}: is nested too deeply; export it again")
        texts.append([])
        start(tag, attributes)

    def add_text(text: str) -> None:
        if texts:
            texts[-1].append(text)

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = open_element
    parser.EndElementHandler = lambda tag: end(tag, "".join(texts.pop()).strip())
    parser.CharacterDataHandler = add_text
    try:
        parser.Parse(_read_bytes(path), True)
    except (expat.ExpatError, ValueError) as error:
        raise InputError(f"{name}: is not valid XML ({short(error)}); export it again") from error


def _read_bytes(path: Path) -> bytes:
    name = label(path)
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe could block forever
            raise InputError(f"{name}: is not a file; give a label file")
        if found.st_size > _MAX_FILE_BYTES:
            raise InputError(
                f"{name}: is larger than {_MAX_FILE_BYTES >> 20} MiB; split it into several files"
            )
        content = path.read_bytes()
        if content.startswith(b"PK"):
            raise InputError(f"{name}: is a ZIP file; unpack it and give the label file in it")
        return content
    except OSError as error:
        raise InputError(
            f"{name}: cannot be read ({describe_os_error(error)}); check the path"
        ) from error
    except ValueError as error:
        raise InputError(f"{name}: is not a path; check it") from error


@dataclass(frozen=True)
class PhotoFolders:
    """The folders in which the photos of a label file are looked for.

    Parameters
    ----------
    folders : tuple of Path
        In order of preference.
    """

    folders: tuple[Path, ...]

    @classmethod
    def for_label_file(cls, path: Path, images: Path | None) -> PhotoFolders:
        """Choose the folder given by the user, else the places where the tools put photos.

        Those are the folder of the file, `images/` in it, and one folder up where the file lies in
        `annotations/`.

        Raises
        ------
        InputError
            Where `images` is no folder.
        """
        if images is not None:
            if not images.is_dir():
                raise InputError(f"{label(images)}: is no folder; give the folder of the photos")
            return cls((images,))
        bases = [path.parent]
        if path.absolute().parent.name == "annotations":
            bases.append(path.absolute().parent.parent)
        return cls(tuple(d for base in bases for d in (base / "images", base) if d.is_dir()))

    def find(self, reference: str) -> Path | None:
        """Find the photo that a label file names by a path or an address.

        The longest part of the path that exists in a folder counts: `c/d.jpg` of `/a/b/c/d.jpg`.
        Label Studio puts eight characters and "-" before the names of uploaded photos. They are
        left out where there is no file of the full name.

        Parameters
        ----------
        reference : str
            A relative or absolute path, or an address.

        Returns
        -------
        Path or None
            None where there is no such file inside of the folders.
        """
        parts = _path_parts(reference)
        names = [parts[start:] for start in range(len(parts))]
        if parts and parts[-1][8:9] == "-":
            names.append((parts[-1][9:],))
        for name in names:
            for folder in self.folders:
                for base in (folder, folder / "default"):  # CVAT's COCO export
                    found = _inside(folder, base.joinpath(*name))
                    if found is not None:
                        return found
        return None


def _path_parts(reference: str) -> tuple[str, ...]:
    """The parts of a path; none where it leads upwards or holds characters of no path."""
    text = reference.replace("\\", "/")
    if "://" in text or text.startswith("/data/"):
        try:
            address = urlsplit(text)
            query = parse_qs(address.query).get("d")  # Label Studio's local files
        except ValueError:
            return ()
        text = query[0] if query else unquote(address.path)
    parts = PurePosixPath(text).parts
    if any(part == ".." or "\0" in part for part in parts):
        return ()
    return tuple(part for part in parts if part != "/")


def _inside(folder: Path, path: Path) -> Path | None:
    """The path if it is a file that lies in the folder, links followed."""
    try:
        if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
            return path
    except (OSError, ValueError, RuntimeError):  # too long, or a loop of links
        pass
    return None


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


def as_mapping(value: object) -> Mapping[str, Any]:
    """Return a JSON object; an empty one for other values."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return a JSON array; an empty one for other values."""
    return value if isinstance(value, list) else []


def read_size(height: object, width: object) -> tuple[Any, Any] | None:
    """Return (height, width) where a file gives both; texts of digits become numbers."""
    if height is None or width is None:
        return None
    sizes = [int(one) if isinstance(one, str) and one.isdecimal() and len(one) < 10 else one
             for one in (height, width)]  # fmt: skip
    return sizes[0], sizes[1]
