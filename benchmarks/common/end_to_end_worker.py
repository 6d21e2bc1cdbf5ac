"""Runs inside a checkout of its own (see end_to_end.py): cuts one photo for each line it reads.

A request is a line; the answer is one JSON line of milliseconds by stage. Only the public interface
is used, so that older checkouts can be compared: `read`, `cut`, `write`, and a Portrait's alpha
and cut-out.
"""

import inspect
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

import depthmatte as dm


def main(photo_file: str, threads: int, clock: Callable[[], float]) -> None:
    cv2.setNumThreads(threads)
    more = {"threads": threads} if "threads" in inspect.signature(dm.write).parameters else {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in sys.stdin:
            spent: dict[str, float] = {}

            def timed(stage: str, step: Callable[[], Any], spent: dict[str, float] = spent) -> Any:
                start = clock()
                result = step()
                spent[stage] = (clock() - start) * 1000
                return result

            photo = timed("read", lambda: dm.read(photo_file))
            portrait = timed("cut", lambda photo=photo: dm.cut(photo, threads=threads))
            timed("restore", lambda portrait=portrait: portrait.alpha)
            picture = timed("cut-out", portrait.cutout)
            target = Path(folder) / "cutout.png"
            timed(
                "write",
                lambda picture=picture, photo=photo, target=target: dm.write(
                    picture, target, photo.meta, **more
                ),
            )
            print(json.dumps(spent), flush=True)


if __name__ == "__main__":
    main(
        sys.argv[1],
        int(sys.argv[2]),
        time.process_time if sys.argv[3] == "processor" else time.perf_counter,
    )
