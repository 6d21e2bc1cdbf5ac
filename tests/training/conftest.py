"""What tests of training share."""

from pathlib import Path

import pytest

from training_data import lay_out


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder for training, of the real layout."""
    return lay_out(tmp_path_factory.mktemp("data"))
