"""Check that version, changelog and git tag agree, before a release is tagged.

python release/check_version.py [TAG]

TAG is the tag to compare, such as v0.2.0. Without it, a tag on the current commit is compared if
there is one. The exit status is 1 if something disagrees.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def problems(init: str, changelog: str, citation: str, tag: str | None) -> list[str]:
    """What disagrees, one sentence each.

    Parameters
    ----------
    init, changelog, citation
        The texts of depthmatte/__init__.py, CHANGELOG.md and CITATION.cff.
    tag
        The tag of the release, None where there is none yet.
    """
    found = re.search(r'^__version__ = "(\d+\.\d+\.\d+)"$', init, re.MULTILINE)
    if found is None:
        return ["src/depthmatte/__init__.py states no version of three numbers"]
    version = found.group(1)
    wrong = []
    releases = re.findall(r"^## \[(\d\S*)\](.*)$", changelog, re.MULTILINE)
    if not releases or releases[0][0] != version:
        wrong.append(f"CHANGELOG.md: the newest release is not {version}")
    wrong += [
        f"CHANGELOG.md: release {name} has no date"
        for name, rest in releases
        if not re.fullmatch(r" - \d{4}-\d\d-\d\d", rest)
    ]
    if f"\nversion: {version}\n" not in citation:
        wrong.append(f"CITATION.cff: the version is not {version}")
    if tag is not None and tag != f"v{version}":
        wrong.append(f"the tag is {tag}, not v{version}")
    return wrong


def current_tag() -> str | None:
    """The tag on the current commit, if there is one."""
    command = ["git", "describe", "--tags", "--exact-match"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return found.stdout.strip() or None


def main(tag: str | None) -> int:
    """Print what disagrees; 1 if anything does."""
    names = ("src/depthmatte/__init__.py", "CHANGELOG.md", "CITATION.cff")
    texts = [(ROOT / name).read_text("utf-8") for name in names]
    wrong = problems(*texts, tag)
    print("\n".join(wrong) or "version, changelog and tag agree")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else current_tag()))
