"""What tests of batches share."""

from __future__ import annotations

from pathlib import Path

import pytest

import tinynets


@pytest.fixture(scope="module")
def tiny_networks(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The options that put the tiny networks to work."""
    paths = tinynets.save(tmp_path_factory.mktemp("nets"))
    return ["--matte-network", paths["matte"], "--depth-network", paths["depth"]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path
