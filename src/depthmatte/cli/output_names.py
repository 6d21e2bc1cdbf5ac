"""How results are called and where they go: planned for all photos before any work is done.

Pure but for looking at what exists already: nothing is read, made or written.
"""

from __future__ import annotations

import os
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import InputError, OptionError
from ..io.files.file_types import PHOTO_SUFFIXES as PHOTOS
from ..io.files.file_types import UNSUPPORTED_SUFFIXES
from ..io.files.find import STDIN, FoundPhoto, RefusedPath
from ..io.files.resume_journal import Journal
from ..io.photo.photo_writer import WRITABLE_SUFFIXES
from ..options import ExistsPolicy, OutputOptions
from ..system.text import label

DEFAULT_TEMPLATE = OutputOptions().name
"""How results are called unless the user says otherwise: photo.jpg gives photo.cutout.png."""

TEMPLATE_FIELDS = {
    "stem": "the photo's name without its suffix",
    "name": "the photo's name with its suffix",
    "suffix": "the photo's suffix, without the dot",
    "folder": "the photo's folder below the one that was searched",
    "kind": "what the result is, such as cutout or alpha",
    "ext": "the result's suffix, without the dot",
    "index": "the photo's number, from 1; {index:04} is four digits wide",
}
"""What may stand in a template, in braces."""

STDOUT = Path("-")
"""As the folder of results: the one result goes to standard output."""

_INDEX_FORMAT = re.compile(r"0?\d{0,2}d?")
_FORBIDDEN_CHARACTERS = re.compile(
    r'[\x00-\x1f<>:"|?*]'
)  # what some system does not allow in names


@dataclass(frozen=True)
class PhotoTask:
    """One photo to cut: where it was found, its number from 1, and a file for each result."""

    photo: FoundPhoto
    index: int
    targets: Mapping[str, Path]

    @property
    def path(self) -> Path:
        """The photo itself; `STDIN.path` stands for standard input."""
        return self.photo.path


@dataclass
class OutputPlan:
    """What is to be done. `skipped` are photos that are done already, or whose results all exist
    under `--exists skip`.
    """

    tasks: list[PhotoTask] = field(default_factory=list)
    skipped: list[FoundPhoto] = field(default_factory=list)
    refused: list[RefusedPath] = field(default_factory=list)


def plan_outputs(
    photos: Sequence[FoundPhoto],
    out: Path,
    result_suffixes: Mapping[str, str],
    template: str = DEFAULT_TEMPLATE,
    exists: ExistsPolicy = "replace",
    inputs: Iterable[str | os.PathLike[str]] = (),
    protected: Iterable[Path] = (),
    earlier_results: Collection[str] = (),
    is_done: Callable[[PhotoTask], bool] = lambda _: False,
) -> OutputPlan:
    """Name every result of every photo; nothing that is read is ever a target.

    Photos that differ only in their suffix keep it in the name, unless the template tells
    them apart.

    Parameters
    ----------
    photos
        What was found, in order.
    out
        The folder of results. A name with a picture's suffix that is no folder is the file
        of the one result of the one photo, and `-` is standard output for it.
    results
        Kind -> suffix of its file, with the dot: {"cutout": ".png"}.
    template
        How files are called, see `FIELDS`. The suffix is appended. Where `{folder}` is not
        used, sub-folders of the folder that was searched are kept.
    exists
        What happens to a result that is there already.
    reads
        All that is read beside the photos: depth files, second views, calibrations,
        background pictures, networks. Of a folder all files in it count.
    keep
        What must not be replaced either (`Search.lookalikes`).
    own
        Real paths of earlier results (`Search.results`): no inputs, wherever they lie.
    done
        For `--resume`: is this task done already? Such photos are skipped whatever `exists`
        says.

    Returns
    -------
    Plan
        A photo that cannot be named safely is refused by a line; the others are planned.

    Raises
    ------
    OptionError
        For a template that cannot be followed for any photo.
    """
    check_name_template(template, result_suffixes)
    naming = _Naming(photos, out, result_suffixes, template)
    guard = _OverwriteGuard(
        [*(one.path for one in photos), *_list_input_files(inputs)], protected, earlier_results
    )
    made = OutputPlan()
    for index, photo in enumerate(photos, 1):
        task = PhotoTask(photo, index, {})
        try:
            task = replace(task, targets=naming.targets(photo, index))
            guard.check(task)
            finished = is_done(task)
            task = task if finished else _apply_exists_rule(task, exists, guard)
        except InputError as error:
            made.refused.append(RefusedPath(str(photo.path), error))
            continue
        guard.mark_taken(task)
        if finished or not task.targets:
            made.skipped.append(photo)
        else:
            made.tasks.append(task)
    return made


