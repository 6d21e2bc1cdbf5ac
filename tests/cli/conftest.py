"""What tests of the command line share."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import tinynets
from cutting import person


@pytest.fixture
def nets(tmp_path: Path) -> list[str]:
    """The options that put the tiny networks to work."""
    folder = tmp_path / "nets"
    folder.mkdir()
    paths = tinynets.save(folder)
    return ["--matte-network", paths["matte"], "--depth-network", paths["depth"]]


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of photos, and the place where the command runs."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    Image.fromarray(person()).save(folder / "a.png")
    Image.fromarray(person(60, 90)).save(folder / "sub" / "b.png")
    monkeypatch.chdir(tmp_path)
    return folder
