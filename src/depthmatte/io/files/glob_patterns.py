"""Expand patterns of file names (`*.jpg`, `**/*.png`) that the shell did not expand."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator
from pathlib import Path


def is_glob_pattern(path: str) -> bool:
    """Return whether a path contains `*`, `?` or `[`."""
    return any(wildcard in path for wildcard in "*?[")


def expand_pattern(pattern: str) -> tuple[Path, list[Path]]:
    """Find the files and folders that match a pattern.

    `*`, `?` and `[...]` match within one name, `**` matches any number of folders. Names that
    begin with a dot match only a part that begins with a dot. `**` does not follow links to
    folders, so that circular links end. A folder that cannot be opened matches nothing.

    Parameters
    ----------
    pattern : str
        A path with wildcards.

    Returns
    -------
    base : Path
        The folder in front of the first part with wildcards.
    paths : list of Path
        Matches, sorted by name within each folder, each once.
    """
    parts = Path(pattern).parts
    fixed = next(index for index, part in enumerate(parts) if is_glob_pattern(part))
    base, rest = Path(*parts[:fixed]), parts[fixed:]
    # "**/**" means the same as "**".
    wild = [part for at, part in enumerate(rest) if part != "**" or rest[at - 1 : at] != ("**",)]
    return base, list(dict.fromkeys(_matches(base, tuple(wild))))


def _matches(folder: Path, parts: tuple[str, ...]) -> Iterator[Path]:
    """What matches the parts of a pattern below a folder; may give a path twice."""
    first, rest = parts[0], parts[1:]
    if first == "**":
        yield from _matches(folder, rest or ("*",))
        for name, kind in _list_folder(folder):
            if kind == "folder":
                yield from _matches(folder / name, parts)
    elif not is_glob_pattern(first):
        if rest:
            yield from _matches(folder / first, rest)
        elif os.path.lexists(folder / first):
            yield folder / first
    else:
        match = re.compile(fnmatch.translate(os.path.normcase(first))).match
        for name, kind in _list_folder(folder, hidden=first.startswith(".")):
            if match(os.path.normcase(name)):
                if not rest:
                    yield folder / name
                elif kind != "file":
                    yield from _matches(folder / name, rest)


def _list_folder(folder: Path, hidden: bool = False) -> list[tuple[str, str]]:
    """Names in a folder, sorted, each a "file", a "folder" or a "link" to one."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                (entry.name, _kind(entry))
                for entry in entries
                if hidden or not entry.name.startswith(".")
            )
    except OSError:
        return []


def _kind(entry: os.DirEntry[str]) -> str:
    try:
        if entry.is_dir(follow_symlinks=False):
            return "folder"
        return "link" if entry.is_dir() else "file"
    except OSError:
        return "file"
