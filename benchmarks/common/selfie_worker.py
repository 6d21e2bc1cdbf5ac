"""Runs inside the selfie environment (see peers.py): pixels in, alpha out, over pipes.

A request is one JSON line {"height", "width"} and height * width * 3 RGB bytes. The answer
is one JSON line {"ms"} and height * width float32 values. An end of input ends the worker.
It knows nothing of depthmatte: MediaPipe brings its own OpenCV, which must never share an
environment with ours.
"""

import json
import os
import sys
import time

import numpy as np


def main(model_selection: int) -> None:
    pipe = os.fdopen(os.dup(1), "wb")  # MediaPipe may print; keep the answers apart
    os.dup2(2, 1)
    from mediapipe.python.solutions.selfie_segmentation import SelfieSegmentation

    with SelfieSegmentation(model_selection=model_selection) as segment:
        while line := sys.stdin.buffer.readline():
            size = json.loads(line)
            height, width = size["height"], size["width"]
            raw = sys.stdin.buffer.read(height * width * 3)
            rgb = np.frombuffer(raw, np.uint8).reshape(height, width, 3)
            start = time.perf_counter()
            mask = segment.process(rgb).segmentation_mask
            elapsed = (time.perf_counter() - start) * 1000
            alpha = np.ascontiguousarray(np.clip(mask, 0, 1), np.float32)
            pipe.write(json.dumps({"ms": elapsed}).encode() + b"\n" + alpha.tobytes())
            pipe.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
