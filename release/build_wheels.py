"""Build the distributions of a release into a folder: depthmatte and depthmatte-gpu.

python release/build_wheels.py dist

Both hold the same files and differ in one requirement. `depthmatte` needs `onnxruntime`, and
`depthmatte-gpu` needs `onnxruntime-gpu`. These two packages share the folder `onnxruntime`, so an
extra that adds one to the other would overwrite files. Extras can only add packages.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def gpu_project(text: str) -> str:
    """The text of pyproject.toml for depthmatte-gpu."""
    changes = (
        (r'^name = "depthmatte"$', 'name = "depthmatte-gpu"'),
        (r'^    "onnxruntime>=', '    "onnxruntime-gpu>='),
        (r"^(# The CPU build.*\n)?cpu = .*\n", ""),
    )
    for pattern, new in changes:
        text, count = re.subn(pattern, new, text, flags=re.MULTILINE)
        if count != 1:
            raise ValueError(f"pyproject.toml: {pattern} fits {count} times, not once")
    return text


def build(folder: Path, out: Path, *targets: str) -> None:
    """Run hatchling in `folder`; targets are `wheel` and `sdist`."""
    chosen = [word for target in targets for word in ("-t", target)]
    command = [sys.executable, "-m", "hatchling", "build", *chosen, "-d", str(out.resolve())]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def main(out: Path) -> None:
    """Build wheel and sdist of depthmatte, and the wheel of depthmatte-gpu."""
    build(ROOT, out, "sdist", "wheel")
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary)
        caches = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "src", copy / "src", ignore=caches)
        for name in ("README.md", "LICENSE", "NOTICE"):
            shutil.copy(ROOT / name, copy)
        text = gpu_project((ROOT / "pyproject.toml").read_text("utf-8"))
        (copy / "pyproject.toml").write_text(text, "utf-8")
        build(copy, out, "wheel")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "dist"))