def open_journal(tasks: Sequence[PhotoTask], out: Path, resume: bool = False) -> Journal | None:
    """The journal that this run keeps; None where nobody would miss it.

    It is kept for several photos, beside photos (so that a search knows results from photos),
    with `resume`, and where there is one already.
    """
    if out == STDOUT or not tasks:
        return None
    folder = out.parent if _is_single_file(out) else out
    top = os.path.realpath(folder) + os.sep
    beside = any(os.path.realpath(task.path).startswith(top) for task in tasks)
    journal = Journal(folder)
    wanted = resume or len(tasks) > 1 or beside or journal.path.is_file()
    return journal if wanted else None


def check_name_template(template: str, results: Collection[str] = ()) -> None:
    """Refuse a template that could leave the folder of results or give two results one name.

    Raises
    ------
    OptionError
        On one line that says what to change.
    """
    say = f"--name {label(template)}: "
    fields = set()
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise OptionError(
            f"{say}{error}; braces hold one of {', '.join(TEMPLATE_FIELDS)}"
        ) from None
    fixed = "\0".join(text for text, *_ in parts)
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        if name not in TEMPLATE_FIELDS or conversion:
            raise OptionError(
                f"{say}{{{label(name)}}} is unknown; use {', '.join(TEMPLATE_FIELDS)}"
            )
        if spec and not (name == "index" and _INDEX_FORMAT.fullmatch(spec)):
            raise OptionError(f"{say}{{{name}:{label(spec)}}} has no such form; use {{index:04}}")
        fields.add(name)
    if wrong := _FORBIDDEN_CHARACTERS.search(fixed.replace("\0", "")):
        raise OptionError(
            f"{say}{wrong[0]!a} is not allowed in names on every system; leave it out"
        )
    if len(template) > 1000:
        raise OptionError(f"{say[:60]}...: is too long; shorten it")
    if not fields:
        raise OptionError(f"{say}gives every result one name; use {DEFAULT_TEMPLATE}")
    if len(results) > 1 and "kind" not in fields:
        raise OptionError(f"{say}gives {len(results)} results of a photo one name; add {{kind}}")
    _relative_path(template, say)
    if template.endswith(("/", "/.", os.sep)):
        raise OptionError(f"{say}names a folder, not a file; add {DEFAULT_TEMPLATE}")


def _relative_path(name: str, say: str) -> Path:
    """A relative path that stays below its folder; InputError for any other."""
    path = Path(name)
    leaves = any(set(part.strip()) == {"."} and len(part.strip()) > 1 for part in path.parts)
    if path.is_absolute() or path.drive or path.root or leaves or name.startswith(("/", "\\")):
        raise OptionError(f"{say}would leave the folder of results; name a place below it")
    return path


class _Naming:
    """Names of the results of these photos."""

    def __init__(
        self, photos: Sequence[FoundPhoto], out: Path, results: Mapping[str, str], template: str
    ) -> None:
        self.out, self.results, self.template = out, results, template
        self.is_single_file = _is_single_file(out)
        if self.is_single_file and len(photos) * len(results) > 1:
            raise OptionError(
                f"-o {label(out)}: is one place for {len(photos) * len(results)} results; "
                "give a folder"
            )
        self.fields = {name for _, name, _, _ in string.Formatter().parse(template) if name}
        self.stem_counts = Counter(_path_key(self._plain_path(photo)) for photo in photos)

    def targets(self, photo: FoundPhoto, index: int) -> dict[str, Path]:
        """Kind -> file."""
        if self.is_single_file:
            return dict.fromkeys(self.results, self.out)
        stem, name = ("stdin",) * 2 if photo == STDIN else (photo.path.stem, photo.path.name)
        apart = self.fields & {"name", "suffix", "index"}
        if not apart and self.stem_counts[_path_key(self._plain_path(photo))] > 1:
            stem = name
        folder = "" if photo.folder == Path() else photo.folder.as_posix()
        return {
            kind: self.out
            / self._result_path(
                {
                    "stem": stem,
                    "name": name,
                    "suffix": photo.path.suffix[1:],
                    "folder": folder,
                    "kind": kind,
                    "ext": ext[1:],
                    "index": index,
                },
                photo,
            )
            for kind, ext in self.results.items()
        }

    def _result_path(self, values: Mapping[str, str | int], photo: FoundPhoto) -> Path:
        given = self.template.format_map(values)
        if "folder" in self.fields:
            given = given.removeprefix("/") if not values["folder"] else given
        say = f"{label(photo.path)}: --name {label(self.template)} gives {label(given)}, which "
        path = _relative_path(given, say)
        if not path.name or given.endswith("/"):
            raise InputError(f"{say}is no name; use {DEFAULT_TEMPLATE}")
        if not self.template.endswith(".{ext}"):
            path = path.with_name(f"{path.name}.{values['ext']}")
        return path if "folder" in self.fields else photo.folder / path

    def _plain_path(self, photo: FoundPhoto) -> Path:
        return self.out / photo.folder / photo.path.stem


