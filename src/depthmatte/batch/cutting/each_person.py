"""Results of each person apart: which people, and how their files are called."""

from __future__ import annotations

from pathlib import Path

from ...errors import InputError
from ...options import ExistsPolicy
from ...portrait import Person, Portrait
from ...system.printable_text import label
from ..photo_task import STDOUT

FIRST_PERSON = "person1."
"""What the name of a result begins with when each person has results of her own."""

WHOLE_PHOTO_RESULTS = {
    "depth", "depth_mm", "depth_prob", "validity", "prob", "sheet", "gdepth", "layers",
    "correction",
}  # fmt: skip
"""Results that are of the whole photo, also when each person has her own."""


def choose_people(portrait: Portrait, subject: object) -> list[Person]:
    """Return the people who get results: everybody, or with a chosen subject those cut out."""
    return [person for person in portrait.people if person.kept or subject == "auto"]


def person_target(target: Path, name: str, number: int, exists: ExistsPolicy) -> Path | None:
    """Return the file of a person's result.

    Parameters
    ----------
    target : Path
        The file of the first person.
    name : str
        Name of its result, such as "person1.cutout".
    number : int
        The person's number.
    exists : {"replace", "skip", "number", "fail"}
        What to do when the file exists. Files of the first person were planned before.

    Returns
    -------
    Path or None
        None where the file is to be left as it is.

    Raises
    ------
    InputError
        When the file exists and must not.
    """
    if number == 1 or target == STDOUT:
        return target
    before, found, after = str(target).rpartition(name)
    assert found
    wanted = name.removeprefix(FIRST_PERSON)
    path = Path(f"{before}person{number}.{wanted}{after}")
    if exists == "skip" and path.exists():
        return None
    if exists == "fail" and path.exists():
        raise InputError(f"{label(path)}: exists; use --exists replace, skip or number")
    return path
