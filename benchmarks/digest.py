"""One SHA-256 over the alphas of whole folders: proof that a change leaves every cut as it was.

    python -m benchmarks.digest DIR... [--subject auto] [--fusion adaptive] [--threads 1]

Each DIR holds `images`. The float32 bytes of every alpha count, in the order of the file names.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import depthmatte as dm


def digest(folder: Path, **options: object) -> tuple[str, int]:
    """The SHA-256 of all alphas of `folder`/images, and how many photos there were."""
    total = hashlib.sha256()
    photos = sorted(path for path in (folder / "images").iterdir() if path.is_file())
    for path in photos:
        total.update(path.name.encode())
        total.update(dm.cut(path, **options).alpha.tobytes())  # type: ignore[arg-type]
    return total.hexdigest(), len(photos)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--subject", default="auto")
    parser.add_argument("--fusion", default="adaptive")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    for folder in given.folders:
        found, count = digest(
            folder, subject=given.subject, fusion=given.fusion, threads=given.threads
        )
        print(f"{folder}  {count} photos  {found}")


if __name__ == "__main__":
    main()
