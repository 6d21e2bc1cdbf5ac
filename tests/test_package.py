"""What is shipped: the wheel holds all that runs, and CI's pins cover all that is asked for."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "depthmatte"


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_wheel_holds_all_that_runs(tmp_path):
    pytest.importorskip("hatchling", reason="hatchling builds the wheel; make test installs it")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("depthmatte-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        [points] = [name for name in names if name.endswith("entry_points.txt")]
        assert "depthmatte = depthmatte.cli:main" in archive.read(points).decode()
    code = [path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts]
    networks = [PACKAGE / "networks" / f"{task}.onnx" for task in ("matte", "depth")]
    for path in [*code, *networks, PACKAGE / "py.typed"]:
        assert path.relative_to(ROOT / "src").as_posix() in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "runs/"))]


def test_ci_pins_every_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    asked = {*project["dependencies"], *(name for extra in extras for name in extra)}
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert all(re.fullmatch(r"[\w.]+", version) for version in pins.values())
    for requirement in asked:
        name = canonical(re.split(r"[<>=!~ ]", requirement)[0])
        assert name in pins, f"constraints.txt lacks {name}"


def test_every_place_tells_the_same_version():
    import depthmatte

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert depthmatte.__version__ == project["version"]
    assert f"## [{project['version']}]" in (ROOT / "CHANGELOG.md").read_text()
