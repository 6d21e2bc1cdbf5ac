"""Patterns of file names (`*.jpg`, `**/*.png`), expanded where the shell did not."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator
from pathlib import Path


def is_glob_pattern(path: str) -> bool:
    """Has it `*`, `?` or `[`, which name many files?"""
    return any(sign in path for sign in "*?[")


def expand_pattern(pattern: str) -> tuple[Path, list[Path]]:
    """Files and folders that match a pattern, sorted, and the folder that its wildcards start in.

    `*`, `?` and `[...]` match within one name, `**` any number of folders. Names that begin
    with a dot match only where the pattern's part does. Links to folders are not followed by
    `**`, so a circle of links ends. A folder that cannot be opened matches nothing.
    """
    parts = Path(pattern).parts
    fixed = next(index for index, part in enumerate(parts) if is_glob_pattern(part))
    base, wild = Path(*parts[:fixed]), parts[fixed:]
    once = [part for at, part in enumerate(wild) if part != "**" or wild[at - 1 : at] != ("**",)]
    return base, list(dict.fromkeys(_matches(base, tuple(once))))


def _matches(folder: Path, parts: tuple[str, ...]) -> Iterator[Path]:
    first, rest = parts[0], parts[1:]
    if first == "**":
        yield from _matches(folder, rest or ("*",))
        for name, kind in _listed(folder):
            if kind == "folder":
                yield from _matches(folder / name, parts)
    elif not is_glob_pattern(first):
        if rest:
            yield from _matches(folder / first, rest)
        elif os.path.lexists(folder / first):
            yield folder / first
    else:
        match = re.compile(fnmatch.translate(os.path.normcase(first))).match
        for name, kind in _listed(folder, hidden=first.startswith(".")):
            if match(os.path.normcase(name)):
                if not rest:
                    yield folder / name
                elif kind != "file":
                    yield from _matches(folder / name, rest)


def _listed(folder: Path, hidden: bool = False) -> list[tuple[str, str]]:
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
