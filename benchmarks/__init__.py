"""Benchmarks. Each is run with `python -m benchmarks.NAME` from the root of the repository.

They measure the shipped networks, also where the user of the machine has adopted others.
"""

import os

os.environ["DEPTHMATTE_NETWORKS"] = "shipped"
