"""The docs are true: their Python runs, their commands exist, their links have a target."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import yaml

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    *sorted(DOCS.rglob("*.md")),
    *sorted(ROOT.glob("runs/history/*.md")),
    *sorted((ROOT / "src" / "depthmatte" / "networks").glob("*.md")),
]
HERE = re.compile(r"https://github\.com/depthmatte/depthmatte/(?:blob|tree)/main/")
RAW = "https://raw.githubusercontent.com/depthmatte/depthmatte/main/"


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


def links(page: Path) -> list[str]:
    """Where a page's links and pictures lead, without anchors; code does not count."""
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    return [link for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text) if link]


def commands(page: Path) -> list[str]:
    """The command lines that a page shows, continued lines joined."""
    text = "".join(re.findall(r"^\s*```.*?\n(.*?)```", page.read_text("utf-8"), re.M | re.S))
    text = text.replace("\\\n", " ")
    return re.findall(r"^\s*(?:\$ )?(depthmatte (?!COMMAND).+)$", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("page", "made"),
    [
        ("README.md", {"cutout.png", "blurred.jpg"}),
        ("docs/index.md", {"cutout.png"}),
        ("docs/tutorial/first-cut-out.md", {"cutout.png", "blurred.jpg", "blue.jpg", "alpha.png"}),
    ],
)
def test_python_blocks_run(
    page: str, made: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("skimage", reason="needs the extra demo")
    from depthmatte.cli.commands.demo import load_sample_photo
    from depthmatte.io.photo.photo_writer import write

    monkeypatch.chdir(tmp_path)
    write(load_sample_photo().rgb, tmp_path / "photo.jpg")
    code = blocks(ROOT / page, "python")
    assert code
    names: dict[str, object] = {}
    for block in code:
        exec(compile(block, page, "exec"), names)
    assert {path.name for path in tmp_path.iterdir()} == {"photo.jpg", *made}


GUIDES = (
    "howto/backgrounds.md",
    "howto/colors.md",
    "howto/depth.md",
    "howto/evaluate.md",
    "howto/many-photos.md",
    "howto/own-network.md",
    "howto/people.md",
    "howto/refine.md",
    "howto/second-view.md",
    "howto/video.md",
    "reference/effects.md",
    "reference/errors.md",
)
"""Pages whose Python needs more than one photo, see `guide_folder`."""


@pytest.fixture(scope="module")
def guide_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the code of the guides reads: photos, depth, calibration, a mask."""
    pytest.importorskip("skimage", reason="needs the extra demo")
    from depthmatte.camera import Camera, Rig
    from depthmatte.cli.commands.demo import load_sample_photo
    from depthmatte.io.calibration.calibration_reader import encode_calibration
    from depthmatte.io.photo.photo_writer import write

    folder = tmp_path_factory.mktemp("guides")
    rgb = load_sample_photo().rgb
    for name in ("photo.jpg", "astronaut.png", "left.jpg", "beach.jpg", "photos/one.jpg"):
        write(rgb, folder / name)
    pytest.importorskip("av", reason="needs the extra video")
    from video_clips import write_clip

    write_clip(folder / "clip.mp4", [np.ascontiguousarray(rgb[::4, ::4])] * 2, rate=5)
    (folder / "photo.heic").write_bytes((folder / "photo.jpg").read_bytes())
    write(np.ascontiguousarray(np.tile(rgb, (1, 2, 1))), folder / "group.jpg")
    for name in ("right.png", "right.jpg"):  # everything 20 pixels to the left: one flat wall
        write(np.ascontiguousarray(np.roll(rgb, -20, axis=1)), folder / name)
    write(rgb[::2, ::2].copy(), folder / "my_set/images/a.jpg")
    write(np.full((256, 256), 255, np.uint8), folder / "my_set/masks/a.png")

    meters = np.linspace(3, 1, 512, dtype=np.float32)[:, None].repeat(512, axis=1)
    (folder / "aligned").mkdir()
    np.save(folder / "aligned/meters.npy", meters)
    write(
        np.rint(meters[:480].repeat(2, 1)[:, :640] * 1000).astype(np.uint16), folder / "depth.png"
    )
    (folder / "camera").mkdir()
    lens = Camera((512, 512), 600, 600, 255.5, 255.5)
    device = Camera((480, 640), 525, 525, 319.5, 239.5, translation=np.array([-0.04, 0, 0]))
    right = Camera((512, 512), 600, 600, 255.5, 255.5, translation=np.array([-0.06, 0, 0]))
    (folder / "camera/depth.png").write_bytes((folder / "depth.png").read_bytes())
    (folder / "camera/rig.json").write_text(encode_calibration(Rig(lens, device)))
    (folder / "pair.json").write_text(encode_calibration(Rig(lens, right, rectified=True)))
    return folder


@pytest.mark.parametrize("page", GUIDES)
def test_python_of_guides_runs(
    page: str, guide_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import depthmatte as dm

    monkeypatch.chdir(guide_folder)
    names: dict[str, object] = {"dm": dm}
    if page in ("howto/backgrounds.md", "howto/colors.md", "reference/effects.md"):
        names["portrait"] = dm.cut("photo.jpg")
    if page == "howto/evaluate.md":  # the reader's own
        names["my_network"] = lambda rgb: np.full(rgb.shape[:2], 0.5, np.float32)
    code = blocks(DOCS / page, "python")
    assert code
    for block in code:
        exec(compile(block, page, "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_compile(page: Path) -> None:
    for block in blocks(page, "python"):
        compile(re.sub(r"^--8<--.*$", "", block, flags=re.MULTILINE), page.name, "exec")


def test_readme_names_make_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = set(re.findall(r"^make (\w+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE))
    assert {"demo", "test"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_readme_works_on_a_package_index() -> None:
    """No relative link: an index shows the page without the repository around it."""
    assert all(link.startswith("https://") for link in links(ROOT / "README.md"))
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert len(lines) < 140
    assert "pip install depthmatte" in lines[:12]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_have_a_target(page: Path) -> None:
    for link in links(page):
        if HERE.match(link) or link.startswith(RAW):
            target = ROOT / HERE.sub("", link).removeprefix(RAW)
        elif re.match(r"https?://|mailto:", link):
            continue
        else:
            target = page.parent / link
        assert target.exists(), f"{page.name}: {link}"


def test_every_page_is_in_the_navigation() -> None:
    class Loader(yaml.SafeLoader):
        """Reads the few tags of mkdocs as plain text."""

    Loader.add_multi_constructor("!", lambda loader, suffix, node: None)
    nav = yaml.load((ROOT / "mkdocs.yml").read_text("utf-8"), Loader)["nav"]

    def files(part: object) -> set[str]:
        if isinstance(part, str):
            return {part}
        inside = part.values() if isinstance(part, dict) else part
        return {name for one in inside for name in files(one)}  # type: ignore[union-attr]

    listed = files(nav)
    there = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert there == listed


def test_every_public_name_is_in_the_api_reference() -> None:
    import depthmatte

    told = re.findall(r"^::: depthmatte\.(\w+)$", page_text("reference/python.md"), re.MULTILINE)
    assert sorted(told) == sorted(set(depthmatte.__all__) - {"__version__"})


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.name)
def test_pages_load_nothing_from_elsewhere(page: Path) -> None:
    """Pictures and scripts are local: reading the docs tells no other host about it."""
    text = page.read_text("utf-8")
    assert not re.search(r"!\[[^]]*\]\(http|<(img|script|link|iframe)[^>]+http", text)


def page_text(name: str) -> str:
    """A page of the site."""
    return (DOCS / name).read_text("utf-8")


@pytest.mark.parametrize(
    "page", [page for page in PAGES if commands(page)], ids=lambda page: page.name
)
def test_commands_shown_exist(page: Path) -> None:
    """Every `depthmatte` command line in a code block is understood by the parser."""
    from click import Context
    from typer.main import get_command

    from depthmatte.cli.app import app

    group = get_command(app)
    for line in commands(page):
        words = shlex.split(line, comments=True)[1:]
        command = group
        while words and hasattr(command, "commands") and not words[0].startswith("-"):
            _, command, words = command.resolve_command(Context(command), words)
        known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
        flags = {word for word in words if word.startswith("-") and word != "-"}
        assert flags <= known | {"--help"}, f"{page.name}: {line}"


def test_architecture_lists_every_package() -> None:
    text = page_text("explanation/architecture.md")
    source = ROOT / "src" / "depthmatte"
    packages = {
        file.parent.relative_to(source).as_posix() + "/" for file in source.glob("*/**/__init__.py")
    }
    told = re.findall(r"^\| `([\w/]+/)` \|", text, re.MULTILINE)
    assert sorted(told) == sorted(packages)
    for line in text.splitlines():
        folder = re.match(r"\| `([\w/]+/)` \|", line)
        for name in re.findall(r"`([\w/]+\.py)`", line):
            homes = [source / folder[1] / name] if folder else [source / name, ROOT / name]
            assert any(home.is_file() for home in homes), f"{name}: {line}"


def test_architecture_has_the_layers() -> None:
    from system.test_layers import LAYERS

    rows = re.findall(r"^\| (\d+) \| (.+) \|$", page_text("explanation/architecture.md"), re.M)
    told = {int(number): set(re.findall(r"`(\w+)`", names)) for number, names in rows}
    assert told == dict(enumerate(LAYERS, 1))
