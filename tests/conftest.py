"""What all tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Tests that import ONNX Runtime themselves are as silent as the package.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

from training_data import lay_out

SHARED = Path(__file__).resolve().parents[2] / "shared"

# No deadline: how fast a machine is must never decide a test.
settings.register_profile("house", deadline=None, max_examples=60, print_blob=True)
settings.load_profile("house")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of photos and teachers beside the repository, which only some machines have."""
    if not (SHARED / "data").is_dir():
        pytest.skip("needs ../shared/data, the project's photos, which this machine lacks")
    return SHARED


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder for training, of the real layout."""
    return lay_out(tmp_path_factory.mktemp("data"))
