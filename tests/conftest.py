"""What all tests share."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

# Tests that import ONNX Runtime themselves are as silent as the package.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# Helpers for several folders of tests are imported by their own names.
sys.path.insert(0, str(Path(__file__).with_name("support")))

from places import SHARED

# Processes of `pytest -n` share the cores; without this each would start a thread on all of them.
if _PROCESSES := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // int(_PROCESSES)))

# Networks adopted by the user of this machine, and the user's feedback, are not for tests.
_HOME = tempfile.mkdtemp(prefix="depthmatte-tests-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
os.environ["DEPTHMATTE_HOME"] = _HOME

# No deadline: how fast a machine is must never decide a test.
settings.register_profile("depthmatte", deadline=None, max_examples=60, print_blob=True)
settings.load_profile("depthmatte")


def pytest_runtest_setup() -> None:
    """Importing the benchmarks turns adopted networks off, for a whole process."""
    os.environ.pop("DEPTHMATTE_NETWORKS", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no process is left alone with it at the end."""
    long = {item.path for item in items if item.get_closest_marker("long")}
    items.sort(key=lambda item: (item.path not in long, "training" not in item.path.parts))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of photos and networks beside the repository, which only some machines have."""
    if not (SHARED / "data").is_dir():
        pytest.skip("needs ../shared/data, the project's photos, which this machine lacks")
    return SHARED
