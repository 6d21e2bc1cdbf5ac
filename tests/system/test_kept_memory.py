"""Memory that is freed stays in the process when it is told so."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_CODE = """
import resource, sys
import numpy as np
from depthmatte.system.kept_memory import keep_freed_memory

assert keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def fill():
    np.empty(16 << 20, np.uint8)[:] = 1
fill()
before = faults()
for _ in range(20):
    fill()
print((faults() - before) * resource.getpagesize() >> 20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs the GNU C library")
def test_the_same_memory_is_used_again() -> None:
    done = subprocess.run([sys.executable, "-c", _CODE], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 32  # mebibytes that the system cleared, of 320 that were filled