def _is_single_file(out: Path) -> bool:
    """Is the place of results one file, or standard output, rather than a folder?"""
    if out == STDOUT:
        return True
    # A picture's suffix that cannot be written means a file too: the writer says what can.
    suffix = out.suffix.lower()
    picture = suffix in WRITABLE_SUFFIXES or suffix in PHOTOS or suffix in UNSUPPORTED_SUFFIXES
    return picture and not out.is_dir()


class _OverwriteGuard:
    """Knows what is read, and which names are taken."""

    def __init__(self, reads: Iterable[Path], keep: Iterable[Path], own: Collection[str]) -> None:
        self.taken: dict[str, str] = {}
        self.files: dict[tuple[int, int], str] = {}
        for path in reads:
            if path != STDIN.path and os.path.realpath(path) not in own:
                self._protect(path, f"{label(path)}, which is read")
        for path in keep:
            self._protect(path, f"{label(path)}, which no earlier run is known to have written")

    def _protect(self, path: Path, what: str) -> None:
        self.taken.setdefault(_path_key(path), what)
        if (identity := _file_identity(path)) is not None:
            self.files.setdefault(identity, what)

    def check(self, task: PhotoTask) -> None:
        """Refuse targets that would replace what is read, or another photo's results."""
        keys = set()
        for target in task.targets.values():
            if target == STDOUT:
                continue
            identity = _file_identity(target)
            other = self.taken.get(_path_key(target)) or (identity and self.files.get(identity))
            if other or _path_key(target) in keys:
                raise InputError(
                    f"{label(task.path)}: {label(target)} would replace "
                    f"{other or 'another of its results'}; "
                    "give another folder with -o, or other names with --name"
                )
            if target.is_dir():
                raise InputError(
                    f"{label(task.path)}: {label(target)} is a folder; "
                    "give another folder with -o, or other names with --name"
                )
            keys.add(_path_key(target))

    def is_free(self, target: Path) -> bool:
        """Is nothing there, and will nothing of this run be?"""
        return not os.path.lexists(target) and _path_key(target) not in self.taken

    def mark_taken(self, task: PhotoTask) -> None:
        """The task's targets are taken."""
        for target in task.targets.values():
            self.taken[_path_key(target)] = f"a result of {label(task.path)}"


def _apply_exists_rule(task: PhotoTask, exists: ExistsPolicy, guard: _OverwriteGuard) -> PhotoTask:
    """The task with what the rule says of results that exist."""
    files = (target for target in task.targets.values() if target != STDOUT)
    there = [target for target in files if os.path.lexists(target)]
    if not there or exists == "replace":
        return task
    if exists == "skip":
        left = {kind: target for kind, target in task.targets.items() if target not in there}
        return replace(task, targets=left)
    if exists == "fail":
        raise InputError(
            f"{label(task.path)}: {label(there[0])} exists; use --exists replace, skip or number"
        )
    numbered = (
        {kind: _number_path(target, n) for kind, target in task.targets.items()}
        for n in _RESULT_NUMBERS
    )
    for targets in numbered:
        if all(map(guard.is_free, targets.values())):
            return replace(task, targets=targets)
    raise InputError(
        f"{label(task.path)}: has {len(_RESULT_NUMBERS)} results; give another folder with -o"
    )


_RESULT_NUMBERS = range(2, 100_002)


def _number_path(target: Path, number: int) -> Path:
    return target.with_name(f"{target.stem}-{number}{target.suffix}")


def _list_input_files(reads: Iterable[str | os.PathLike[str]]) -> Iterator[Path]:
    """Files as they are, and those in folders."""
    for path in map(Path, reads):
        if not path.is_dir():
            yield path
            continue
        try:
            with os.scandir(path) as entries:
                yield from (Path(entry.path) for entry in entries if not entry.is_dir())
        except OSError:
            continue


def _path_key(path: Path) -> str:
    """What two paths share when they name one file, also where upper case does not count."""
    return unicodedata.normalize("NFC", os.path.realpath(path)).casefold()


def _file_identity(path: Path) -> tuple[int, int] | None:
    """What hard links of one file share."""
    try:
        about = os.stat(path)
    except (OSError, ValueError):
        return None
    return (about.st_dev, about.st_ino) if about.st_ino else None
