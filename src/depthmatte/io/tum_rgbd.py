"""Read folders of TUM RGB-D: lists of photos and depth pictures, matched by time.

Format: https://cvg.cit.tum.de/data/datasets/rgbd-dataset/file_formats .
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..photo import Photo
from ..system.printable_text import describe_os_error, label
from .attach import attach
from .photo import photo_reader

_UNITS_PER_METER = 5000.0
"""Units per meter in the depth pictures."""

_MAX_TIME_DIFFERENCE_SECONDS = 0.02
"""Largest difference in time of a pair; the default of the benchmark's own tools."""


@dataclass(frozen=True)
class FramePair:
    """A photo and depth of the same time, as files.

    Attributes
    ----------
    photo, depth : Path
        The files.
    photo_time, depth_time : float
        Seconds.
    """

    photo: Path
    depth: Path
    photo_time: float
    depth_time: float

    def read(self, calib: str | os.PathLike[str] | None = None) -> Photo:
        """Read the photo with its depth as evidence.

        Parameters
        ----------
        calib : path, optional
            A calibration; TUM's depth is registered and needs none.

        Returns
        -------
        Photo

        Raises
        ------
        InputError
            For what cannot be read.
        """
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
    """Read the pairs of a folder with rgb.txt and depth.txt.

    Parameters
    ----------
    folder : path
        A sequence of TUM RGB-D.
    difference : float
        Largest difference in time of a pair, in seconds.

    Returns
    -------
    list of FramePair
        In order of time.

    Raises
    ------
    InputError
        Where a list is missing or damaged, or there is no pair.
    """
    root = Path(folder)
    photos, depths = (_read_list(root / name) for name in ("rgb.txt", "depth.txt"))
    pairs = match_frame_times(
        [time for time, _ in photos], [time for time, _ in depths], difference
    )
    if not pairs:
        raise InputError(
            f"{label(folder)}: no photo and depth are within {difference:g} s; allow more"
        )
    return [
        FramePair(root / photos[i][1], root / depths[j][1], photos[i][0], depths[j][0])
        for i, j in pairs
    ]


def match_frame_times(
    times: list[float], others: list[float], difference: float = _MAX_TIME_DIFFERENCE_SECONDS
) -> list[tuple[int, int]]:
    """Match two lists of times; the nearest pairs are matched first, each time once.

    Parameters
    ----------
    times, others : list of float
        Seconds.
    difference : float
        Largest difference of a pair, in seconds.

    Returns
    -------
    list of (int, int)
        Indices into `times` and `others`, in order of `times`.
    """
    order = np.argsort(others, kind="stable")
    ordered = np.asarray(others, float)[order]
    candidates = []
    for i, time in enumerate(times):
        low, high = np.searchsorted(ordered, [time - difference, time + difference])
        # One more on each side, since the sum above is rounded. The exact test follows.
        for j in order[max(low - 1, 0) : high + 1]:
            distance = abs(others[j] - time)
            if distance <= difference:
                candidates.append((distance, i, int(j)))
    used: tuple[set[int], set[int]] = (set(), set())
    pairs = []
    for _, i, j in sorted(candidates):
        if i not in used[0] and j not in used[1]:
            used[0].add(i)
            used[1].add(j)
            pairs.append((i, j))
    return sorted(pairs, key=lambda pair: times[pair[0]])


def _read_list(path: Path) -> list[tuple[float, str]]:
    """(time, file) of each line that is no comment."""
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
            raise InputError(
                f"{name}: line {number} is not a time and a file; correct it"
            ) from error
        found.append((time, words[1].strip()))
    return found
