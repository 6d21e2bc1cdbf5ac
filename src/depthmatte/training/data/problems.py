"""Problems of training photos, collected before a run and told one line a kind.

An *error* makes a photo useless or harmful. A *warning* may be meant. A *note* says what was
decided.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ...system.printable_text import printable_excerpt

Severity = Literal["error", "warning", "note"]

_SHOWN_NAMES = 10
"""Names in a line, at most."""


@dataclass(frozen=True)
class ProblemKind:
    """What can be wrong: how bad it is, a phrase that follows a count, and what to do."""

    severity: Severity
    phrase: str
    remedy: str


PROBLEM_KINDS = {
    "unreadable-photo": ProblemKind(
        "error", "photos that cannot be decoded", "mend or remove them"
    ),
    "unreadable-mask": ProblemKind("error", "masks that cannot be decoded", "mend or remove them"),
    "other-aspect": ProblemKind(
        "error", "masks with another aspect ratio than their photo", "export the masks again"
    ),
    "not-a-mask": ProblemKind(
        "error", "masks that are mostly neither black nor white", "check that they are masks"
    ),
    "class-numbers": ProblemKind(
        "error", "masks that hold small numbers of classes", "make people 255 and all else 0"
    ),
    "opaque-cutout": ProblemKind(
        "error", "cut-outs without any transparency", "save them as RGBA with an alpha channel"
    ),
    "bad-row": ProblemKind("error", "rows that cannot be used", "mend or remove them"),
    "bad-label": ProblemKind(
        "warning", "photos or labels of the file that cannot be used", "mend or remove them"
    ),
    "too-few": ProblemKind(
        "error", "photos are too few to train on and to validate with", "add photos"
    ),
    "empty-mask": ProblemKind(
        "warning", "masks without a person", "remove them if their photos show people"
    ),
    "white-mask": ProblemKind(
        "warning", "masks that are white everywhere", "remove them unless people fill the photo"
    ),
    "photo-without-mask": ProblemKind(
        "warning", "photos without a mask of the same name", "add the masks"
    ),
    "mask-without-photo": ProblemKind(
        "warning", "masks without a photo of the same name", "add the photos"
    ),
    "same-name": ProblemKind(
        "warning", "files whose name comes twice, the first is used", "rename them"
    ),
    "other-file": ProblemKind(
        "warning", "files that are no JPEG, PNG, WebP, BMP or TIFF picture", "convert them"
    ),
    "different-masks": ProblemKind(
        "warning", "near-duplicate photos whose masks differ", "keep the better of each pair"
    ),
    "few": ProblemKind(
        "warning", "photos are few", "add photos, or give train matte --start matte"
    ),
    "duplicate": ProblemKind(
        "note", "near-duplicates of photos in an earlier set are left out", ""
    ),
    "held-out-elsewhere": ProblemKind(
        "note", "near-duplicates of photos in a folder of --not-in are left out", ""
    ),
}  # fmt: skip
"""Every kind of problem by its name in `--json`."""


@dataclass(frozen=True)
class Problem:
    """All findings of one kind in one set.

    Attributes
    ----------
    kind : str
        A key of `PROBLEM_KINDS`.
    group : str
        Name of the set.
    count : int
        How many photos or files have it.
    names : tuple of str
        The first ten of their names.
    """

    kind: str
    group: str
    count: int
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, kind: str, group: str, names: Iterable[str]) -> Problem:
        """The problem of these files."""
        held = list(names)
        return cls(kind, group, len(held), tuple(held[:_SHOWN_NAMES]))

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return PROBLEM_KINDS[self.kind].severity

    def __str__(self) -> str:
        """One line, printable."""
        kind = PROBLEM_KINDS[self.kind]
        names = ", ".join(printable_excerpt(name, 60) for name in self.names)
        more = ", ..." if self.count > len(self.names) > 0 else ""
        shown = f" ({names}{more})" if names else ""
        remedy = f"; {kind.remedy}" if kind.remedy else ""
        group = printable_excerpt(self.group, 60)
        return f"{kind.severity}: {group}: {self.count} {kind.phrase}{shown}{remedy}"

    def as_json(self) -> dict[str, object]:
        """The problem as JSON values."""
        return {
            "severity": self.severity,
            "kind": self.kind,
            "set": self.group,
            "count": self.count,
            "names": list(self.names),
        }
