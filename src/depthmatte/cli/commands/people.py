"""`depthmatte people`: list the people in photos, as a table, as JSON, or on a numbered sheet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...batch.workers.task_outcome import run_task
from ...errors import OptionError
from ...io.files.find import STDIN, FoundPhoto, search_photos
from ...io.photo.photo_reader import read
from ...io.photo.photo_writer import write
from ...options import CutOptions, SessionOptions
from ...portrait import Person, Portrait
from ...session import Session
from ...system.printable_text import label
from ...system.standard_streams import binary_stdin
from ..output import Reporter, print_line

_COLORS = ((31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189),
           (23, 190, 207), (227, 119, 194), (188, 189, 34))  # fmt: skip
"""Colors of people on the sheet, in turn."""

_TINT = 0.45
_SHEET_SIDE = 1600
"""Longer side of the sheet, in pixels, at most."""


def list_people(
    paths: Sequence[str],
    options: CutOptions,
    session: SessionOptions,
    as_json: bool,
    sheet: Path | None,
) -> bool:
    """Print the people in each photo; return False when one cannot be read.

    Parameters
    ----------
    paths : sequence of str
        Photos, folders, patterns and `-`.
    options : CutOptions
        Where depth comes from, and how photos lie on the canvas.
    session : SessionOptions
        Networks and device.
    as_json : bool
        Print one line of JSON for each photo: a list of people.
    sheet : Path, optional
        Write the photo with everybody tinted and numbered to this file.

    Raises
    ------
    OptionError
        When one sheet is asked for several photos.
    """
    report = Reporter("json" if as_json else "lines")
    found = search_photos(paths, results=True)
    for note in found.notes:
        report.note(note)
    for refused in found.refused:
        report.error(str(refused.error))
    if sheet is not None and len(found.photos) > 1:
        raise OptionError(f"--sheet {label(sheet)}: is one file for several photos; give one photo")
    failed = len(found.refused)
    with Session(session) as networks:
        for photo in found.photos:
            outcome = run_task(
                lambda one: _find_people(networks, options, one, sheet), photo, str(photo.path)
            )
            if outcome.result is None:
                failed += 1
                report.error(outcome.error or "")
                continue
            if as_json:
                print_line(json.dumps([person.to_json() for person in outcome.result]))
                continue
            print_line(f"{label(photo.path)}: {_count(len(outcome.result))}")
            for person in outcome.result:
                print_line(_table_row(person))
    return not failed


def _find_people(
    networks: Session, options: CutOptions, found: FoundPhoto, sheet: Path | None
) -> list[Person]:
    photo = read(binary_stdin(), "stdin") if found == STDIN else read(found.path)
    portrait = networks.cut(photo, options=options)
    if sheet is not None:
        write(draw_people_sheet(portrait), sheet, forbid=photo.meta.path or ())
    return portrait.people


def _count(people: int) -> str:
    return "1 person" if people == 1 else f"{people or 'no'} people"


def _table_row(person: Person) -> str:
    x0, y0, x1, y1 = person.box
    unit = " m" if person.metric else ""
    depth = "depth unknown" if person.depth is None else f"depth {person.depth:.3g}{unit}"
    return (
        f"  {person.id}  box {x0},{y0},{x1},{y1}  area {person.area}  {depth}  "
        f"score {person.score:.2f}"
    )


def draw_people_sheet(portrait: Portrait) -> NDArray[Any]:
    """Return the photo with its people tinted, framed and numbered, uint8 (h, w, 3)."""
    photo = portrait.photo.rgb
    scale = min(1.0, _SHEET_SIDE / max(photo.shape[:2]))
    size = (max(1, round(photo.shape[1] * scale)), max(1, round(photo.shape[0] * scale)))
    sheet = cv2.resize(photo, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    for person in reversed(portrait.people):
        color = np.array(_COLORS[(person.id - 1) % len(_COLORS)], np.float32)
        alpha = cv2.resize(person.alpha, size, interpolation=cv2.INTER_AREA)[..., None] * _TINT
        sheet = sheet * (1 - alpha) + color * alpha
    drawn = np.ascontiguousarray(np.rint(sheet).astype(np.uint8))
    width = max(1, round(max(size) / 400))
    for person in portrait.people:
        color_of = _COLORS[(person.id - 1) % len(_COLORS)]
        x0, y0, x1, y1 = (round(value * scale) for value in person.box)
        cv2.rectangle(drawn, (x0, y0), (max(x0, x1 - 1), max(y0, y1 - 1)), color_of, width)
        text, height = str(person.id), max(size) / 900
        (wide, tall), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, height, width)
        cv2.rectangle(drawn, (x0, y0), (x0 + wide + 4 * width, y0 + tall + 4 * width), color_of, -1)
        place = (x0 + 2 * width, y0 + tall + 2 * width)
        font, white = cv2.FONT_HERSHEY_SIMPLEX, (255, 255, 255)
        cv2.putText(drawn, text, place, font, height, white, width, cv2.LINE_AA)
    return drawn
