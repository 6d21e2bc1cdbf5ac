"""What is shipped: contents and metadata of wheel and sdist, pins, version, README."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

import depthmatte

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "depthmatte"
CODE = [path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]

sys.path.insert(0, str(ROOT / "release"))
from build_wheels import build, gpu_project  # noqa: E402
from check_version import problems  # noqa: E402


def canonical(name: str) -> str:
    """The name of a requirement as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[<>=!~ \[]", name)[0]).lower()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist."""
    pytest.importorskip("hatchling", reason="needs the extra dev")
    out = tmp_path_factory.mktemp("dist")
    build(ROOT, out, "wheel", "sdist")
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    [path] = built.glob("depthmatte-*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def read(wheel: Path, ending: str) -> str:
    """The one file of the wheel whose name ends so."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(ending)]
        return archive.read(name).decode()


def metadata(wheel: Path) -> Message:
    return Parser().parsestr(read(wheel, ".dist-info/METADATA"))


def test_the_wheel_holds_all_code(names: set[str]) -> None:
    wanted = {path.relative_to(ROOT / "src").as_posix() for path in [*CODE, PACKAGE / "py.typed"]}
    assert len(wanted) > 100
    assert wanted <= names


def test_the_wheel_holds_every_network_with_its_card(names: set[str]) -> None:
    from depthmatte.networks import registry

    inside = registry.NETWORKS_FOLDER.relative_to(ROOT / "src")
    shipped = [row for row in registry.NETWORKS.values() if row.file]
    assert {"matte", "depth", "stereo", "fuse"} <= {row.name for row in shipped}
    for row in shipped:
        assert f"{inside.as_posix()}/{row.file}" in names
        assert Path(row.card).relative_to(ROOT / "src").as_posix() in names
    for name in ("SHA256SUMS", "LICENSES.md"):
        assert f"{inside.as_posix()}/{name}" in names


def test_the_wheel_holds_its_licenses(names: set[str], wheel: Path) -> None:
    for name in ("LICENSE", "NOTICE", "LICENSES.md"):
        assert [
            found for found in names if ".dist-info/licenses/" in found and found.endswith(name)
        ]
    assert metadata(wheel)["License-Expression"] == "Apache-2.0"


def test_the_wheel_holds_nothing_else(names: set[str]) -> None:
    kinds = {".py", ".onnx", ".md"}
    for name in names:
        top = name.split("/")[0]
        assert top == "depthmatte" or top.endswith(".dist-info"), name
        plain = Path(name).suffix in kinds or Path(name).name in ("py.typed", "SHA256SUMS")
        plain |= name.startswith("depthmatte/training/recipes/") and name.endswith(".toml")
        page = Path(name).suffix in (".html", ".css", ".js", ".svg")
        plain |= name.startswith("depthmatte/server/static/") and page
        assert plain or ".dist-info/" in name, name


def test_the_wheel_makes_the_command(wheel: Path) -> None:
    assert "depthmatte = depthmatte.cli:main" in read(wheel, "entry_points.txt")


def test_the_sdist_can_be_tested_and_built_again(built: Path) -> None:
    [path] = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = [path.relative_to(ROOT).as_posix() for path in CODE]
    wanted += ["pyproject.toml", "tests/test_package.py", "release/build_wheels.py", "README.md"]
    wanted += [
        "LICENSE",
        "NOTICE",
        "CHANGELOG.md",
        "constraints.txt",
        "Makefile",
        "runs/history/matte.sh",
    ]
    wanted += ["benchmarks/hard_scenes/noise.csv", "benchmarks/results/quality.csv"]
    assert set(wanted) <= names
    assert not [name for name in names if name.startswith((".venv", "work/", "out/", "dist/"))]


def test_an_index_accepts_the_files(built: Path) -> None:
    pytest.importorskip("twine", reason="needs the extra dev")
    command = [sys.executable, "-m", "twine", "check", "--strict"]
    files = sorted(str(path) for path in built.iterdir())
    assert len(files) == 2
    done = subprocess.run([*command, *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 2


def test_the_page_on_an_index_says_what_it_is(wheel: Path) -> None:
    about = metadata(wheel)
    assert about["Version"] == depthmatte.__version__
    urls = dict(line.split(", ") for line in about.get_all("Project-URL", []))
    assert {"Homepage", "Documentation", "Source", "Issues", "Changelog"} <= set(urls)
    assert all(url.startswith("https://") for url in urls.values())
    kinds = about.get_all("Classifier", [])
    for minor in range(11, 15):
        assert f"Programming Language :: Python :: 3.{minor}" in kinds
    assert about["Author"] == "depthmatte contributors"


def test_readme_has_no_link_that_an_index_would_break() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    links = re.findall(r"\]\(([^)\s]+)[^)]*\)", text)
    links += re.findall(r"""(?:src|href)=["']([^"']+)""", text)
    assert links
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


def test_ci_pins_every_dependency() -> None:
    asked = {*PROJECT["dependencies"], *(name for extra in EXTRAS.values() for name in extra)}
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert all(re.fullmatch(r"[\w.]+", version) for version in pins.values())
    for requirement in asked:
        name = canonical(requirement)
        assert name in pins, f"constraints.txt lacks {name}"


def test_no_install_line_brings_two_packages_for_one_folder() -> None:
    everything = [*PROJECT["dependencies"], *(name for extra in EXTRAS.values() for name in extra)]
    for shared in ("onnxruntime", "opencv"):
        builds = {canonical(name) for name in everything if canonical(name).startswith(shared)}
        assert len(builds) == 1, builds


def test_the_gpu_package_differs_in_its_name_and_its_onnx_runtime() -> None:
    gpu = tomllib.loads(gpu_project((ROOT / "pyproject.toml").read_text("utf-8")))["project"]
    assert gpu["name"] == "depthmatte-gpu"
    changed = [name.replace("onnxruntime>", "onnxruntime-gpu>") for name in PROJECT["dependencies"]]
    assert gpu["dependencies"] == changed != PROJECT["dependencies"]
    assert gpu["optional-dependencies"] == {k: v for k, v in EXTRAS.items() if k != "cpu"}
    same = set(PROJECT) - {"name", "dependencies", "optional-dependencies"}
    assert {key: gpu[key] for key in same} == {key: PROJECT[key] for key in same}


def test_version_changelog_and_citation_agree() -> None:
    texts = [
        (ROOT / name).read_text("utf-8")
        for name in ("src/depthmatte/__init__.py", "CHANGELOG.md", "CITATION.cff")
    ]
    assert problems(*texts, f"v{depthmatte.__version__}") == []
    assert "version" in PROJECT["dynamic"]


def test_the_release_check_finds_what_disagrees() -> None:
    init, citation = '__version__ = "1.2.3"\n', "type: software\nversion: 1.2.3\n"
    good = "## [Unreleased]\n\n## [1.2.3] - 2026-01-02\n\n## [1.2.2] - 2025-12-01\n"
    assert problems(init, good, citation, None) == problems(init, good, citation, "v1.2.3") == []
    assert "tag is v1.2.2" in problems(init, good, citation, "v1.2.2")[0]
    assert "not 1.2.3" in problems(init, good.replace("1.2.3", "1.2.4"), citation, None)[0]
    assert "has no date" in problems(init, good.replace(" - 2025-12-01", ""), citation, None)[0]
    assert "CITATION" in problems(init, good, citation.replace("1.2.3", "1.2.2"), None)[0]
    assert "no version" in problems("", good, citation, None)[0]
