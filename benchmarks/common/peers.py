"""The peers we measure against: MODNet, MediaPipe's selfie segmentation and Tiefenrausch.

Each of the first two is a callable Photo -> alpha, float32 (H, W) in [0, 1], as `evaluate`
takes them; Tiefenrausch gives log disparity. `Cached` keeps alphas as 16-bit PNG under
`.cache/peers`, so that a repeated run costs nothing. Fill the cache beforehand with
`python -m benchmarks.common.peers`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from depthmatte.canvas import resize
from depthmatte.io.photo.photo_reader import read
from depthmatte.photo import Photo
from depthmatte.training.data.teachers import Modnet, Tiefenrausch
from depthmatte.types import Float

Peer = Callable[[Photo], Float]

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
DATA = SHARED / "data"
CACHE = ROOT / ".cache"
MEDIAPIPE = "mediapipe==0.10.21"
EVAL_SETS = ("people/picsart/eval", "people/ccp/eval", "people/p3m_silver/eval")


class ModnetPeer:
    """MODNet photographic portrait matting of the whole photo, short side 512."""

    def __init__(self, threads: int = 1) -> None:
        self.network = Modnet(SHARED / "teachers" / "modnet.onnx", threads, short_side=512)

    def __call__(self, photo: Photo) -> Float:
        return self.network(photo.rgb)


class Selfie:
    """MediaPipe selfie segmentation in a process and an environment of its own.

    `model_selection` 0 is the general model (256 x 256), 1 the landscape one (144 x 256).
    """

    def __init__(self, model_selection: int = 0) -> None:
        worker = Path(__file__).with_name("selfie_worker.py")
        self.process = subprocess.Popen(
            [selfie_python(), worker, str(model_selection)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},
        )
        self.milliseconds = 0.0
        """Time of the last call as measured inside the worker, pipes left out."""

    def __call__(self, photo: Photo) -> Float:
        height, width = photo.shape
        to, back = self.process.stdin, self.process.stdout
        assert to is not None
        assert back is not None
        to.write(json.dumps({"height": height, "width": width}).encode() + b"\n")
        to.write(np.ascontiguousarray(photo.rgb).tobytes())
        to.flush()
        header = back.readline()
        if not header:
            raise RuntimeError(f"the selfie worker ended with {self.process.wait()}")
        self.milliseconds = json.loads(header)["ms"]
        raw = back.read(height * width * 4)
        return np.frombuffer(raw, np.float32).reshape(height, width).copy()

    def close(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait()


def selfie_python() -> Path:
    """The interpreter of the selfie environment, made on first use (needs the package index)."""
    home = CACHE / "selfie-venv"
    python = home / "bin" / "python"
    ready = home / ".ready"
    if not ready.exists():
        print(f"installing {MEDIAPIPE} into {home.relative_to(ROOT)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", MEDIAPIPE], check=True)
        ready.touch()
    return python


class TiefenrauschPeer:
    """Monocular log disparity (H, W), larger is nearer, of unknown scale and shift.

    The answers are kept under `.cache`.
    """

    def __init__(self, threads: int = 1) -> None:
        self.network = Tiefenrausch(SHARED / "teachers" / "tiefenrausch_fp32.onnx", threads)

    def __call__(self, photo: Photo) -> Float:
        file = CACHE / "peers" / "tiefenrausch" / f"{_key(photo)}.npy"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(".part.npy")
            np.save(part, self.network(photo.rgb))
            part.replace(file)
        return resize(np.load(file), photo.shape)


def _key(photo: Photo) -> str:
    """The same pixels have the same key, whatever the file is called."""
    return hashlib.sha256(repr(photo.shape).encode() + photo.rgb.tobytes()).hexdigest()[:32]


class Cached:
    """A peer whose answers are kept as PNG, one per photo; `make` builds it when needed."""

    def __init__(self, name: str, make: Callable[[], Peer]) -> None:
        self.folder = CACHE / "peers" / name
        self.make = make
        self.peer: Peer | None = None

    def __call__(self, photo: Photo) -> Float:
        file = self.folder / f"{_key(photo)}.png"
        if file.exists():
            kept = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
            return kept.astype(np.float32) / np.float32(65535)
        self.peer = self.peer or self.make()
        alpha = self.peer(photo)
        self.folder.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part.png")
        cv2.imwrite(str(part), np.rint(alpha * 65535).astype(np.uint16))
        part.replace(file)
        return alpha


def peers(threads: int = 1) -> dict[str, Peer]:
    """Every peer by its name in the tables; `selfie` is the general model."""
    return {
        "MODNet": Cached("modnet", lambda: ModnetPeer(threads)),
        "selfie": Cached("selfie", lambda: Selfie(0)),
        "selfie landscape": Cached("selfie_landscape", lambda: Selfie(1)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="fill the cache of the peers' answers")
    parser.add_argument("folders", nargs="*", type=Path, default=[DATA / s for s in EVAL_SETS])
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    all_peers = peers(arguments.threads)
    for folder in arguments.folders:
        start, files = time.perf_counter(), sorted((folder / "images").iterdir())
        for file in files:
            photo = read(file)
            for peer in all_peers.values():
                peer(photo)
        print(f"{folder}: {len(files)} photos, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
