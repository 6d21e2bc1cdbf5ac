"""Plan names and folders of all results before any photo is cut.

Planning only checks which files exist. It reads and writes nothing.
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
from ..io.photo.photo_writer import WRITABLE_SUFFIXES
from ..options import ExistsPolicy, OutputOptions
from ..system.printable_text import label
from .photo_task import STDOUT, PhotoTask

DEFAULT_TEMPLATE = OutputOptions().name
"""Default template of result names: photo.jpg gives photo.cutout.png."""

TEMPLATE_FIELDS = {
    "stem": "the photo's name without its suffix",
    "name": "the photo's name with its suffix",
    "suffix": "the photo's suffix, without the dot",
    "folder": "the photo's folder below the one that was searched",
    "kind": "what the result is, such as cutout or alpha",
    "ext": "the result's suffix, without the dot",
    "index": "the photo's number, from 1; {index:04} is four digits wide",
}
"""Field of a template, in braces -> its meaning."""

_INDEX_FORMAT = re.compile(r"0?\d{0,2}d?")

_FORBIDDEN_CHARACTERS = re.compile(r'[\x00-\x1f<>:"|?*]')
"""Characters that some operating systems do not allow in file names."""


@dataclass
class OutputPlan:
    """The photos to cut, to skip and to refuse.

    `refused_photos` are those of `refused`, one by one; they cannot be named safely. `skipped`
    photos were finished by an earlier run, or all their results exist and `--exists` is skip.
    """

    tasks: list[PhotoTask] = field(default_factory=list)
    skipped: list[FoundPhoto] = field(default_factory=list)
    refused: list[RefusedPath] = field(default_factory=list)
    refused_photos: list[FoundPhoto] = field(default_factory=list)


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
    file_exists: Callable[[Path], bool] = os.path.lexists,
) -> OutputPlan:
    """Name every result of every photo. An input is never a target.

    Photos that differ only in their suffix keep the suffix in the name, unless the template
    separates them.

    Parameters
    ----------
    photos : sequence of FoundPhoto
        The photos, in order.
    out : Path
        The folder of results. A path with the suffix of a picture that is not a folder is the
        file of a single result, and `-` is standard output.
    result_suffixes : mapping of str to str
        Result -> suffix of its file, such as {"cutout": ".png"}.
    template : str
        The template of names, see `TEMPLATE_FIELDS`. The suffix is appended. Subfolders of the
        searched folder are kept unless the template uses `{folder}`.
    exists : {"replace", "skip", "number", "fail"}
        What to do when a result exists.
    inputs : iterable of path
        Files and folders that are read beside the photos. All files in a folder count.
    protected : iterable of Path
        Other files that must not be replaced.
    earlier_results : collection of str
        Real paths of results of earlier runs, which may be replaced.
    is_done : callable
        Task -> whether an earlier run finished it. Such photos are skipped.
    file_exists : callable
        File -> whether it exists, for results in object storage.

    Returns
    -------
    OutputPlan
        The planned, skipped and refused photos.

    Raises
    ------
    OptionError
        When the template is not valid, or one file is given for several results.
    """
    check_name_template(template, result_suffixes)
    naming = _Naming(photos, out, result_suffixes, template)
    guard = _OverwriteGuard(
        [*(one.path for one in photos), *_list_input_files(inputs)],
        protected,
        earlier_results,
        file_exists,
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
            made.refused_photos.append(photo)
            continue
        guard.mark_taken(task)
        if finished or not task.targets:
            made.skipped.append(photo)
        else:
            made.tasks.append(task)
    return made


def check_name_template(template: str, results: Collection[str] = ()) -> None:
    """Check that a template stays in the output folder and gives each result its own name.

    Raises
    ------
    OptionError
        When it does not.
    """
    prefix = f"--name {label(template)}: "
    fields = set()
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise OptionError(
            f"{prefix}{error}; braces hold one of {', '.join(TEMPLATE_FIELDS)}"
        ) from None
    fixed = "\0".join(text for text, *_ in parts)
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        if name not in TEMPLATE_FIELDS or conversion:
            raise OptionError(
                f"{prefix}{{{label(name)}}} is unknown; use {', '.join(TEMPLATE_FIELDS)}"
            )
        if spec and not (name == "index" and _INDEX_FORMAT.fullmatch(spec)):
            raise OptionError(
                f"{prefix}{{{name}:{label(spec)}}} has no such form; use {{index:04}}"
            )
        fields.add(name)
    if wrong := _FORBIDDEN_CHARACTERS.search(fixed.replace("\0", "")):
        raise OptionError(
            f"{prefix}{wrong[0]!a} is not allowed in names on every system; leave it out"
        )
    if len(template) > 1000:
        raise OptionError(f"{prefix[:60]}...: is too long; shorten it")
    if not fields:
        raise OptionError(f"{prefix}gives every result one name; use {DEFAULT_TEMPLATE}")
    if len(results) > 1 and "kind" not in fields:
        raise OptionError(f"{prefix}gives {len(results)} results of a photo one name; add {{kind}}")
    _relative_path(template, prefix)
    if template.endswith(("/", "/.", os.sep)):
        raise OptionError(f"{prefix}names a folder, not a file; add {DEFAULT_TEMPLATE}")


def _relative_path(name: str, prefix: str) -> Path:
    """Return a path that stays below its folder; OptionError for any other."""
    path = Path(name)
    leaves = any(set(part.strip()) == {"."} and len(part.strip()) > 1 for part in path.parts)
    if path.is_absolute() or path.drive or path.root or leaves or name.startswith(("/", "\\")):
        raise OptionError(f"{prefix}would leave the folder of results; name a place below it")
    return path


class _Naming:
    """Name the results of these photos."""

    def __init__(
        self, photos: Sequence[FoundPhoto], out: Path, results: Mapping[str, str], template: str
    ) -> None:
        self.out, self.results, self.template = out, results, template
        self.is_single_file = is_single_file(out)
        if self.is_single_file and len(photos) * len(results) > 1:
            raise OptionError(
                f"-o {label(out)}: is one place for {len(photos) * len(results)} results; "
                "give a folder"
            )
        self.fields = {name for _, name, _, _ in string.Formatter().parse(template) if name}
        self.stem_counts = Counter(_path_key(self._plain_path(photo)) for photo in photos)

    def targets(self, photo: FoundPhoto, index: int) -> dict[str, Path]:
        """Return result -> file of one photo."""
        if self.is_single_file:
            return dict.fromkeys(self.results, self.out)
        stem, name = ("stdin",) * 2 if photo == STDIN else (photo.path.stem, photo.path.name)
        is_unique = self.fields & {"name", "suffix", "index"}
        if not is_unique and self.stem_counts[_path_key(self._plain_path(photo))] > 1:
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
        prefix = f"{label(photo.path)}: --name {label(self.template)} gives {label(given)}, which "
        path = _relative_path(given, prefix)
        if not path.name or given.endswith("/"):
            raise InputError(f"{prefix}is not a name; use {DEFAULT_TEMPLATE}")
        if not self.template.endswith(".{ext}"):
            path = path.with_name(f"{path.name}.{values['ext']}")
        return path if "folder" in self.fields else photo.folder / path

    def _plain_path(self, photo: FoundPhoto) -> Path:
        return self.out / photo.folder / photo.path.stem


def is_single_file(out: Path) -> bool:
    """Return whether the output is one file or standard output, in contrast to a folder."""
    if out == STDOUT:
        return True
    # A suffix that cannot be written is a file too, so that the writer reports it.
    suffix = out.suffix.lower()
    picture = suffix in WRITABLE_SUFFIXES or suffix in PHOTOS or suffix in UNSUPPORTED_SUFFIXES
    return picture and not out.is_dir()


def result_folder(out: Path) -> Path | None:
    """Return the folder that results are written into; None for standard output."""
    if out == STDOUT:
        return None
    return out.parent if is_single_file(out) else out


class _OverwriteGuard:
    """Protect inputs, and results of other photos, from being overwritten."""

    def __init__(
        self,
        reads: Iterable[Path],
        keep: Iterable[Path],
        own: Collection[str],
        file_exists: Callable[[Path], bool],
    ) -> None:
        self.file_exists = file_exists
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
        """Raise InputError when a target would replace an input or a result of another photo."""
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
        """Return whether the file does not exist and is not planned."""
        return not self.file_exists(target) and _path_key(target) not in self.taken

    def mark_taken(self, task: PhotoTask) -> None:
        """Reserve the targets of a task."""
        for target in task.targets.values():
            self.taken[_path_key(target)] = f"a result of {label(task.path)}"


def _apply_exists_rule(task: PhotoTask, exists: ExistsPolicy, guard: _OverwriteGuard) -> PhotoTask:
    """Apply the rule for results that exist to the targets of a task."""
    files = (target for target in task.targets.values() if target != STDOUT)
    there = [target for target in files if guard.file_exists(target)]
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
    """Yield files, and the files in folders."""
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
    """Return a key that is equal for paths of one file, also on case-insensitive systems."""
    return unicodedata.normalize("NFC", os.path.realpath(path)).casefold()


def _file_identity(path: Path) -> tuple[int, int] | None:
    """Return a key that hard links of one file share; None when there is none."""
    try:
        about = os.stat(path)
    except (OSError, ValueError):
        return None
    return (about.st_dev, about.st_ino) if about.st_ino else None
