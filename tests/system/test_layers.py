"""Imports go down only, and heavy packages stay where they belong."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import depthmatte

ROOT = Path(depthmatte.__file__).parent

LAYERS = [
    {"errors"},
    {"system", "types", "option_fields", "lens_distortion"},
    {"options", "camera"},
    {"evidence"},
    {"photo"},
    {"color"},
    {"canvas"},
    {"filters"},
    {"matte_edge", "restore", "values"},
    {"networks", "subjects", "corrections"},
    {"effects", "fusion"},
    {"portrait"},
    {"segment", "depth"},
    {"pipeline"},
    {"session"},
    {"api", "evaluation", "feedback", "video"},
    {"batch"},
    {"cli", "server"},
]
"""From the bottom up. A module imports from lower layers or its own, never in a circle."""

BOUNDARY = {
    "io": {"errors", "system", "types", "options", "lens_distortion"}
    | {"camera", "evidence", "photo", "color"},
    "training": set().union(*LAYERS[:-1], {"io"}),
}
"""Beside the layers: what each of these may import apart from itself.

io serves what stands above the pipeline, and training; training serves the command line.
"""

OPENS_FILES = {"portrait"}
"""Modules below the pipeline that read or write files when a method is asked to."""

BELONGS = {
    "onnxruntime": {"networks.runtime", "training.quantize"},  # quantize: ORT's converters
    "torch": {"training"},
    "onnx": {"training"},
    "PIL": {"io", "effects", "color.icc"},  # effects: names of colors; icc: LittleCMS
    "pillow_heif": {"io"},
    "typer": {"cli"},
    "rich": {"cli"},
    "skimage": {"cli.commands.demo"},
    "ray": {"system.ray_session", "training.distributed.ray_train", "server.ray_serve"},
    "fsspec": {"io.files.object_storage"},
    "fastapi": {"server"},
    "starlette": {"server"},
    "uvicorn": {"server"},
    "prometheus_client": {"server"},
    "av": {"video"},
    "pyrealsense2": {"video.realsense_camera"},
    "scipy": {
        f"segment.{name}" for name in ("closed_form", "matting_laplacian", "multigrid", "spectral")
    },
    "matplotlib": {"training", "evaluation.plots"},
}
"""Which packages or modules may import a library that the others must be able to do without."""

SHARED_NAMES = {"training.data.formats": {"read", "write"}}
"""Packages whose modules are alike, and the functions that each of them has."""

MAX_LINES = 400
MAX_MODULES = 15
"""Modules in one folder, `__init__` and `__main__` apart."""


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


def layer(name: str) -> int:
    return next(level for level, names in enumerate(LAYERS) if part(name) in names)


def test_every_module_has_a_layer() -> None:
    known = set().union(*LAYERS, BOUNDARY)
    assert {part(name) for name, _ in modules()} <= known


def allowed(user: str, used: str) -> bool:
    if user == used:
        return True
    if used == "training":
        return user == "cli"
    if user in BOUNDARY:
        return used in BOUNDARY[user]
    if used in BOUNDARY:
        return user in OPENS_FILES or layer(user) > layer("pipeline")
    return layer(used) <= layer(user)


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
    users = {name for name, ours, target in every_import() if not ours and part(target) == package}
    homes = tuple(f"{home}." for home in BELONGS[package])
    assert {name for name in users if not f"{name}.".startswith(homes)} == set()


def test_files_are_short_and_folders_small() -> None:
    files = [file for file in ROOT.rglob("*.py") if file.stem not in ("__init__", "__main__")]
    long = {file.name for file in files if len(file.read_text("utf-8").splitlines()) > MAX_LINES}
    counts = Counter(file.parent.relative_to(ROOT).as_posix() for file in files)
    assert long == set()
    assert {folder for folder, count in counts.items() if count > MAX_MODULES} == set()


def public_names(tree: ast.Module) -> set[str]:
    """What a module defines at its top, names with a leading underscore apart."""
    found = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return {name for name in found if not name.startswith("_")}


def test_a_public_name_lives_in_one_module() -> None:
    homes = Counter(
        name
        for module, tree in modules()
        for name in public_names(tree) - SHARED_NAMES.get(module.rpartition(".")[0], set())
    )
    assert {name for name, count in homes.items() if count > 1} == set()


def test_every_module_says_what_it_does() -> None:
    assert [name for name, tree in modules() if not ast.get_docstring(tree)] == []


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT.parent)},
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
from depthmatte.depth import no_depth
from depthmatte.fusion import FUSIONS
from depthmatte.values import Matte
from depthmatte.photo import Photo
from depthmatte.pipeline import Pipeline

def red(canvas):
    return Matte(canvas.rgb[0, 0], canvas.rgb[0, 0])

rgb = np.zeros((64, 64, 3), np.uint8)
rgb[16:48, 16:48, 0] = 255
portrait = Pipeline(red, no_depth, FUSIONS["adaptive"])(Photo(rgb))
print(portrait.found, portrait.cutout().shape, portrait.blur().shape)
"""
    )
    assert printed.split("\n")[0] == "True (64, 64, 4) (64, 64, 3)"
