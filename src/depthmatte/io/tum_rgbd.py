"""Folders of TUM RGB-D: lists of photos and depth pictures, put together by time (row B3).

Format: https://cvg.cit.tum.de/data/datasets/rgbd-dataset/file_formats .
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..photo import Photo
from ..system.text import describe_os_error, label
from .attach import attach
from .photo import photo_reader

_UNITS_PER_METER = 5000.0
"""Units per metre in the depth pictures."""

_MAX_TIME_DIFFERENCE_SECONDS = 0.02
"""Seconds that photo and depth may lie apart, as the benchmark's own tools have it."""


@dataclass(frozen=True)
class FramePair:
    """A photo and the depth of its time, as files; times in seconds."""

    photo: Path
    depth: Path
    photo_time: float
    depth_time: float

    def read(self, calib: str | os.PathLike[str] | None = None) -> Photo:
        """The photo with its depth as evidence; TUM's depth is registered, so needs no `calib`."""
        return attach(
            photo_reader.read(self.photo),
            depth=self.depth,
            calib=calib,
            depth_scale=_UNITS_PER_METER,
            photo_time=self.photo_time,
            depth_time=self.depth_time,
        )


def read_frame_pairs(
    folder: str | os.PathLike[str], difference: float = _MAX_TIME_DIFFERENCE_SECONDS
) -> list[FramePair]:
    """The moments of a folder with rgb.txt and depth.txt, in the order of time.

    Raises InputError where a list is missing or damaged, or no two times lie within
    `difference` seconds.
    """
    place = Path(folder)
    photos, depths = (_listed(place / name) for name in ("rgb.txt", "depth.txt"))
    pairs = match_frame_times(
        [time for time, _ in photos], [time for time, _ in depths], difference
    )
    if not pairs:
        raise InputError(
            f"{label(folder)}: no photo and depth lie within {difference:g} s; allow more"
        )
    return [
        FramePair(place / photos[one][1], place / depths[two][1], photos[one][0], depths[two][0])
        for one, two in pairs
    ]


def match_frame_times(
    times: list[float], others: list[float], difference: float = _MAX_TIME_DIFFERENCE_SECONDS
) -> list[tuple[int, int]]:
    """Index pairs of times within `difference` seconds, nearest first taken, each used once."""
    order = np.argsort(others, kind="stable")
    ordered = np.asarray(others, float)[order]
    candidates = []
    for one, time in enumerate(times):
        low, high = np.searchsorted(ordered, [time - difference, time + difference])
        # A little beyond, for the sum above rounds; the exact test follows.
        for two in order[max(low - 1, 0) : high + 1]:
            apart = abs(others[two] - time)
            if apart <= difference:
                candidates.append((apart, one, int(two)))
    taken: tuple[set[int], set[int]] = (set(), set())
    pairs = []
    for _, one, two in sorted(candidates):
        if one not in taken[0] and two not in taken[1]:
            taken[0].add(one)
            taken[1].add(two)
            pairs.append((one, two))
    return sorted(pairs, key=lambda pair: times[pair[0]])


def _listed(path: Path) -> list[tuple[float, str]]:
    """(time, file) of every line that is no comment."""
    name = label(path)
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise InputError(
            f"{name}: cannot be read ({describe_os_error(error)}); check the folder"
        ) from error
    except ValueError as error:
        raise InputError(f"{name}: is not text; give a TUM RGB-D folder") from error
    found = []
    for number, line in enumerate(lines, 1):
        words = line.split(maxsplit=1)
        if not words or words[0].startswith("#"):
            continue
        try:
            time = float(words[0])
            if len(words) < 2 or not np.isfinite(time):
                raise ValueError
        except ValueError as error:
            raise InputError(f"{name}: line {number} is not a time and a file; mend it") from error
        found.append((time, words[1].strip()))
    return found
