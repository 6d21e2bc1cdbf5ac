"""Where the repository is: the one place that counts folders."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The root of the repository."""

TESTS = ROOT / "tests"
SHARED = ROOT.parent / "shared"
"""Photos and networks that only some machines have beside the repository."""
