"""One server and one browser for each module of the page's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("skimage.data", reason="needs scikit-image")
pytest.importorskip("websockets", reason="needs websockets")
pytest.importorskip("uvicorn", reason="needs the extra server")

import skimage.data

from browser import Browser, find_chromium
from studio_page import StudioPage, running_server


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server's home: training samples land here."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def page(home: Path) -> Iterator[StudioPage]:
    """The page in a browser."""
    program = find_chromium()
    if program is None:
        pytest.skip("needs Chromium; install it, or name it in the variable CHROMIUM")
    with running_server(home) as address, Browser(program) as browser:
        browser.resize(1280, 800)
        yield StudioPage(browser, address)


@pytest.fixture(scope="session")
def astronaut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo of one person, 384 x 384."""
    path = tmp_path_factory.mktemp("photos") / "astronaut.jpg"
    small = cv2.resize(skimage.data.astronaut(), (384, 384), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(path), cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
    return path


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people side by side on a gray wall, 800 x 400."""
    person = cv2.resize(skimage.data.astronaut(), (360, 360), interpolation=cv2.INTER_AREA)
    wall = np.full((400, 800, 3), 130, np.uint8)
    wall[40:, 10:370], wall[40:, 430:790] = person, person[:, ::-1]
    path = tmp_path_factory.mktemp("photos") / "pair.jpg"
    cv2.imwrite(str(path), cv2.cvtColor(wall, cv2.COLOR_RGB2BGR))
    return path


@pytest.fixture(scope="session")
def depth_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Depth of the astronaut's photo in millimeters: 1 m in the middle, 4 m at the sides."""
    depth = np.full((384, 384), 4000, np.uint16)
    depth[40:, 90:300] = 1000
    path = tmp_path_factory.mktemp("depth") / "depth.png"
    cv2.imwrite(str(path), depth)
    return path
