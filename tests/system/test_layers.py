"""The house stands: imports go down only, and heavy packages stay where they belong."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import depthmatte

ROOT = Path(depthmatte.__file__).parent

FLOORS = [
    {"errors", "text", "cores"},
    {"fields", "arrays"},
    {"options"},
    {"lens"},
    {"camera"},
    {"evidence"},
    {"photo", "tone"},
    {"icc"},
    {"canvas"},
    {"color", "filters"},
    {"restore"},
    {"maps"},
    {"fuse", "effects", "metrics", "ordering", "network", "weights"}
    | {"contract", "devices", "fetch", "onnx_file", "runtime", "web"},
    {"portrait", "backdrop"},
    {"segment", "depth", "closer"},
    {"pipeline"},
    {"session"},
    {"evaluate", "ablation", "ablation_plot", "sheet", "api"},
    {"demo"},
    {"cli"},
]
"""From the ground up. A module imports from lower floors or its own, never in a circle."""

RIM = {
    "io": {"errors", "text", "arrays", "options"}
    | {"camera", "evidence", "photo", "icc", "tone", "lens"},
    "training": set().union(*FLOORS[:-2], {"io"}),
}
"""Beside the floors: what each of these may import apart from itself.

io serves what stands above the pipeline, and training; training serves the command line.
"""

DOORS = {"portrait", "backdrop"}
"""Parts below the pipeline that open files where a method is asked to: saving, backgrounds."""

BELONGS = {
    "onnxruntime": {"runtime"},
    "torch": {"training"},
    "onnx": {"training"},
    "PIL": {"io", "effects", "icc"},  # effects: names of colors; icc: LittleCMS
    "pillow_heif": {"io"},
    "typer": {"cli"},
    "rich": {"cli"},
    "skimage": {"demo"},
    "scipy": set(),
    "matplotlib": {"training", "ablation_plot"},
}
"""Which parts may import a package that others must be able to do without."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module below the package as ("io.image", its tree); the root is only a door."""
    for file in sorted(ROOT.rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name not in ("", "__main__"):
            yield name, ast.parse(file.read_text("utf-8"), str(file))


def is_package(name: str) -> bool:
    return (ROOT / name.replace(".", "/")).is_dir()


def is_module(name: str) -> bool:
    return is_package(name) or (ROOT / (name.replace(".", "/") + ".py")).is_file()


def imports(name: str, tree: ast.Module) -> Iterator[tuple[bool, str]]:
    """All imports, also those inside functions: (is it ours?, module)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield False, alias.name
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield False, node.module or ""
        elif isinstance(node, ast.ImportFrom):
            here = name.split(".") if is_package(name) else name.split(".")[:-1]
            base = here[: len(here) - node.level + 1] + (node.module or "").split(".")
            for alias in node.names:
                whole = ".".join(part for part in [*base, alias.name] if part)
                module = whole if is_module(whole) else whole.rpartition(".")[0]
                if module:  # the root itself holds names only
                    yield True, module


@cache
def every_import() -> tuple[tuple[str, bool, str], ...]:
    """All imports of the package as (module, is it ours?, what it imports), read once."""
    return tuple((name, *found) for name, tree in modules() for found in imports(name, tree))


def edges() -> set[tuple[str, str]]:
    return {(name, target) for name, ours, target in every_import() if ours and target != name}


def part(name: str) -> str:
    return name.partition(".")[0]


def floor(name: str) -> int:
    return next(level for level, names in enumerate(FLOORS) if part(name) in names)


def test_every_module_has_a_layer() -> None:
    known = set().union(*FLOORS, RIM)
    assert {part(name) for name, _ in modules()} <= known


def allowed(user: str, used: str) -> bool:
    if user == used:
        return True
    if used == "training":
        return user == "cli"
    if user in RIM:
        return used in RIM[user]
    if used in RIM:
        return user in DOORS or floor(user) > floor("pipeline")
    return floor(used) <= floor(user)


def test_imports_go_down() -> None:
    wrong = [
        f"{user} imports {used}" for user, used in edges() if not allowed(part(user), part(used))
    ]
    assert wrong == []


def test_no_circles() -> None:
    below: dict[str, set[str]] = {}
    for user, used in edges():
        # Importing io.image runs io/__init__ too, but a package may gather its own parts.
        if not user.startswith(f"{used}."):
            below.setdefault(user, set()).add(used)
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path, name])
        if name not in done:
            for used in below.get(name, ()):
                visit(used, (*path, name))
            done.add(name)

    for name in list(below):
        visit(name, ())


@pytest.mark.parametrize("package", list(BELONGS))
def test_a_heavy_package_stays_where_it_belongs(package: str) -> None:
    users = {
        part(name) for name, ours, target in every_import() if not ours and part(target) == package
    }
    assert users <= BELONGS[package]


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT.parent)},
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_importing_does_nothing() -> None:
    heavy = {"numpy", "cv2", "importlib.metadata", *BELONGS}
    loaded = python("import sys, depthmatte; print(*sys.modules)").split()
    assert set(loaded) & heavy == set()


def test_the_command_line_starts_light() -> None:
    heavy = {"numpy", "cv2", "onnxruntime", "torch", "PIL"}
    loaded = python("import sys, depthmatte.cli; print(*sys.modules)").split()
    assert set(loaded) & heavy == set()


def test_the_core_works_without_optional_packages() -> None:
    """A pipeline of one's own steps needs neither ONNX Runtime nor what only the doors use."""
    printed = python(
        """
import sys
for name in ("onnxruntime", "torch", "onnx", "typer", "rich", "skimage", "scipy", "matplotlib"):
    sys.modules[name] = None
import numpy as np
from depthmatte.depth import unmeasured
from depthmatte.fusion import FUSIONS
from depthmatte.values import Matte
from depthmatte.photo import Photo
from depthmatte.pipeline import Pipeline

def red(canvas):
    return Matte(canvas.rgb[0, 0], canvas.rgb[0, 0])

rgb = np.zeros((64, 64, 3), np.uint8)
rgb[16:48, 16:48, 0] = 255
portrait = Pipeline(red, unmeasured, FUSIONS["adaptive"])(Photo(rgb))
print(portrait.found, portrait.cutout().shape, portrait.blur().shape)
"""
    )
    assert printed.split("\n")[0] == "True (64, 64, 4) (64, 64, 3)"
