"""Writes the tables of options into the pages of the docs: `make docs`.

A page holds a table between `<!-- options: NAME -->` and `<!-- /options -->`. With `--check`
nothing is written; the exit status is 1 when a page is not fresh.
"""

from __future__ import annotations

import sys
from pathlib import Path

from depthmatte.fields import fresh, rewrite, table
from depthmatte.options import CutOptions, OutputOptions, SensorOptions, SessionOptions
from depthmatte.training.recipe import ExistingRun, Recipe

PAGES = sorted(Path(__file__).parent.glob("*.md"))

TABLES = {
    "cut": table(CutOptions, flags=True),
    "sensor": table(SensorOptions),
    "output": table(OutputOptions, flags=True),
    "session": table(SessionOptions, flags=True),
    "CutOptions": table(CutOptions),
    "SensorOptions": table(SensorOptions),
    "SessionOptions": table(SessionOptions),
    "Recipe": table(Recipe, flags=True),
    "Earlier": table(ExistingRun, flags=True),
}
"""Every table by the name that pages call it."""


def main() -> int:
    """Make all pages fresh, or say which are not."""
    check = "--check" in sys.argv[1:]
    stale = [page for page in PAGES if not fresh(page, TABLES)]
    for page in stale:
        print(page.name, "is not fresh" if check else "written")
        if not check:
            rewrite(page, TABLES)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
